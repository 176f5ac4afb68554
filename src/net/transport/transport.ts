/**
 * A byte stream to a peer, as the drivers of connections see it: what arrives lies in the reader's buffer, what is written is taken at
 * once or announced later, and a failed write closes nothing by itself, for the peer's last words may still be there to be read.
 * One that has ended on both sides stays open until its driver destroys it. Two of them: `RawTransport` on Node's handle of a TCP or Unix socket, `StreamTransport` on any stream of Node's, TLS above all.
 */
import type { Buffer } from "node:buffer";

/** What receives the bytes, and the end. Never called from within a call of the transport, `onRead` and `onEnd` in their order. */
export interface TransportReader {
  /** The buffer that the next read goes into; looked at after every read. */
  readBuffer: Buffer;
  /** `count` bytes were read into `buffer`. */
  onRead(buffer: Buffer, count: number): void;
  /** FIN: nothing more will come. */
  onEnd(): void;
  /** The transport is gone, by the peer, by a failure or by a call. `code`: the system's name of the failure. */
  onClosed(code: string | null): void;
}

/** What waits for its writes. */
export interface TransportWriter {
  /** Everything written has left for the kernel, after `write` had answered false. */
  onWritten(): void;
  /** The peer takes nothing more; may be called from within `write`. */
  onWriteFailed(): void;
}

/** Makes a transport of a connection that was accepted. */
export type OpenTransport = (reader: TransportReader, writer: TransportWriter) => AcceptedTransport;

export interface Transport {
  /**
   * Whether a read goes into the reader's own buffer, and none comes once it is paused: then the buffer may be a loan that an unfinished
   * write refers to. TLS hands on what it has decrypted already.
   */
  readonly readsOnDemand: boolean;
  /** Closed, or about to be: `onClosed` was called or will be. */
  readonly destroyed: boolean;
  /** Neither destroyed nor at its end: more may come. */
  readonly readable: boolean;
  /** Neither destroyed nor ended by `end`. */
  readonly writable: boolean;
  /** Bytes written that the kernel has not taken yet. */
  readonly queuedBytes: number;
  /** Text (latin1) or pieces of text and bytes, in one system call. False: not all is taken; the pieces must stay as they are. */
  write(data: string | readonly (string | Buffer)[]): boolean;
  /** The next read goes into that buffer, where `readsOnDemand`. Not within `onRead`: there the reader's own field says it. */
  readInto(buffer: Buffer): void;
  /** Reading stops, resumes. */
  pause(): void;
  resume(): void;
  /** FIN once everything written has left; then `sent` is called. */
  end(sent?: () => void): void;
  /** Closes once everything written has left. */
  destroySoon(): void;
  /** Closes at once. `code`: given to `onClosed`. */
  destroy(code?: string): void;
  /** Closes so that the peer sees a failure; as an end without one where the transport knows no reset. */
  reset(): void;
}

/** A transport of a connection that was accepted. */
export interface AcceptedTransport extends Transport {
  /** Reading starts; does nothing where it has started. */
  start(): void;
  /** From now on these are told. For who has read the beginning and leaves the rest to another; nothing may be written and unfinished. */
  handTo(reader: TransportReader, writer: TransportWriter): void;
}
