/**
 * Requests at a fixed rate, whatever the answers do. Each line of the standard input is a `FixedRateRun` in JSON, and is answered by a line:
 * a `FixedRateLoad`, or what went wrong as `error`.
 *
 * Each request is due at a moment of its own and goes to a connection that is free. When none is, it waits, and the wait is part of its
 * latency, as it would be for a user (wrk sends when an answer has come, and puts in what it supposes to have missed). The program sleeps while an answer is to
 * come: one that keeps its core busy makes the origin beside it wait for the scheduler's next tick. When the machine stops the program itself
 * for a while, no proxy is to blame: what is due then is due later, and what was under way is not judged.
 */
import net from "node:net";
import { createInterface } from "node:readline";
import { rawAccess, takeHandle } from "../../src/net/transport/raw-access.ts";
import { RawTransport } from "../../src/net/transport/raw-transport.ts";
import { AnswerReader } from "./answer-reader.ts";
import type { FixedRateLoad, FixedRateRun } from "./fixed-rate.ts";
import { Latencies } from "./latencies.ts";
import type { Load } from "./wrk.ts";

interface Connection {
  readonly transport: RawTransport;
  readonly reader: AnswerReader;
  /** When the request under way was due; null if the connection is free. */
  dueAt: number | null;
  /** Whether the program was stopped by the machine while the request was under way. */
  spoiled: boolean;
}

/** Interval of the timer. Requests are due more often, every few dozen microseconds, so those that are due are also sent whenever an answer comes. */
const TURN_MS = 1;
/** If two turns are further apart than this, the machine has stopped the program. */
const STANDSTILL_MS = 5;
/** How long after the end due requests may still find a free connection. Those that do not are not sent: the rate was not kept. */
const SENDING_GRACE_MS = 250;
/** How long to wait at the end for answers that are under way. */
const GRACE_MS = 5000;

const access = rawAccess() ?? fail("this version of Node has no raw access to sockets");
const buffer = Buffer.allocUnsafeSlow(64 * 1024);

/** Counts the results of the requests in one span of time. */
class Tally {
  readonly latencies: Latencies = new Latencies();
  /** All answered requests, with or without a latency. */
  answered: number = 0;
  unjudged: number = 0;
  errors: number = 0;
  unsent: number = 0;

  load(seconds: number): Load {
    const { latencies, answered: requests, unjudged, errors, unsent } = this;
    const [p50, p99, p999] = [latencies.quantile(0.5), latencies.quantile(0.99), latencies.quantile(0.999)];
    return { requests, requestsPerSecond: requests / seconds, p50, p99, p999, longest: latencies.longest, errors, unsent, unjudged };
  }
}

class Run {
  private readonly settings: FixedRateRun;
  private readonly intervals: Load[] = [];
  private readonly connections: Set<Connection> = new Set();
  private readonly free: Connection[] = [];
  private readonly total: number;
  private sent = 0;
  private done = 0;
  private interval = 1;
  private inInterval = new Tally();
  private readonly inAll = new Tally();
  /** When sending began; 0 until all connections are established. */
  private began = 0;
  private turnedAt = 0;
  /** A turn is due without a timer or an answer. */
  private watching = false;
  private timer: NodeJS.Timeout | null = null;
  /** Resolved or rejected. */
  private over = false;
  private resolve: (load: FixedRateLoad) => void = () => {};
  private reject: (error: Error) => void = () => {};

  constructor(settings: FixedRateRun) {
    this.settings = settings;
    this.total = Math.round(settings.rate * settings.seconds);
  }

  /** Resolves when all is reported; rejects when a connection is refused. */
  finished(): Promise<FixedRateLoad> {
    for (let each = 0; each < this.settings.connections; each++) this.connect();
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** Opens the connections. Reads bypass Node's streams, so that the program can keep a rate that makes nginx half busy. */
  private connect(): void {
    const socket = net.connect({ port: this.settings.port, host: "127.0.0.1", noDelay: true });
    socket.pause();
    socket.once("error", (error) => this.fail(error));
    socket.once("connect", () => {
      if (this.over) {
        socket.destroy();
        return;
      }
      const handle = takeHandle(socket) ?? fail("the socket has no handle");
      const reader = {
        readBuffer: buffer,
        onRead: (bytes: Buffer, length: number): void => this.received(connection, bytes.subarray(0, length)),
        onEnd: (): void => transport.destroy(),
        onClosed: (): void => this.closed(connection),
      };
      const transport = new RawTransport(access, handle, reader, { onWritten: () => {}, onWriteFailed: () => transport.destroy() });
      const connection: Connection = { transport, reader: new AnswerReader(), dueAt: null, spoiled: false };
      transport.start();
      this.connections.add(connection);
      this.free.push(connection);
      if (this.began === 0 && this.connections.size === this.settings.connections) this.begin();
    });
  }

  private begin(): void {
    this.began = performance.now();
    this.turnedAt = this.began;
    this.timer = setInterval(() => this.turn(), TURN_MS);
  }

  private turn(): void {
    const { free, total } = this;
    const { seconds, intervalSeconds } = this.settings;
    const now = performance.now();
    if (now - this.turnedAt > STANDSTILL_MS) this.standStill(now - this.turnedAt);
    this.turnedAt = now;
    const end = this.began + seconds * 1000;
    const sendable = now <= end + SENDING_GRACE_MS ? total : this.sent;
    while (this.sent < sendable && free.length > 0 && this.dueAt(this.sent) <= now) this.send(free.pop(), this.dueAt(this.sent));
    const intervalEnd = this.interval * intervalSeconds;
    if (now >= this.began + intervalEnd * 1000 && intervalEnd < seconds) this.endInterval();
    if (this.done === sendable || now > end + GRACE_MS) this.finish();
    else if (free.length === this.connections.size) this.watch();
  }

  /** No answer is to come that would be the next occasion to send: a timer would be up to a millisecond late. */
  private watch(): void {
    if (this.watching || this.sent === this.total) return;
    this.watching = true;
    setImmediate(() => {
      this.watching = false;
      if (!this.over) this.turn();
    });
  }

  private standStill(ms: number): void {
    this.began += ms;
    for (const connection of this.connections) connection.spoiled = connection.dueAt !== null;
  }

  private dueAt(index: number): number {
    return this.began + (index * 1000) / this.settings.rate;
  }

  private send(connection: Connection | undefined, due: number): void {
    if (connection === undefined) return;
    connection.dueAt = due;
    connection.spoiled = false;
    this.sent++;
    connection.transport.write(this.settings.request);
  }

  private received(connection: Connection, chunk: Buffer): void {
    try {
      const answer = connection.reader.push(chunk);
      if (answer === null || connection.dueAt === null) return;
      if (!connection.spoiled) {
        const latency = performance.now() - connection.dueAt;
        this.inInterval.latencies.add(latency);
        this.inAll.latencies.add(latency);
      } else this.count("unjudged");
      this.count("answered");
      this.done++;
      if (answer.status < 200 || answer.status > 399) this.count("errors");
      connection.dueAt = null;
      if (!answer.last) this.free.push(connection);
      this.turn();
    } catch {
      connection.transport.destroy();
    }
  }

  /** Between two requests a proxy may close a connection; with one under way that is an error. */
  private closed(connection: Connection): void {
    if (connection.dueAt !== null) {
      this.count("errors");
      this.done++;
    }
    this.connections.delete(connection);
    const index = this.free.indexOf(connection);
    if (index >= 0) this.free.splice(index, 1);
    if (!this.over && this.done < this.total) this.connect();
  }

  private endInterval(): void {
    const { intervalSeconds, seconds } = this.settings;
    this.intervals.push(this.inInterval.load(Math.min(intervalSeconds, seconds)));
    this.interval++;
    this.inInterval = new Tally();
  }

  private finish(): void {
    if (this.over) return;
    this.count("unsent", this.total - this.sent);
    this.count("errors", this.sent - this.done);
    this.endInterval();
    this.end();
    this.resolve({ whole: this.inAll.load(this.settings.seconds), intervals: this.intervals });
  }

  private fail(error: Error): void {
    this.end();
    this.reject(error);
  }

  private end(): void {
    this.over = true;
    if (this.timer !== null) clearInterval(this.timer);
    for (const { transport } of this.connections) transport.destroy();
  }

  private count(what: "answered" | "unjudged" | "errors" | "unsent", further: number = 1): void {
    this.inInterval[what] += further;
    this.inAll[what] += further;
  }
}

function fail(message: string): never {
  throw new Error(message);
}

async function answer(settings: FixedRateRun): Promise<FixedRateLoad | { error: string }> {
  try {
    return await new Run(settings).finished();
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const settings: FixedRateRun = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(await answer(settings))}\n`);
}
