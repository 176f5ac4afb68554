/** Handshakes: their time limit, how they count as connections, and how they are ended. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { plainConfig } from "../../config/plain.ts";
import type { Config } from "../../config/schema/schema.ts";
import { MetricTotals } from "../../observe/metric-totals.ts";
import { BucketTable } from "../../shared/bucket-table.ts";
import { InFlightTable } from "../../shared/in-flight-table.ts";
import { EndpointTable } from "../../shared/endpoint-table.ts";
import { metricLayout } from "../../shared/metric-table.ts";
import { NameTable } from "../../shared/name-table.ts";
import { WorkerTable } from "../../shared/worker-table.ts";
import { Serving } from "../serving.ts";
import { get } from "../stage.fixture.ts";
import { MemoryNetwork } from "../transport/memory/memory-network.ts";
import type { Transport, TransportReader, TransportWriter } from "../transport/transport.ts";
import { settings } from "../tls/tls-listener.fixture.ts";
import { rawAccess, takeHandle } from "../transport/raw-access.ts";
import { RawTransport } from "../transport/raw-transport.ts";
import { StreamTransport } from "../transport/stream-transport.ts";
import type { ListenerContext } from "./listener-context.ts";
import { LineHandshake } from "./line-handshake.fixture.ts";
import { startListener } from "./lone-listener.fixture.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** The client's end of a connection. Keeps what it receives. */
class End implements TransportReader, TransportWriter {
  readBuffer: Buffer = Buffer.alloc(4096);
  transport: Transport | null = null;
  received: string = "";
  isOver: boolean = false;
  /** Does not close when the other side has ended. */
  lingers: boolean = false;
  onData: () => void = () => {};

  onRead(buffer: Buffer, count: number): void {
    this.received += buffer.toString("latin1", 0, count);
    this.onData();
  }

  onEnd(): void {
    this.isOver = !this.lingers;
    if (!this.lingers) this.transport?.destroy();
  }

  onClosed(): void {
    this.isOver = true;
  }

  onWritten(): void {}
  onWriteFailed(): void {}

  send(text: string): void {
    assert.ok(this.transport !== null, "it is not connected");
    this.transport.write(text);
  }
}

class Setting {
  readonly network: MemoryNetwork = new MemoryNetwork();
  readonly handshake: LineHandshake = new LineHandshake();
  readonly said: string[] = [];
  readonly endpoint: End = new End();
  readonly serving: Serving;
  readonly context: ListenerContext;
  private readonly workers: WorkerTable = new WorkerTable(WorkerTable.create(1, 1, 0, 0));
  private readonly totals: MetricTotals = new MetricTotals(1);

  constructor(t: TestContext, adapt: (config: Config) => void = () => {}, socketsMax: number = Infinity) {
    const { network } = this;
    const names = new NameTable();
    this.serving = new Serving({
      workerIndex: 0,
      endpoints: new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(4))),
      workers: this.workers,
      names,
      socketsMax,
      platform: network.platform,
      buckets: new BucketTable(BucketTable.create(0, 0, 8)),
      inFlight: new InFlightTable(InFlightTable.create(1, 0, 0, 8)),
      output: {
        access: ({ client, status }) => void this.said.push(`${client} ${status}`),
        event: (_, __, message) => void this.said.push(message),
        tick: (now) => {
          for (const { notices, config } of this.serving.contexts) notices.tick(config);
          if (this.serving.drained(now) !== null) this.said.push("drained");
        },
        certificateWanted: () => {},
        released: () => {},
      },
      status: () => () => "",
      features: [],
      environment: {},
      readFile: () => "",
    });
    const config = plainConfig("127.0.0.1:0", "http://a.test");
    adapt(config);
    const metricTable = this.totals.install(1, metricLayout(config));
    const { routes } = config;
    const slots = { endpointSlots: { app: [0] }, listenerSlots: [0] };
    this.serving.configure({ type: "configure", generation: 1, config, routes, ...slots, metricTable });
    names.take({ name: "a.test", result: [{ address: "192.0.2.9", family: 4 }] });
    const [context = assert.fail("there is no listener")] = this.serving.contexts;
    this.context = context;
    context.admission.handshake = this.handshake;
    network.listen("proxy:80", (open, peer) => void context.admission.accept(open, peer));
    const { endpoint } = this;
    network.listen("a.test:80", (open) => {
      const transport = open(endpoint, endpoint);
      endpoint.transport = transport;
      transport.start();
    });
    endpoint.onData = () => {
      if (endpoint.received.endsWith("\r\n\r\n")) endpoint.send(OK);
    };
    t.after(() => this.serving.close());
  }

  connect(peer: string = "192.0.2.1"): End {
    const end = new End();
    this.network.connect("proxy:80", end, end, (transport) => (end.transport = transport), peer);
    this.network.settle();
    return end;
  }

  send(end: End, text: string): void {
    end.send(text);
    this.network.settle();
  }

  pass(ms: number): void {
    const until = this.network.clock.nowMs + ms;
    do this.network.settle();
    while (this.network.clock.step(until));
    this.network.settle();
  }

  /** Connections as the metrics have them, and as the tables that all threads share. */
  get open(): readonly number[] {
    return [this.totals.snapshot().counters.connections_open, this.workers.connections(0), this.workers.descriptors()];
  }

  connectionsOf(client: string): number {
    return this.workers.connectionsOf(0, client);
  }

  get refused(): number {
    return this.totals.snapshot().counters.connections_refused;
  }
}

const HELLO = "for 203.0.113.9 secure\n";

for (const [how, pieces] of [
  ["with the request in one read", [HELLO + get("/a")]],
  ["alone, the request after it", [HELLO, get("/a")]],
  ["in pieces, the last one with a piece of the request", ["for 203.", "0.113.9 sec", "ure\nGET /a HTT", "P/1.1\r\nHost: a.test\r\n\r\n"]],
] as const) {
  test(`after a handshake that comes ${how}, requests are those of the client that it names`, (t) => {
    const setting = new Setting(t);
    const client = setting.connect();
    for (const piece of pieces) setting.send(client, piece);
    assert.equal(client.received.split("\r\n\r\n")[1], "ok");
    assert.match(setting.endpoint.received, /\r\nX-Forwarded-For: 203\.0\.113\.9\r\nX-Forwarded-Proto: https\r\n/);
    setting.send(client, get("/b"));
    assert.deepEqual(setting.said, ["203.0.113.9 200", "203.0.113.9 200"]);
    assert.deepEqual([setting.connectionsOf("192.0.2.1"), setting.connectionsOf("203.0.113.9")], [0, 1]);
    client.transport?.destroy();
    setting.network.settle();
    assert.deepEqual([setting.open.slice(0, 2), setting.connectionsOf("203.0.113.9")], [[0, 0], 0]);
  });
}

test("a client that is silent, or sends a byte now and then, is closed when the handshake's time is over", (t) => {
  const setting = new Setting(t);
  const [silent, slow] = [setting.connect(), setting.connect("192.0.2.2")];
  assert.deepEqual(setting.open, [2, 2, 2], "they count from the start");
  for (let at = 0; at < 29; at++) {
    setting.pass(100);
    setting.send(slow, "x");
  }
  assert.deepEqual([silent.isOver, slow.isOver], [false, false]);
  setting.pass(150);
  assert.deepEqual([silent.isOver, slow.isOver, silent.received, slow.received], [true, true, "", ""]);
  assert.deepEqual(setting.open, [0, 0, 0]);
});

test("the handshake's time limit ends with it: the first request has its own", (t) => {
  const setting = new Setting(t);
  const client = setting.connect();
  setting.pass(2900);
  setting.send(client, HELLO);
  setting.pass(5000);
  assert.ok(!client.isOver);
  setting.send(client, get("/"));
  assert.match(client.received, /^HTTP\/1\.1 200 /);
});

for (const [what, happens] of [
  ["its client resets", (client: End) => client.transport?.reset()],
  ["its client ends", (client: End) => client.transport?.end()],
  ["it is malformed", (client: End) => client.send("GET / HTTP/1.1\r\n")],
  ["it has no end", (client: End) => client.send("x".repeat(101))],
] as const) {
  test(`nothing is left of a handshake when ${what}`, (t) => {
    const setting = new Setting(t);
    const client = setting.connect();
    setting.send(client, "for 203");
    happens(client);
    setting.network.settle();
    assert.deepEqual([setting.open, setting.context.connections.size], [[0, 0, 0], 0]);
    setting.pass(10_000);
    assert.deepEqual([client.received, setting.said], ["", []]);
  });
}

test("a client whose TLS is refused is told why, and has two seconds to read that and to close", (t) => {
  const setting = new Setting(t);
  setting.context.useTls(settings([]));
  const [prompt, slow] = [setting.connect(), setting.connect("192.0.2.2")];
  slow.lingers = true;
  for (const end of [prompt, slow]) setting.send(end, "\x16\x03\x01\x00\x04garbage");
  for (const end of [prompt, slow]) assert.equal(end.received, "\x15\x03\x03\x00\x02\x02\x32");
  assert.deepEqual([prompt.isOver, slow.isOver, setting.open], [true, false, [1, 1, 1]]);
  setting.pass(1800);
  setting.send(slow, "more");
  assert.deepEqual(setting.open, [1, 1, 1]);
  setting.pass(400);
  assert.deepEqual(setting.open, [0, 0, 0]);
});

test("a drain gives handshakes a moment: one that ends in time gets its answer, the others are cut", (t) => {
  const setting = new Setting(t);
  const [late, inTime] = [setting.connect(), setting.connect("192.0.2.2")];
  setting.send(inTime, "for 203.");
  setting.serving.drain(10_000);
  setting.pass(400);
  assert.deepEqual([late.isOver, inTime.isOver], [false, false]);
  setting.send(inTime, `0.113.9\n${get("/")}`);
  assert.match(inTime.received, /^HTTP\/1\.1 200 .*\r\nConnection: close\r\n/s);
  setting.pass(200);
  assert.deepEqual([late.isOver, inTime.isOver, setting.open, setting.said.at(-1)], [true, true, [0, 0, 0], "drained"]);
});

test("a handshake that ends during a drain has a moment for its first request", (t) => {
  const setting = new Setting(t);
  const client = setting.connect();
  setting.serving.drain(10_000);
  setting.pass(400);
  setting.send(client, HELLO);
  setting.pass(400);
  assert.ok(!client.isOver);
  setting.pass(200);
  assert.deepEqual([client.isOver, setting.said], [true, ["drained"]]);
});

test("when descriptors are short and clients cannot wait, a handshake is closed without an answer", (t) => {
  const setting = new Setting(t, undefined, 4);
  setting.context.admission.canWait = false;
  const [first, second] = [setting.connect(), setting.connect()];
  assert.deepEqual([first.isOver, second.isOver, second.received, setting.refused], [false, true, "", 1]);
  assert.deepEqual(setting.open, [1, 1, 1]);
});

test("at the end of a drain a handshake is closed without an answer", (t) => {
  const setting = new Setting(t);
  const client = setting.connect();
  setting.serving.drain(100);
  setting.pass(150);
  assert.deepEqual([client.isOver, client.received, setting.open, setting.said], [true, "", [0, 0, 0], ["drained"]]);
});

test("a client over the limits begins no handshake, and the client that a handshake names is counted", (t) => {
  const setting = new Setting(t, ({ listeners: [listener] }) => {
    assert.ok(listener !== undefined);
    listener.limits = { ...listener.limits, connections: 3, connections_per_client: 2 };
  });
  const [first, second, third] = [setting.connect(), setting.connect(), setting.connect()];
  assert.deepEqual(
    [first, second, third].map(({ isOver }) => isOver),
    [false, false, true],
  );
  assert.deepEqual([setting.handshake.begun, setting.refused], [2, 1]);
  for (const end of [first, second]) setting.send(end, "for 203.0.113.9\n");
  // The address of the proxy has room again; the client that the proxy named has none left.
  const fourth = setting.connect();
  setting.send(fourth, `for 203.0.113.9\n${get("/")}`);
  assert.deepEqual([fourth.isOver, fourth.received, setting.refused], [true, "", 2]);
  assert.deepEqual([setting.open, setting.connectionsOf("203.0.113.9"), setting.connectionsOf("192.0.2.1")], [[2, 2, 2], 2, 0]);
  const fifth = setting.connect();
  const sixth = setting.connect("192.0.2.7");
  assert.deepEqual([fifth.isOver, sixth.isOver, setting.handshake.begun, setting.refused], [false, true, 4, 3]);
  setting.pass(500);
  assert.match(setting.said.join("\n"), /the last from 203\.0\.113\.9: it has as many open as one client may/);
});

test("a trusted proxy may have more connections than one client, because it connects for many", (t) => {
  const setting = new Setting(t, (config) => {
    const [listener = assert.fail()] = config.listeners;
    listener.limits = { ...listener.limits, connections_per_client: 1 };
    config.trusted_proxies = ["192.0.2.1"];
  });
  const [first, second] = [setting.connect(), setting.connect()];
  setting.send(first, `for 203.0.113.9\n${get("/")}`);
  setting.send(second, `for 203.0.113.10\n${get("/")}`);
  assert.deepEqual(setting.said, ["203.0.113.9 200", "203.0.113.10 200"]);
});

const access = rawAccess();
for (const kind of ["raw", "stream"] as const) {
  test(`over a ${kind} transport`, { skip: kind === "raw" && access === null, timeout: 20_000 }, async (t) => {
    const origin = net.createServer((socket) => socket.on("error", () => {}).on("data", () => socket.write(OK)));
    const { context } = await startListener(t, origin);
    const handshake = new LineHandshake();
    context.admission.handshake = handshake;
    const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
      context.admission.accept((reader, writer) => {
        if (kind === "stream") return new StreamTransport(socket, reader, writer);
        const handle = takeHandle(socket);
        assert.ok(access !== null && handle !== null);
        return new RawTransport(access, handle, reader, writer);
      }, "192.0.2.1");
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    t.after(() => server.close());
    for (const pieces of [[HELLO + get("/")], ["for 203.0.113.9\nGET / HTTP/1", ".1\r\nHost: a.test\r\n\r\n"], [HELLO, get("/")]]) {
      const client = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1");
      t.after(() => client.destroy());
      client.setNoDelay(true);
      let received = "";
      client.setEncoding("latin1").on("data", (text: string) => (received += text));
      for (const piece of pieces) {
        const isRead = new Promise<void>((resolve) => (handshake.onPiece = resolve));
        client.write(piece);
        // Bytes that are sent later do not come in the same read.
        if (piece !== pieces.at(-1)) await isRead;
      }
      while (!received.endsWith("\r\n\r\nok")) await once(client, "data");
      client.write(get("/").repeat(3));
      while (received.split("\r\n\r\nok").length < 5) await once(client, "data");
    }
  });
}
