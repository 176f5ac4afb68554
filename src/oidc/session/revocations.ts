/** Sessions that were ended before their time. */

export interface Revocation {
  readonly issuer: string;
  /**
   * Which sessions end: one of the provider's sessions (`sid`), all of a user (`sub`), or one of ours by its id (`session`).
   */
  readonly by: "sid" | "sub" | "session";
  readonly value: string;
  /** Sessions that began later are not meant, in milliseconds since 1970. */
  readonly beforeMs: number;
  /** When no session that is meant can be alive any more, and the revocation may be forgotten. */
  readonly untilMs: number;
}

/** What a revocation can name of a session. */
export interface RevocableSession {
  readonly issuer: string;
  readonly id: string;
  readonly subject: string;
  /** The provider's session; null: it gave none. */
  readonly sid: string | null;
  readonly startedAtMs: number;
}

/** Every check of a session asks it. An implementation that several threads or machines share may answer later. If it fails, the session is not admitted. */
export interface Revocations {
  revoke(revocation: Revocation, nowMs: number): void | Promise<void>;
  revoked(session: RevocableSession, nowMs: number): boolean | Promise<boolean>;
}

/** Revocations of one thread; `shared-session-state.ts` has those of a process. */
export class MemoryRevocations implements Revocations {
  readonly #held = new Map<string, Revocation>();
  readonly #countMax: number;

  /** @param countMax revocations that are kept. Beyond it, those go that end first: they concern the oldest sessions. */
  constructor(countMax = 100_000) {
    this.#countMax = countMax;
  }

  revoke(revocation: Revocation, nowMs: number): void {
    const key = keyOf(revocation.issuer, revocation.by, revocation.value);
    const held = this.#held.get(key);
    // The later of two holds for the sessions of both.
    if (held === undefined || held.beforeMs <= revocation.beforeMs) this.#held.set(key, revocation);
    if (this.#held.size > this.#countMax) this.#shrink(nowMs);
  }

  revoked(session: RevocableSession, nowMs: number): boolean {
    if (this.#held.size === 0) return false;
    return (
      this.#meant(session, "session", session.id, nowMs) ||
      this.#meant(session, "sub", session.subject, nowMs) ||
      (session.sid !== null && this.#meant(session, "sid", session.sid, nowMs))
    );
  }

  #meant(session: RevocableSession, by: Revocation["by"], value: string, nowMs: number): boolean {
    const held = this.#held.get(keyOf(session.issuer, by, value));
    return held !== undefined && held.untilMs > nowMs && session.startedAtMs <= held.beforeMs;
  }

  #shrink(nowMs: number): void {
    for (const [key, { untilMs }] of this.#held) if (untilMs <= nowMs) this.#held.delete(key);
    const ends = [...this.#held].toSorted(([, a], [, b]) => a.untilMs - b.untilMs);
    for (const [key] of ends.slice(0, Math.max(0, ends.length - Math.floor(this.#countMax * 0.9)))) this.#held.delete(key);
  }
}

function keyOf(issuer: string, by: string, value: string): string {
  return `${issuer}\n${by}\n${value}`;
}
