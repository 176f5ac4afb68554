/** What every implementation of marks and revocations does, and what is special to each. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BucketTable } from "../../shared/bucket-table.ts";
import { MemoryMarks, type Marks } from "./marks.ts";
import { MemoryRevocations, type RevocableSession, type Revocations } from "./revocations.ts";
import { SharedMarks, SharedRevocations } from "./shared-session-state.ts";

const NOW = 1_800_000_000_000;
const LIFETIME = 3_600_000;
const SESSION: RevocableSession = { issuer: "i", id: "1", subject: "alice", sid: "s", startedAtMs: NOW };
const REVOCATION = { issuer: "i", by: "sub", value: "alice", beforeMs: NOW, untilMs: NOW + LIFETIME } as const;

/** Each implementation as two threads see it. */
const MARKS: readonly (readonly [name: string, make: () => readonly [Marks, Marks]])[] = [
  [
    "in memory",
    (): readonly [Marks, Marks] => {
      const marks = new MemoryMarks();
      return [marks, marks];
    },
  ],
  [
    "shared",
    (): readonly [Marks, Marks] => {
      const buffer = BucketTable.create(1, 2, 1_000);
      return [new SharedMarks(new BucketTable(buffer), 0), new SharedMarks(new BucketTable(buffer), 1)];
    },
  ],
];

const REVOCATIONS: readonly (readonly [name: string, make: () => readonly [Revocations, Revocations]])[] = [
  [
    "in memory",
    (): readonly [Revocations, Revocations] => {
      const revocations = new MemoryRevocations();
      return [revocations, revocations];
    },
  ],
  [
    "shared",
    (): readonly [Revocations, Revocations] => {
      const buffer = BucketTable.create(1, 2, 1_000);
      return [new SharedRevocations(new BucketTable(buffer), 0, LIFETIME), new SharedRevocations(new BucketTable(buffer), 1, LIFETIME)];
    },
  ],
];

for (const [name, make] of MARKS) {
  describe(`marks ${name}`, () => {
    test("are set once, by whoever comes first, until they end", async () => {
      const [one, other] = make();
      assert.equal(await one.has("a", NOW), false);
      assert.equal(await one.set("a", NOW + 100, NOW), true);
      assert.equal(await other.set("a", NOW + 500, NOW + 99), false);
      assert.equal(await other.has("a", NOW + 99), true);
      assert.equal(await other.has("b", NOW + 99), false);
      assert.equal(await one.has("a", NOW + 100), false);
      assert.equal(await other.set("a", NOW + 200, NOW + 100), true);
      assert.equal(await one.has("a", NOW + 199), true);
    });
  });
}

for (const [name, make] of REVOCATIONS) {
  describe(`revocations ${name}`, () => {
    test("hold for what they name, until they end", async () => {
      const [one, other] = make();
      assert.equal(await other.revoked(SESSION, NOW), false);
      await one.revoke(REVOCATION, NOW);
      assert.equal(await other.revoked(SESSION, NOW), true);
      assert.equal(await other.revoked({ ...SESSION, startedAtMs: NOW + 1 }, NOW + 1), false);
      assert.equal(await other.revoked({ ...SESSION, subject: "bob" }, NOW), false);
      assert.equal(await other.revoked({ ...SESSION, issuer: "j" }, NOW), false);
      assert.equal(await other.revoked({ ...SESSION, subject: "bob", id: "alice", sid: "alice" }, NOW), false);
    });

    test("name a session of the provider, or one of ours", async () => {
      const [one, other] = make();
      await one.revoke({ ...REVOCATION, by: "sid", value: "s", beforeMs: NOW + LIFETIME }, NOW);
      await one.revoke({ ...REVOCATION, by: "session", value: "2", beforeMs: NOW + LIFETIME }, NOW);
      assert.equal(await other.revoked({ ...SESSION, startedAtMs: NOW + 1 }, NOW + 1), true);
      assert.equal(await other.revoked({ ...SESSION, sid: null }, NOW), false);
      assert.equal(await other.revoked({ ...SESSION, sid: null, id: "2" }, NOW), true);
      assert.equal(await other.revoked({ ...SESSION, sid: null, id: "2" }, NOW + LIFETIME), false);
      assert.equal(await other.revoked(SESSION, NOW + LIFETIME), false);
    });

    test("of a user are those of the later logout", async () => {
      const [one, other] = make();
      await one.revoke({ ...REVOCATION, beforeMs: NOW + 300, untilMs: NOW + 300 + LIFETIME }, NOW + 300);
      await other.revoke(REVOCATION, NOW + 300);
      assert.equal(await one.revoked({ ...SESSION, startedAtMs: NOW + 250 }, NOW + LIFETIME + 100), true);
    });
  });
}

test("revocations in memory that end first go first when there are too many", () => {
  const revocations = new MemoryRevocations(100);
  for (let user = 0; user < 101; user++) revocations.revoke({ ...REVOCATION, value: String(user), untilMs: NOW + 1_000 + user }, NOW);
  const held = Array.from({ length: 101 }, (_, user) => revocations.revoked({ ...SESSION, subject: String(user) }, NOW));
  assert.deepEqual([held.filter(Boolean).length, held[0], held[10], held[11], held[100]], [90, false, false, true, true]);
});

test("the oldest marks in memory go when there are too many", () => {
  const marks = new MemoryMarks(10);
  for (let mark = 0; mark < 11; mark++) marks.set(String(mark), NOW + 300, NOW);
  assert.deepEqual([marks.has("0", NOW), marks.has("1", NOW), marks.has("10", NOW)], [false, false, true]);
});

test("shared revocations stand a flood of marks and of questions", () => {
  // One set of five entries: everybody meets.
  const table = new BucketTable(BucketTable.create(1, 2, 5));
  const revocations = new SharedRevocations(table, 0, LIFETIME);
  for (const user of ["a", "b", "c", "d"]) revocations.revoke({ ...REVOCATION, value: user }, NOW);
  const marks = new SharedMarks(table, 1);
  for (let mark = 0; mark < 100; mark++) assert.equal(marks.set(String(mark), NOW + 30_000, NOW), true);
  revocations.revoke({ ...REVOCATION, value: "e" }, NOW);
  // Now all five entries are revocations.
  for (let user = 0; user < 100; user++) assert.equal(revocations.revoked({ ...SESSION, subject: `user ${user}` }, NOW), false);
  assert.deepEqual(
    ["a", "b", "c", "d", "e"].map((subject) => revocations.revoked({ ...SESSION, subject }, NOW)),
    [true, true, true, true, true],
  );
});
