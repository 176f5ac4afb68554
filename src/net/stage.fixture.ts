/**
 * A thread with one client, for tests: the test plays the client's side of the connection, and time passes only when the test says so. `stage` uses
 * real connections to endpoints, `stageAlone` fake streams in their place, and `stageOfBoth` connections whose endpoint's side the test plays.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo, Socket } from "node:net";
import type { TestContext } from "node:test";
import { plainConfig } from "../config/plain.ts";
import type { Config } from "../config/schema/schema.ts";
import { RESPONSE_LIMITS } from "../http1/limits.ts";
import { Event } from "../http1/message-reader.ts";
import { ResponseReader } from "../http1/response-reader.ts";
import type { AccessRecord } from "../observe/access-record.ts";
import { Exchange } from "../proxy/exchange/exchange.ts";
import type { TlsFacts } from "../proxy/ports/tls-facts.ts";
import type { ByteDuplex } from "../proxy/ports/tunnel.ts";
import type { UpstreamStream } from "../proxy/ports/upstream-stream.ts";
import { ClientConnection } from "./h1/client/client-connection.ts";
import { UpstreamConnection } from "./h1/upstream/upstream-connection.ts";
import { ListenerContext, trustOf } from "./accept/listener-context.ts";
import type { Thread } from "./thread.ts";
import type { AcceptedTransport, OpenTransport, TransportReader, TransportWriter } from "./transport/transport.ts";
import { loneThread } from "./lone-thread.ts";
import { machine } from "./machine.ts";
import { checkStates } from "./h1/check-states.fixture.ts";
import type { Platform } from "./platform.ts";
import { connectionOf } from "./protocols.ts";

checkStates();

export const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`;
export const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** The far end of a connection, played by the test: it takes everything that is written, or nothing. */
export class Client implements AcceptedTransport {
  readonly readsOnDemand: boolean = true;
  destroyed: boolean = false;
  readable: boolean = true;
  writable: boolean = true;
  queuedBytes: number = 0;
  isFull: boolean = false;
  /** Whether the proxy has paused reading. */
  isPaused: boolean = false;
  closesWhenWritten: boolean = false;
  wasReset: boolean = false;
  received: string = "";
  private onSent: (() => void) | undefined;
  private reader: TransportReader;
  private writer: TransportWriter;

  constructor(reader: TransportReader, writer: TransportWriter) {
    this.reader = reader;
    this.writer = writer;
  }

  start(): void {}

  addresses(): null {
    return null;
  }

  handTo(reader: TransportReader, writer: TransportWriter): void {
    this.reader = reader;
    this.writer = writer;
  }

  readInto(): void {}

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  write(data: string | readonly (string | Buffer)[]): boolean {
    const text = typeof data === "string" ? data : data.map((piece) => piece.toString("latin1")).join("");
    this.received += text;
    if (this.isFull) this.queuedBytes += text.length;
    return !this.isFull;
  }

  end(sent?: () => void): void {
    this.writable = false;
    if (this.queuedBytes === 0) sent?.();
    else this.onSent = sent;
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
    if (!this.destroyed) this.wasReset = true;
    this.destroy();
  }

  /** The connection fails with this code of the system. */
  fail(code: string): void {
    this.destroyed = true;
    this.readable = false;
    this.writable = false;
    this.reader.onClosed(code);
  }

  /** The client takes all that waits, and the connection's end if that follows. */
  takeAll({ end = true } = {}): void {
    this.isFull = false;
    this.queuedBytes = 0;
    if (this.closesWhenWritten) this.destroy();
    else this.writer.onWritten();
    if (end && !this.destroyed) this.onSent?.();
  }

  /** A write fails: the client takes nothing more. */
  refuseWrites(): void {
    this.queuedBytes = 0;
    this.writer.onWriteFailed();
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

/** A fake stream to an endpoint: the test gives its responses to the exchange. */
export class Endpoint implements UpstreamStream {
  isPaused: boolean = false;
  wasAborted: boolean = false;
  readonly exchange: Exchange;
  private readonly reader: ResponseReader = new ResponseReader(RESPONSE_LIMITS);

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }

  send(): void {}
  data(): void {}
  end(): void {}

  abort(): void {
    this.wasAborted = true;
  }

  flush(): boolean {
    return true;
  }

  enterTunnel(): ByteDuplex {
    return assert.fail("nobody switches protocols here");
  }

  pauseResponse(): void {
    this.isPaused = true;
  }

  resumeResponse(): void {
    this.isPaused = false;
  }

  /** Gives heads and bodies, or a part of them, to the exchange, as one read would bring them. */
  respond(text: string): void {
    const bytes = Buffer.from(text, "latin1");
    const { reader } = this;
    reader.feed(bytes, 0, bytes.length);
    for (;;) {
      switch (reader.next()) {
        case Event.head:
          if (reader.head.status >= 200) this.exchange.responseHead(this, reader.head, reader.framing.bodyLength);
          else {
            this.exchange.interim(this, reader.head);
            reader.next();
            reader.restart(reader.head);
          }
          break;
        case Event.data:
          this.exchange.responseData(this, reader.bytes, reader.dataStart, reader.dataEnd);
          break;
        case Event.end:
          this.exchange.responseEnd(this, null);
          return;
        default:
          this.exchange.responseFlush(this);
          return;
      }
    }
  }
}

export interface Stage {
  readonly thread: Thread;
  readonly context: ListenerContext;
  readonly client: Client;
  readonly connection: ClientConnection;
  readonly records: readonly AccessRecord[];
  /** Lets this much time pass, and runs the deadlines that are due. */
  pass(ms: number): void;
}

/**
 * A thread with one client, and real connections to `endpoint` unless `dial` says otherwise. Closed after the test.
 * @param tls the client's TLS connection; null: it has a plain one
 */
export function stage(
  t: TestContext,
  endpoint: string,
  adapt: (config: Config) => void = () => {},
  dial: Platform["dial"] = machine.dial,
  tls: TlsFacts | null = null,
): Stage {
  const config = plainConfig("127.0.0.1:0", endpoint);
  adapt(config);
  const [listening = assert.fail("there is no listener")] = config.listeners;
  const records: AccessRecord[] = [];
  // The machine's connections, but a clock that stands still between two calls of `pass`, however busy the machine is.
  let passed = machine.now();
  const platform: Platform = { ...machine, now: () => passed, every: () => () => {}, dial };
  const thread = loneThread(config, (record) => records.push({ ...record }), platform);
  t.after(() => thread.close());
  const trust = trustOf(config);
  let client: Client | null = null;
  const context = new ListenerContext(thread, 0, listening, trust, connectionOf);
  const open: OpenTransport = (reader, writer) => (client = new Client(reader, writer));
  if (tls === null) context.admission.accept(open, "192.0.2.1");
  else context.admission.adopt(open, { peer: "192.0.2.1", client: "192.0.2.1", secure: true, tls, proxied: null });
  const [connection] = context.connections;
  assert.ok(connection instanceof ClientConnection);
  const pass = (ms: number): void => {
    passed += ms;
    thread.now = passed;
    thread.deadlines.advance(passed);
  };
  return { thread, context, client: client ?? assert.fail("nobody was accepted"), connection, records, pass };
}

/** A stage with fake endpoint streams; `endpoints` has them in the order in which exchanges asked for them. */
export function stageAlone(t: TestContext, adapt?: (config: Config) => void): Stage & { readonly endpoints: readonly Endpoint[] } {
  const endpoints: Endpoint[] = [];
  const one = stage(t, "http://127.0.0.1:9", adapt);
  one.thread.take = (_, sink) => {
    assert.ok(sink instanceof Exchange);
    const endpoint = new Endpoint(sink);
    endpoints.push(endpoint);
    return endpoint;
  };
  return { ...one, endpoints };
}

export interface Dialled {
  readonly connection: UpstreamConnection;
  /** The endpoint's side of the connection. */
  readonly endpoint: Client;
  /** The connection is established. */
  connect(): void;
  /** The connection cannot be made, or has failed, with this code of the system. */
  fail(code: string): void;
}

/** A stage whose endpoint connections the test plays as well; `dialled` has them in the order in which they were opened. */
export function stageOfBoth(
  t: TestContext,
  adapt?: (config: Config) => void,
  tls: TlsFacts | null = null,
): Stage & { readonly dialled: readonly Dialled[] } {
  const dialled: Dialled[] = [];
  const dial: Platform["dial"] = ({ reader, writer, onConnect }) => {
    assert.ok(reader instanceof UpstreamConnection);
    const endpoint = new Client(reader, writer);
    dialled.push({ connection: reader, endpoint, connect: () => onConnect(endpoint), fail: (code) => endpoint.fail(code) });
    return endpoint;
  };
  return { ...stage(t, "http://127.0.0.1:9", adapt, dial, tls), dialled };
}

/** Starts an origin on a real socket that calls `onRequest` for each read. Returns its URL; closed after the test. */
export async function origin(t: TestContext, onRequest: (head: string, socket: Socket) => void): Promise<string> {
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
