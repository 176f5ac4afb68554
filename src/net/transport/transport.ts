/**
 * A transport: a connection as a stream of bytes, below any protocol. A driver such as HTTP/1.1 reads and writes through it.
 *
 * - Received bytes lie in a buffer that the reader provides.
 * - A write is either taken at once or finishes later (`onWritten`).
 * - A failed write does not close the transport, because the peer's last bytes may still be readable.
 * - A transport that has ended on both sides stays open until its driver destroys it.
 *
 * There are four: `RawTransport` on Node's handle of a TCP or Unix socket, `RawTlsTransport` on the handle of TLS above it, `StreamTransport` on a socket
 * of Node's, where there is no access to handles, and `MemoryTransport` for tests.
 */
import type { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import type { ConnectionAddresses } from "../../proxy-protocol/header.ts";
import type { RawHandle } from "./raw-access.ts";

/** The reading side of a driver. A transport never calls it within one of its own methods. `onEnd` comes after the last `onRead`. */
export interface TransportReader {
  /** The buffer for the next read. The transport reads this field after every `onRead`. */
  readBuffer: Buffer;
  /** `count` bytes were read to the beginning of `buffer`. */
  onRead(buffer: Buffer, count: number): void;
  /** The peer has sent its FIN: nothing more will come. */
  onEnd(): void;
  /**
   * The transport is closed: by the peer, by a failure or by a call. `code`: the system's name of the failure, such as ECONNRESET; null:
   * none.
   */
  onClosed(code: string | null): void;
}

/** The writing side of a driver. */
export interface TransportWriter {
  /** After `write` returned false: the kernel has taken everything. */
  onWritten(): void;
  /** A write failed: the peer takes nothing more. May be called within `write`. */
  onWriteFailed(): void;
}

/** Makes the transport of an accepted connection for that driver. */
export type OpenTransport = (reader: TransportReader, writer: TransportWriter) => AcceptedTransport;

export interface Transport {
  /**
   * Whether bytes lie in the reader's buffer, and no read comes while reading is paused. Only then may the buffer be a loan to which an unfinished
   * write refers. False for sockets of Node's, which deliver what they have read or decrypted already.
   */
  readonly readsOnDemand: boolean;
  /** The transport is closed or about to be: `onClosed` was called or will be. */
  readonly destroyed: boolean;
  /** Not destroyed, and the peer has not ended: more bytes may come. */
  readonly readable: boolean;
  /** Not destroyed, and not ended by `end`. */
  readonly writable: boolean;
  /** Bytes written that the kernel has not taken yet. */
  readonly queuedBytes: number;
  /**
   * Writes text (latin1), or pieces of text and bytes, in one system call. Returns false if not all was taken: the bytes must not change
   * until `onWritten`.
   */
  write(data: string | readonly (string | Buffer)[]): boolean;
  /** Sets the buffer for the next read, if `readsOnDemand`. Not for use within `onRead`, after which the field `readBuffer` is read. */
  readInto(buffer: Buffer): void;
  /** Stops reading until `resume`. */
  pause(): void;
  resume(): void;
  /** Sends a FIN once everything written has left, then calls `sent`. */
  end(sent?: () => void): void;
  /** Closes once everything written has left. */
  destroySoon(): void;
  /** Closes at once. `code` is passed to `onClosed`. */
  destroy(code?: string): void;
  /** Closes with a reset (RST), so that the peer sees a failure. A transport that cannot reset closes normally. */
  reset(): void;
}

/** The transport of an accepted connection. */
export interface AcceptedTransport extends Transport {
  /** The two ends of the connection, asked of the system; null: they are not known, as for Unix sockets and after the close. */
  addresses(): ConnectionAddresses | null;
  /** Starts to read; does nothing if reading has started already. */
  start(): void;
  /** Changes the driver, for example after a handshake. No write may be unfinished. */
  handTo(reader: TransportReader, writer: TransportWriter): void;
  /**
   * Gives away what the transport stands on, for another protocol such as TLS on the same connection. The transport is not usable afterwards, and calls
   * nobody. Absent: it cannot.
   */
  release?(): RawHandle | Duplex;
}
