/**
 * The one place that builds sockets which read into a given buffer (`onread`) instead of allocating one per read. Node offers that for
 * outgoing connections; for accepted ones the handle of the paused socket is wrapped in a new one. Where that does not work (a handle
 * that is not there), plain `data` events do, at the price of an allocation per read.
 */
import type { Buffer } from "node:buffer";
import net from "node:net";
import type { Socket } from "node:net";
import { sharedBuffer } from "./read-buffers.ts";

/** What receives the bytes of a socket. */
export interface Reader {
  /** The buffer that the next read goes into. */
  readBuffer: Buffer;
  /** `count` bytes were read into `buffer`. */
  onRead(buffer: Buffer, count: number): void;
}

/** The `onread` option for `reader`. */
export function onreadOption(reader: Reader): net.OnReadOpts {
  return new ReadInto(reader).option;
}

/** Turns a socket accepted with `pauseOnConnect` into one that reads into `reader`'s buffers. Reading starts at once. */
export function adoptAccepted(accepted: Socket, readerOf: (socket: Socket) => Reader): Socket {
  const internal: { _handle?: unknown } = accepted as Socket & { _handle?: unknown };
  const handle = internal._handle;
  if (handle === undefined || handle === null) return adoptPlain(accepted, readerOf);
  internal._handle = null;
  const into = new ReadInto(null);
  // Read by hand below: the reader exists only after the socket does.
  const options: WrapOptions = { handle, allowHalfOpen: true, manualStart: true, onread: into.option };
  const socket = new net.Socket(options as net.SocketConstructorOpts);
  into.reader = readerOf(socket);
  socket.read(0);
  return socket;
}

interface WrapOptions {
  readonly handle: unknown;
  readonly allowHalfOpen: boolean;
  readonly manualStart: boolean;
  readonly onread: net.OnReadOpts;
}

/** Between a socket and its reader. */
class ReadInto {
  reader: Reader | null;
  /** What a read filled just now. */
  private filled: Buffer | null = null;

  constructor(reader: Reader | null) {
    this.reader = reader;
  }

  get option(): net.OnReadOpts {
    const option = {
      callback: (count: number, buffer: Uint8Array): boolean => {
        // Always what `buffer` returned.
        this.filled = buffer as Buffer;
        this.reader?.onRead(this.filled, count);
        return true;
      },
      // Asked when a handle begins, and after every read. What is no buffer spares Node the work of setting the same one again.
      buffer: (): Buffer | null => {
        const next = this.reader?.readBuffer ?? sharedBuffer;
        const isSame = next === this.filled;
        this.filled = null;
        return isSame ? null : next;
      },
    };
    // The type knows no null.
    return option as net.OnReadOpts;
  }
}

function adoptPlain(accepted: Socket, readerOf: (socket: Socket) => Reader): Socket {
  const reader = readerOf(accepted);
  accepted.on("data", (chunk: Buffer) => {
    // Slices of this size are copied by the outlet: nothing refers to the chunk after the callback.
    for (let at = 0; at < chunk.length; at += sharedBuffer.length) {
      const count = chunk.copy(sharedBuffer, 0, at, Math.min(chunk.length, at + sharedBuffer.length));
      reader.onRead(sharedBuffer, count);
    }
  });
  accepted.resume();
  return accepted;
}
