import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Rival, RivalSetup } from "./rival.ts";

/** One data-plane thread, as nginx has one worker process; the control plane's thread is measured with it. */
export const millrace: Rival = {
  name: "millrace",
  missing: () => null,
  prepare: (setup) => {
    const file = path.join(setup.folder, "millrace.yaml");
    writeFileSync(file, configuration(setup));
    return [process.execPath, fileURLToPath(new URL("../../src/main.ts", import.meta.url)), "run", "--config", file];
  },
};

function configuration({ port, originPort }: RivalSetup): string {
  return `listeners: [{ address: "127.0.0.1:${port}" }]
workers: 1
upstreams:
  app: { endpoints: ["http://127.0.0.1:${originPort}"] }
routes: [{ upstream: app }]
logging: { access: false, level: warn }
`;
}
