import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { CheckedPasswords } from "./checked-passwords.ts";
import type { PasswordVerdict } from "./password-pool.ts";

/** A pool in which a hash belongs to the password of the same text, and every hash of nobody to every password. */
class Stage {
  readonly asked: string[] = [];
  /** What every verification finds; null: what is so. */
  verdict: PasswordVerdict | null = null;
  readonly checked: CheckedPasswords = new CheckedPasswords({ verify: (hash, password) => this.verify(hash, password) });

  private verify(hash: string, password: Uint8Array): Promise<PasswordVerdict> {
    this.asked.push(hash);
    const found = hash.startsWith("$") || hash === Buffer.from(password).toString() ? "match" : "differs";
    return Promise.resolve(this.verdict ?? found);
  }
}

const [SECRET, WRONG] = [Buffer.from("secret"), Buffer.from("wrong")];

test("what has matched is not verified again for five minutes; what has not, each time", async () => {
  const { checked, asked } = new Stage();
  const users = new Map([["alice", "secret"]]);
  assert.equal(await checked.check(users, "alice", SECRET, 0), "match");
  assert.equal(checked.check(users, "alice", SECRET, 299_999), "match");
  assert.equal(asked.length, 1);
  assert.equal(await checked.check(users, "alice", SECRET, 300_000), "match");
  assert.equal(await checked.check(users, "alice", WRONG, 0), "differs");
  assert.equal(await checked.check(users, "alice", WRONG, 0), "differs");
  assert.equal(asked.length, 4);
});

test("a user who is gone, or has another password, is refused at once", async () => {
  const { checked } = new Stage();
  assert.equal(await checked.check(new Map([["alice", "secret"]]), "alice", SECRET, 0), "match");
  assert.equal(await checked.check(new Map([["alice", "another"]]), "alice", SECRET, 1), "differs");
  assert.equal(await checked.check(new Map(), "alice", SECRET, 1), "differs");
});

test("for a name that is not there something is verified as well, and it never matches", async () => {
  const { checked, asked } = new Stage();
  assert.equal(await checked.check(new Map([["alice", "secret"]]), "mallory", SECRET, 0), "differs");
  assert.match(asked[0] ?? "", /^\$2b\$/);
});

test("a full queue and a failure are told, and not remembered", async () => {
  const all = new Stage();
  const users = new Map([["alice", "secret"]]);
  for (const verdict of ["busy", "failed"] as const) {
    all.verdict = verdict;
    assert.equal(await all.checked.check(users, "alice", SECRET, 0), verdict);
    assert.equal(await all.checked.check(users, "nobody", SECRET, 0), verdict);
  }
  all.verdict = null;
  assert.equal(await all.checked.check(users, "alice", SECRET, 0), "match");
});
