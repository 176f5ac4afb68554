/**
 * `tls-connections-program.ts PORT SECONDS CONNECTIONS full|resumed [HEAD]`: keeps this many TLS handshakes under way for so many seconds. Without HEAD a
 * client closes its connection after the handshake; with HEAD it sends this request, and the server closes after the answer. Prints a `Load`
 * as JSON, with the latency of a connection from its begin to its end, and on standard error what the first failure was.
 */
import { once } from "node:events";
import tls from "node:tls";
import type { TLSSocket } from "node:tls";
import { AnswerReader } from "./answer-reader.ts";
import { Latencies } from "./latencies.ts";
import type { Load } from "./wrk.ts";

/** A connection that takes longer has failed. */
const LIMIT_MS = 5000;

const [port = 0, seconds = 0, connections = 0] = process.argv.slice(2, 5).map(Number);
const [kind = "", head = ""] = process.argv.slice(5);
if (!(port > 0 && seconds > 0 && connections > 0) || (kind !== "full" && kind !== "resumed")) {
  throw new Error("usage: PORT SECONDS CONNECTIONS full|resumed [HEAD]");
}

const secureContext = tls.createSecureContext();
const session = kind === "resumed" ? await firstSession() : undefined;
const latencies = new Latencies();
let requests = 0;
let errors = 0;
const began = performance.now();
await Promise.all(Array.from({ length: connections }, oneAfterAnother));
const elapsed = (performance.now() - began) / 1000;
const quantile = (share: number): number => latencies.quantile(share);
const load: Load = {
  requests,
  requestsPerSecond: requests / elapsed,
  p50: quantile(0.5),
  p99: quantile(0.99),
  p999: quantile(0.999),
  longest: latencies.longest,
  errors,
};
process.stdout.write(`${JSON.stringify(load)}\n`);

/** Resolves when the time is over and the last connection has ended. */
function oneAfterAnother(): Promise<void> {
  return new Promise((resolve) => {
    const next = (): void => {
      if (performance.now() - began >= seconds * 1000) resolve();
      else open(next);
    };
    next();
  });
}

function open(ended: () => void): void {
  const start = performance.now();
  let isDone = false;
  let problem: string | null = null;
  const socket = connect(session);
  const reader = new AnswerReader();
  socket.once("secureConnect", () => {
    if (socket.isSessionReused() !== (session !== undefined))
      problem = `the handshake was ${session === undefined ? "resumed" : "a full one"}`;
    if (head === "") {
      isDone = true;
      socket.end();
    } else socket.write(head, "latin1");
  });
  socket.on("data", (chunk: Buffer) => {
    // HAProxy answers 400 to a client that leaves without a request.
    if (head === "") return;
    const answer = reader.push(chunk);
    if (answer === null) return;
    isDone = answer.status === 200;
    if (!isDone) problem = `status ${answer.status}`;
  });
  socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error(`more than ${LIMIT_MS / 1000} s`)));
  socket.once("error", (error) => (problem = error.message));
  socket.once("close", () => {
    if (problem === null && isDone) latencies.add(performance.now() - start);
    else failed(problem ?? "the connection was closed");
    requests++;
    ended();
  });
}

function failed(why: string): void {
  if (errors++ === 0) process.stderr.write(`${why}\n`);
}

async function firstSession(): Promise<Buffer> {
  const socket = connect(undefined);
  socket.resume().setTimeout(LIMIT_MS, () => socket.destroy(new Error("no session ticket")));
  const [found] = (await once(socket, "session")) as [Buffer];
  socket.end();
  await once(socket, "close");
  return found;
}

function connect(resume: Buffer | undefined): TLSSocket {
  const which = resume === undefined ? {} : { session: resume };
  return tls.connect({ port, host: "127.0.0.1", servername: "bench.test", secureContext, rejectUnauthorized: false, ...which });
}
