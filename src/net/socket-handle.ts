/**
 * Writing to the operating system without Node's stream in between. The stream costs half a microsecond of each small write, and it
 * closes a socket as soon as a write fails, with everything that the peer had sent and nobody had read yet: an early answer, the last
 * words in a tunnel. What is used here is the way in which Node's own sockets write; where a version of Node does it differently,
 * `handleOf` says null and the stream is used.
 */
import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";

/** What node:net calls on the handle of a TCP or Unix socket. Writes answer an error number, or a request that is completed later. */
export interface SocketHandle {
  writeLatin1String(request: null, text: string): number | WriteRequest;
  writeBuffer(request: null, bytes: Buffer): number | WriteRequest;
  /** Chunk and encoding in turn. */
  writev(request: null, chunks: readonly (string | Buffer)[], allBuffers: false): number | WriteRequest;
  /** Bytes that the system has not taken yet. */
  readonly writeQueueSize: number;
}

export interface WriteRequest {
  oncomplete: (status: number) => void;
  /** Set where it was completed before `oncomplete` was. */
  writeStatus: number | null;
  /** What is being written must not be collected. */
  buffer: unknown;
}

/** Whether this version of Node writes as described; null: not known before the first write. */
let known: boolean | null = null;

/** The handle of a connected TCP or Unix socket, or null where its stream must be used. */
export function handleOf(socket: Socket): SocketHandle | null {
  if (known === false) return null;
  const { _handle: handle } = socket as Socket & { _handle?: SocketHandle | null };
  if (handle === undefined || handle === null || "encrypted" in socket) return null;
  if (known === true) return handle;
  watchFirstWrite(handle);
  return null;
}

/** Chunks of text (latin1) and bytes in one write. */
export function writeChunks(handle: SocketHandle, chunks: readonly (string | Buffer)[]): number | WriteRequest {
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined && typeof only !== "string") return handle.writeBuffer(null, only);
  return handle.writev(
    null,
    chunks.flatMap((chunk) => [chunk, typeof chunk === "string" ? "latin1" : "buffer"]),
    false,
  );
}

/** `done` is called when the request is completed, with 0 or an error number; `written` is kept until then. */
export function awaitWrite(request: WriteRequest, written: unknown, done: (status: number) => void): void {
  request.oncomplete = done;
  request.buffer = written;
  const { writeStatus } = request;
  // It was completed before anybody could listen.
  if (typeof writeStatus === "number") queueMicrotask(() => done(writeStatus));
}

/** Ends the connection so that the peer sees a failure; as an end without one where the transport knows no reset. */
export function reset(socket: Socket): void {
  try {
    if (!socket.destroyed) socket.resetAndDestroy();
  } catch {
    socket.destroy();
  }
}

/** The next write through Node's stream tells how it is done: with null for the request, as here, or otherwise. */
function watchFirstWrite(handle: SocketHandle): void {
  const own = handle.writeLatin1String;
  if (typeof own !== "function" || typeof handle.writeQueueSize !== "number") {
    known = false;
    return;
  }
  handle.writeLatin1String = function (this: SocketHandle, request: null, text: string): number | WriteRequest {
    handle.writeLatin1String = own;
    known = request === null;
    return own.call(this, request, text);
  };
}
