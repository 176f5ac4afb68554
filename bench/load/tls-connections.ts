/** Runs the load program of TLS connections that are opened and closed again: handshakes, each followed by one request or by none. */
import { fileURLToPath } from "node:url";
import { REQUEST_HEAD } from "./wrk.ts";
import type { Load, WrkPlace } from "./wrk.ts";

const PROGRAM = fileURLToPath(new URL("./tls-connections-program.ts", import.meta.url));

export interface TlsConnectionsSettings {
  readonly seconds: number;
  /** How many connections are open at once. Default: 64. */
  readonly connections?: number;
  /** Whether each handshake resumes a session by its ticket. Default: each is a full one. */
  readonly resumed?: boolean;
  /** Whether each connection asks once and is closed by the proxy after the answer. Default: the client closes it after the handshake. */
  readonly asks?: boolean;
}

/** Each connection counts as a request. A handshake that is resumed or full and should not be is an error, as is any failure. */
export async function runTlsConnections({ processes, loadCore }: WrkPlace, port: number, settings: TlsConnectionsSettings): Promise<Load> {
  const { seconds, connections = 64, resumed = false, asks = false } = settings;
  const head = asks ? REQUEST_HEAD.replace(/\r\n$/, "Connection: close\r\n\r\n") : "";
  const argv = [process.execPath, PROGRAM, port, seconds, connections, resumed ? "resumed" : "full", head].map(String);
  const report = await processes.run(processes.asBatch(argv), loadCore);
  const load = parseTlsConnections(report);
  if (load.errors > 0) console.error(report.replace(/^\{.*$/m, "").trim());
  return load;
}

/** Parses what the load program prints. Throws if the text is something else. */
export function parseTlsConnections(report: string): Load {
  const line = /^\{"requests":.*\}$/m.exec(report)?.[0];
  if (line === undefined) throw new Error(`the load said: ${report}`);
  return JSON.parse(line) as Load;
}
