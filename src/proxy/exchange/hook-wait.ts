import { Timed } from "../../base/deadlines.ts";

/**
 * Milliseconds that the promise of an `onRequest` or `source` hook may take to settle. The client waits meanwhile, and its connection is
 * held.
 */
export const HOOK_MS_MAX = 10_000;

/** The wait for the promise of a hook, with its time limit. Only exchanges with such a promise have one. */
export class HookWait extends Timed {
  private readonly onTimeout: () => void;

  /** @param onTimeout called if the promise has not settled in time */
  constructor(onTimeout: () => void) {
    super();
    this.onTimeout = onTimeout;
  }

  onDeadline(): void {
    this.onTimeout();
  }
}
