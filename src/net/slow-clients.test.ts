/**
 * Clients that do not take what is sent to them, or leave in the middle, moment by moment: the client's side of the connection is the
 * test's, and so is the endpoint where no socket stands for it.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { compileCidrs } from "../base/cidr.ts";
import { plainConfig } from "../config/plain.ts";
import { RESPONSE_LIMITS } from "../http1/limits.ts";
import { Event } from "../http1/message-reader.ts";
import { ResponseReader } from "../http1/response-reader.ts";
import type { AccessRecord } from "../observe/access-line.ts";
import type { Exchange } from "../proxy/exchange.ts";
import type { Upstream } from "../proxy/ports.ts";
import type { Http1Downstream } from "./http1-downstream.ts";
import { Http1Upstream } from "./http1-upstream.ts";
import { ListenerContext } from "./listener-context.ts";
import type { Thread } from "./thread.ts";
import type { Transport, TransportReader, TransportWriter } from "./transport.ts";
import { loneThread } from "./warm-up.ts";

/** A client's connection that takes everything, or nothing. */
class Client implements Transport {
  readonly readsOnDemand: boolean = true;
  destroyed: boolean = false;
  readable: boolean = true;
  writable: boolean = true;
  queuedBytes: number = 0;
  isFull: boolean = false;
  closesWhenWritten: boolean = false;
  received: string = "";
  private readonly reader: TransportReader;
  private readonly writer: TransportWriter;

  constructor(reader: TransportReader, writer: TransportWriter) {
    this.reader = reader;
    this.writer = writer;
  }

  start(): void {}
  pause(): void {}
  resume(): void {}
  readInto(): void {}

  write(data: string | readonly (string | Buffer)[]): boolean {
    const text = typeof data === "string" ? data : data.map((piece) => piece.toString("latin1")).join("");
    this.received += text;
    if (this.isFull) this.queuedBytes += text.length;
    return !this.isFull;
  }

  end(sent?: () => void): void {
    this.writable = false;
    sent?.();
  }

  destroySoon(): void {
    if (this.queuedBytes === 0) this.destroy();
    else this.closesWhenWritten = true;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.readable = false;
    this.writable = false;
    process.nextTick(() => this.reader.onClosed(null));
  }

  reset(): void {
    this.destroy();
  }

  /** The client takes all that waits. */
  takeAll(): void {
    this.isFull = false;
    this.queuedBytes = 0;
    if (this.closesWhenWritten) this.destroy();
    else this.writer.onWritten();
  }

  send(text: string): void {
    const bytes = Buffer.from(text, "latin1");
    this.reader.onRead(bytes, bytes.length);
  }

  leave(): void {
    this.readable = false;
    this.reader.onEnd();
  }

  get statuses(): string[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status = ""]) => status);
  }
}

/** An endpoint's connection without a socket, whose responses the test gives to the exchange. */
class Endpoint implements Upstream {
  isPaused: boolean = false;
  readonly exchange: Exchange;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }

  send(): void {}
  data(): void {}
  end(): void {}
  abort(): void {}

  flush(): boolean {
    return true;
  }

  pauseResponse(): void {
    this.isPaused = true;
  }

  resumeResponse(): void {
    this.isPaused = false;
  }

  /** Heads and what there is of the last one's body, as one read would bring them. */
  respond(text: string): void {
    const bytes = Buffer.from(text, "latin1");
    const reader = new ResponseReader(RESPONSE_LIMITS);
    reader.feed(bytes, 0, bytes.length);
    for (;;) {
      switch (reader.next()) {
        case Event.head:
          if (reader.head.status >= 200) this.exchange.responseHead(reader.head, reader.framing);
          else {
            this.exchange.interim(reader.head, this);
            reader.next();
            reader.restart(reader.head);
          }
          break;
        case Event.data:
          this.exchange.responseData(reader.bytes, reader.dataStart, reader.dataEnd);
          break;
        case Event.end:
          this.exchange.responseEnd(null);
          return;
        default:
          this.exchange.responseFlush();
          return;
      }
    }
  }
}

interface Stage {
  readonly plane: Thread;
  readonly client: Client;
  readonly connection: Http1Downstream;
  readonly records: readonly AccessRecord[];
  /** So much time passes for the deadlines. */
  pass(ms: number): void;
}

function stage(t: TestContext, origin: string): Stage {
  const config = plainConfig("127.0.0.1:0", origin);
  const [listening = assert.fail("there is no listener")] = config.listeners;
  const records: AccessRecord[] = [];
  const plane = loneThread(config, (record) => records.push({ ...record }));
  t.after(() => plane.close());
  const trust = { proxies: compileCidrs([]), addressFrom: config.client_address_from };
  let client: Client | null = null;
  const context = new ListenerContext(plane, 0, listening, trust);
  context.accept((reader, writer) => (client = new Client(reader, writer)), "192.0.2.1");
  const [connection = assert.fail("nobody was accepted")] = context.connections;
  let passed = plane.now;
  plane.tick = () => (plane.now = passed);
  const pass = (ms: number): void => plane.deadlines.advance((passed += ms));
  return { plane, client: client ?? assert.fail("nobody was accepted"), connection, records, pass };
}

/** The same with endpoints without sockets, in the order in which exchanges asked for them. */
function stageAlone(t: TestContext): Stage & { readonly endpoints: readonly Endpoint[] } {
  const endpoints: Endpoint[] = [];
  const one = stage(t, "http://127.0.0.1:9");
  one.plane.take = (_, exchange) => {
    const endpoint = new Endpoint(exchange);
    endpoints.push(endpoint);
    return endpoint;
  };
  return { ...one, endpoints };
}

/** An origin, told of each request's head; closed behind the test. */
async function origin(t: TestContext, onRequest: (head: string, socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("data", (chunk: Buffer) => onRequest(chunk.toString("latin1"), socket));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The next write waits for the end of its turn, although the turn before had few. */
function letWait(plane: Thread): void {
  Reflect.set(plane.writes, "passOver", 0);
}

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`;
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const LARGE = `HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${"x".repeat(10_000)}`;
/** Longer than any limit on taking nothing. */
const LONG_MS = 100_000;

test("a client that takes nothing is cut although its request ends behind the beginning of the response", (t) => {
  const { client, endpoints, records, pass } = stageAlone(t);
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n12345");
  client.isFull = true;
  endpoints[0]?.respond(LARGE);
  client.send("67890");
  assert.equal(client.destroyed, false);
  pass(LONG_MS);
  assert.equal(client.destroyed, true);
  assert.deepEqual(
    records.map(({ outcome }) => outcome),
    ["client_stalled"],
  );
});

test("a client that does not take an interim response is watched, and the response waits", (t) => {
  const { client, endpoints, records, pass } = stageAlone(t);
  client.send(get("/"));
  client.isFull = true;
  endpoints[0]?.respond(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${LARGE}`);
  assert.equal(endpoints[0]?.isPaused, true);
  pass(LONG_MS);
  assert.equal(client.destroyed, true);
  assert.deepEqual(
    records.map(({ outcome }) => outcome),
    ["client_stalled"],
  );
});

test("a client that takes an interim response late gets the response", (t) => {
  const { client, endpoints, plane } = stageAlone(t);
  client.send(get("/"));
  client.isFull = true;
  endpoints[0]?.respond("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  assert.equal(endpoints[0]?.isPaused, true);
  client.takeAll();
  assert.equal(endpoints[0]?.isPaused, false);
  endpoints[0]?.respond(OK);
  plane.writes.flush();
  assert.deepEqual(client.statuses, ["103", "200"]);
});

test("a client that has half-closed has the usual time to take what it was sent", async (t) => {
  const { client, endpoints, plane, pass } = stageAlone(t);
  client.send(get("/a") + get("/b"));
  client.isFull = true;
  endpoints[0]?.respond(OK);
  plane.writes.flush();
  assert.equal(endpoints[1]?.isPaused, true, "the first response was written at the turn's end, and blocked");
  client.leave();
  pass(1000);
  assert.equal(client.destroyed, false);
  client.takeAll();
  assert.equal(endpoints[1]?.isPaused, false);
  // Now it is asked whether it is still there.
  pass(30);
  assert.deepEqual(client.statuses, ["200", "100"]);
  endpoints[1]?.respond(OK);
  await turn();
  assert.deepEqual(client.statuses, ["200", "100", "200"]);
});

for (const [what, happens] of [
  [
    "the worker drains",
    ({ plane, connection }: Stage) => {
      plane.draining = true;
      connection.drain();
    },
  ],
  ["the client half-closes", ({ client }: Stage) => client.leave()],
] as const) {
  test(`a response on its way is taken in the usual time although ${what} when its exchange is over`, (t) => {
    const one = stageAlone(t);
    const { client, endpoints, plane, pass } = one;
    client.send(get("/"));
    client.isFull = true;
    endpoints[0]?.respond(OK);
    plane.writes.flush();
    happens(one);
    pass(5000);
    assert.equal(client.destroyed, false);
    assert.equal(client.closesWhenWritten, what === "the client half-closes");
    client.takeAll();
    pass(1000);
    assert.equal(client.destroyed, true);
    assert.deepEqual(client.statuses, ["200"]);
  });
}

test("a drain that ends cuts responses on their way, says so, and answers who has no answer", (t) => {
  const waiting = stageAlone(t);
  waiting.client.send(get("/"));
  waiting.client.isFull = true;
  waiting.endpoints[0]?.respond(OK);
  waiting.plane.writes.flush();
  assert.equal(waiting.connection.cutNow(), true);
  const unanswered = stageAlone(t);
  unanswered.client.send(get("/"));
  assert.equal(unanswered.connection.cutNow(), true);
  assert.deepEqual(unanswered.client.statuses, ["503"]);
  assert.match(unanswered.client.received, /\r\nConnection: close\r\n/);
  assert.deepEqual(
    unanswered.records.map(({ status, outcome }) => [status, outcome]),
    [[503, "drain_timeout"]],
  );
  const idle = stageAlone(t);
  assert.equal(idle.connection.cutNow(), false);
});

test("the head of a first request has its time from the connection on, that of a later one from its first byte", (t) => {
  const first = stageAlone(t);
  first.pass(29_000);
  first.client.send("GET / HTTP/1.1\r\n");
  first.pass(2000);
  assert.deepEqual(first.client.statuses, ["408"]);
  const later = stageAlone(t);
  later.client.send(get("/"));
  later.endpoints[0]?.respond(OK);
  later.plane.writes.flush();
  later.pass(29_000);
  later.client.send("GET / HTTP/1.1\r\n");
  later.pass(2000);
  assert.deepEqual(later.client.statuses, ["200"]);
});

test("a request lasts from its first byte on, however slowly its head comes", (t) => {
  const { client, endpoints, plane, records, pass } = stageAlone(t);
  client.send("GET / HTTP/1.1\r\n");
  pass(5000);
  client.send("Host: a.test\r\n\r\n");
  endpoints[0]?.respond(OK);
  plane.writes.flush();
  assert.deepEqual(
    records.map(({ status, durationMs }) => [status, durationMs]),
    [[200, 5000]],
  );
});

test("who waits for a 100 is excused, but not in HTTP/1.0, which has none", (t) => {
  for (const [minor, statuses] of [
    [1, []],
    [0, ["408"]],
  ] as const) {
    const { client, pass } = stageAlone(t);
    client.send(`POST / HTTP/1.${minor}\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`);
    pass(65_000);
    assert.deepEqual(client.statuses, statuses);
  }
});

test("requests that came before the end of input are all answered", async (t) => {
  const { client, endpoints } = stageAlone(t);
  client.send(["/1", "/2", "/3", "/4"].map(get).join(""));
  client.leave();
  for (let count = 0; count < 4; count++) {
    assert.equal(endpoints.length, count + 1);
    endpoints[count]?.respond(OK);
    await turn();
  }
  assert.deepEqual(client.statuses, ["200", "200", "200", "200"]);
  assert.equal(client.destroyed, true);
});

test("a connection that is still being opened when its client takes no more is not read", async (t) => {
  let written = (): void => {};
  const wasWritten = new Promise<void>((resolve) => (written = resolve));
  const url = await origin(t, (head, socket) => {
    if (!head.startsWith("GET /a")) return void socket.write(LARGE, written);
    letWait(plane);
    socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  });
  const { client, plane } = stage(t, url);
  client.send(get("/a") + get("/b"));
  client.isFull = true;
  await wasWritten;
  for (let count = 0; count < 20; count++) await turn();
  assert.deepEqual(client.statuses, ["200"]);
  client.takeAll();
  while (client.statuses.length < 2) await turn();
  assert.ok(client.received.endsWith("x"));
});

test("a request that had not left yet when its connection ended goes out on another one, whatever its method", async (t) => {
  const heads: string[] = [];
  const url = await origin(t, (head, socket) => {
    heads.push(head);
    socket.write(OK);
  });
  const { client, plane } = stage(t, url);
  client.send(get("/first"));
  while (client.statuses.length < 1) await turn();
  const take = plane.take.bind(plane);
  let taken: Upstream | null = null;
  plane.take = (target, exchange) => (taken = take(target, exchange));
  letWait(plane);
  client.send("POST /second HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi");
  const connection: unknown = taken;
  assert.ok(connection instanceof Http1Upstream);
  connection.onEnd();
  while (client.statuses.length < 2) await turn();
  assert.deepEqual(client.statuses, ["200", "200"]);
  assert.equal(heads.filter((head) => head.startsWith("POST /second ")).length, 1);
});

test("a request that its origin takes slowly goes on, one of which it takes nothing is given up", async (t) => {
  const url = await origin(t, (_, socket) => void socket.write(OK));
  const { client, plane, records, pass } = stage(t, url);
  client.send(get("/first"));
  while (client.statuses.length < 1) await turn();
  const take = plane.take.bind(plane);
  let taken: unknown = null;
  plane.take = (target, exchange) => {
    const upstream = take(target, exchange);
    taken = upstream;
    return upstream;
  };
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n");
  const connection = taken;
  assert.ok(connection instanceof Http1Upstream);
  plane.writes.flush();
  const full = new Client(connection, connection.outlet);
  full.isFull = true;
  connection.outlet.transport = full;
  client.send("x".repeat(10_000));
  for (let count = 0; count < 5; count++) {
    full.queuedBytes -= 1000;
    pass(65_000);
    assert.deepEqual(records.length, 1, `after ${count} times`);
  }
  pass(65_000);
  assert.deepEqual(
    records.map(({ status, outcome }) => [status, outcome]),
    [
      [200, "completed"],
      [504, "write_timeout"],
    ],
  );
});
