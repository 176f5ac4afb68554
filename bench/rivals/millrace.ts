import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Rival, RivalSetup } from "./rival.ts";

const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));

/** One data-plane thread, as nginx has one worker process; the control plane's thread is measured with it. */
export const millrace: Rival = { name: "millrace", missing: () => null, prepare: (setup) => command(setup, CHECKOUT, "access: false") };

/** The same with its access log, a JSON line per request into a file. */
export const millraceLogging: Rival = {
  name: "millrace+log",
  missing: () => null,
  prepare: (setup) => command(setup, CHECKOUT, `access: true, output: ${JSON.stringify(path.join(setup.folder, "access.log"))}`),
};

/** Another revision of this repository, on the packages that are installed now. */
export function millraceAt(revision: string): Rival {
  return {
    name: `millrace at ${revision}`,
    missing: () => null,
    prepare: (setup) => {
      const checkout = path.join(setup.folder, "checkout");
      mkdirSync(checkout);
      const archive = execFileSync("git", ["-C", CHECKOUT, "archive", revision, "src", "package.json"], { maxBuffer: 1 << 28 });
      execFileSync("tar", ["-x", "-C", checkout], { input: archive });
      symlinkSync(path.join(CHECKOUT, "node_modules"), path.join(checkout, "node_modules"));
      return command(setup, checkout, "access: false");
    },
  };
}

function command({ port, originPort, folder }: RivalSetup, checkout: string, logging: string): readonly string[] {
  const file = path.join(folder, "millrace.yaml");
  const configuration = `listeners: [{ address: "127.0.0.1:${port}" }]
workers: 1
upstreams:
  app: { endpoints: ["http://127.0.0.1:${originPort}"] }
routes: [{ upstream: app }]
logging: { level: warn, ${logging} }
`;
  writeFileSync(file, configuration);
  return [process.execPath, path.join(checkout, "src/main.ts"), "run", "--config", file];
}
