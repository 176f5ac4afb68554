import assert from "node:assert/strict";
import { test } from "node:test";
import { parseGroups } from "./read-groups.ts";

test("roles, as AuthGroupFile of Apache has them", () => {
  const read = parseGroups("# roles\nadmin: alice\n\nops:bob  alice\tcarol\r\nadmin: bob alice\nempty:\n");
  assert.ok("roles" in read);
  assert.deepEqual(Object.fromEntries(read.roles), { alice: ["admin", "ops"], bob: ["ops", "admin"], carol: ["ops"] });
});

test("what is wrong has its line", () => {
  const read = parseGroups("admin alice\nad min: alice\na,b: alice\n: alice\nops: ali:ce bob\nrôle: bob");
  assert.ok("problems" in read);
  const word = "a role is one word without commas";
  assert.deepEqual(read.problems, [
    "line 1: expected a role, a colon and names",
    `line 2: ${word}`,
    `line 3: ${word}`,
    `line 4: ${word}`,
    "line 5: a name contains a colon",
  ]);
});

test("more roles than a file may have", () => {
  const read = parseGroups(Array.from({ length: 1001 }, (_, index) => `r${index}: alice`).join("\n"));
  assert.deepEqual(read, { problems: ["line 1001: there are more than 1000 roles"] });
});
