import type { PasswordPool, PasswordVerdict } from "./password-pool.ts";
import { RememberedPasswords } from "./remembered-passwords.ts";
import { UnknownUsers } from "./unknown-users.ts";

/** Passwords of users files, as features ask for them (`PasswordChecks`). */
export class CheckedPasswords {
  private readonly pool: Pick<PasswordPool, "verify">;
  private readonly remembered: RememberedPasswords = new RememberedPasswords();
  private readonly unknown: WeakMap<ReadonlyMap<string, string>, UnknownUsers> = new WeakMap();

  constructor(pool: Pick<PasswordPool, "verify">) {
    this.pool = pool;
  }

  check(users: ReadonlyMap<string, string>, user: string, password: Uint8Array, nowMs: number): "match" | Promise<PasswordVerdict> {
    const hash = users.get(user);
    if (hash === undefined) return this.refuse(users, user, password);
    return this.remembered.has(user, password, hash, nowMs) ? "match" : this.verify(user, hash, new Uint8Array(password), nowMs);
  }

  private async verify(user: string, hash: string, password: Uint8Array, nowMs: number): Promise<PasswordVerdict> {
    const verdict = await this.pool.verify(hash, password);
    if (verdict === "match") this.remembered.add(user, password, hash, nowMs);
    password.fill(0);
    return verdict;
  }

  private async refuse(users: ReadonlyMap<string, string>, user: string, password: Uint8Array): Promise<PasswordVerdict> {
    let unknown = this.unknown.get(users);
    if (unknown === undefined) {
      unknown = new UnknownUsers(users);
      this.unknown.set(users, unknown);
    }
    const verdict = await this.pool.verify(unknown.hashOf(user), password);
    return verdict === "match" ? "differs" : verdict;
  }
}
