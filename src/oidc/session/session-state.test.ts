/** What the threads of a process agree on: marks and revocations. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RevocableSession } from "./revocations.ts";
import { LIFETIME_MS, sharedByTwo } from "./session-state.fixture.ts";

const NOW = 1_800_000_000_000;
const SESSION: RevocableSession = { issuer: "i", id: "1", subject: "alice", sid: "s", startedAtMs: NOW };
const REVOCATION = { issuer: "i", by: "sub", value: "alice" } as const;

test("marks are set once, by whoever comes first, until they end", () => {
  const [{ marks: one }, { marks: other }] = sharedByTwo();
  assert.equal(one.has("a", NOW), false);
  assert.equal(one.set("a", NOW + 100, NOW), true);
  assert.equal(other.set("a", NOW + 500, NOW + 99), false);
  assert.equal(other.has("a", NOW + 99), true);
  assert.equal(other.has("b", NOW + 99), false);
  assert.equal(one.has("a", NOW + 100), false);
  assert.equal(other.set("a", NOW + 200, NOW + 100), true);
  assert.equal(one.has("a", NOW + 199), true);
});

describe("revocations", () => {
  test("hold for what they name, until they end", () => {
    const [{ revocations: one }, { revocations: other }] = sharedByTwo();
    assert.equal(other.revoked(SESSION, NOW), false);
    one.revoke(REVOCATION, NOW);
    assert.equal(other.revoked(SESSION, NOW), true);
    assert.equal(other.revoked({ ...SESSION, startedAtMs: NOW + 1 }, NOW + 1), false);
    assert.equal(other.revoked({ ...SESSION, subject: "bob" }, NOW), false);
    assert.equal(other.revoked({ ...SESSION, issuer: "j" }, NOW), false);
    assert.equal(other.revoked({ ...SESSION, subject: "bob", id: "alice", sid: "alice" }, NOW), false);
  });

  test("name a session of the provider, or one of ours", () => {
    const [{ revocations: one }, { revocations: other }] = sharedByTwo();
    one.revoke({ ...REVOCATION, by: "sid", value: "s" }, NOW);
    one.revoke({ ...REVOCATION, by: "session", value: "2" }, NOW);
    assert.equal(other.revoked({ ...SESSION, startedAtMs: NOW + 1 }, NOW + 1), true);
    assert.equal(other.revoked({ ...SESSION, sid: null }, NOW), false);
    assert.equal(other.revoked({ ...SESSION, sid: null, id: "2" }, NOW), true);
    assert.equal(other.revoked({ ...SESSION, sid: null, id: "2" }, NOW + LIFETIME_MS), false);
    assert.equal(other.revoked(SESSION, NOW + LIFETIME_MS), false);
  });

  test("of a user are those of the later logout", () => {
    const [{ revocations: one }, { revocations: other }] = sharedByTwo();
    one.revoke(REVOCATION, NOW + 300);
    other.revoke(REVOCATION, NOW);
    assert.equal(one.revoked({ ...SESSION, startedAtMs: NOW + 250 }, NOW + LIFETIME_MS + 100), true);
  });

  test("stand a flood of marks and of questions", () => {
    // One set of five entries: everybody meets.
    const [{ revocations }, { marks }] = sharedByTwo(5);
    for (const user of ["a", "b", "c", "d"]) revocations.revoke({ ...REVOCATION, value: user }, NOW);
    for (let mark = 0; mark < 100; mark++) assert.equal(marks.set(String(mark), NOW + 30_000, NOW), true);
    revocations.revoke({ ...REVOCATION, value: "e" }, NOW);
    // Now all five entries are revocations.
    for (let user = 0; user < 100; user++) assert.equal(revocations.revoked({ ...SESSION, subject: `user ${user}` }, NOW), false);
    assert.deepEqual(
      ["a", "b", "c", "d", "e"].map((subject) => revocations.revoked({ ...SESSION, subject }, NOW)),
      [true, true, true, true, true],
    );
  });
});
