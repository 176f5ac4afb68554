/**
 * An origin that follows a script given by a test, byte by byte, and remembers what became of each connection. Unlike raw-origin.ts it hands over a
 * request as soon as its head has come, together with whatever arrives after it, and never answers a FIN by itself.
 */
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { CLOSE_NOTIFY, RECORD, sealOf } from "./sealed-records.ts";
import type { Seal } from "./sealed-records.ts";
import { TlsWire, secured } from "./tls-wire.ts";
import type { Contexts } from "./tls-wire.ts";

/** The longest time that any wait of a script may take: a busy machine moves tens of megabytes slowly. */
const PATIENCE_MS = 30_000;

/** At most so much text is in one record that a connection seals itself. */
const RECORD_BYTES = 16_000;

/** Called when a step of a script begins and when it is done. */
export type Steps = (edge: "begun" | "done") => void;

/** What the origin does. Requests whose path ends in `/plain` bypass the script: they are answered 200 `ok`. */
export interface OriginScript {
  /** Called for the first connection, before a byte was read. */
  readonly onAccept?: (connection: OriginConnection) => void;
  /** Called for every request head. */
  readonly onHead?: (request: OriginRequest) => void | Promise<void>;
}

export class OriginConnection {
  readonly socket: Socket;
  /** What carries the connection's TLS; null: it is in the clear. */
  readonly wire: TlsWire | null;
  /** Everything received, latin1. */
  received: string = "";
  /** Whether the other side has sent its FIN. */
  ended: boolean = false;
  /** When the connection was over in both directions, by performance.now(); 0 before. */
  closedAt: number = 0;
  /** Requests seen so far. */
  requests: number = 0;
  /** What seals this side's records, once the handshake is finished; null: OpenSSL does. */
  private sealing: Promise<Seal> | null = null;
  private readonly step: Steps;
  private readonly changed: () => void;
  private waiting: (() => void)[] = [];

  /** `changed` is called after each event of the socket. */
  constructor(socket: Socket, wire: TlsWire | null, step: Steps, changed: () => void) {
    this.socket = socket;
    this.wire = wire;
    this.step = step;
    this.changed = changed;
    socket.on("data", (chunk: Buffer) => {
      this.received += chunk.toString("latin1");
      this.wake();
    });
    socket.on("end", () => {
      this.ended = true;
      this.wake();
    });
    // Errors are ignored: a close follows each.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closedAt = performance.now();
      this.wake();
    });
  }

  get closed(): boolean {
    return this.closedAt !== 0;
  }

  /** Sends the text. Resolves once it was handed to the kernel, or cannot be any more. */
  async send(text: string): Promise<void> {
    this.step("begun");
    await this.write(text);
    this.step("done");
  }

  /** As `send`, which is no step of a script. */
  async write(text: string): Promise<void> {
    if (this.sealing === null) return await write(this.socket, text);
    const seal = await this.sealing;
    for (let at = 0; at < text.length; at += RECORD_BYTES)
      await write(this.below, seal.record(RECORD.data, Buffer.from(text.slice(at, at + RECORD_BYTES), "latin1")));
  }

  /** For `onAccept`: what this side sends after the handshake is sealed without OpenSSL, so that the script can send records of its own. */
  sealItself(): void {
    const { socket, wire } = this;
    if (wire === null || !(socket instanceof TLSSocket)) throw new Error("the connection is in the clear");
    this.sealing = sealOf(socket, () => wire.firstWritten);
    // The handshake may fail.
    this.sealing.catch(() => {});
  }

  /** Sends records. The connection must seal them itself. */
  async sendRecords(make: (seal: Seal) => readonly Buffer[]): Promise<void> {
    if (this.sealing === null) throw new Error("OpenSSL seals the records of this connection");
    this.step("begun");
    await write(this.below, Buffer.concat(make(await this.sealing)));
    this.step("done");
  }

  /** Sends each byte in a packet of its own. */
  async sendBytewise(text: string): Promise<void> {
    for (const byte of text) {
      this.step("begun");
      await this.write(byte);
      await new Promise(setImmediate);
    }
    this.step("done");
  }

  /** Sends one byte after another, one every `everyMs`, until all are sent or the connection is closed. */
  async trickle(text: string, everyMs: number): Promise<void> {
    for (const byte of text) {
      if (this.closed) return;
      await write(this.socket, byte);
      await Promise.race([new Promise((resolve) => setTimeout(resolve, everyMs)), this.change()]);
    }
  }

  /** Sends the text again and again until the connection is closed. */
  async flood(text: string): Promise<void> {
    while (!this.closed && this.socket.writable) {
      await write(this.socket, text);
      // A write that the kernel takes at once leaves no room for other events.
      await new Promise(setImmediate);
    }
  }

  /** Sends the text again and again until the other side takes no more. Returns how often, including the last text, which waits. */
  async fill(text: string): Promise<number> {
    let times = 0;
    for (let taken = true; taken && !this.closed; times++)
      taken = await Promise.race([write(this.socket, text).then(() => true), stalled()]);
    return times;
  }

  /** Sends a FIN. */
  end(): void {
    this.step("begun");
    if (this.sealing === null) this.socket.end();
    else void this.endSealed(this.sealing);
    this.step("done");
  }

  private async endSealed(sealing: Promise<Seal>): Promise<void> {
    await write(this.below, (await sealing).record(RECORD.alert, CLOSE_NOTIFY));
    this.wire?.endBare();
  }

  private get below(): Socket {
    return this.wire?.tcp ?? this.socket;
  }

  /** Does something to what carries the connection's TLS. */
  onWire(act: (wire: TlsWire) => void): void {
    if (this.wire === null) throw new Error("the connection is in the clear");
    this.step("begun");
    act(this.wire);
    this.step("done");
  }

  /** Sends a reset. */
  reset(): void {
    this.step("begun");
    this.below.resetAndDestroy();
    this.step("done");
  }

  stopReading(): void {
    if (this.wire === null) this.socket.pause();
    else this.wire.stopReading();
  }

  readOn(): void {
    if (this.wire === null) this.socket.resume();
    else this.wire.readOn();
  }

  /** Resolves once `condition` holds; rejects at the deadline. */
  async until(condition: (connection: OriginConnection) => boolean, what: string): Promise<void> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    while (!condition(this)) {
      if (deadline.aborted) throw new Error(`the origin waited in vain for ${what}; received ${JSON.stringify(this.received.slice(-300))}`);
      await Promise.race([this.change(), once(deadline, "abort")]);
    }
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
    this.changed();
  }
}

export interface OriginRequest {
  /** The head as received, with the empty line. */
  readonly head: string;
  readonly connection: OriginConnection;
  /** The bytes that have come after the head so far. */
  body(): string;
  /** Waits for a body with Content-Length, or for a chunked one without trailers, to be complete. */
  whole(): Promise<void>;
}

export class ScriptedOrigin {
  readonly port: number;
  readonly connections: OriginConnection[] = [];
  /** The requests that the script handled. */
  readonly requests: OriginRequest[] = [];
  /** Connections of the plain requests, in order. */
  readonly plain: OriginConnection[] = [];
  private readonly server: net.Server;
  private readonly open: Set<Socket> = new Set();
  private script: OriginScript = {};
  private step: Steps = () => {};
  private running: Promise<void>[] = [];
  private waiting: (() => void)[] = [];

  private readonly contexts: Contexts | null;

  private constructor(server: net.Server, contexts: Contexts | null) {
    this.server = server;
    this.contexts = contexts;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket) => this.accept(socket));
  }

  /** @param contexts the certificates of an origin that speaks TLS; null: it does not */
  static async start(host: string = "127.0.0.1", port: number = 0, contexts: Contexts | null = null): Promise<ScriptedOrigin> {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(port, host);
    await once(server, "listening");
    return new ScriptedOrigin(server, contexts);
  }

  /** Follows this script from now on, and forgets the previous one. */
  play(script: OriginScript, step: Steps): void {
    this.script = script;
    this.step = step;
    this.connections.length = 0;
    this.requests.length = 0;
    this.plain.length = 0;
    this.running = [];
  }

  /** Resolves once `condition` holds; rejects at the deadline. */
  async until(condition: (origin: ScriptedOrigin) => boolean, what: string): Promise<void> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    while (!condition(this)) {
      if (deadline.aborted) throw new Error(`the origin waited in vain for ${what}`);
      await Promise.race([new Promise<void>((resolve) => this.waiting.push(resolve)), once(deadline, "abort")]);
    }
  }

  /** Resolves when the scripts of all requests are over; rejects if one of them failed. */
  async played(): Promise<void> {
    await Promise.all(this.running);
  }

  /** Closes all connections that are open. */
  hangUp(): void {
    for (const socket of this.open) socket.destroy();
  }

  async close(): Promise<void> {
    this.hangUp();
    this.server.close();
    await once(this.server, "close");
  }

  private accept(tcp: Socket): void {
    const wire = this.contexts === null ? null : new TlsWire(tcp);
    const socket = wire === null || this.contexts === null ? tcp : secured(wire, this.contexts);
    const connection = new OriginConnection(
      socket,
      wire,
      (edge) => this.step(edge),
      () => this.changed(),
    );
    this.connections.push(connection);
    this.open.add(tcp);
    tcp.on("close", () => this.open.delete(tcp));
    if (this.connections.length === 1) this.script.onAccept?.(connection);
    /** Where the next head begins; -1: after the body of `last`, whose end is not known yet. */
    let at = 0;
    let last = { head: "", from: 0 };
    socket.on("data", () => {
      for (;;) {
        if (at < 0) at = bodyEnd(last.head, connection.received, last.from);
        const end = at < 0 ? -1 : connection.received.indexOf("\r\n\r\n", at);
        if (end < 0) return;
        const head = connection.received.slice(at, end + 4);
        const from = end + 4;
        last = { head, from };
        at = -1;
        connection.requests++;
        this.take({
          head,
          connection,
          body: () => connection.received.slice(from),
          whole: () => connection.until(({ received }) => bodyEnd(head, received, from) >= 0, "a whole request body"),
        });
      }
    });
  }

  private take(request: OriginRequest): void {
    if (/^\S+ \S*\/plain /.test(request.head)) {
      this.plain.push(request.connection);
      void request.connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      return;
    }
    this.requests.push(request);
    const playing = Promise.resolve(this.script.onHead?.(request));
    // Rejections are reported by `played`.
    playing.catch(() => {});
    this.running.push(playing);
    this.changed();
  }

  private changed(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

/** Where the body that begins at `from` ends; -1 if its end has not come yet. Chunked bodies have no trailers here. */
function bodyEnd(head: string, received: string, from: number): number {
  const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head);
  if (length !== null) return received.length >= from + Number(length[1]) ? from + Number(length[1]) : -1;
  if (!/\r\ntransfer-encoding: *chunked\r\n/i.test(head)) return from;
  const end = received.indexOf("0\r\n\r\n", from);
  return end < 0 ? -1 : end + 5;
}

/** Resolves with false after a time in which a side that reads would have taken what was written. */
export function stalled(): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), 250));
}

function write(socket: Socket, text: string | Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed || !socket.writable) resolve();
    else socket.write(text, "latin1", () => resolve());
  });
}
