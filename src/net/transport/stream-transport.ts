/**
 * A transport on a socket of Node's: for connections that are being opened, and for all connections, with TLS or without, if there is no raw access. Any
 * other duplex stream of bytes can take the socket's place, but cannot be reset.
 */
import type { Buffer } from "node:buffer";
import type { OnReadOpts, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { codeOf } from "../../base/errors.ts";
import type { ConnectionAddresses } from "../../proxy-protocol/header.ts";
import { sharedBuffer } from "../buffers/read-buffers.ts";
import { connectionAddresses } from "./connection-addresses.ts";
import type { AcceptedTransport, TransportReader, TransportWriter } from "./transport.ts";

/**
 * On TLS, text of at most so many bytes counts as written while a write is unfinished, as on Node's handle (`WriteGate`). Node tells of the end of such a write some
 * turns after the kernel has taken it, when the response to it may have come.
 */
const WAITING_BYTES_MAX = 16 * 1024;

type Ends = "remoteAddress" | "remotePort" | "localAddress" | "localPort";
type ByteStream = Duplex & Partial<Pick<Socket, "destroySoon" | "resetAndDestroy" | Ends>>;

export class StreamTransport implements AcceptedTransport {
  readonly readsOnDemand: boolean = false;
  /** With which code the connection fails when all that came has been read; null: it ends well. */
  endFault: string | null = null;
  private readonly socket: ByteStream;
  private readonly waitingBytesMax: number;
  private reader: TransportReader;
  private writer: TransportWriter;
  private code: string | null = null;
  /** A write is unfinished. */
  private waiting: boolean = false;
  private outputEnded: boolean = false;
  /** `end` or `destroySoon` was called while a write was unfinished: what to do when it is finished. */
  private endsWhenWritten: (() => void) | null = null;

  /** @param socket must not be read by anything else. If it was opened with `onreadOption(reader)`, it reads without `start`. */
  constructor(socket: ByteStream, reader: TransportReader, writer: TransportWriter) {
    this.socket = socket;
    this.waitingBytesMax = socket instanceof TLSSocket ? WAITING_BYTES_MAX : 0;
    this.reader = reader;
    this.writer = writer;
    socket.on("end", this.onEnd).on("error", this.onError).on("close", this.onClose);
  }

  // Fields, so that `release` can take them off the socket and leave Node's own listeners on it.
  private readonly onEnd = (): void => (this.endFault === null ? this.reader.onEnd() : this.destroy(this.endFault));
  private readonly onError = (error: Error): void => {
    this.code ??= errorCode(error);
    // Node's TLS sockets of clients stay open after a fault in a record.
    this.socket.destroy();
  };
  private readonly onClose = (): void => this.reader.onClosed(this.code);
  private readonly onData = (chunk: Buffer): void => {
    // Copy the chunk to the shared buffer. An outlet copies slices of that buffer, so nothing refers to the chunk after this callback.
    for (let at = 0; at < chunk.length; at += sharedBuffer.length) {
      const count = chunk.copy(sharedBuffer, 0, at, Math.min(chunk.length, at + sharedBuffer.length));
      this.reader.onRead(sharedBuffer, count);
    }
  };

  /** Reads an accepted socket. Node has no `onread` for these, so each read allocates a buffer. */
  start(): void {
    if (this.socket.listenerCount("data") > 0) return;
    this.socket.on("data", this.onData);
    this.socket.resume();
  }

  handTo(reader: TransportReader, writer: TransportWriter): void {
    this.reader = reader;
    this.writer = writer;
  }

  release(): Duplex {
    const { socket } = this;
    socket.pause();
    socket.off("data", this.onData).off("end", this.onEnd).off("error", this.onError).off("close", this.onClose);
    return socket;
  }

  addresses(): ConnectionAddresses | null {
    const { remoteAddress, remotePort, localAddress, localPort } = this.socket;
    return connectionAddresses(remoteAddress, remotePort, localAddress, localPort);
  }

  get destroyed(): boolean {
    return this.socket.destroyed;
  }

  get readable(): boolean {
    return !this.socket.destroyed && this.socket.readable;
  }

  get writable(): boolean {
    return !this.socket.destroyed && !this.outputEnded && !this.socket.writableEnded;
  }

  get queuedBytes(): number {
    return this.socket.writableLength;
  }

  write(data: string | readonly (string | Buffer)[]): boolean {
    const { socket } = this;
    if (!this.writable) return true;
    const pieces = typeof data === "string" ? [data] : data;
    if (pieces.length > 1) socket.cork();
    for (const piece of pieces) {
      if (typeof piece === "string") socket.write(piece, "latin1");
      else socket.write(piece);
    }
    if (pieces.length > 1) socket.uncork();
    if (socket.writableLength === 0) return true;
    if (!this.waiting && typeof data === "string" && socket.writableLength <= this.waitingBytesMax) return true;
    if (!this.waiting) this.awaitWritten();
    return false;
  }

  private awaitWritten(): void {
    this.waiting = true;
    this.socket.write("", "latin1", () => {
      this.waiting = false;
      if (this.socket.destroyed) return;
      if (this.socket.writableLength > 0) return this.awaitWritten();
      const { endsWhenWritten } = this;
      this.endsWhenWritten = null;
      this.writer.onWritten();
      endsWhenWritten?.();
    });
  }

  /** Does nothing: see `readsOnDemand`. */
  readInto(): void {}

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    if (!this.socket.destroyed) this.socket.resume();
  }

  end(sent?: () => void): void {
    if (this.outputEnded) return;
    this.outputEnded = true;
    // Wait here and not in the socket: a socket that is told to end could no longer reset the connection.
    if (this.waiting) this.endsWhenWritten = () => this.socket.end(sent);
    else this.socket.end(sent);
  }

  destroySoon(): void {
    this.outputEnded = true;
    if (this.waiting) this.endsWhenWritten = () => this.destroyWhenWritten();
    else this.destroyWhenWritten();
  }

  private destroyWhenWritten(): void {
    const { socket } = this;
    if (socket.destroySoon !== undefined) socket.destroySoon();
    else if (socket.writableFinished) socket.destroy();
    else socket.end(() => socket.destroy());
  }

  destroy(code?: string): void {
    if (this.socket.destroyed) return;
    this.code ??= code ?? null;
    this.socket.destroy();
  }

  /** A TLS connection is closed without close_notify, which tells its peer the same: Node 26 crashes when the connection below is reset. */
  reset(): void {
    try {
      const { socket } = this;
      // While a FIN is being sent, a reset would never lead to `close`.
      if (socket.resetAndDestroy === undefined || (socket.writableEnded && !socket.writableFinished)) socket.destroy();
      else if (!socket.destroyed) socket.resetAndDestroy();
    } catch {
      this.socket.destroy();
    }
  }
}

/** The option `onread` for opening a socket: makes it read directly into the reader's buffers. */
export function onreadOption(reader: TransportReader): OnReadOpts {
  return {
    callback: (count, buffer) => {
      // `buffer` is always the one that `buffer()` returned.
      reader.onRead(buffer as Buffer, count);
      return true;
    },
    buffer: () => reader.readBuffer,
  };
}

/** The system's code of an error. If all of several addresses failed, that of the first one. */
function errorCode(error: Error): string {
  return codeOf(error instanceof AggregateError ? error.errors[0] : error);
}
