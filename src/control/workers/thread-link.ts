/** A data-plane thread as the control plane sees it: a worker thread, or what acts as one within the control plane's own thread. */
import type { FromWorker, ToWorker, WorkerInit } from "../../shared/protocol.ts";

/** The part of `Worker` of node:worker_threads that the control plane uses. */
export interface ThreadLink {
  postMessage(message: WorkerInit | ToWorker): void;
  on(event: "message", listener: (message: FromWorker) => void): unknown;
  /** The thread has failed; `exit` follows. */
  on(event: "error", listener: (error: unknown) => void): unknown;
  /** The thread has ended, and writes to shared memory no more. */
  once(event: "exit", listener: (code: number) => void): unknown;
  /** Ends the thread at once. Resolves when it has ended. */
  terminate(): Promise<unknown>;
}

/** Where the control plane gets its data-plane threads from. */
export interface ThreadSource {
  /** A thread for the worker with this index, which nobody else uses. */
  take(index: number): ThreadLink;
  /** Ends threads that were started in advance and that nobody took. */
  endUnused(): void;
}
