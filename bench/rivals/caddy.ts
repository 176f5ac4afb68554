import { writeFileSync } from "node:fs";
import path from "node:path";
import { findProgram } from "../processes.ts";
import type { Rival, RivalSetup } from "./rival.ts";

/** On one core as the others, for its scheduler too; its admin address is off, nothing is logged. */
export const caddy: Rival = {
  name: "caddy",
  missing: () => (findProgram("caddy") === null ? "caddy is not installed: apt-get install caddy" : null),
  prepare: (setup) => {
    const file = path.join(setup.folder, "Caddyfile");
    writeFileSync(file, configuration(setup));
    return [
      "env",
      "GOMAXPROCS=1",
      `HOME=${setup.folder}`,
      findProgram("caddy") ?? "caddy",
      "run",
      "--config",
      file,
      "--adapter",
      "caddyfile",
    ];
  },
};

function configuration({ port, originPort }: RivalSetup): string {
  return `{
  admin off
  auto_https off
  log {
    level ERROR
  }
}
http://127.0.0.1:${port}, http://bench.test:${port} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${originPort} {
    header_up Via "1.1 caddy"
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }
}
`;
}
