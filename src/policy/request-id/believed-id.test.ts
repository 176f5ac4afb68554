import assert from "node:assert/strict";
import { test } from "node:test";
import { believedId } from "./believed-id.ts";

test("ids in the forms that are in use are believed", () => {
  for (const id of [
    "7b3c9c1e-9d5e-7d1a-8d7a-0c1f4f7d2a11",
    "Root=1-67891233-abcdef012345678912345678",
    "a",
    "req/1:2+3@host_4~x",
    "x".repeat(128),
  ])
    assert.equal(believedId([id]), id);
});

test("other texts, longer ones and repeated lines are not", () => {
  for (const values of [[], [""], ["x".repeat(129)], ["a", "b"], ["a", "a"], ["a b"], ["a,b"], ["a;b"]])
    assert.equal(believedId(values), null);
  const allowed = /[A-Za-z0-9._~:/+=@-]/;
  for (let code = 0; code < 0x100; code++) {
    const id = `a${String.fromCharCode(code)}b`;
    assert.equal(believedId([id]), allowed.test(id[1] ?? "") ? id : null, `character ${code}`);
  }
});
