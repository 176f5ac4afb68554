/**
 * A transport of encrypted bytes directly on Node's TLS handle, as `RawTransport` is on the TCP handle below it. It stands for a client or for a server;
 * who begins the handshake sets the handle up (net/tls/), and learns how it went through `HandshakeSink`.
 *
 * The handle has rules whose breach ends the whole process or corrupts OpenSSL's state:
 *
 * - It takes one write at a time: see `WriteGate`.
 * - It must not be destroyed, nor written to, while OpenSSL works, as it does in all callbacks of the handle. So `destroySSL` is called after the turn,
 *   and `HandshakeSink` says what may not be done within it.
 * - The TCP handle below is read by the TLS handle alone. A listener of JavaScript on it would take the completions of writes, and those that the kernel
 *   has not taken at once would never be complete.
 */
import { Buffer } from "node:buffer";
import { getSystemErrorName } from "node:util";
import type { ConnectionAddresses } from "../../proxy-protocol/header.ts";
import { Output } from "./output-state.ts";
import type { RawHandle } from "./raw-access.ts";
import { UV_EOF, closeByReset, shutDown, tellClosed } from "./raw-ends.ts";
import type { TlsAccess, TlsHandle } from "./tls-access.ts";
import { sharedBuffer } from "../buffers/read-buffers.ts";
import type { RecordOwner } from "../buffers/record-batch.ts";
import { handleAddresses } from "./connection-addresses.ts";
import type { WatchedConnection } from "./record-watch.ts";
import type { AcceptedTransport, TransportReader, TransportWriter } from "./transport.ts";
import { WriteGate } from "./write-gate.ts";
import type { GateOwner } from "./write-gate.ts";

/** Where records of large messages are decrypted to before they are collected. All connections of the thread share it. */
const scratch: Buffer = Buffer.allocUnsafeSlow(16 * 1024);

/** Stands for the end of the socket without an end of TLS, among the system's error numbers. */
const TRUNCATION = -1_000_000;

/** `onClosed` is told this when the peer closed without saying that it had sent everything: what came may be cut off (RFC 8446 section 6.1). */
export const TRUNCATED = "ERR_TLS_TRUNCATED";

/** `onClosed` is told this when the peer has asked for another handshake, which TLS 1.2 allows. */
export const RENEGOTIATED = "ERR_TLS_RENEGOTIATED";

/** `onClosed` is told this when the peer sends records that bring nothing; see record-watch.ts. */
export const USELESS = "ERR_TLS_USELESS_RECORDS";

/** Learns how the handshake went. Nothing may be written or destroyed within `established`. */
export interface HandshakeSink {
  established(): void;
  /** @param code Node's or OpenSSL's name of the fault */
  failed(code: string): void;
}

/** The handle with a reference to its transport, for the callbacks. */
interface OwnedTls extends TlsHandle {
  transport?: RawTlsTransport;
}

/**
 * The handle below with a reference to the transport. Node keeps an open TCP handle alive, but the TLS handle on it only as long as JavaScript refers to it:
 * without this reference a connection that nobody waits for otherwise stands still as soon as garbage is collected.
 */
interface OwnedTcp extends RawHandle {
  secured?: RawTlsTransport | null;
}

export class RawTlsTransport implements AcceptedTransport, RecordOwner, GateOwner, WatchedConnection {
  readonly readsOnDemand: boolean = true;
  destroyed: boolean = false;
  readonly handle: TlsHandle;
  private readonly tcp: OwnedTcp;
  private readonly access: TlsAccess;
  private reader: TransportReader;
  private writer: TransportWriter;
  /** Learns of the handshake; null when it is over. */
  private handshake: HandshakeSink | null;

  // ---- reading

  /** The reader takes bytes. */
  private reading: boolean = false;
  /** The handle is telling of a record; others may be waiting to be decrypted after it. */
  private isDecrypting: boolean = false;
  /** The handle reads the socket: during the handshake too, when `reading` is false. */
  private isSocketRead: boolean = false;
  /** The peer has ended. The reader may not know yet. */
  private inputEnded: boolean = false;
  /** Decrypted bytes that came while reading was paused. */
  private held: Buffer[] | null = null;
  /** Why nothing more comes, to be told after the held bytes: the error number of a read; 0: more may come. */
  private heldEnd: number = 0;
  /** Where the handle decrypts the next record to. */
  private decrypted: Buffer = sharedBuffer;
  private readonly truncationMatters: boolean;
  encryptedBefore: number = 0;
  decryptedBefore: number = 0;

  // ---- writing

  private output: Output = Output.open;
  private readonly gate: WriteGate;
  private onSent: (() => void) | undefined;

  /**
   * @param handle TLS on that TCP handle, which nobody else reads
   * @param truncationMatters whether an end without close_notify is a failure: set it for peers whose messages may end with the connection
   */
  constructor(
    access: TlsAccess,
    tcp: RawHandle,
    handle: TlsHandle,
    {
      reader,
      writer,
      handshake,
    }: { readonly reader: TransportReader; readonly writer: TransportWriter; readonly handshake: HandshakeSink },
    truncationMatters: boolean = false,
  ) {
    this.access = access;
    this.tcp = tcp;
    this.reader = reader;
    this.writer = writer;
    this.handshake = handshake;
    this.truncationMatters = truncationMatters;
    const owned: OwnedTls = handle;
    owned.transport = this;
    owned.onread = onread;
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- Node's handles call this field
    owned.onerror = onerror;
    owned.onhandshakestart = onhandshakestart;
    owned.onhandshakedone = onhandshakedone;
    owned.useUserBuffer(this.decrypted);
    this.handle = owned;
    this.tcp.secured = this;
    this.gate = new WriteGate(owned, tcp, this);
  }

  /** Has the handle read the socket, which the handshake needs. What it decrypts beyond the handshake is held until `start`. */
  begin(): void {
    if (this.isSocketRead || this.inputEnded || this.destroyed) return;
    this.isSocketRead = true;
    const status = this.handle.readStart();
    if (status !== 0) this.destroy(getSystemErrorName(status));
  }

  start(): void {
    this.resume();
  }

  addresses(): ConnectionAddresses | null {
    return this.destroyed ? null : handleAddresses(this.tcp);
  }

  handTo(reader: TransportReader, writer: TransportWriter): void {
    this.reader = reader;
    this.writer = writer;
  }

  /** Gives back the connection below, on which TLS has failed; its alert, if any, was sent. Not for use within `failed`. */
  release(): RawHandle {
    this.handle.readStop();
    this.destroyed = true;
    this.access.records.forget(this);
    this.access.watch.delete(this);
    this.tcp.secured = null;
    this.handle.destroySSL();
    return this.tcp;
  }

  get readable(): boolean {
    return !this.destroyed && !this.inputEnded;
  }

  get writable(): boolean {
    return !this.destroyed && this.output === Output.open;
  }

  get queuedBytes(): number {
    return this.destroyed ? 0 : this.tcp.writeQueueSize + this.gate.waitingBytes;
  }

  // ---- writing --------------------------------------------------------------------------------------------------------

  write(data: string | readonly (string | Buffer)[]): boolean {
    return this.writable ? this.gate.write(data) : true;
  }

  onWriteFailed(): void {
    this.writer.onWriteFailed();
  }

  onWritesOver(hasFailed: boolean, wasBlocked: boolean): void {
    if (this.destroyed) return;
    if (this.output === Output.closing) {
      if (hasFailed) this.destroy();
      else this.whenFree();
    } else if (this.output === Output.ending) {
      if (hasFailed) this.shutdown();
      else this.whenFree();
    } else if (wasBlocked && !hasFailed) this.writer.onWritten();
  }

  // ---- ending ---------------------------------------------------------------------------------------------------------

  end(sent?: () => void): void {
    if (!this.writable) return;
    this.onSent = sent;
    this.output = Output.ending;
    this.whenFree();
  }

  destroySoon(): void {
    if (this.destroyed || this.output === Output.closing) return;
    // A FIN was sent or is being sent: nothing is left to write.
    if (this.output >= Output.shuttingDown) return this.destroy();
    this.output = Output.closing;
    this.whenFree();
  }

  /**
   * Ends or closes, as `output` says, as soon as everything written has been encrypted and has left.
   * @param mayWait whether to wait for bytes that the handle has not committed yet, such as the last ones of the handshake: after a turn it has, unless its
   * writing has failed. While records wait to be decrypted OpenSSL must not be told of the end either: it would take them for a fault of the peer
   */
  private whenFree(mayWait: boolean = true): void {
    if (this.destroyed) return;
    if (!this.gate.isFree()) return this.gate.awaitCurrent();
    if (this.isDecrypting || (mayWait && this.handle.writeQueueSize > 0 && this.tcp.writeQueueSize === 0)) {
      setImmediate(() => this.whenFree(false));
      return;
    }
    if (this.output === Output.closing) this.closeWell();
    else if (this.output === Output.ending) this.shutdown();
  }

  /** Says that everything was sent (close_notify), and closes. */
  private closeWell(): void {
    if (this.handshake === null) this.handle.shutdown(new this.access.ShutdownRequest());
    this.destroy();
  }

  private shutdown(): void {
    this.output = Output.shuttingDown;
    shutDown(this.access, this.handle, () => {
      this.output = Output.ended;
      if (!this.destroyed) this.onSent?.();
    });
  }

  destroy(code?: string): void {
    if (this.destroyed) return;
    this.tcp.close();
    this.gone(code ?? null);
  }

  reset(): void {
    if (this.destroyed) return;
    closeByReset(this.tcp, this.output);
    this.gone(null);
  }

  private gone(code: string | null): void {
    this.destroyed = true;
    this.access.records.forget(this);
    this.access.watch.delete(this);
    this.held = null;
    this.gate.drop();
    setImmediate(freed, this.handle);
    process.nextTick(tellClosed, this.reader, code);
  }

  // ---- reading --------------------------------------------------------------------------------------------------------

  /** Does nothing: the handle decrypts into a buffer of the thread, and the reader's own is looked up when it gets the bytes. */
  readInto(): void {}

  pause(): void {
    if (!this.reading || this.destroyed) return;
    this.reading = false;
    this.isSocketRead = false;
    this.handle.readStop();
    if (this.access.records.has(this)) this.access.records.handOver();
  }

  resume(): void {
    if (this.reading || this.destroyed) return;
    this.reading = true;
    if (this.held !== null || this.heldEnd !== 0) queueMicrotask(() => this.deliverHeld());
    this.begin();
  }

  /** Called by the handle with decrypted bytes. Returns the buffer for the next ones; undefined: the same one. */
  onDecrypted(): Buffer | undefined {
    const count = this.access.state[this.access.readIndex] ?? 0;
    if (this.destroyed || count === 0) return undefined;
    this.isDecrypting = true;
    this.takeDecrypted(count);
    this.isDecrypting = false;
    if (this.destroyed) return undefined;
    const next = this.reader.readBuffer === sharedBuffer ? sharedBuffer : scratch;
    if (next === this.decrypted) return undefined;
    this.decrypted = next;
    return next;
  }

  private takeDecrypted(count: number): void {
    if (count < 0) this.ended(this.isTruncation(count) ? TRUNCATION : count);
    else if (!this.reading || this.held !== null) (this.held ??= []).push(Buffer.from(this.decrypted.subarray(0, count)));
    else if (this.reader.readBuffer !== sharedBuffer || this.access.records.has(this)) this.collect(count);
    else if (this.decrypted === sharedBuffer) this.reader.onRead(sharedBuffer, count);
    else this.bring(this.decrypted, count);
  }

  /**
   * The reader may have got its buffer when held bytes were handed over, so that this record still lies in the shared one. What was collected of another
   * connection is handed over first, and its reader may read that into the shared buffer.
   */
  private collect(count: number): void {
    if (this.decrypted === sharedBuffer) sharedBuffer.copy(scratch, 0, 0, count);
    this.access.records.add(this, scratch, count);
  }

  /**
   * Whether the end that is told now is that of the socket, without one of TLS before it, where that matters. libuv has stopped to read when it tells of the
   * socket's end, and can be told to read again; when a record says that it was the last one, libuv is reading (or was stopped by `pause`).
   */
  private isTruncation(status: number): boolean {
    if (status !== UV_EOF || !this.truncationMatters || this.inputEnded || !this.isSocketRead) return false;
    if (this.tcp.readStart() !== 0) return false;
    this.tcp.readStop();
    return true;
  }

  /** Called with the records of this turn. */
  takeRecords(buffer: Buffer, count: number): void {
    this.bring(buffer, count);
  }

  /** Copies `source[0, count)` to the reader's buffer and gives it to the reader; what comes while reading is paused is held. */
  private bring(source: Buffer, count: number): void {
    for (let at = 0; at < count && !this.destroyed;) {
      if (!this.reading) {
        this.held = [Buffer.from(source.subarray(at, count)), ...(this.held ?? [])];
        return;
      }
      const { readBuffer } = this.reader;
      const copied = source.copy(readBuffer, 0, at, count);
      at += copied;
      this.reader.onRead(readBuffer, copied);
    }
  }

  private deliverHeld(): void {
    while (this.held !== null && this.reading && !this.destroyed) {
      // In one piece: a client may have sent thousands of records of one byte.
      const bytes = Buffer.concat(this.held);
      this.held = null;
      this.bring(bytes, bytes.length);
    }
    if (this.held !== null || !this.reading || this.heldEnd === 0) return;
    const status = this.heldEnd;
    this.heldEnd = 0;
    this.tellEnd(status);
  }

  /** Nothing more comes, because of `status`. */
  private ended(status: number): void {
    if (this.inputEnded) return;
    this.inputEnded = true;
    if (this.access.records.has(this)) this.access.records.handOver();
    const isWaiting = this.handshake === null && (this.held !== null || !this.reading);
    if (isWaiting) this.heldEnd = status;
    else this.tellEnd(status);
  }

  private tellEnd(status: number): void {
    if (this.destroyed) return;
    if (status !== UV_EOF) this.destroy(status === TRUNCATION ? TRUNCATED : getSystemErrorName(status));
    else if (this.handshake === null) this.reader.onEnd();
    else this.destroy();
  }

  // ---- the handshake --------------------------------------------------------------------------------------------------

  /** A peer that asks for another handshake (TLS 1.2) is left alone: OpenSSL would keep an answer to each wish in memory until the peer reads it. */
  onHandshakeStart(): void {
    if (this.handshake !== null || this.destroyed) return;
    // Nothing counts that comes from here on.
    this.handle.onread = ignored;
    setImmediate(() => this.destroy(RENEGOTIATED));
  }

  onHandshakeDone(): void {
    const { handshake } = this;
    this.handshake = null;
    if (this.destroyed) return;
    this.access.watch.add(this);
    handshake?.established();
  }

  // ---- records without data -------------------------------------------------------------------------------------------

  get encryptedBytes(): number {
    return this.tcp.bytesRead;
  }

  get decryptedBytes(): number {
    return this.handle.bytesRead;
  }

  onUselessRecords(): void {
    this.destroy(USELESS);
  }

  onFault(code: string): void {
    const { handshake } = this;
    if (this.destroyed) return;
    if (handshake === null) return this.destroy(code);
    this.handshake = null;
    handshake.failed(code);
  }
}

function onread(this: OwnedTls): Buffer | undefined {
  return this.transport?.onDecrypted();
}

/** Instead of `onread`. */
function ignored(): undefined {}

function onhandshakestart(this: OwnedTls): void {
  this.transport?.onHandshakeStart();
}

function onhandshakedone(this: OwnedTls): void {
  this.transport?.onHandshakeDone();
}

function onerror(this: OwnedTls, error: Error & { readonly code?: string }): void {
  this.transport?.onFault(error.code ?? "ERR_SSL_FAILED");
}

function freed(handle: TlsHandle): void {
  handle.destroySSL();
}
