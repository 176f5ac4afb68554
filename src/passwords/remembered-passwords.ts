/**
 * Logins that succeeded lately, so that the requests of one client cost one verification and not one each. No password is kept: an entry is the
 * digest of user, password and hash. A user whose hash changes is verified anew. Failures are not remembered: there is no end of wrong passwords.
 */
import { keepNewest } from "../base/keep-newest.ts";
import { KeyedDigest } from "./keyed-digest.ts";

/** A removed user is refused at once, by name; this is how long a key in memory stands for a password. */
const FOR_MS = 5 * 60_000;
/** Each takes some 150 bytes. */
const ENTRIES_MAX = 10_000;

export interface RememberedOptions {
  /** Milliseconds from the verification, however often it is used. */
  readonly forMs?: number;
  /** Beyond it the entry goes that was not used for the longest time. */
  readonly entriesMax?: number;
}

export class RememberedPasswords {
  private readonly digest: KeyedDigest = new KeyedDigest();
  private readonly forMs: number;
  private readonly entriesMax: number;
  /** When each entry ends, by digest; the one that was used last is the last. */
  private readonly entries: Map<string, number> = new Map();

  constructor({ forMs = FOR_MS, entriesMax = ENTRIES_MAX }: RememberedOptions = {}) {
    this.forMs = forMs;
    this.entriesMax = entriesMax;
  }

  /** Whether this password of this user was verified against this hash lately. @param now in milliseconds, of a clock that does not go back */
  has(user: string, password: Uint8Array, hash: string, now: number): boolean {
    const key = this.digest.text(user, password, hash);
    const end = this.entries.get(key);
    if (end === undefined) return false;
    this.entries.delete(key);
    if (now >= end) return false;
    this.entries.set(key, end);
    return true;
  }

  /** Remembers a password that matched. */
  add(user: string, password: Uint8Array, hash: string, now: number): void {
    keepNewest(this.entries, this.digest.text(user, password, hash), now + this.forMs, this.entriesMax);
  }

  get size(): number {
    return this.entries.size;
  }
}
