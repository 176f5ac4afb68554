/**
 * Requests at a fixed rate, whatever the answers do: `fixed-rate-program.ts PORT RATE SECONDS CONNECTIONS INTERVAL_SECONDS HEAD`.
 *
 * Each request is due at a moment of its own and goes to a connection that is free. When none is, it waits, and the wait is part of its
 * latency, as it would be for a user (wrk, which sends when an answer has come, leaves that out). The loop never sleeps: timers of
 * Node count in milliseconds, and requests are due every few dozen microseconds. Prints a line of JSON per interval, a `Load`.
 */
import net from "node:net";
import { AnswerReader } from "./answer-reader.ts";
import { Latencies } from "./latencies.ts";

interface Connection {
  readonly socket: net.Socket;
  readonly reader: AnswerReader;
  /** When the request under way was due; null: it is free. */
  dueAt: number | null;
  /** Its last answer said that it ends. */
  ending: boolean;
}

/** Time for answers that are still out when the last request was sent. */
const GRACE_MS = 5000;

const [port = 0, rate = 0, seconds = 0, count = 0, intervalSeconds = 0] = process.argv.slice(2, 7).map(Number);
const request = process.argv[7] ?? "";
if (!(rate > 0 && seconds > 0 && count > 0 && intervalSeconds > 0) || request === "") {
  throw new Error("usage: PORT RATE SECONDS CONNECTIONS INTERVAL_SECONDS HEAD");
}

const free: Connection[] = [];
const total = Math.round(rate * seconds);
let open = 0;
let sent = 0;
let done = 0;
let errors = 0;
let unsent = 0;
let interval = 1;
let latencies = new Latencies();
let began = 0;

for (let each = 0; each < count; each++) connect();

function connect(): void {
  const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
  const connection: Connection = { socket, reader: new AnswerReader(), dueAt: null, ending: false };
  socket.once("connect", () => {
    free.push(connection);
    // The clock starts when all connections stand.
    if (++open === count && began === 0) {
      began = performance.now();
      setImmediate(turn);
    }
  });
  socket.on("data", (chunk: Buffer) => received(connection, chunk));
  socket.on("error", () => undefined);
  socket.once("close", () => closed(connection));
}

function turn(): void {
  const now = performance.now();
  while (sent < total && free.length > 0 && dueAt(sent) <= now) send(free.pop(), dueAt(sent));
  if (now >= began + interval * intervalSeconds * 1000 && interval * intervalSeconds < seconds) report();
  if (done === total || now > began + seconds * 1000 + GRACE_MS) finish();
  else setImmediate(turn);
}

function dueAt(index: number): number {
  return began + (index * 1000) / rate;
}

function send(connection: Connection | undefined, due: number): void {
  if (connection === undefined) return;
  connection.dueAt = due;
  sent++;
  connection.socket.write(request, "latin1");
}

function received(connection: Connection, chunk: Buffer): void {
  try {
    const answer = connection.reader.push(chunk);
    if (answer === null || connection.dueAt === null) return;
    latencies.add(performance.now() - connection.dueAt);
    done++;
    if (answer.status < 200 || answer.status > 399) errors++;
    connection.dueAt = null;
    connection.ending = answer.last;
    if (!answer.last) free.push(connection);
  } catch {
    connection.socket.destroy();
  }
}

/** Between two requests a proxy may close a connection; with one under way that is an error. */
function closed(connection: Connection): void {
  if (connection.dueAt !== null) {
    errors++;
    done++;
  }
  const index = free.indexOf(connection);
  if (index >= 0) free.splice(index, 1);
  if (began === 0) throw new Error(`no connection to port ${port}`);
  if (done < total) connect();
}

function report(): void {
  const { count: requests, longest } = latencies;
  const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => latencies.quantile(share));
  const requestsPerSecond = requests / Math.min(intervalSeconds, seconds);
  process.stdout.write(`${JSON.stringify({ requests, requestsPerSecond, p50, p99, p999, longest, errors, unsent })}\n`);
  interval++;
  latencies = new Latencies();
  errors = 0;
}

function finish(): void {
  // Far behind its rate, what is under way at the end says nothing; otherwise these are answers that did not come.
  if (sent < total) unsent = total - done;
  else errors += total - done;
  report();
  process.exit(0);
}
