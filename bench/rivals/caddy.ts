import { writeFileSync } from "node:fs";
import path from "node:path";
import { findProgram, missingProgram, programVersion } from "../processes.ts";
import type { Rival, RivalSetup } from "./rival.ts";

/** Lines of configuration in addition to those of every run. */
export interface CaddySettings {
  readonly global?: string;
  readonly site?: string;
}

/** Caddy on one core like the others, with its scheduler limited to one core; admin address off, nothing logged. */
export const caddy: Rival = caddyAs("caddy");

export function caddyAs(name: string, settings: (setup: RivalSetup) => CaddySettings = () => ({})): Rival {
  return {
    name,
    missing: () => missingProgram("caddy"),
    version: () => programVersion("caddy", "version"),
    prepare: (setup) => {
      const file = path.join(setup.folder, "Caddyfile");
      writeFileSync(file, configuration(setup, settings(setup)));
      const argv = [findProgram("caddy") ?? "caddy", "run", "--config", file, "--adapter", "caddyfile"];
      return ["env", "GOMAXPROCS=1", `HOME=${setup.folder}`, ...argv];
    },
  };
}

function configuration({ port, originPort }: RivalSetup, { global = "", site = "" }: CaddySettings): string {
  return `{
  admin off
  auto_https off
  log {
    level ERROR
  }
  ${global}
}
http://:${port} {
  bind 127.0.0.1
  ${site}
  reverse_proxy 127.0.0.1:${originPort} {
    header_up Via "1.1 caddy"
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }
}
`;
}
