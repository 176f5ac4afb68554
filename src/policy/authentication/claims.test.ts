import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import fc from "fast-check";
import { claimOf, membersOf } from "./claims.ts";
import { identityList, identityText } from "./identity-values.ts";
import { lackOf } from "./requirement.ts";

const CLAIMS = {
  scope: "read  write",
  roles: ["admin", "ops team", 7, true, null, { a: 1 }],
  realm_access: { roles: ["user"] },
  "https://a.example/tenant": "acme",
  "a.b": "whole",
  a: { b: "part", c: { d: 1 } },
  empty: "",
  none: null,
};

test("a claim by its name, or by the way to it; its own name comes first", () => {
  assert.equal(claimOf(CLAIMS, "https://a.example/tenant"), "acme");
  assert.equal(claimOf(CLAIMS, "a.b"), "whole");
  assert.equal(claimOf(CLAIMS, "a.c.d"), 1);
  for (const name of ["a.c.d.e", "roles.0", "roles.length", "toString", "a.toString", "__proto__", "", "missing"])
    assert.equal(claimOf(CLAIMS, name), undefined, name);
});

test("members: of an array each, of a text of words the words and the text itself, of anything else none", () => {
  assert.deepEqual(membersOf(CLAIMS, "scope"), ["read  write", "read", "write"]);
  assert.deepEqual(membersOf(CLAIMS, "roles"), ["admin", "ops team", "7", "true"]);
  assert.deepEqual(membersOf(CLAIMS, "realm_access.roles"), ["user"]);
  for (const name of ["empty", "none", "a", "missing"]) assert.deepEqual(membersOf(CLAIMS, name), [], name);
});

test("what a client lacks", () => {
  const known = { roles: ["user", "ops"], scopes: ["read", "write"], claims: { tenant: ["acme", "b"], plan: "pro" } };
  assert.equal(
    lackOf(known, { roles: ["admin", "ops"], scopes: ["read", "write"], claims: { tenant: ["x", "acme"], plan: ["pro"] } }),
    null,
  );
  assert.equal(lackOf(known, { roles: ["admin"] }), "role");
  assert.equal(lackOf({ ...known, claims: { groups: ["Helpdesk Admins"] } }, { claims: { groups: ["Admins"] } }), "claim");
  assert.equal(lackOf(known, { scopes: ["read", "delete"] }), "scope");
  assert.equal(lackOf(known, { claims: { tenant: ["acme"], plan: ["free"] } }), "claim");
  assert.equal(lackOf(known, { claims: { toString: ["x"] } }), "claim");
});

/** Texts of any code units, among them halves of surrogate pairs. */
const texts = (minLength: number): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0, max: 0xffff })), { minLength })
    .map((units) => String.fromCharCode(...units));

test("two names or lists never become the same value of a field, and no value can be two lines", () => {
  const legal = /^[ -~\x80-\xff]*$/;
  fc.assert(
    fc.property(texts(0), texts(0), (one, other) => {
      const [first, second] = [identityText(one), identityText(other)];
      assert.match(first, legal);
      assert.doesNotMatch(first, /^ | $/);
      if (one.toWellFormed() !== other.toWellFormed()) assert.notEqual(first, second);
    }),
  );
  fc.assert(
    fc.property(fc.array(texts(1)), fc.array(texts(1)), (one, other) => {
      const [first, second] = [identityList(one), identityList(other)];
      assert.match(first, legal);
      const same = one.length === other.length && one.every((member, index) => member.toWellFormed() === other[index]?.toWellFormed());
      if (!same) assert.notEqual(first, second);
    }),
  );
  assert.equal(identityText("Zo\u00eb M\u00fcller"), "Zo\u00c3\u00ab M\u00c3\u00bcller");
  assert.equal(identityText(" a%\r\nb "), "%20a%25%0D%0Ab%20");
  assert.equal(identityList(["a,b", "c d"]), "a%2Cb,c%20d");
});

test("no white space that an application may trim stands at either end, nor any in a list", () => {
  for (const space of [" ", "\t", "\n", "\u0085", "\u00a0", "\u2003", "\u2028", "\u3000", "\ufeff"]) {
    for (const name of [`root${space}`, `${space}root`, `${space}${space}root${space}`, space]) {
      for (const value of [identityText(name), identityList([name, "x"])]) assert.match(value, /^[!-~]+$/, JSON.stringify(name));
    }
    assert.equal(decodeURIComponent(identityText(`${space} a ${space}`)), `${space} a ${space}`);
  }
  assert.deepEqual([identityText(""), identityText("  "), identityText(" a  b ")], ["", "%20%20", "%20a  b%20"]);
});

test("a name of ten thousand spaces between two letters takes no time", () => {
  const before = process.cpuUsage().user;
  const name = `a${" ".repeat(30_000)}b`;
  assert.equal(identityText(name), name);
  // Quadratic, it takes a second.
  assert.ok(process.cpuUsage().user - before < 200_000);
});
