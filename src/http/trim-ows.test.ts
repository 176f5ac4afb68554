import { test } from "node:test";
import assert from "node:assert/strict";
import { trimOws } from "./trim-ows.ts";

test("removes spaces and tabs from both ends, and nothing else", () => {
  assert.equal(trimOws(" \t a b\t"), "a b");
  assert.equal(trimOws(" \t "), "");
  assert.equal(trimOws(""), "");
  for (const other of ["\u00a0", "\v", "\f", "\r", "\n", "\0", "\ufeff"]) assert.equal(trimOws(`${other}a${other}`), `${other}a${other}`);
});
