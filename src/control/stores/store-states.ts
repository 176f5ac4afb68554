/** What the threads have told of the stores. Each thread has a connection of its own; the log has one line when the first of them fails, and one when all of them are back. */
import type { RedisStoreConfig } from "../../config/schema/stores-schema.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { StoreReading } from "../../observe/store-reading.ts";
import type { StoreCounts, StoreNews } from "../../shared/store-news.ts";

export interface StoreStatesOptions {
  readonly log: Pick<AppLog, "info" | "warn">;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

interface State {
  readonly type: string;
  /** By the thread's index; null: it gets answers. */
  readonly problems: Map<number, string | null>;
  readonly counts: StoreCounts;
  isUp: boolean;
  isToldDown: boolean;
  sinceMs: number;
}

export class StoreStates {
  private readonly options: StoreStatesOptions;
  private readonly states: Map<string, State> = new Map();

  constructor(options: StoreStatesOptions) {
    this.options = options;
  }

  /** The configuration in use has these stores. What others have counted is forgotten. */
  keep(configs: Readonly<Record<string, RedisStoreConfig>>): void {
    for (const name of this.states.keys()) if (!Object.hasOwn(configs, name)) this.states.delete(name);
    for (const [name, { type }] of Object.entries(configs)) if (!this.states.has(name)) this.states.set(name, this.fresh(type));
  }

  /** A thread tells something of a store. */
  take(worker: number, news: StoreNews): void {
    const state = this.states.get(news.name);
    // It comes after a reload that took the store out.
    if (state === undefined) return;
    switch (news.state) {
      case "counted":
        state.counts.answered += news.counts.answered;
        state.counts.answerMs += news.counts.answerMs;
        state.counts.late += news.counts.late;
        state.counts.failed += news.counts.failed;
        state.counts.spared += news.counts.spared;
        return;
      case "down":
        state.problems.set(worker, news.why);
        return this.changed(news.name, state);
      case "up":
        state.problems.set(worker, null);
        return this.changed(news.name, state);
    }
  }

  /** What a thread has told holds no longer: it has ended. */
  workerEnded(worker: number): void {
    for (const [name, state] of this.states) if (state.problems.delete(worker)) this.changed(name, state);
  }

  readings(): readonly StoreReading[] {
    return [...this.states].map(([name, state]) => ({
      name,
      type: state.type,
      up: state.isUp,
      problem: problemOf(state),
      sinceMs: state.sinceMs,
      counts: { ...state.counts },
    }));
  }

  private fresh(type: string): State {
    const counts = { answered: 0, answerMs: 0, late: 0, failed: 0, spared: 0 };
    return { type, problems: new Map(), counts, isUp: false, isToldDown: false, sinceMs: this.options.now() };
  }

  private changed(name: string, state: State): void {
    const { log, now } = this.options;
    const problem = problemOf(state);
    const isUp = problem === null && state.problems.size > 0;
    if (isUp === state.isUp && (isUp || state.isToldDown || problem === null)) return;
    if (isUp !== state.isUp) state.sinceMs = now();
    state.isUp = isUp;
    if (problem !== null && !state.isToldDown) {
      state.isToldDown = true;
      log.warn("store_down", `the store ${name} cannot be used: ${problem}`, { store: name });
    } else if (isUp && state.isToldDown) {
      state.isToldDown = false;
      log.info("store_up", `the store ${name} can be used again`, { store: name });
    }
  }
}

function problemOf({ problems }: State): string | null {
  for (const problem of problems.values()) if (problem !== null) return problem;
  return null;
}
