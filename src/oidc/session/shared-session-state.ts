/**
 * Marks and revocations for all threads of a process, in a table as rate limiters have one: an entry is a time for a key, and so is a mark. It must be
 * another table than theirs, because times are milliseconds since 1970 here, and of the monotonic clock there.
 * A full table gives way to new keys by the entries that end first, so marks of some seconds do not push out what holds for hours. Questions change
 * nothing.
 */
import type { BucketTable } from "../../shared/bucket-table.ts";
import type { KeyHash } from "../../shared/key-hash.ts";
import type { Marks } from "./marks.ts";
import type { RevocableSession, Revocation, Revocations } from "./revocations.ts";

export class SharedMarks implements Marks {
  readonly #table: BucketTable;
  readonly #worker: number;
  readonly #keys: KeyHash;

  /** @param worker index of the calling thread */
  constructor(table: BucketTable, worker: number) {
    this.#table = table;
    this.#worker = worker;
    this.#keys = table.keysOf("oidc marks");
  }

  set(key: string, untilMs: number, nowMs: number): boolean {
    const heldMs = this.#table.open(this.#keys, key, nowMs, this.#worker);
    this.#table.close(heldMs > nowMs ? heldMs : untilMs, this.#worker);
    return heldMs <= nowMs;
  }

  has(key: string, nowMs: number): boolean {
    return this.#table.peek(this.#keys, key, nowMs, this.#worker) > nowMs;
  }
}

export class SharedRevocations implements Revocations {
  readonly #table: BucketTable;
  readonly #worker: number;
  readonly #keys: KeyHash;
  readonly #lifetimeMs: number;
  readonly #nameOf: (revocation: Revocation) => string;

  /**
   * @param worker index of the calling thread
   * @param nameOf the key in the table
   * @param lifetimeMs greatest age of any session, so long is a revocation kept. The table has one time for it, its end; it was made this long before.
   */
  constructor(table: BucketTable, worker: number, lifetimeMs: number, nameOf: (revocation: Revocation) => string = keyOf) {
    this.#table = table;
    this.#worker = worker;
    this.#keys = table.keysOf("oidc revocations");
    this.#lifetimeMs = lifetimeMs;
    this.#nameOf = nameOf;
  }

  revoke(revocation: Revocation, nowMs: number): void {
    this.revokeNamed(this.#nameOf(revocation), nowMs, nowMs);
  }

  /** @param madeMs when it was made, which may be long ago */
  revokeNamed(name: string, madeMs: number, nowMs: number): void {
    const heldMs = this.#table.open(this.#keys, name, nowMs, this.#worker);
    this.#table.close(Math.max(heldMs, madeMs + this.#lifetimeMs), this.#worker);
  }

  revoked({ issuer, id, subject, sid, startedAtMs }: RevocableSession, nowMs: number): boolean {
    return (
      this.#end(issuer, "session", id, nowMs) > nowMs ||
      (sid !== null && this.#end(issuer, "sid", sid, nowMs) > nowMs) ||
      // Of a user, those sessions end that began before the revocation.
      this.#end(issuer, "sub", subject, nowMs) - this.#lifetimeMs >= startedAtMs
    );
  }

  #end(issuer: string, by: Revocation["by"], value: string, nowMs: number): number {
    return this.#table.peek(this.#keys, this.#nameOf({ issuer, by, value }), nowMs, this.#worker);
  }
}

function keyOf({ issuer, by, value }: Revocation): string {
  return JSON.stringify([issuer, by, value]);
}
