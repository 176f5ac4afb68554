import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { inspect } from "node:util";
import { RememberedPasswords } from "./remembered-passwords.ts";

const PASSWORD = Buffer.from("correct horse");
const HASH = "$2y$05$cHhppuUy2r7i2E4DJFEyfu1WZwQKK.pG132MDmtEA4c8o9m6cJhk2";

test("a login is remembered for five minutes from its verification, however often it is used", () => {
  const remembered = new RememberedPasswords();
  assert.equal(remembered.has("alice", PASSWORD, HASH, 0), false);
  remembered.add("alice", PASSWORD, HASH, 0);
  for (const now of [0, 100_000, 299_999]) assert.equal(remembered.has("alice", PASSWORD, HASH, now), true, `${now}`);
  assert.equal(remembered.has("alice", PASSWORD, HASH, 300_000), false);
  assert.equal(remembered.size, 0);
});

test("another user, another password and another hash are another login, wherever one ends and the next begins", () => {
  const remembered = new RememberedPasswords();
  remembered.add("alice", PASSWORD, HASH, 0);
  for (const [user, password, hash] of [
    ["bob", "correct horse", HASH],
    ["alice", "correct hors", HASH],
    ["alice", "correct horse", `${HASH}1`],
    ["alic", "ecorrect horse", HASH],
    ["alicecorrect", " horse", HASH],
    ["alice", `correct horse${HASH.slice(0, 1)}`, HASH.slice(1)],
  ] as const)
    assert.equal(remembered.has(user, Buffer.from(password), hash, 1), false);
  assert.equal(remembered.has("alice", Buffer.from("correct horse"), HASH, 1), true);
});

test("of too many, the one goes that was not used for the longest time", () => {
  const remembered = new RememberedPasswords({ entriesMax: 3, forMs: 1000 });
  for (const user of ["a", "b", "c"]) remembered.add(user, PASSWORD, HASH, 0);
  assert.equal(remembered.has("a", PASSWORD, HASH, 1), true);
  remembered.add("b", PASSWORD, HASH, 2);
  remembered.add("d", PASSWORD, HASH, 3);
  assert.deepEqual(
    ["a", "b", "c", "d"].filter((user) => remembered.has(user, PASSWORD, HASH, 4)),
    ["a", "b", "d"],
  );
  // A verification anew begins the time anew.
  assert.equal(remembered.has("b", PASSWORD, HASH, 1001), true);
  assert.equal(remembered.has("a", PASSWORD, HASH, 1001), false);
});

test("ten thousand at most", () => {
  const remembered = new RememberedPasswords();
  for (let user = 0; user < 10_010; user++) remembered.add(`${user}`, PASSWORD, HASH, 0);
  assert.equal(remembered.size, 10_000);
});

test("neither user nor password is kept", () => {
  const remembered = new RememberedPasswords();
  remembered.add("alice", PASSWORD, HASH, 0);
  // As text, as a Buffer and as other bytes.
  const forms = ["alice", "correct", "cHhppu", "63 6f 72 72 65 63 74", "99, 111, 114, 114, 101, 99, 116"];
  assert.doesNotMatch(inspect(remembered, { depth: 9, showHidden: true, breakLength: Infinity }), new RegExp(forms.join("|")));
});
