/**
 * A data-plane thread within the thread of its control plane, for a program that runs the proxy itself. It acts as a worker of
 * node:worker_threads does: messages come later and in their order, a fault ends it with `error` and `exit`, and another one can be put in its
 * place. Messages are not copied, so a configuration may hold functions.
 *
 * What goes wrong in a callback of a socket cannot be caught here: the program gets it as an uncaught exception.
 */
import { EventEmitter } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import type { ListenerContext } from "../net/accept/listener-context.ts";
import type { LoadMiddleware } from "../middleware/installed-middleware.ts";
import { machine } from "../net/machine.ts";
import type { Platform } from "../net/platform.ts";
import type { FromWorker, ToWorker, WorkerInit } from "../shared/protocol.ts";
import { DataPlaneThread } from "./data-plane-thread.ts";

interface Events {
  readonly message: [message: FromWorker];
  readonly error: [error: unknown];
  readonly exit: [code: number];
}

/** Turns of the event loop in which the sockets of an ended thread tell the shared tables that they are closed. */
const LAST_TURNS = 3;

export class LocalThread extends EventEmitter<Events> {
  private readonly loadMiddleware: LoadMiddleware;
  private readonly platform: Platform;
  private thread: DataPlaneThread | null = null;
  private ending: Promise<void> | null = null;

  /** @param loadMiddleware loads middleware of the user's own */
  constructor(loadMiddleware: LoadMiddleware, platform: Platform = machine) {
    super();
    this.loadMiddleware = loadMiddleware;
    this.platform = guarded(platform, (error) => this.fail(error));
  }

  /** Where the program hands over its requests. Null: the thread has no configuration yet, or has ended. */
  get host(): ListenerContext | null {
    return this.ending === null ? (this.thread?.host ?? null) : null;
  }

  postMessage(message: WorkerInit | ToWorker): void {
    queueMicrotask(() => this.deliver(message));
  }

  /** Ends the thread at once. Resolves when the thread no longer writes to shared memory. */
  async terminate(): Promise<void> {
    await this.end(1);
  }

  private deliver(message: WorkerInit | ToWorker): void {
    if (this.ending !== null) return;
    try {
      if ("type" in message) this.thread?.receive(message).catch((error: unknown) => this.fail(error));
      else this.thread = this.begin(message);
    } catch (error) {
      this.fail(error);
    }
  }

  private begin(init: WorkerInit): DataPlaneThread {
    const port = { postMessage: (message: FromWorker): void => this.answer(message) };
    return new DataPlaneThread(port, init, Promise.resolve(null), () => Promise.resolve(this.loadMiddleware), this.platform);
  }

  private answer(message: FromWorker): void {
    queueMicrotask(() => {
      if (this.ending === null) this.emit("message", message);
    });
  }

  private fail(error: unknown): void {
    if (this.ending !== null) return;
    void this.end(1, error);
  }

  /** @param fault why the thread ends, if it failed */
  private end(code: number, fault?: unknown): Promise<void> {
    this.ending ??= this.ended(code, fault);
    return this.ending;
  }

  private async ended(code: number, fault: unknown): Promise<void> {
    try {
      await this.thread?.end();
    } catch (error) {
      fault ??= error;
    }
    for (let count = 0; count < LAST_TURNS; count++) await turn();
    if (fault !== undefined) this.emit("error", fault);
    this.emit("exit", code);
  }
}

/** The platform, with timers whose faults go to `fail` instead of to the program. */
function guarded(platform: Platform, fail: (error: unknown) => void): Platform {
  const guard = (then: () => void) => (): void => {
    try {
      then();
    } catch (error) {
      fail(error);
    }
  };
  return {
    ...platform,
    every: (ms, then) => platform.every(ms, guard(then)),
    atTurnEnd: (then) => platform.atTurnEnd(guard(then)),
  };
}
