/**
 * Asks a store, and never waits longer than its time limit. Three things keep a store that is slow or gone from costing anything:
 *
 * - One timer decides for all questions under way. An answer that comes after it is dropped.
 * - A machine of the store that has failed three times in a row is not asked any more: its questions are answered at once. In the background it is probed, with a
 *   write, so that a store that can be read and not written (full, or a replica) stays out.
 * - A bound on questions under way, because those that a store owes stay in memory until its connection is closed.
 *
 *     unconnected --connect--> connected --lost, or silent for a second--> unconnected
 *     each machine:   asked --three failures in a row--> spared --a probe in time--> asked
 */
import type { SharedLimit, StoreAnswer } from "../proxy/feature/shared-store.ts";
import type { StoreCounts } from "../shared/store-news.ts";
import type { Notice } from "./notices.ts";
import { StoreFault } from "./store-connection.ts";
import type { StoreClock, StoreCommand, StoreConnection, StoreConnector } from "./store-connection.ts";

/** So often in a row a machine may fail before it is spared. One slow answer is no trouble yet. */
const FAILURES_MAX = 3;
/** Questions under way: a thread asks ten thousand times a second, and a store answers in less than a millisecond. */
const UNDER_WAY_MAX = 4096;
/** First time between two tries to reach what has failed; doubled up to the greatest one. */
const AGAIN_MS = 100;
const AGAIN_MS_MAX = 2000;
/** A machine that answers for so long begins with short times again when it fails. */
const STEADY_MS = 10_000;
/** A connection that has brought nothing for so long, though it was asked, is given up for another one. */
const SILENT_MS = 1000;

/** For what no request waits for. */
const BACKGROUND_MS = 1000;

/** What is told of a store. */
export interface StoreObserver {
  /** It can be used again. */
  up(): void;
  /** It, or a machine of it, cannot be used, and why. Called again only after `up`. */
  down(why: string): void;
}

export interface StoreClientOptions {
  readonly connector: StoreConnector;
  readonly clock: StoreClock;
  /** Greatest time for an answer, in milliseconds. */
  readonly timeoutMs: number;
  readonly observer: StoreObserver;
}

interface Question {
  readonly name: string;
  /** Whether the answer is that of a window. */
  readonly isWindow: boolean;
  readonly machine: string;
  readonly askedAt: number;
  readonly late: ((answer: StoreAnswer) => void) | null;
  /** Null: it was answered, or its time is over. */
  resolve: ((answer: StoreAnswer | null) => void) | null;
}

/** A machine of the store that does not answer as it should. */
interface Trouble {
  /** In a row. */
  failures: number;
  /** A key that it has, for probes. */
  readonly name: string;
  isSpared: boolean;
  againMs: number;
  /** When it got the first probe over this connection since something came from it; 0: none. */
  unheardSince: number;
  /** When a probe was last answered; 0: none was since it is spared. */
  upAt: number;
  cancel: () => void;
}

/** Of a probe, which takes nothing. */
const PROBE_LIMIT: SharedLimit = { rate: { requests: 1, windowSeconds: 1, burst: 1_000_000 }, debtMax: 0, isLeased: false };

export class StoreClient {
  private readonly options: StoreClientOptions;
  private connection: StoreConnection | null = null;
  private isConnecting: boolean = false;
  private isClosed: boolean = false;
  private reconnectMs: number = AGAIN_MS;
  private connectedAt: number = 0;
  private cancelReconnect: () => void = () => {};
  private readonly troubles: Map<string, Trouble> = new Map();
  /** In the order in which they were asked, so that the first one is the first whose time is over. */
  private questions: Question[] = [];
  /** Commands that the store has not answered, those that nobody waits for included. */
  private owed: number = 0;
  private cancelTimer: (() => void) | null = null;
  private isExpiring: boolean = false;
  private toldDown: boolean = false;
  private counts: StoreCounts = newCounts();

  constructor(options: StoreClientOptions) {
    this.options = options;
    this.connect();
  }

  /**
   * As `SharedStore.take`.
   * @param least the least that is of use, where a part is better than nothing
   * @param late called with an answer that comes too late
   */
  take(
    name: string,
    limit: SharedLimit,
    cost: number,
    least: number = cost,
    late: ((answer: StoreAnswer) => void) | null = null,
  ): Promise<StoreAnswer | null> | null {
    const { connection } = this;
    if (connection === null || this.owed >= UNDER_WAY_MAX) return this.spare();
    const machine = connection.machineOf(name);
    if (this.troubles.size > 0 && this.troubles.get(machine)?.isSpared === true) return this.spare();
    return new Promise((resolve) => {
      const question: Question = {
        name,
        isWindow: limit.windowMs !== undefined,
        machine,
        askedAt: this.options.clock.now(),
        late,
        resolve,
      };
      this.questions.push(question);
      this.cancelTimer ??= this.options.clock.after(this.options.timeoutMs, () => this.expireSoon());
      this.send(connection, machine, { name, limit, cost, least }).then(
        (reply) => this.answered(question, reply, cost),
        (error: unknown) => this.failed(question, error),
      );
    });
  }

  /** As `SharedStore.settle`. */
  settle(name: string, limit: SharedLimit, count: number): void {
    const { connection } = this;
    if (connection === null || this.owed >= UNDER_WAY_MAX) return;
    const machine = connection.machineOf(name);
    if (this.troubles.get(machine)?.isSpared === true) return;
    this.send(connection, machine, { name, limit, cost: count, least: null }).catch(() => {});
  }

  /** Adds a notice to a topic. False: that is not known to have succeeded. */
  async append(topic: string, text: string, keepMs: number): Promise<boolean> {
    return (await this.inBackground(topic, (connection) => connection.append(topic, text, keepMs))) !== null;
  }

  /** The notices of a topic, as the connection has them. Null: they cannot be read now. */
  async readNotices(topic: string, after: string): Promise<readonly Notice[] | null> {
    return noticesIn(await this.inBackground(topic, (connection) => connection.readNotices(topic, after)));
  }

  /** What was counted since the last call. */
  takeCounts(): StoreCounts {
    const { counts } = this;
    this.counts = newCounts();
    return counts;
  }

  /** All questions are answered with null at once. Resolves when the store has got what was sent to it, or soon if it does not take it. */
  async close(): Promise<void> {
    this.isClosed = true;
    const ended = this.connection?.end();
    this.connection = null;
    this.drop();
    this.cancelReconnect();
    for (const { cancel } of this.troubles.values()) cancel();
    this.troubles.clear();
    await ended;
  }

  /** What no request waits for has more time. Null: it has failed. */
  private async inBackground(
    name: string,
    work: (connection: StoreConnection) => Promise<unknown>,
  ): Promise<{ readonly reply: unknown } | null> {
    const { connection, options } = this;
    if (connection === null || this.owed >= UNDER_WAY_MAX) return null;
    const machine = connection.machineOf(name);
    if (this.troubles.get(machine)?.isSpared === true) return null;
    this.owed++;
    let cancel = (): void => {};
    const over = new Promise<never>((_, reject) => {
      cancel = options.clock.after(BACKGROUND_MS, () => reject(new StoreFault(`it does not answer within ${BACKGROUND_MS} ms`)));
    });
    try {
      return { reply: await Promise.race([work(connection).finally(() => this.owed--), over]) };
    } catch (error) {
      if (connection === this.connection && !(error instanceof StoreFault && error.isOfKey))
        this.blame({ machine, name: besideOf(name) }, faultOf(error));
      return null;
    } finally {
      cancel();
    }
  }

  private spare(): null {
    this.counts.spared++;
    return null;
  }

  private async send(connection: StoreConnection, machine: string, command: StoreCommand): Promise<unknown> {
    this.owed++;
    try {
      const reply = await connection.send(command);
      this.heard(machine);
      return reply;
    } catch (error) {
      if (error instanceof StoreFault && error.isPassing) this.heard(machine);
      throw error;
    } finally {
      this.owed--;
    }
  }

  private heard(machine: string): void {
    const trouble = this.troubles.get(machine);
    if (trouble !== undefined) trouble.unheardSince = 0;
  }

  private answered(question: Question, reply: unknown, cost: number): void {
    const { resolve, late } = question;
    if (resolve === null && late === null) return;
    const answer = read(reply, cost, question.isWindow);
    if (resolve === null) return answer === null ? undefined : late?.(answer);
    if (answer === null) return this.failed(question, new StoreFault("it answers with something else than it was asked for"));
    question.resolve = null;
    this.counts.answered++;
    this.counts.answerMs += this.options.clock.now() - question.askedAt;
    if (this.troubles.size > 0) this.forgive(question.machine);
    resolve(answer);
  }

  private failed(question: Question, error: unknown): void {
    const { resolve } = question;
    if (resolve === null) return;
    question.resolve = null;
    this.counts.failed++;
    if (!(error instanceof StoreFault && error.isOfKey)) this.blame(question, faultOf(error));
    resolve(null);
  }

  /**
   * The time of the first question is over. What the event loop has at hand is heard first: after a pause of this thread (a collection of garbage, a reload) the timer comes
   * before answers that have long arrived.
   */
  private expireSoon(): void {
    this.cancelTimer = null;
    if (this.isExpiring) return;
    this.isExpiring = true;
    this.options.clock.atTurnEnd(() => {
      this.isExpiring = false;
      if (!this.isClosed) this.expire();
    });
  }

  private expire(): void {
    const { clock, timeoutMs } = this.options;
    const now = clock.now();
    // A timer may come a fraction of a millisecond early.
    const over = now - timeoutMs + 0.5;
    let first = 0;
    const late: Question[] = [];
    for (; first < this.questions.length; first++) {
      const question = this.questions[first];
      if (question === undefined || (question.resolve !== null && question.askedAt > over)) break;
      if (question.resolve !== null) late.push(question);
    }
    this.questions = this.questions.slice(first);
    const [next] = this.questions;
    if (next !== undefined) this.cancelTimer ??= clock.after(Math.max(0, next.askedAt + timeoutMs - now), () => this.expireSoon());
    const machines = new Map<string, Question>();
    for (const question of late) {
      const { resolve } = question;
      question.resolve = null;
      this.counts.late++;
      machines.set(question.machine, question);
      resolve?.(null);
    }
    // However many wait, this is one failure of a machine: a thousand questions of one moment say no more than one.
    for (const question of machines.values()) this.blame(question, `it does not answer within ${timeoutMs} ms`);
  }

  // ---- machines -------------------------------------------------------------------------------------------------------------------

  private blame({ machine, name }: Pick<Question, "machine" | "name">, why: string): void {
    if (this.connection === null) return;
    const trouble = this.troubles.get(machine) ?? this.newTrouble(machine, name);
    trouble.failures++;
    if (trouble.failures < FAILURES_MAX || trouble.isSpared) return;
    trouble.isSpared = true;
    const now = this.options.clock.now();
    trouble.againMs = trouble.upAt !== 0 && now - trouble.upAt < STEADY_MS ? Math.min(2 * trouble.againMs, AGAIN_MS_MAX) : AGAIN_MS;
    trouble.upAt = 0;
    trouble.unheardSince = 0;
    for (const question of this.questions) {
      if (question.machine !== machine) continue;
      question.resolve?.(null);
      question.resolve = null;
    }
    this.tellDown(why);
    this.probeLater(machine, trouble);
  }

  private newTrouble(machine: string, name: string): Trouble {
    const trouble: Trouble = {
      failures: 0,
      name,
      isSpared: false,
      againMs: AGAIN_MS,
      unheardSince: 0,
      upAt: 0,
      cancel: () => {},
    };
    this.troubles.set(machine, trouble);
    return trouble;
  }

  private forgive(machine: string): void {
    const trouble = this.troubles.get(machine);
    if (trouble === undefined || trouble.isSpared) return;
    trouble.failures = 0;
  }

  private probeLater(machine: string, trouble: Trouble): void {
    trouble.cancel = this.options.clock.after(trouble.againMs, () => void this.probe(machine, trouble));
    trouble.againMs = Math.min(2 * trouble.againMs, AGAIN_MS_MAX);
  }

  /** Writes to a machine that is spared, and asks it again once it has answered that in time. */
  private async probe(machine: string, trouble: Trouble): Promise<void> {
    const { clock, timeoutMs } = this.options;
    const { connection } = this;
    if (connection === null || this.troubles.get(machine) !== trouble) return;
    if (connection.machineOf(trouble.name) !== machine) {
      // Another machine has its keys now.
      this.troubles.delete(machine);
      return this.tellUp();
    }
    const began = clock.now();
    // Such a connection may be dead without anybody having said so.
    if (trouble.unheardSince === 0) trouble.unheardSince = began;
    else if (began - trouble.unheardSince >= SILENT_MS) return this.renew(machine, trouble);
    let isRight = false;
    const reply = this.send(connection, machine, { name: trouble.name, limit: PROBE_LIMIT, cost: 0, least: null }).then(
      (answer) => {
        isRight = read(answer, 0, false) !== null;
      },
      () => {},
    );
    await Promise.race([reply, new Promise<void>((over) => clock.after(timeoutMs, () => clock.atTurnEnd(over)))]);
    if (this.troubles.get(machine) !== trouble) return;
    // Another connection may have taken the place of this one meanwhile.
    if (!isRight || connection !== this.connection) return this.probeLater(machine, trouble);
    trouble.isSpared = false;
    trouble.failures = 0;
    trouble.upAt = clock.now();
    this.tellUp();
  }

  /** Opens another connection in place of one that is silent. The old one serves the other machines of a cluster until then. */
  private renew(machine: string, trouble: Trouble): void {
    // It stays spared until a probe over the new connection is answered.
    if (machine === "") this.drop();
    trouble.unheardSince = 0;
    this.connect();
    this.probeLater(machine, trouble);
  }

  // ---- connection -----------------------------------------------------------------------------------------------------------------

  private connect(): void {
    if (this.isConnecting || this.isClosed) return;
    this.isConnecting = true;
    let current: StoreConnection | null = null;
    let isGone = false;
    const lost = (why: string): void => {
      isGone = true;
      if (current !== null && current === this.connection) this.lost(why);
    };
    this.options.connector.connect(lost).then(
      (connection) => {
        this.isConnecting = false;
        current = connection;
        if (this.isClosed || isGone) {
          connection.close();
          if (!this.isClosed) this.unconnected("the connection was closed at once");
          return;
        }
        this.use(connection);
      },
      (error: unknown) => {
        this.isConnecting = false;
        if (!this.isClosed && this.connection === null) this.unconnected(faultOf(error));
      },
    );
  }

  private use(connection: StoreConnection): void {
    const before = this.connection;
    this.connection = connection;
    // What is under way over it may still be answered.
    void before?.end();
    this.connectedAt = this.options.clock.now();
    for (const [machine, trouble] of this.troubles) {
      trouble.cancel();
      trouble.unheardSince = 0;
      if (connection.machineOf(trouble.name) !== machine || !trouble.isSpared) this.troubles.delete(machine);
      else void this.probe(machine, trouble);
    }
    this.tellUp();
  }

  private lost(why: string): void {
    this.drop();
    this.unconnected(why);
  }

  /** Closes the connection: nobody waits for its answers any more. */
  private drop(): void {
    const { connection, questions } = this;
    this.connection = null;
    this.questions = [];
    this.cancelTimer?.();
    this.cancelTimer = null;
    connection?.close();
    for (const question of questions) {
      question.resolve?.(null);
      question.resolve = null;
    }
  }

  private unconnected(why: string): void {
    for (const { cancel } of this.troubles.values()) cancel();
    this.troubles.clear();
    this.tellDown(why);
    const { clock } = this.options;
    if (this.connectedAt !== 0 && clock.now() - this.connectedAt >= STEADY_MS) this.reconnectMs = AGAIN_MS;
    this.cancelReconnect();
    this.cancelReconnect = clock.after(this.reconnectMs, () => this.connect());
    this.reconnectMs = Math.min(2 * this.reconnectMs, AGAIN_MS_MAX);
  }

  private tellDown(why: string): void {
    if (this.toldDown) return;
    this.toldDown = true;
    this.options.observer.down(why);
  }

  private tellUp(): void {
    if (this.connection === null || [...this.troubles.values()].some(({ isSpared }) => isSpared)) return;
    this.toldDown = false;
    this.options.observer.up();
  }
}

/** A key for probes beside a topic, which holds something else than what is counted. What stands in its braces puts both on one machine of a cluster. */
function besideOf(topic: string): string {
  return `${topic}:probe`;
}

function newCounts(): StoreCounts {
  return { answered: 0, answerMs: 0, late: 0, failed: 0, spared: 0 };
}

function faultOf(error: unknown): string {
  return error instanceof StoreFault ? error.message : "it cannot be reached";
}

/** Reads a list of notices. Null: it is something else. */
function noticesIn(read: { readonly reply: unknown } | null): readonly Notice[] | null {
  if (read === null || !Array.isArray(read.reply)) return null;
  const notices: Notice[] = [];
  for (const each of read.reply as readonly unknown[]) {
    const { number, text } = typeof each === "object" && each !== null ? (each as { number?: unknown; text?: unknown }) : {};
    if (typeof number !== "string" || typeof text !== "string") return null;
    notices.push({ number, text });
  }
  return notices;
}

/** Reads `[taken, microseconds until all is there again]`. Null: it is something else. */
function read(reply: unknown, cost: number, isWindow: boolean): StoreAnswer | null {
  if (!Array.isArray(reply) || reply.length !== 2) return null;
  const [taken, other]: readonly unknown[] = reply;
  if (typeof taken !== "number" || typeof other !== "number") return null;
  if (!Number.isSafeInteger(taken) || !Number.isSafeInteger(other) || taken < 0 || taken > cost || other < 0) return null;
  return isWindow ? { taken, resetMs: null, used: other } : { taken, resetMs: other / 1000 };
}
