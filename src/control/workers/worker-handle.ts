/** The main thread's handle on one worker thread: sends it messages, pairs answers with questions, and notices when it ends. */
import { stackOf } from "../../base/errors.ts";
import { linesOf } from "../../observe/log-batch.ts";
import type { FromWorker, ListenOrder, ToWorker, WorkerInit } from "../../shared/protocol.ts";
import type { ThreadLink } from "./thread-link.ts";
import { isRenewal, messageFor } from "./worker-configuration.ts";
import type { WorkerConfiguration } from "./worker-configuration.ts";

export interface ListenFailure {
  /** Slot of the listener that could not be opened. */
  readonly slot: number;
  readonly code: string;
  readonly message: string;
}

/** Rejects a question when the thread ends before it answers. The message is the reason. */
export class WorkerEnded extends Error {
  override readonly name: string = "WorkerEnded";
}

/** Messages to a worker that it does not answer. */
export type WorkerNews = Extract<
  ToWorker,
  {
    readonly type:
      | "names"
      | "lists"
      | "memories"
      | "descriptions"
      | "credentials"
      | "tls"
      | "challenges"
      | "session"
      | "certificate-refused";
  }
>;

/** A message that a worker sends on its own, not as an answer. */
export type WorkerNotice = Extract<
  FromWorker,
  { readonly type: "released" | "log" | "event" | "counted" | "keys-wanted" | "ask-outside" | "store" | "certificate-wanted" | "session" }
>;

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: WorkerEnded) => void;
}

export class WorkerHandle {
  readonly index: number;
  /** Resolves with the reason, in words, when the thread has ended. From then on it does not write to shared memory any more. */
  readonly ended: Promise<string>;
  private readonly thread: ThreadLink;
  private readonly logMemory: SharedArrayBuffer;
  private readonly onNotice: (notice: WorkerNotice) => void;
  /** By generation. */
  private readonly configuring: Map<number, Waiter<string | null>> = new Map();
  /** By generation. */
  private readonly preparing: Map<number, Waiter<string | null>> = new Map();
  private listening: Waiter<ListenFailure | null> | null = null;
  private closing: Waiter<void> | null = null;
  private draining: Waiter<number> | null = null;
  /** Generation of the configuration that the worker uses; 0 before the first. */
  private generation: number = 0;
  private endReason: string | null = null;
  /** Names of the middleware, by their numbers in the worker table. */
  private readonly middleware: Map<number, string> = new Map();

  constructor(thread: ThreadLink, init: WorkerInit, onNotice: (notice: WorkerNotice) => void) {
    this.index = init.index;
    this.onNotice = onNotice;
    this.thread = thread;
    this.logMemory = init.logMemory;
    this.thread.postMessage(init);
    this.thread.on("message", (message: FromWorker) => this.receive(message));
    let fault: string | null = null;
    this.thread.on("error", (error: unknown) => {
      fault = stackOf(error);
    });
    this.ended = new Promise((resolve) => {
      this.thread.once("exit", (code) => {
        this.endReason = fault ?? `exit code ${code}`;
        this.rejectAll(this.endReason);
        resolve(this.endReason);
      });
    });
  }

  /** Null: the worker has set up the middleware of the configuration, or goes on with what it has. Text: why it cannot. Rejects with {@link WorkerEnded}. */
  prepare({ generation, config, routes, renewal }: WorkerConfiguration): Promise<string | null> {
    if (renewal !== undefined && isRenewal({ renewal }, this.generation)) return Promise.resolve(null);
    const named = routes.map(({ name, middleware }) => ({ name, middleware }));
    const message = { type: "prepare", generation, middleware: config.middleware, routes: named } as const;
    return this.ask((waiter) => this.preparing.set(generation, waiter), message);
  }

  /** The configuration that was prepared does not come into use. */
  discard(generation: number): void {
    this.tell({ type: "discard", generation });
  }

  /** Null: the worker uses the configuration. Text: why it refused. Rejects with {@link WorkerEnded}. */
  configure(configuration: WorkerConfiguration): Promise<string | null> {
    const message = messageFor(configuration, this.generation);
    return this.ask((waiter) => this.configuring.set(configuration.generation, waiter), message);
  }

  /** Null: all of these listeners accept connections. A failure: none of them does. Rejects with {@link WorkerEnded}. */
  listen(orders: readonly ListenOrder[]): Promise<ListenFailure | null> {
    return this.ask((waiter) => (this.listening = waiter), { type: "listen", orders });
  }

  /** Resolves when these listeners accept nothing more. Exchanges on them have `timeoutMs` to end. Rejects with {@link WorkerEnded}. */
  closeListeners(slots: readonly number[], timeoutMs: number): Promise<void> {
    return this.ask((waiter) => (this.closing = waiter), { type: "close", slots, timeoutMs });
  }

  /** Drains the worker. Resolves with the number of exchanges that were cut at the time limit. Rejects with {@link WorkerEnded}. */
  drain(timeoutMs: number): Promise<number> {
    return this.ask((waiter) => (this.draining = waiter), { type: "drain", timeoutMs });
  }

  /** The access log lines that a notice is about, in shared memory. The worker does not overwrite them before {@link logTaken}. */
  logLines({ chunk, bytes }: Extract<WorkerNotice, { readonly type: "log" }>): Uint8Array {
    return linesOf(this.logMemory, chunk, bytes);
  }

  /** Gives the chunk of log memory back to the worker. */
  logTaken(chunk: number): void {
    this.tell({ type: "log-taken", chunk });
  }

  /** The name of the middleware with that number in the worker table; null for 0. */
  middlewareNamed(id: number): string | null {
    return this.middleware.get(id) ?? null;
  }

  /** Ends the thread at once, in the middle of whatever it does. */
  async terminate(): Promise<void> {
    await this.thread.terminate();
  }

  private ask<T>(keep: (waiter: Waiter<T>) => void, question: ToWorker): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.endReason !== null) {
        reject(new WorkerEnded(this.endReason));
        return;
      }
      keep({ resolve, reject });
      this.tell(question);
    });
  }

  tell(message: ToWorker): void {
    this.thread.postMessage(message);
  }

  private receive(message: FromWorker): void {
    switch (message.type) {
      case "prepared":
        this.preparing.get(message.generation)?.resolve(message.problem ?? null);
        this.preparing.delete(message.generation);
        return;
      case "configured":
        if (message.problem === undefined) this.generation = message.generation;
        this.configuring.get(message.generation)?.resolve(message.problem ?? null);
        this.configuring.delete(message.generation);
        return;
      case "listening":
        this.listening?.resolve(null);
        return;
      case "listen-failed":
        this.listening?.resolve({ slot: message.slot, code: message.code, message: message.message });
        return;
      case "closed":
        this.closing?.resolve();
        return;
      case "drained":
        this.draining?.resolve(message.cut);
        return;
      case "middleware":
        this.middleware.set(message.id, message.name);
        return;
      default:
        this.onNotice(message);
    }
  }

  private rejectAll(reason: string): void {
    const waiters = [...this.preparing.values(), ...this.configuring.values(), this.listening, this.closing, this.draining];
    for (const waiter of waiters) waiter?.reject(new WorkerEnded(reason));
  }
}
