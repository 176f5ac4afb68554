/** What all that serve the same sessions agree on: who refreshes one, and what may be used once only. */

/**
 * Small facts that end: of one thread ({@link MemoryMarks}), of a process (`shared-session-state.ts`), or of several machines, in a store.
 * With marks of one thread alone, two threads may refresh one session at once: then the one that is refused keeps the old session for a while.
 */
export interface Marks {
  /** Sets a mark. @returns false: it was set already, and has not ended */
  set(key: string, untilMs: number, nowMs: number): boolean | Promise<boolean>;
  /** Whether the mark is set and has not ended. */
  has(key: string, nowMs: number): boolean | Promise<boolean>;
}

export class MemoryMarks implements Marks {
  readonly #until = new Map<string, number>();
  readonly #countMax: number;

  /** @param countMax marks that are kept; beyond it, the oldest go, whether they have ended or not */
  constructor(countMax = 100_000) {
    this.#countMax = countMax;
  }

  set(key: string, untilMs: number, nowMs: number): boolean {
    if (this.has(key, nowMs)) return false;
    this.#until.delete(key);
    this.#until.set(key, untilMs);
    if (this.#until.size > this.#countMax) this.#shrink(nowMs);
    return true;
  }

  has(key: string, nowMs: number): boolean {
    return (this.#until.get(key) ?? 0) > nowMs;
  }

  #shrink(nowMs: number): void {
    for (const [key, untilMs] of this.#until) if (untilMs <= nowMs) this.#until.delete(key);
    for (const key of this.#until.keys()) {
      // Leave some room, so that the search for ended marks is not made for each new one.
      if (this.#until.size <= this.#countMax * 0.9) break;
      this.#until.delete(key);
    }
  }
}
