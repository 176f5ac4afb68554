/** Where credentials lie on this machine (`credential:NAME`). */
import path from "node:path";
import type { Environment } from "../../config/replacements.ts";
import type { MachineSecrets } from "../../config/secret-values.ts";

/** Where Docker, and by habit Kubernetes, mount secrets. */
const MOUNTED = "/run/secrets";

/** Finds credentials: in the folder that the configuration names, in that of systemd, or in the usual one. */
export function credentialFileIn(folder: string, environment: Environment): MachineSecrets["credentialFile"] {
  const given = environment["CREDENTIALS_DIRECTORY"];
  const standard = given === undefined || given === "" ? MOUNTED : given;
  return (name, named) => path.join(named === undefined ? standard : path.resolve(folder, named), name);
}
