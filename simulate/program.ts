/**
 * A program that the proxy is embedded in. It speaks HTTP/1 with its clients by itself, one request of a connection after the other, and hands each
 * of them over, as src/embed/ does for Node's http. So these requests are the proxy's only from the parsed head on, up to the fields and bytes of
 * the response.
 */
import { Buffer } from "node:buffer";
import type { EmbedHost } from "../src/embed/embed-host.ts";
import { EmbeddedClient } from "../src/embed/embedded-client.ts";
import type { HostedBody, HostedBodyReader, HostedResponse, HostedResponseEvents } from "../src/embed/hosted-message.ts";
import { readHead } from "../src/embed/read-head.ts";
import { requestFacts } from "../src/embed/request-facts.ts";
import type { FieldPair } from "../src/http/field-pairs.ts";
import { FieldSection } from "../src/http/field-section.ts";
import { DEFAULT_LIMITS } from "../src/http1/limits.ts";
import { Event } from "../src/http1/message-reader.ts";
import { RequestReader } from "../src/http1/request-reader.ts";
import { refusal } from "../src/net/h1/client/refusal.ts";
import type { Serving } from "../src/net/serving.ts";
import type { MemoryNetwork } from "../src/net/transport/memory/memory-network.ts";
import type { OpenTransport, Transport, TransportReader, TransportWriter } from "../src/net/transport/transport.ts";
import { DRAIN_TIMEOUT } from "../src/proxy/exchange/answers.ts";
import { readBuffer } from "./sending.ts";

/** How long a connection waits for the head of its next request. */
const HEAD_MS = 5000;
/** How long a connection that has ended waits for its client to end it too. */
const LINGER_MS = 2000;
/** Reading pauses when this many bytes wait for their turn. */
const HELD_BYTES_MAX = 32 * 1024;

/** Where the program listens. */
export const PROGRAM = "program.test:80";

export class Program {
  readonly network: MemoryNetwork;
  readonly connections: Set<ProgramConnection> = new Set();
  private readonly serving: Serving;

  /** @param transports gets the transport of each connection */
  constructor(network: MemoryNetwork, serving: Serving, transports: Set<Transport>) {
    this.network = network;
    this.serving = serving;
    network.listen(PROGRAM, (open, peer) => {
      const connection = new ProgramConnection(this, open, peer);
      this.connections.add(connection);
      transports.add(connection.transport);
    });
  }

  /** The first listener, whose settings the program's requests have. */
  get host(): EmbedHost {
    const [context] = this.serving.contexts;
    if (context === undefined) throw new Error("there is no listener");
    return context;
  }

  /** Accepts no more connections, ends those that wait for a request, and the others after their response. */
  drain(): void {
    this.network.listen(PROGRAM, "ECONNREFUSED");
    for (const connection of this.connections) connection.drain();
  }
}

class ProgramConnection implements TransportReader, TransportWriter {
  readBuffer: Buffer = readBuffer;
  readonly peer: string;
  readonly transport: Transport;
  readonly program: Program;
  isLast: boolean = false;
  private readonly reader: RequestReader = new RequestReader(DEFAULT_LIMITS);
  private current: HandedOver | null = null;
  /** Bytes that wait until the current request takes more, or is over. */
  private held: Buffer | null = null;
  private isReading: boolean = false;
  private isEnding: boolean = false;
  /** How often the connection has waited for a head. */
  private waits: number = 0;
  private unsent: Buffer[] = [];
  isBlocked: boolean = false;

  constructor(program: Program, open: OpenTransport, peer: string) {
    this.program = program;
    this.peer = peer;
    const transport = open(this, this);
    this.transport = transport;
    transport.start();
    this.awaitHead();
  }

  drain(): void {
    this.isLast = true;
    if (this.current === null) this.transport.destroySoon();
  }

  // ---- requests -----------------------------------------------------------------------------------------------------

  onRead(buffer: Buffer, count: number): void {
    if (this.isEnding) return;
    const bytes = Buffer.from(buffer.subarray(0, count));
    this.held = this.held === null ? bytes : Buffer.concat([this.held, bytes]);
    this.read();
  }

  /** Reads what is held, as far as the current request takes it. */
  read(): void {
    if (this.isReading) return;
    this.isReading = true;
    if (this.held !== null) {
      this.reader.feed(this.held, 0, this.held.length);
      this.held = null;
    }
    while (this.step());
    if (this.reader.hasRest) this.held = this.reader.takeRest();
    this.isReading = false;
    if (this.held !== null && this.held.length >= HELD_BYTES_MAX) this.transport.pause();
    else this.transport.resume();
  }

  /** Reads one event. Returns false if there is none, or nobody takes it. */
  private step(): boolean {
    const { reader, current } = this;
    if (this.isEnding || this.transport.destroyed) return false;
    if (current !== null && (current.isRead || !current.isFlowing)) return false;
    switch (reader.next()) {
      case Event.head:
        this.begin();
        return true;
      case Event.data:
        current?.bodyReader?.bodyRead(Buffer.from(reader.bytes.subarray(reader.dataStart, reader.dataEnd)));
        return true;
      case Event.end:
        current?.bodyIsRead(reader.trailers);
        return true;
      case Event.fault:
        if (current === null) this.refuse();
        else current.bodyIsMalformed();
        return false;
      default:
        return false;
    }
  }

  private begin(): void {
    const { reader, program, peer } = this;
    const { head, framing } = reader;
    const { method, target, version } = head;
    const fields = Array.from({ length: head.count }, (_, index): FieldPair => [head.name(index), head.value(index)]);
    if (version === "1.0" || head.get("connection") === "close") this.isLast = true;
    const handed = new HandedOver(this, version === "1.0");
    this.current = handed;
    if (framing.bodyLength === 0) {
      handed.isRead = true;
      reader.next();
    }
    const { host } = program;
    host.thread.tick();
    const client = new EmbeddedClient(host, peer, handed.body, handed.response);
    const read = readHead({ line: { method, target, version }, fields }, DEFAULT_LIMITS);
    if ("code" in read) return client.refuse(refusal(read), null);
    const facts = requestFacts(host, read.head, peer, false);
    if (host.draining) client.refuse(DRAIN_TIMEOUT, read.head, null);
    else client.begin(read, facts);
  }

  /** The program itself answers what is no request. */
  private refuse(): void {
    this.isLast = true;
    this.send([Buffer.from("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "latin1")]);
    this.isOver();
  }

  private awaitHead(): void {
    const wait = ++this.waits;
    this.program.network.clock.after(HEAD_MS, () => {
      if (this.waits === wait && this.current === null) this.transport.destroySoon();
    });
  }

  // ---- responses ----------------------------------------------------------------------------------------------------

  send(parts: readonly Buffer[]): void {
    this.unsent.push(...parts);
    if (this.isBlocked || this.transport.destroyed) return;
    const parcel = this.unsent;
    this.unsent = [];
    if (parcel.length > 0) this.isBlocked = !this.transport.write(parcel);
  }

  get queuedBytes(): number {
    return this.transport.queuedBytes + this.unsent.reduce((sum, { length }) => sum + length, 0);
  }

  onWritten(): void {
    this.isBlocked = false;
    this.send([]);
    if (!this.isBlocked) this.current?.isTaken();
  }

  /** The response has left as a whole: goes on with the next request, or ends the connection. */
  isOver(): void {
    const isWhole = this.current?.isRead !== false;
    this.current = null;
    if (this.isLast || !isWhole) return this.end();
    this.reader.restart(this.reader.head);
    this.awaitHead();
    this.read();
  }

  /** Reads on after the end, because a close with unread bytes would destroy what is on its way. */
  private end(): void {
    this.isEnding = true;
    this.held = null;
    this.transport.end();
    this.transport.resume();
    this.program.network.clock.after(LINGER_MS, () => this.transport.destroy());
  }

  // ---- the connection's end -----------------------------------------------------------------------------------------

  onEnd(): void {
    const { current } = this;
    // A client that still waits for its response may have half-closed.
    if (current === null || !current.isRead) this.transport.destroy();
    else this.isLast = true;
  }

  onWriteFailed(): void {
    this.transport.destroy();
  }

  onClosed(code: string | null): void {
    this.program.connections.delete(this);
    const { current } = this;
    this.current = null;
    current?.closes(code !== null);
  }
}

/** One request that the proxy has, and its response. */
class HandedOver {
  /** The request is complete, or its rest will not be read. */
  isRead: boolean = false;
  isFlowing: boolean = false;
  bodyReader: HostedBodyReader | null = null;
  readonly body: HostedBody;
  readonly response: HostedResponse;
  private readonly connection: ProgramConnection;
  private readonly isOld: boolean;
  private events: HostedResponseEvents | null = null;
  private framing: "length" | "chunked" | "until close" = "length";
  private hasEnded: boolean = false;

  constructor(connection: ProgramConnection, isOld: boolean) {
    this.connection = connection;
    this.isOld = isOld;
    this.body = this.makeBody();
    this.response = this.makeResponse();
  }

  bodyIsRead(trailers: FieldSection | null): void {
    this.isRead = true;
    this.bodyReader?.bodyEnded(trailers === null ? null : new FieldSection(trailers));
  }

  bodyIsMalformed(): void {
    this.isRead = true;
    this.connection.isLast = true;
    this.bodyReader?.bodyFailed();
  }

  /** The client has taken everything. */
  isTaken(): void {
    if (this.hasEnded) this.later(() => this.leaves());
    else this.later(() => this.events?.responseTaken());
  }

  closes(wasReset: boolean): void {
    this.bodyReader = null;
    this.events?.responseClosed(wasReset);
    this.events = null;
  }

  private leaves(): void {
    if (this.events === null) return;
    this.closes(false);
    this.connection.isOver();
  }

  private later(then: () => void): void {
    this.connection.program.network.post(then);
  }

  private makeBody(): HostedBody {
    const { connection } = this;
    return {
      start: (reader) => void (this.bodyReader = reader),
      resume: () => {
        if (this.isFlowing) return;
        this.isFlowing = true;
        this.later(() => connection.read());
      },
      pause: () => void (this.isFlowing = false),
      discard: () => {
        if (this.isRead) return false;
        this.body.resume();
        return true;
      },
      close: () => void (this.bodyReader = null),
    };
  }

  private makeResponse(): HostedResponse {
    const { connection } = this;
    const { transport } = connection;
    const isOpen = (): boolean => !this.hasEnded && !transport.destroyed;
    return {
      isHttp1: true,
      sendsTrailers: true,
      isBehindAnother: false,
      get isOurs(): boolean {
        return isOpen();
      },
      get queuedBytes(): number {
        return connection.queuedBytes;
      },
      start: (events) => void (this.events = events),
      interim: (status, fields) => connection.send([headOf(status, "", fields)]),
      head: (status, reason, fields) => this.sendHead(status, reason, fields),
      write: (bytes) => {
        const size = Buffer.from(`${bytes.length.toString(16)}\r\n`, "latin1");
        connection.send(this.framing === "chunked" ? [size, bytes, LINE_END] : [bytes]);
        return !connection.isBlocked;
      },
      flush: () => {},
      end: (trailers) => {
        if (!isOpen()) return;
        this.hasEnded = true;
        connection.send(this.framing === "chunked" ? [Buffer.from(`0\r\n${linesOf(trailers)}\r\n`, "latin1")] : []);
        if (!connection.isBlocked) this.isTaken();
      },
      cut: () => (this.framing === "until close" ? transport.reset() : transport.destroySoon()),
      reset: () => transport.reset(),
    };
  }

  private sendHead(status: number, reason: string, fields: readonly FieldPair[]): void {
    const { connection } = this;
    const names = fields.map(([name]) => name.toLowerCase());
    if (fields.some(([name, value]) => name === "Connection" && value.includes("close"))) connection.isLast = true;
    if (names.includes("transfer-encoding")) this.framing = "chunked";
    else if (!names.includes("content-length") && this.isOld) this.framing = "until close";
    const says = connection.isLast && !names.includes("connection");
    connection.send([headOf(status, reason, says ? [...fields, ["Connection", "close"]] : fields)]);
  }
}

const LINE_END = Buffer.from("\r\n", "latin1");

function headOf(status: number, reason: string, fields: readonly FieldPair[]): Buffer {
  return Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n${linesOf(fields)}\r\n`, "latin1");
}

function linesOf(fields: readonly FieldPair[]): string {
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
}
