/**
 * A transport directly on Node's handle of a TCP or Unix socket, without the cost of Node's stream
 * (docs/decisions/0008-past-the-stream.md).
 */
import type { Buffer } from "node:buffer";
import { getSystemErrorName } from "node:util";
import { handleAddresses } from "./connection-addresses.ts";
import type { ConnectionAddresses } from "../../proxy-protocol/header.ts";
import { Output } from "./output-state.ts";
import type { RawAccess, RawHandle, WriteRequest } from "./raw-access.ts";
import { UV_EOF, closeByReset, shutDown, tellClosed } from "./raw-ends.ts";
import type { AcceptedTransport, TransportReader, TransportWriter } from "./transport.ts";

/** A handle with a reference to its transport, for the callback `onread`. */
interface OwnedHandle extends RawHandle {
  transport?: RawTransport;
}

export class RawTransport implements AcceptedTransport {
  readonly readsOnDemand: boolean = true;
  destroyed: boolean = false;
  private reader: TransportReader;
  private writer: TransportWriter;
  private readonly access: RawAccess;
  private readonly handle: OwnedHandle;
  /** The buffer that the handle reads into. The reference keeps it from being garbage collected. */
  private buffer: Buffer;
  /** How many writes are unfinished. */
  private unfinished: number = 0;
  private reading: boolean = false;
  private inputEnded: boolean = false;
  private output: Output = Output.open;
  /** Called when the FIN was sent. */
  private onSent: (() => void) | undefined;

  /** Reading starts with `start`. */
  constructor(access: RawAccess, handle: RawHandle, reader: TransportReader, writer: TransportWriter) {
    this.access = access;
    this.handle = handle;
    this.reader = reader;
    this.writer = writer;
    this.buffer = reader.readBuffer;
  }

  start(): void {
    const { handle } = this;
    handle.transport = this;
    handle.onread = onread;
    handle.useUserBuffer(this.buffer);
    this.resume();
  }

  handTo(reader: TransportReader, writer: TransportWriter): void {
    this.reader = reader;
    this.writer = writer;
    // Within `onRead` this is not needed: when `onRead` has returned, the transport takes the reader's buffer anyway.
    if (reader.readBuffer !== this.buffer) this.readInto(reader.readBuffer);
  }

  release(): RawHandle {
    this.pause();
    this.destroyed = true;
    // Whoever takes the handle keeps it open for as long as the connection lasts, and with this reference all that took part in its handshake.
    delete this.handle.transport;
    return this.handle;
  }

  addresses(): ConnectionAddresses | null {
    return this.destroyed ? null : handleAddresses(this.handle);
  }

  get readable(): boolean {
    return !this.destroyed && !this.inputEnded;
  }

  get writable(): boolean {
    return !this.destroyed && this.output === Output.open;
  }

  get queuedBytes(): number {
    return this.destroyed ? 0 : this.handle.writeQueueSize;
  }

  write(data: string | readonly (string | Buffer)[]): boolean {
    if (!this.writable) return true;
    const result = typeof data === "string" ? this.handle.writeLatin1String(null, data) : writePieces(this.handle, data);
    if (typeof result !== "number") {
      this.await(result, data);
      return false;
    }
    if (result !== 0) this.writer.onWriteFailed();
    return true;
  }

  readInto(buffer: Buffer): void {
    if (this.destroyed) return;
    this.buffer = buffer;
    this.handle.useUserBuffer(buffer);
  }

  pause(): void {
    if (!this.reading || this.destroyed) return;
    this.reading = false;
    this.handle.readStop();
  }

  resume(): void {
    if (this.reading || !this.readable) return;
    this.reading = true;
    const status = this.handle.readStart();
    if (status !== 0) this.destroy(getSystemErrorName(status));
  }

  end(sent?: () => void): void {
    if (!this.writable) return;
    this.onSent = sent;
    if (this.unfinished > 0) this.output = Output.ending;
    else this.shutdown();
  }

  private shutdown(): void {
    this.output = Output.shuttingDown;
    shutDown(this.access, this.handle, () => {
      this.output = Output.ended;
      if (!this.destroyed) this.onSent?.();
    });
  }

  destroySoon(): void {
    if (this.unfinished === 0) this.destroy();
    else this.output = Output.closing;
  }

  destroy(code?: string): void {
    if (this.destroyed) return;
    this.handle.close();
    this.gone(code ?? null);
  }

  reset(): void {
    if (this.destroyed) return;
    closeByReset(this.handle, this.output);
    this.gone(null);
  }

  private gone(code: string | null): void {
    this.destroyed = true;
    process.nextTick(tellClosed, this.reader, code);
  }

  /** Called by the handle after each read. Returns the buffer to read into from now on; undefined: the same one. */
  onNativeRead(): Buffer | undefined {
    const { access, reader, buffer } = this;
    const count = access.state[access.readIndex] ?? 0;
    if (this.destroyed || count === 0) return undefined;
    if (count < 0) {
      this.readEnd(count);
      return undefined;
    }
    reader.onRead(buffer, count);
    const next = this.reader.readBuffer;
    if (next === buffer) return undefined;
    this.buffer = next;
    return next;
  }

  private readEnd(status: number): void {
    if (status !== UV_EOF) return this.destroy(getSystemErrorName(status));
    this.inputEnded = true;
    this.reader.onEnd();
  }

  private await(request: WriteRequest, data: unknown): void {
    this.unfinished++;
    request.oncomplete = (status) => this.complete(status);
    request.buffer = data;
    const { writeStatus } = request;
    // The write was completed before `oncomplete` was set.
    if (typeof writeStatus === "number") queueMicrotask(() => this.complete(writeStatus));
  }

  private complete(status: number): void {
    this.unfinished--;
    if (this.destroyed) return;
    if (status < 0) {
      this.writer.onWriteFailed();
      if (this.output === Output.closing) return this.destroy();
    } else if (this.unfinished === 0) {
      if (this.output === Output.closing) return this.destroy();
      this.writer.onWritten();
    }
    if (this.output === Output.ending && this.unfinished === 0 && !this.destroyed) this.shutdown();
  }
}

function onread(this: OwnedHandle): Buffer | undefined {
  return this.transport?.onNativeRead();
}

/** Writes several pieces through a handle in one call. */
export function writePieces(
  handle: Pick<RawHandle, "writeBuffer" | "writev">,
  pieces: readonly (string | Buffer)[],
): number | WriteRequest {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined && typeof only !== "string") return handle.writeBuffer(null, only);
  return handle.writev(
    null,
    pieces.flatMap((piece) => [piece, typeof piece === "string" ? "latin1" : "buffer"]),
    false,
  );
}
