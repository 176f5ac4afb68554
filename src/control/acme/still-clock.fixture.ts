/** A clock for tests of the control plane, whose time passes only as the test says. */
import type { LockClock } from "./storage-lock.ts";

interface Due {
  readonly at: number;
  readonly call: () => void;
}

export class StillClock implements LockClock {
  ms: number;
  private due: Due[] = [];

  constructor(startMs: number) {
    this.ms = startMs;
  }

  readonly now = (): number => this.ms;

  readonly after = (ms: number, then: () => void): (() => void) => {
    const due: Due = { at: this.ms + ms, call: then };
    this.due.push(due);
    return () => {
      this.due = this.due.filter((other) => other !== due);
    };
  };

  readonly wait = (ms: number, signal: AbortSignal): Promise<void> => {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.after(ms, resolve);
      signal.addEventListener("abort", () => {
        cancel();
        resolve();
      });
    });
  };

  /** Moves time on at once, however much is due in between. */
  jump(ms: number): void {
    this.ms += ms;
    const due = this.due.filter(({ at }) => at <= this.ms).toSorted((one, other) => one.at - other.at);
    this.due = this.due.filter(({ at }) => at > this.ms);
    for (const { call } of due) call();
  }

  /**
   * Lets time pass in small steps until the condition holds. Files are read and written in real time, so each step waits for what can go on without time.
   * @param withinMs time that may pass at most
   */
  async until(condition: () => boolean, withinMs: number = 600_000): Promise<void> {
    const limit = this.ms + withinMs;
    while (!condition()) {
      if (this.ms > limit) throw new Error("it never happened");
      await idle();
      if (!condition()) this.jump(400);
    }
  }
}

/**
 * Resolves when nothing goes on that needs no time of the clock: files that are read and written. Keys and signatures are made in other threads too, and cannot be
 * seen: a millisecond has to do for them.
 */
export async function idle(): Promise<void> {
  do await new Promise((later) => setTimeout(later, 1));
  while (process.getActiveResourcesInfo().some((kind) => /Req/.test(kind)));
}
