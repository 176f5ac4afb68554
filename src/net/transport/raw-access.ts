/**
 * Access to the internal handles below Node's sockets, found at run time, for `RawTransport`. Node does not document these handles, so their
 * use is rehearsed first: a socket of Node's gets a fake handle and is made to read and write, and must use the handle exactly as
 * `RawTransport` does. If it does not (another version of Node, a process without access), `rawAccess` returns null, and `StreamTransport`
 * is used instead.
 */
import { Buffer } from "node:buffer";
import net from "node:net";
import type { Socket } from "node:net";

/** Node's internal handle of a TCP or Unix socket. Methods that return a number return 0 or a negative error number. */
export interface RawHandle {
  /** Called after every read, with the count in `RawAccess.state`. If it returns a buffer, that is used for the next reads. */
  onread: (this: RawHandle) => Buffer | undefined;
  useUserBuffer(buffer: Buffer): void;
  readStart(): number;
  readStop(): number;
  /** Each of the three write methods returns 0 or an error number if the write is over, or a request that is completed later. */
  writeLatin1String(request: null, text: string): number | WriteRequest;
  writeBuffer(request: null, bytes: Buffer): number | WriteRequest;
  /** `chunks`: each piece followed by its encoding. */
  writev(request: null, chunks: readonly (string | Buffer)[], allBuffers: false): number | WriteRequest;
  /** Bytes that the system has not taken yet. */
  readonly writeQueueSize: number;
  /** Bytes that have been read since the start. */
  readonly bytesRead: number;
  /** Returns 0 if `request.oncomplete` will be called, 1 if the shutdown was done at once. */
  shutdown(request: ShutdownRequest): number;
  close(): void;
  /** TCP only. */
  reset?(): number;
  setNoDelay?(on: boolean): number;
  getpeername?(into: SocketEnd): number;
  getsockname?(into: SocketEnd): number;
}

/** One end of a connection, filled in by the handle. */
export interface SocketEnd {
  address?: string;
  port?: number;
}

export interface WriteRequest {
  oncomplete: (status: number) => void;
  /** The result, if the write was completed before `oncomplete` was set. */
  writeStatus: number | null;
  /** A reference to what is being written, to keep it from being garbage collected. */
  buffer: unknown;
}

export interface ShutdownRequest {
  oncomplete: (status: number) => void;
}

/** The internals of Node that `RawTransport` uses in addition to the handles. */
export interface RawAccess {
  /** `state[readIndex]` during `onread`: how many bytes were read, or a negative error number. */
  readonly state: Int32Array;
  readonly readIndex: number;
  readonly ShutdownRequest: new () => ShutdownRequest;
}

let known: RawAccess | null | undefined;

/** Returns this thread's access, or null if this version of Node works differently. Searched once. */
export function rawAccess(): RawAccess | null {
  if (known !== undefined) return known;
  try {
    // Node warns of `process.binding`, and with --throw-deprecation the warning would be an error.
    const access = process.throwDeprecation ? null : findAccess();
    known = access !== null && rehearse(access) ? access : null;
  } catch {
    known = null;
  }
  return known;
}

/** Takes the handle out of a connected socket, which must not be used afterwards. Null: the socket has no usable handle. */
export function takeHandle(socket: Socket): RawHandle | null {
  const holder: { _handle?: unknown } = socket as Socket & { _handle?: unknown };
  const handle = holder._handle;
  if (!isRawHandle(handle)) return null;
  holder._handle = null;
  return handle;
}

/**
 * Makes a listening server pass each accepted connection to `accept` as a handle, without a socket. `accept` gets null and the error number
 * (or 0) if there is no usable handle. Returns false, and changes nothing, if this version of Node works differently.
 */
export function acceptHandles(server: net.Server, accept: (handle: RawHandle | null, status: number) => void): boolean {
  const { _handle: listening } = server as net.Server & { _handle?: { onconnection?: unknown } | null };
  if (typeof listening?.onconnection !== "function") return false;
  listening.onconnection = (status: number, handle: unknown) => {
    if (isRawHandle(handle)) return accept(handle, status);
    if (isClosable(handle)) handle.close();
    accept(null, status);
  };
  return true;
}

const METHODS = ["useUserBuffer", "readStart", "readStop", "writeLatin1String", "writeBuffer", "writev", "shutdown"];

function isRawHandle(value: unknown): value is RawHandle {
  return hasRawMethods(value) && typeof Reflect.get(value, "close") === "function";
}

/** Whether a value has what a `RawHandle` has, apart from `close`. */
export function hasRawMethods(value: unknown): value is RawHandle {
  if (typeof value !== "object" || value === null) return false;
  return (
    METHODS.every((name) => typeof Reflect.get(value, name) === "function") &&
    ["writeQueueSize", "bytesRead"].every((name) => typeof Reflect.get(value, name) === "number")
  );
}

function isClosable(value: unknown): value is { close(): void } {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "close") === "function";
}

function findAccess(): RawAccess | null {
  const streams = internalBinding("stream_wrap");
  const handle = newTcpHandle();
  handle?.close();
  return isStreams(streams) && handle !== null
    ? { state: streams.streamBaseState, readIndex: streams.kReadBytesOrError, ShutdownRequest: streams.ShutdownWrap }
    : null;
}

/** One of Node's internal modules; undefined: it gives no access. Throws for a name that it does not know. */
export function internalBinding(name: string): unknown {
  const binding: unknown = Reflect.get(process, "binding");
  return typeof binding === "function" ? Reflect.apply(binding, process, [name]) : undefined;
}

/** A TCP handle that is not connected; null if such handles lack a method of `RawHandle`. */
export function newTcpHandle(): RawHandle | null {
  const tcp = internalBinding("tcp_wrap");
  if (!isTcp(tcp)) return null;
  const handle = new tcp.TCP(tcp.constants.SOCKET);
  if (isRawHandle(handle)) return handle;
  if (isClosable(handle)) handle.close();
  return null;
}

interface Tcp {
  readonly TCP: new (kind: number) => unknown;
  readonly constants: { readonly SOCKET: number };
}

function isTcp(value: unknown): value is Tcp {
  if (typeof value !== "object" || value === null) return false;
  const constants: unknown = Reflect.get(value, "constants");
  if (typeof constants !== "object" || constants === null) return false;
  return typeof Reflect.get(value, "TCP") === "function" && typeof Reflect.get(constants, "SOCKET") === "number";
}

interface Streams {
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly ShutdownWrap: new () => ShutdownRequest;
}

function isStreams(value: unknown): value is Streams {
  if (typeof value !== "object" || value === null) return false;
  const [state, index, shutdown] = ["streamBaseState", "kReadBytesOrError", "ShutdownWrap"].map((name): unknown =>
    Reflect.get(value, name),
  );
  return state instanceof Int32Array && typeof index === "number" && index < state.length && typeof shutdown === "function";
}

/** Whether a socket of Node's reads and writes through its handle as `RawTransport` does. */
function rehearse(access: RawAccess): boolean {
  const [first, second] = [Buffer.alloc(16), Buffer.alloc(16)];
  const handle = new Rehearsal();
  const reads: number[] = [];
  const option = {
    buffer: (): Buffer => (reads.length === 0 ? first : second),
    callback: (count: number): boolean => reads.push(count) > 0,
  };
  // Node's types do not know the option `handle`.
  const options: { handle: unknown; manualStart: true; onread: net.OnReadOpts } = { handle, manualStart: true, onread: option };
  const socket = new net.Socket(options as net.SocketConstructorOpts);
  socket.on("error", () => {});
  socket.write("x", "latin1");
  const before = access.state[access.readIndex] ?? 0;
  access.state[access.readIndex] = 7;
  const returned = handle.onread?.call(handle, undefined);
  access.state[access.readIndex] = before;
  const agrees = reads.length === 1 && reads[0] === 7 && returned === second && handle.buffers[0] === first;
  socket.destroy();
  return agrees && handle.written.length === 1 && handle.written[0] === null;
}

/** A fake handle that notes what Node's socket does with it. */
class Rehearsal {
  onread: ((data: undefined) => unknown) | null = null;
  /** The argument `request` of each write. */
  readonly written: unknown[] = [];
  readonly buffers: unknown[] = [];

  useUserBuffer(buffer: unknown): void {
    this.buffers.push(buffer);
  }

  writeLatin1String(request: unknown): number {
    this.written.push(request);
    return 0;
  }

  close(closed: unknown): void {
    if (typeof closed === "function") queueMicrotask(() => void Reflect.apply(closed, this, []));
  }
}
