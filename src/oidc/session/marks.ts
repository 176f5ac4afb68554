/** What all that serve the same sessions agree on: who refreshes one, and what may be used once only. */

/**
 * Small facts that end: of a process (`shared-session-state.ts`), or of several machines, in a store. Machines that share none may refresh one session at once: then the
 * one that is refused keeps the old session for a while.
 */
export interface Marks {
  /** Sets a mark. @returns false: it was set already, and has not ended */
  set(key: string, untilMs: number, nowMs: number): boolean | Promise<boolean>;
  /** Whether the mark is set and has not ended. */
  has(key: string, nowMs: number): boolean | Promise<boolean>;
}
