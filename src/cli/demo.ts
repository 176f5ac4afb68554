/** `millrace demo`: starts two small origin servers and the proxy in front of them, in one process, for people who try Millrace out. */
import type { Server } from "node:http";
import { defaultStorage, rootFile } from "../authority/storage.ts";
import { codeOf } from "../base/errors.ts";
import { listenMessage } from "../control/listening/listen-check.ts";
import type { WorkerThreads } from "../control/workers/worker-threads.ts";
import { parseConfig } from "../config/load.ts";
import { formatProblem } from "../config/problems/problem.ts";
import { startOrigin } from "./demo-origin.ts";
import { openPrinter } from "./printer.ts";
import { serve } from "./serve.ts";

export interface DemoArguments {
  readonly version: string;
  readonly threads: WorkerThreads;
  /** Whether to serve over HTTPS too. */
  readonly tls: boolean;
}

/** The origin servers and their ports. If a port is taken, another is used: systems give these ports to outgoing connections too. */
const ORIGINS = [
  { name: "A", port: 60_408 },
  { name: "B", port: 60_409 },
];
const HOST = "127.0.0.1";

/**
 * The text of the demo's configuration. It listens on loopback only, because somebody who tries it out does not want to offer it to the
 * network.
 */
export function demoConfig(ports: readonly number[], tls: boolean): string {
  const listeners = tls ? HTTPS_LISTENERS : "  - address: 127.0.0.1:8080\n";
  return `listeners:
${listeners}upstreams:
  app:
    endpoints:
${ports.map((port) => `      - http://${HOST}:${port}\n`).join("")}    health_check: { path: /health, interval: 2s, timeout: 1s }
routes:
  - name: limited
    match: { path: /limited }
    rate_limit: { requests_per_minute: 6, burst: 3 }
    upstream: app
  - name: everything
    upstream: app
admin: { address: 127.0.0.1:9901 }
logging: { format: text, output: stdout }
`;
}

const HTTPS_LISTENERS = `  - address: localhost:8443
    tls: internal
  - address: localhost:8080
    redirect_to_https: true
`;

const PLAIN_TRIES = `  curl -w '\\n' http://localhost:8080/                 several times: backends A and B, in turn by each worker
  curl -i http://localhost:8080/limited               four times: the fourth is refused with 429
`;

/** @param root path of the certificate to trust */
function httpsTries(root: string): string {
  return `  curl -w '\\n' --cacert '${root}' https://localhost:8443/
                                                      several times: backends A and B, in turn by each worker
  curl -i http://localhost:8080/                      it is sent on to https
  millrace trust                                      asks; then browsers do not warn, and curl needs no --cacert
`;
}

function whatToTry(config: string, tls: boolean): string {
  return `
Try, in another terminal:
${tls ? httpsTries(rootFile(defaultStorage())) : PLAIN_TRIES}  curl http://localhost:9901/status                   the endpoints and their health
  curl http://localhost:9901/metrics                  counters for Prometheus
Ctrl-C ends everything.

The configuration:
${config.replace(/^(?=.)/gm, "  ")}
`;
}

/** Resolves with the exit code: 0 after a drain, 2 when it could not start, such as when a port of the proxy is in use. */
export async function demoCommand({ version, threads, tls }: DemoArguments): Promise<number> {
  const printer = openPrinter();
  const origins = await startOrigins(printer.err);
  try {
    if (origins === null) return 2;
    const config = demoConfig(origins.map(portOf), tls);
    const parsed = parseConfig(config, "demo.yaml", {}, () => "");
    if (!("config" in parsed)) throw new Error(parsed.problems.map(formatProblem).join("; "));
    return await serve({
      config: parsed.config,
      warnings: [],
      version,
      threads,
      inherited: null,
      printer,
      onStarted: () => printer.out(whatToTry(config, tls)),
    });
  } finally {
    for (const origin of origins ?? []) {
      origin.close();
      origin.closeAllConnections();
    }
    await printer.close();
  }
}

async function startOrigins(err: (text: string) => void): Promise<Server[] | null> {
  const started = await Promise.allSettled(ORIGINS.map(({ name, port }) => startSomewhere(name, port)));
  const running = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  if (running.length === started.length) return running;
  for (const [index, one] of started.entries()) {
    if (one.status === "rejected")
      err(`millrace demo: origin ${ORIGINS[index]?.name ?? ""} ${reason(one.reason, ORIGINS[index]?.port ?? 0)}\n`);
  }
  for (const origin of running) origin.close();
  return null;
}

/** Starts an origin server at `port`, or at any free port when that one is taken. */
export async function startSomewhere(name: string, port: number): Promise<Server> {
  try {
    return await startOrigin(name, port, HOST);
  } catch (error) {
    if (codeOf(error) !== "EADDRINUSE") throw error;
    return startOrigin(name, 0, HOST);
  }
}

/** The port on which a server listens; 0 when it does not listen on a TCP port. */
export function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function reason(error: unknown, port: number): string {
  return listenMessage({ kind: "tcp", host: HOST, port }, error);
}
