/** What a {@link PasswordPool} and its thread tell each other: one verification, then what came of it, then the next. */

/** What a thread is started with. */
export interface ThreadStart {
  readonly makesWay: boolean;
}

export interface ToThread {
  readonly hash: string;
  /** Its memory is handed over to the thread, which overwrites it. */
  readonly password: Uint8Array;
}

export interface ToPool {
  readonly verdict: "match" | "differs" | "failed";
}
