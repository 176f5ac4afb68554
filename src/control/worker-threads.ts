/**
 * Starts data-plane threads. The first ones may start before the configuration is read: loading a thread takes as long as loading
 * everything that reads a configuration, and the machine has more than one processor.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { fixYoungGeneration } from "./young-generation.ts";

/** More than these would slow down what they wait for, on most machines. */
const EARLY_MAX = 4;

/** TypeScript in a checkout, JavaScript where it was built. */
const ENTRY = new URL(import.meta.url.endsWith(".ts") ? "../worker.ts" : "../worker.js", import.meta.url);

export class WorkerThreads {
  private readonly entry: URL;
  private readonly early: Map<number, Worker> = new Map();

  /** @param entry the file of the data-plane thread; tests give a stand-in */
  constructor(entry: URL = ENTRY) {
    this.entry = entry;
  }

  /** Starts some threads; who asks for threads 0, 1 ... gets these first. */
  startEarly(): void {
    // Who leaves out the warm-up wants a start that costs little: most tests use one thread.
    const count = process.env["MILLRACE_WARM_UP"] === "off" ? 1 : Math.min(availableParallelism(), EARLY_MAX);
    for (let index = 0; index < count; index++) {
      const thread = this.start(index);
      this.early.set(index, thread);
      // One that cannot live is none; the attempt that counts will say why.
      const ended = (): void => void this.early.delete(index);
      thread.once("error", ended).once("exit", ended);
    }
  }

  /** The thread for that index: an early one where there is one, else a new one. */
  take(index: number): Worker {
    const thread = this.early.get(index);
    if (thread === undefined) return this.start(index);
    this.early.delete(index);
    thread.removeAllListeners("error").removeAllListeners("exit");
    return thread;
  }

  /** Ends the early threads that nobody took. */
  endUnused(): void {
    for (const thread of this.early.values()) void thread.terminate();
  }

  private start(index: number): Worker {
    fixYoungGeneration();
    return new Worker(this.entry, { name: `millrace-worker-${index}` });
  }
}
