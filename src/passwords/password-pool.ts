/**
 * Verifies passwords in a thread of its own, which makes way for traffic.
 *
 * One verification takes up to a second of a processor, on purpose. So there is one at a time, in a thread of the lowest priority; a bounded number
 * waits; and further ones are turned away at once. A flood of logins fills this queue and takes the processor time that nobody else wants.
 *
 * The thread's life:
 *
 *     none --verify--> at work <--next, last answer--> idle
 *      ^                  |                             |
 *      | verify, later    +-----------> dead <----------+
 *      +--------------------------------- '
 *
 * When it dies, what is under way and waits has failed, and so has at once what is asked while it rests. An idle thread holds no process open.
 */
import { Worker } from "node:worker_threads";
import { messageOf } from "../base/errors.ts";
import { PASSWORD_BYTES_MAX } from "../policy/authentication/password-hash.ts";
import { KeyedDigest } from "./keyed-digest.ts";
import type { ThreadStart, ToPool, ToThread } from "./pool-messages.ts";

/**
 * - `match`, `differs`: what the verification found.
 * - `busy`: too many are waiting; try again later.
 * - `failed`: it could not be found out, because the thread died, the hash is not one of those that are accepted, or the pool is closed.
 */
export type PasswordVerdict = "match" | "differs" | "busy" | "failed";

/** Verifications that wait, besides the one under way. At 70 ms each (bcrypt of cost 10) the last one waits for 4.5 s. */
const WAITING_MAX = 64;
/** After a death without an answer before it, the thread rests this long, and twice as long after each further one. */
const REST_MS = 100;
const REST_MAX_MS = 10_000;

/** The entry file: TypeScript in a checkout, JavaScript in a build. */
const ENTRY = new URL(import.meta.url.endsWith(".ts") ? "./verify-thread.ts" : "./verify-thread.js", import.meta.url);

export interface PasswordPoolOptions {
  /** Told why the thread died, for the log. */
  readonly died?: (why: string) => void;
  /** Milliseconds of a clock that does not go back. */
  readonly now?: () => number;
  /** Whether the thread makes way for all others; default: true. Where there is no traffic, as in tests, it need not. */
  readonly makesWay?: boolean;
  /** The thread's entry file; tests pass a stand-in. */
  readonly entry?: URL;
}

interface Verification {
  readonly digest: string;
  readonly hash: string;
  /** A copy of the pool's own. */
  readonly password: Uint8Array<ArrayBuffer>;
  readonly settle: (verdict: PasswordVerdict) => void;
}

export class PasswordPool {
  private readonly options: PasswordPoolOptions;
  private readonly now: () => number;
  private readonly digest: KeyedDigest = new KeyedDigest();
  private thread: Worker | null = null;
  private current: Verification | null = null;
  private readonly waiting: Verification[] = [];
  /** What is under way or waits, by the digest of hash and password. */
  private readonly underWay: Map<string, Promise<PasswordVerdict>> = new Map();
  private isClosed: boolean = false;
  /** Deaths of threads in a row, without an answer between them. */
  private deaths: number = 0;
  private restsUntil: number = -Infinity;

  constructor(options: PasswordPoolOptions = {}) {
    this.options = options;
    this.now = options.now ?? ((): number => performance.now());
  }

  /**
   * Finds out whether a password belongs to a hash. Of a password under way only one computation is made, however often it is asked for. Never
   * rejects.
   * @param hash of bcrypt or argon2id, as `parseHtpasswd` accepts it
   * @param password copied; what the caller does with its memory afterwards is its own affair
   */
  verify(hash: string, password: Uint8Array): Promise<PasswordVerdict> {
    if (password.length > PASSWORD_BYTES_MAX) return Promise.resolve("differs");
    const digest = this.digest.text(hash, password);
    const same = this.underWay.get(digest);
    if (same !== undefined) return same;
    if (this.isClosed || (this.thread === null && this.now() < this.restsUntil)) return Promise.resolve("failed");
    if (this.waiting.length >= WAITING_MAX) return Promise.resolve("busy");
    const { promise, resolve } = Promise.withResolvers<PasswordVerdict>();
    this.underWay.set(digest, promise);
    this.waiting.push({ digest, hash, password: new Uint8Array(password), settle: resolve });
    if (this.current === null) this.next();
    return promise;
  }

  /** Ends the thread. What is under way or waits has failed, and so has whatever is asked afterwards. Resolves when the thread is gone. */
  async close(): Promise<void> {
    this.isClosed = true;
    const thread = this.thread;
    this.thread = null;
    this.failAll();
    await thread?.terminate();
  }

  /** Hands the next verification to the thread, which is started when there is none. */
  private next(): void {
    const verification = this.waiting.shift() ?? null;
    this.current = verification;
    if (verification === null) {
      this.thread?.unref();
      return;
    }
    this.thread ??= this.start();
    if (this.thread === null) return;
    // A process does not end before a verification that it has asked for, as with a file that it reads.
    this.thread.ref();
    const told: ToThread = { hash: verification.hash, password: verification.password };
    this.thread.postMessage(told, [verification.password.buffer]);
  }

  private start(): Worker | null {
    let thread: Worker;
    try {
      // What the process was started with, such as `--import`, is not for this thread.
      const { entry = ENTRY, makesWay = true } = this.options;
      thread = new Worker(entry, { execArgv: [], name: "millrace-passwords", workerData: { makesWay } satisfies ThreadStart });
    } catch (error) {
      this.onDeath(messageOf(error));
      return null;
    }
    thread.on("message", ({ verdict }: ToPool) => {
      if (this.thread !== thread) return;
      this.deaths = 0;
      this.settle(verdict);
      this.next();
    });
    let why: string | null = null;
    thread.once("error", (error) => void (why = messageOf(error)));
    thread.once("exit", (code) => {
      if (this.thread === thread) this.onDeath(why ?? `it ended with exit code ${code}`);
    });
    return thread;
  }

  private settle(verdict: PasswordVerdict): void {
    const verification = this.current;
    if (verification === null) return;
    this.current = null;
    this.underWay.delete(verification.digest);
    verification.settle(verdict);
  }

  private onDeath(why: string): void {
    this.thread = null;
    this.restsUntil = this.now() + Math.min(REST_MS * 2 ** this.deaths, REST_MAX_MS);
    this.deaths++;
    this.failAll();
    this.options.died?.(why);
  }

  private failAll(): void {
    this.settle("failed");
    for (const { digest, password, settle } of this.waiting.splice(0)) {
      password.fill(0);
      this.underWay.delete(digest);
      settle("failed");
    }
  }
}
