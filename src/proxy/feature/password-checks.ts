/** Verifies passwords for features, without holding up what else the thread does. src/passwords implements it. */

/** `busy`: too many wait to be verified. `failed`: it could not be found out. */
export type PasswordVerdict = "match" | "differs" | "busy" | "failed";

export interface PasswordChecks {
  /**
   * Whether that user has that password. `match` at once: it was verified a moment ago. A user whom the file does not have costs as much time as a wrong
   * password, and never matches.
   * @param users the hashes of all users by name, the same object for as long as the file does not change
   * @param password copied
   * @param nowMs of a clock that does not go back
   */
  check(users: ReadonlyMap<string, string>, user: string, password: Uint8Array, nowMs: number): "match" | Promise<PasswordVerdict>;
}

/** Where no passwords can be verified. */
export const NO_PASSWORDS: PasswordChecks = { check: () => Promise.resolve("failed") };
