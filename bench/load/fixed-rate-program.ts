/**
 * Requests at a fixed rate, whatever the answers do: `fixed-rate-program.ts PORT RATE SECONDS CONNECTIONS INTERVAL_SECONDS HEAD`.
 *
 * Each request is due at a moment of its own and goes to a connection that is free. When none is, it waits, and the wait is part of its
 * latency, as it would be for a user (wrk, which sends when an answer has come, leaves that out). The program sleeps whenever it can: one
 * that keeps its core busy makes the origin beside it wait for the scheduler's next tick. When the machine stops the program itself for a
 * while, no proxy is to blame: what is due then is due later, and what was under way is not judged. Prints a line of JSON per interval, a
 * `Load`, and in the end one more for the whole time.
 */
import net from "node:net";
import { rawAccess, takeHandle } from "../../src/net/raw-access.ts";
import { RawTransport } from "../../src/net/raw-transport.ts";
import { AnswerReader } from "./answer-reader.ts";
import { Latencies } from "./latencies.ts";

interface Connection {
  readonly transport: RawTransport;
  readonly reader: AnswerReader;
  /** When the request under way was due; null: it is free. */
  dueAt: number | null;
  /** The program stood still while it was under way. */
  spoiled: boolean;
}

/** Requests are due every few dozen microseconds, timers come every millisecond: what is due is sent whenever an answer comes, too. */
const TURN_MS = 1;
/** Turns further apart: the machine let the program stand still. */
const STANDSTILL_MS = 5;

/** What came of the requests in a span of time. */
class Tally {
  readonly latencies: Latencies = new Latencies();
  /** Judged or not. */
  answered: number = 0;
  errors: number = 0;
  unsent: number = 0;

  print(seconds: number): void {
    const { latencies, answered: requests, errors, unsent } = this;
    const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => latencies.quantile(share));
    const load = { requests, requestsPerSecond: requests / seconds, p50, p99, p999, longest: latencies.longest, errors, unsent };
    process.stdout.write(`${JSON.stringify(load)}\n`);
  }
}

/** Time for answers that are still out when the last request was sent. */
const GRACE_MS = 5000;

const [port = 0, rate = 0, seconds = 0, connectionCount = 0, intervalSeconds = 0] = process.argv.slice(2, 7).map(Number);
const request = process.argv[7] ?? "";
if (!(rate > 0 && seconds > 0 && connectionCount > 0 && intervalSeconds > 0) || request === "") {
  throw new Error("usage: PORT RATE SECONDS CONNECTIONS INTERVAL_SECONDS HEAD");
}

const access = rawAccess();
if (access === null) throw new Error("this version of Node has no raw access to sockets");
const buffer = Buffer.allocUnsafeSlow(64 * 1024);
const connections = new Set<Connection>();
const free: Connection[] = [];
const total = Math.round(rate * seconds);
let open = 0;
let sent = 0;
let done = 0;
let interval = 1;
let inInterval = new Tally();
const inAll = new Tally();
let began = 0;
let turnedAt = 0;

for (let each = 0; each < connectionCount; each++) connect();

/** Past the streams of Node, so that the program can keep a rate of which nginx, on the other core, is half busy. */
function connect(): void {
  const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
  socket.pause();
  socket.once("error", (error) => {
    throw error;
  });
  socket.once("connect", () => {
    const handle = takeHandle(socket);
    if (access === null || handle === null) throw new Error("the socket has no handle");
    const reader = {
      readBuffer: buffer,
      onRead: (bytes: Buffer, length: number): void => received(connection, bytes.subarray(0, length)),
      onEnd: (): void => transport.destroy(),
      onClosed: (): void => closed(connection),
    };
    const transport = new RawTransport(access, handle, reader, { onWritten: () => {}, onWriteFailed: () => transport.destroy() });
    const connection: Connection = { transport, reader: new AnswerReader(), dueAt: null, spoiled: false };
    transport.start();
    connections.add(connection);
    free.push(connection);
    // The clock starts when all connections stand.
    if (++open === connectionCount && began === 0) {
      began = performance.now();
      turnedAt = began;
      setInterval(turn, TURN_MS);
    }
  });
}

function turn(): void {
  const now = performance.now();
  if (now - turnedAt > STANDSTILL_MS) standStill(now - turnedAt);
  turnedAt = now;
  while (sent < total && free.length > 0 && dueAt(sent) <= now) send(free.pop(), dueAt(sent));
  if (now >= began + interval * intervalSeconds * 1000 && interval * intervalSeconds < seconds) report();
  if (done === total || now > began + seconds * 1000 + GRACE_MS) finish();
}

function standStill(ms: number): void {
  began += ms;
  for (const connection of connections) connection.spoiled = connection.dueAt !== null;
}

function dueAt(index: number): number {
  return began + (index * 1000) / rate;
}

function send(connection: Connection | undefined, due: number): void {
  if (connection === undefined) return;
  connection.dueAt = due;
  connection.spoiled = false;
  sent++;
  connection.transport.write(request);
}

function received(connection: Connection, chunk: Buffer): void {
  try {
    const answer = connection.reader.push(chunk);
    if (answer === null || connection.dueAt === null) return;
    if (!connection.spoiled) {
      const latency = performance.now() - connection.dueAt;
      inInterval.latencies.add(latency);
      inAll.latencies.add(latency);
    }
    count("answered");
    done++;
    if (answer.status < 200 || answer.status > 399) count("errors");
    connection.dueAt = null;
    if (!answer.last) free.push(connection);
    turn();
  } catch {
    connection.transport.destroy();
  }
}

/** Between two requests a proxy may close a connection; with one under way that is an error. */
function closed(connection: Connection): void {
  if (connection.dueAt !== null) {
    count("errors");
    done++;
  }
  connections.delete(connection);
  const index = free.indexOf(connection);
  if (index >= 0) free.splice(index, 1);
  if (done < total) connect();
}

function report(): void {
  inInterval.print(Math.min(intervalSeconds, seconds));
  interval++;
  inInterval = new Tally();
}

function finish(): void {
  // Far behind its rate, what is under way at the end says nothing; otherwise these are answers that did not come.
  count(sent < total ? "unsent" : "errors", total - done);
  report();
  inAll.print(seconds);
  process.exit(0);
}

function count(what: "answered" | "errors" | "unsent", further: number = 1): void {
  inInterval[what] += further;
  inAll[what] += further;
}
