import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseJson } from "./json-text.ts";
import type { JsonFault } from "./json-text.ts";

const LIMITS = { depth: 20, members: 100 };

function faultOf(text: string): JsonFault | null {
  return parseJson(text, LIMITS).fault;
}

test("reads what JSON.parse reads, with the same values", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom("", " ", "\n\t\r "), (text, space) => {
      const parsed = parseJson(space + text + space, { depth: 100, members: 10_000 });
      // What JSON.parse takes for one object may have a name twice.
      if (parsed.fault === "duplicate") return;
      assert.ok(parsed.fault === null);
      assert.equal(JSON.stringify(parsed.value), JSON.stringify(JSON.parse(text)));
    }),
  );
});

test("refuses what JSON.parse refuses", () => {
  const alphabet = fc.constantFrom(..."{}[]\",:\\u0a1.-+eE \n\ttruefalsn'/");
  fc.assert(
    fc.property(fc.string({ unit: alphabet, maxLength: 12 }), (text) => {
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      const fault = faultOf(text);
      assert.equal(fault === null || fault === "duplicate" || fault === "number", isJson, text);
    }),
    { numRuns: 3000 },
  );
  for (const text of [
    "",
    " ",
    "01",
    "1.",
    ".5",
    "+1",
    "NaN",
    "'a'",
    "[1,]",
    '{"a":1,}',
    "{a:1}",
    "nul",
    "\ufeff1",
    '"\u0001"',
    '"\\x"',
    '"\\u12"',
    "1 2",
    "[",
    '{"a"',
  ])
    assert.equal(faultOf(text), "syntax", text);
});

test("names twice, names of JavaScript's own, numbers without bound, and what is too deep or has too many names", () => {
  assert.equal(faultOf('{"a":1,"a":2}'), "duplicate");
  assert.equal(faultOf(String.raw`{"a":1,"\u0061":2}`), "duplicate");
  assert.equal(faultOf('{"a":{"a":1}}'), null);
  const parsed = parseJson('{"__proto__":{"x":1},"constructor":2}', LIMITS);
  assert.ok(parsed.fault === null);
  assert.deepEqual(Object.keys(parsed.value as object), ["__proto__", "constructor"]);
  assert.equal((parsed.value as { x?: unknown }).x, undefined);
  assert.equal(faultOf("1e400"), "number");
  assert.equal(faultOf("-1e400"), "number");
  assert.equal(faultOf(`${"[".repeat(20)}${"]".repeat(20)}`), null);
  assert.equal(faultOf(`${"[".repeat(21)}${"]".repeat(21)}`), "depth");
  assert.equal(faultOf(`{${Array.from({ length: 101 }, (_, index) => `"${index}":0`).join()}}`), "members");
  assert.equal(faultOf(`[${Array(100).fill("[]").join()}]`), "members");
  assert.equal(faultOf("[".repeat(1_000_000)), "depth");
});
