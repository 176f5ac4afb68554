import { writeFileSync } from "node:fs";
import path from "node:path";
import { findProgram, missingProgram, programVersion } from "../processes.ts";
import { CURVE } from "./certificate.ts";
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

function configuration({ port, originPort, certificate }: RivalSetup, { global = "", site = "" }: CaddySettings): string {
  // Go chooses the suite itself, and takes the one that all use. Without `protocols h1` Caddy would offer HTTP/2 and open a UDP port.
  const protocols = certificate === null ? "" : "servers {\n    protocols h1\n  }";
  const tls =
    certificate === null
      ? ""
      : `tls ${certificate.certificate} ${certificate.key} {\n    protocols tls1.3\n    curves ${CURVE.toLowerCase()}\n  }`;
  return `{
  admin off
  auto_https off
  log {
    level ERROR
  }
  ${protocols}
  ${global}
}
${certificate === null ? "http" : "https"}://:${port} {
  bind 127.0.0.1
  ${tls}
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
