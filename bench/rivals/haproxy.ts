import { writeFileSync } from "node:fs";
import path from "node:path";
import { findProgram } from "../processes.ts";
import type { Rival, RivalSetup } from "./rival.ts";

/** One thread, connections to the origin shared by all clients as its manual advises, nothing logged. */
export const haproxy: Rival = {
  name: "haproxy",
  missing: () => (findProgram("haproxy") === null ? "haproxy is not installed: apt-get install haproxy" : null),
  prepare: (setup) => {
    const file = path.join(setup.folder, "haproxy.cfg");
    writeFileSync(file, configuration(setup));
    return [findProgram("haproxy") ?? "haproxy", "-db", "-f", file];
  },
};

// It adds the fields that Millrace adds: equal work.
function configuration({ port, originPort }: RivalSetup): string {
  return `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend in
  bind 127.0.0.1:${port}
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header Via "1.1 haproxy"
  default_backend app
backend app
  server one 127.0.0.1:${originPort} pool-max-conn 256
`;
}
