/** When somebody who does not answer may be asked again. */

const FIRST_MS = 1_000;
const LAST_MS = 30_000;

export class BackOff {
  #waitMs = 0;
  #untilMs = 0;

  /** Milliseconds until the next attempt; 0: now. */
  remainingMs(nowMs: number): number {
    return Math.max(0, this.#untilMs - nowMs);
  }

  failed(nowMs: number): void {
    this.#waitMs = Math.min(LAST_MS, this.#waitMs === 0 ? FIRST_MS : this.#waitMs * 2);
    this.#untilMs = nowMs + this.#waitMs;
  }

  succeeded(): void {
    this.#waitMs = 0;
    this.#untilMs = 0;
  }
}
