/** Sessions that were ended before their time. */

export interface Revocation {
  readonly issuer: string;
  /**
   * Which sessions end:
   * - `sid`: what belongs to one session of the provider, whose login may still be under way.
   * - `session`: one of ours, by its id.
   * - `sub`: all of a user that have begun by now. The user may log in again at once.
   */
  readonly by: "sid" | "sub" | "session";
  readonly value: string;
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

/**
 * Every check of a session asks it. `shared-session-state.ts` has those of a process; a store that several machines share may answer later. If it fails, the session is
 * not admitted.
 */
export interface Revocations {
  /** Ends sessions, for as long as any session may last. */
  revoke(revocation: Revocation, nowMs: number): void | Promise<void>;
  revoked(session: RevocableSession, nowMs: number): boolean | Promise<boolean>;
}
