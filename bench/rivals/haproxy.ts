import { writeFileSync } from "node:fs";
import path from "node:path";
import { findProgram, missingProgram, programVersion } from "../processes.ts";
import { CURVE, SUITE } from "./certificate.ts";
import type { Rival, RivalSetup } from "./rival.ts";

/** Lines of configuration in addition to those of every run. */
export interface HaproxySettings {
  readonly global?: string;
  readonly frontend?: string;
  readonly backend?: string;
  /** Origins as host:port. Default: only the workload's. */
  readonly servers?: readonly string[];
  /** Further sections. */
  readonly sections?: string;
  readonly connections?: number;
  /** A file for the standard output, to which HAProxy can log. */
  readonly output?: string;
}

/** HAProxy with one thread; connections to the origin are shared by all clients, nothing is logged. */
export const haproxy: Rival = haproxyAs("haproxy");

/** HAProxy with buffers of four times the default size, for bodies. */
export const haproxy64k: Rival = haproxyAs("haproxy 64k buffers", () => ({ global: "tune.bufsize 65536" }));

/** HAProxy moving bodies from one socket to the other inside the kernel, where it can. */
export const haproxySplice: Rival = haproxyAs("haproxy splice", () => ({ backend: "option splice-auto" }));

export function haproxyAs(name: string, settings: (setup: RivalSetup) => HaproxySettings = () => ({})): Rival {
  return {
    name,
    missing: () => missingProgram("haproxy"),
    version: () => programVersion("haproxy", "-v"),
    prepare: (setup) => {
      const file = path.join(setup.folder, "haproxy.cfg");
      const { output } = settings(setup);
      writeFileSync(file, configuration(setup, settings(setup)));
      const argv = [findProgram("haproxy") ?? "haproxy", "-db", "-f", file];
      return output === undefined ? argv : ["sh", "-c", 'output=$1; shift; exec "$@" > "$output"', "sh", output, ...argv];
    },
  };
}

// HAProxy adds the same fields as Millrace, so that both do equal work.
function configuration({ port, originPort, certificate }: RivalSetup, settings: HaproxySettings): string {
  const { global = "", frontend = "", backend = "", sections = "", connections = 4096 } = settings;
  const { servers = [`127.0.0.1:${originPort}`] } = settings;
  const tls = certificate === null ? "" : ` ssl crt ${certificate.both} ssl-min-ver TLSv1.3 ciphersuites ${SUITE} curves ${CURVE}`;
  return `global
  nbthread 1
  maxconn ${connections}
  ${global}
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend in
  bind 127.0.0.1:${port}${tls}
  option forwardfor
  http-request set-header X-Forwarded-Proto ${certificate === null ? "http" : "https"}
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request add-header Via "1.1 haproxy"
  ${frontend}
  default_backend app
backend app
  ${backend}
  ${servers.map((server, index) => `server s${index} ${server} pool-max-conn 256`).join("\n  ")}
${sections}
`;
}
