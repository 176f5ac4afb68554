/**
 * Starts worker threads. Some of them start early, before the configuration is read: on a machine with several processors, threads load
 * their code while the main thread reads the configuration, which takes about as long.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { WorkerOptions } from "node:worker_threads";
import type { ThreadSource } from "./thread-link.ts";
import { YOUNG_GENERATION_MIB, fixYoungGeneration } from "./young-generation.ts";

/** More early threads than this would slow down the reading of the configuration, on most machines. */
const EARLY_MAX = 4;

/** The entry file: TypeScript in a checkout, JavaScript in a build. */
const ENTRY = new URL(import.meta.url.endsWith(".ts") ? "../../worker.ts" : "../../worker.js", import.meta.url);

export class WorkerThreads implements ThreadSource {
  private readonly entry: URL;
  private readonly options: WorkerOptions;
  private readonly early: Map<number, Worker> = new Map();

  /**
   * @param entry the thread's entry file; tests pass a stand-in
   * @param inProgram whether the process is somebody else's program: then nothing is changed that its own threads would notice, and what it
   *   was started with (such as `--import`) does not run in these threads too
   */
  constructor(entry: URL = ENTRY, inProgram: boolean = false) {
    this.entry = entry;
    this.options = inProgram ? { execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB } } : {};
    if (!inProgram) fixYoungGeneration();
  }

  /** Starts some threads, for the indexes from 0 up. */
  startEarly(): void {
    // MILLRACE_WARM_UP=off asks for a cheap start. It is for tests, and most of them use one thread.
    const count = process.env["MILLRACE_WARM_UP"] === "off" ? 1 : Math.min(availableParallelism(), EARLY_MAX);
    for (let index = 0; index < count; index++) {
      const thread = this.start(index);
      this.early.set(index, thread);
      // An early thread that fails is forgotten without a message: `take` starts another, which reports the fault.
      const ended = (): void => void this.early.delete(index);
      thread.once("error", ended).once("exit", ended);
    }
  }

  /** The thread for that index: the early one if there is one, otherwise a new one. */
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
    return new Worker(this.entry, { ...this.options, name: `millrace-worker-${index}` });
  }
}
