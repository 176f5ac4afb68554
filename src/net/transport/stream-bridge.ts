/**
 * Node's bridge from TLS to a stream that is no socket takes one write at a time, and none once the end of the stream was asked for: an assertion of its own ends
 * the thread otherwise. But OpenSSL writes an alert whenever it reads something that is wrong, whatever is being written then. So further writes wait
 * here, and those that come too late are cancelled.
 */
import os from "node:os";
import type { TLSSocket } from "node:tls";

/** What is used of the bridge. Each request is completed by `finishWrite` of the handle. */
export interface StreamBridge {
  _handle: BridgeHandle | null;
  doWrite(request: object, pieces: readonly Uint8Array[]): number;
  finishWrite(handle: BridgeHandle, status: number): void;
  doShutdown(request: object): number;
  doClose(closed: () => void): void;
}

export interface BridgeHandle {
  finishWrite(request: object, status: number): void;
}

/** Lets the bridge below that socket take several writes. Does nothing where Node has another one. */
export function orderWrites(socket: TLSSocket): void {
  const { _handle: handle } = socket as TLSSocket & { readonly _handle?: { readonly _parentWrap?: unknown } | null };
  const bridge = handle?._parentWrap;
  if (isBridge(bridge)) OrderedWrites.of(bridge);
}

const METHODS = ["doWrite", "finishWrite", "doShutdown", "doClose"];

function isBridge(value: unknown): value is StreamBridge {
  return typeof value === "object" && value !== null && METHODS.every((name) => typeof Reflect.get(value, name) === "function");
}

/** Takes the place of the bridge's methods. */
export class OrderedWrites {
  private readonly bridge: StreamBridge;
  private readonly own: Pick<StreamBridge, "doWrite" | "finishWrite" | "doShutdown" | "doClose">;
  private isWriting: boolean = false;
  private waiting: (readonly [request: object, pieces: readonly Uint8Array[]])[] = [];
  /** The end of the stream is to come after the writes that wait. */
  private shutdown: object | null = null;
  /** No further write is taken. */
  private isOver: boolean = false;

  static of(bridge: StreamBridge): OrderedWrites {
    return new OrderedWrites(bridge);
  }

  private constructor(bridge: StreamBridge) {
    this.bridge = bridge;
    const { doWrite, finishWrite, doShutdown, doClose } = bridge;
    this.own = {
      doWrite: doWrite.bind(bridge),
      finishWrite: finishWrite.bind(bridge),
      doShutdown: doShutdown.bind(bridge),
      doClose: doClose.bind(bridge),
    };
    bridge.doWrite = (request, pieces) => this.write(request, pieces);
    bridge.finishWrite = (handle, status) => this.finished(handle, status);
    bridge.doShutdown = (request) => this.end(request);
    bridge.doClose = (closed) => this.close(closed);
  }

  private write(request: object, pieces: readonly Uint8Array[]): number {
    if (this.isOver) this.cancelLater([request], this.bridge._handle);
    else if (this.isWriting) this.waiting.push([request, pieces]);
    else {
      this.isWriting = true;
      return this.own.doWrite(request, pieces);
    }
    return 0;
  }

  private finished(handle: BridgeHandle, status: number): void {
    this.own.finishWrite(handle, status);
    this.isWriting = false;
    if (status < 0) this.cancelWaiting(handle);
    const next = this.waiting.shift();
    if (next !== undefined) {
      this.isWriting = true;
      this.own.doWrite(...next);
      return;
    }
    const { shutdown } = this;
    this.shutdown = null;
    if (shutdown !== null) this.own.doShutdown(shutdown);
  }

  private end(request: object): number {
    this.isOver = true;
    if (!this.isWriting) return this.own.doShutdown(request);
    this.shutdown = request;
    return 0;
  }

  private close(closed: () => void): void {
    const { _handle: handle } = this.bridge;
    this.isOver = true;
    // What waits for its turn gets none; the bridge itself cancels what it has begun.
    if (handle !== null) this.cancelWaiting(handle);
    this.own.doClose(closed);
  }

  private cancelWaiting(handle: BridgeHandle): void {
    const { waiting } = this;
    this.waiting = [];
    this.cancelLater(
      waiting.map(([request]) => request),
      handle,
    );
  }

  /** Not at once: TLS has just begun these writes. */
  private cancelLater(requests: readonly object[], handle: BridgeHandle | null): void {
    if (handle === null || requests.length === 0) return;
    setImmediate(() => {
      for (const request of requests) handle.finishWrite(request, -os.constants.errno.ECANCELED);
    });
  }
}
