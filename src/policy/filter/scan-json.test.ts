import assert from "node:assert/strict";
import { Buffer, isUtf8 } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { scanJson } from "./scan-json.ts";
import type { JsonLimits } from "./scan-json.ts";

const NONE: JsonLimits = { depth: Infinity, keys: Infinity, stringBytes: Infinity, items: Infinity, duplicates: true };

function scan(text: string, limits: Partial<JsonLimits> = {}): string | null {
  return scanJson(Buffer.from(text), { ...NONE, ...limits });
}

test("each limit holds to the last one, and not one more", () => {
  assert.equal(scan('[[{"a":[]}]]', { depth: 4 }), null);
  assert.equal(scan('[[{"a":[]}]]', { depth: 3 }), "depth");
  assert.equal(scan("1", { depth: 0 }), null);
  assert.equal(scan('{"a":1,"b":{"c":2},"d":[{"e":3}]}', { keys: 5 }), null);
  assert.equal(scan('{"a":1,"b":{"c":2},"d":[{"e":3}]}', { keys: 4 }), "keys");
  assert.equal(scan('["abc",{"abc":"\\u00e9"}]', { stringBytes: 6 }), null);
  assert.equal(scan('["abc",{"abc":"\\u00e9"}]', { stringBytes: 5 }), "string");
  assert.equal(scan('{"abcd":1}', { stringBytes: 3 }), "string");
  assert.equal(scan("[1,2,[3,4,5]]", { items: 3 }), null);
  assert.equal(scan("[1,2,[3,4,5,6]]", { items: 3 }), "items");
  assert.equal(scan("1".repeat(1000)), null);
  assert.equal(scan("1".repeat(1001)), "number");
  assert.equal(scan(`-0.${"1".repeat(2000)}e5`), "number");
});

test("a name that is there twice, in whatever spelling, in its own object only", () => {
  const duplicates = false;
  for (const text of [
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '{"é":1,"\\u00e9":2}',
    '{"😀":1,"\\ud83d\\ude00":2}',
    '{"\\/":1,"/":2}',
    '[{"":1,"":2}]',
    '{"a\\\\u0062":1,"a\\u005cu0062":2}',
  ])
    assert.equal(scan(text, { duplicates }), "duplicate", text);
  for (const text of [
    '{"a":1,"A":2}',
    '{"a":{"a":1},"b":{"a":1}}',
    '[{"a":1},{"a":1}]',
    '{"\\ud83d":1,"\\ude00":2}',
    '{"__proto__":1,"constructor":2}',
  ])
    assert.equal(scan(text, { duplicates }), null, text);
  assert.equal(scan('{"a":1,"a":2}'), null);
});

test("what is JSON for JSON.parse is JSON here, and nothing else", () => {
  const texts = [
    "",
    " ",
    "nul",
    "nulll",
    "+1",
    "01",
    "-",
    "1.",
    ".5",
    "1e",
    "1e+",
    "-0",
    "-0.0E-10",
    "0x1",
    "NaN",
    "Infinity",
    "True",
    "'a'",
    '"',
    '"\\"',
    '"\\x"',
    '"\\u12"',
    '"\\u12G4"',
    '"\t"',
    '"\u{7f}"',
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{",
    "{}",
    "{]",
    "[}",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    "{a:1}",
    '{"a":1 "b":2}',
    "[]]",
    "[] []",
    "1 2",
    "//",
    "[/**/]",
    "\u{a0}1",
    "1\u{feff}",
    "\v1",
    "\0",
    "[1\0]",
    '{"a":[1,{"b":null}],"c":"\\ud800"}',
    ' [ 1 , true , { } , "\\n" ] \r\n\t',
  ];
  for (const text of texts) assert.equal(scan(text) === null, parses(text), JSON.stringify(text));
  assert.equal(scan("\u{feff}[1]"), null);
  // Pieces of JSON in any order: mostly none, and often nearly one.
  const piece = fc.constantFrom("{", "}", "[", "]", ",", ":", '"a"', '"\\u0061"', "1", "-2.5e3", "true", "null", " ", '"', "\\", "0");
  const pieces = fc.array(piece, { maxLength: 12 }).map((all) => all.join(""));
  fc.assert(
    fc.property(
      fc.oneof(
        pieces,
        fc.json({ maxDepth: 4 }),
        fc.json().map((text) => text.slice(0, -1)),
      ),
      (text) => {
        assert.equal(scan(text) === null, parses(text), text);
      },
    ),
    { numRuns: 3000 },
  );
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test("depth, names and elements are those of the value", () => {
  const measure = (value: unknown): { depth: number; keys: number; items: number } => {
    if (typeof value !== "object" || value === null) return { depth: 0, keys: 0, items: 0 };
    const inner = Object.values(value).map(measure);
    const count = Array.isArray(value) ? 0 : Object.keys(value).length;
    return {
      depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
      keys: count + inner.reduce((sum, { keys }) => sum + keys, 0),
      items: Math.max(Array.isArray(value) ? value.length : 0, ...inner.map(({ items }) => items)),
    };
  };
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (text) => {
      const { depth, keys, items } = measure(JSON.parse(text));
      assert.equal(scan(text, { depth, keys, items, duplicates: false }), null);
      if (depth > 0) assert.equal(scan(text, { depth: depth - 1 }), "depth");
      if (keys > 0) assert.equal(scan(text, { keys: keys - 1 }), "keys");
      if (items > 0) assert.equal(scan(text, { items: items - 1 }), "items");
    }),
    { numRuns: 500 },
  );
});

test("a megabyte of anything takes linear time, and depth takes no calls", () => {
  const size = 1024 ** 2;
  const texts = [
    "[".repeat(size),
    '{"a":'.repeat(size / 5),
    '"'.repeat(size),
    "\\".repeat(size),
    `"${"\\u0061".repeat(size / 6)}"`,
    " ".repeat(size),
    "1".repeat(size),
    "-".repeat(size),
    `[${"1,".repeat(size / 2)}1]`,
    "[],".repeat(size / 3),
  ];
  const begin = performance.now();
  for (const text of texts) scan(text, { duplicates: false });
  // Names that Maps of other programs find hard are strings of a Set here; all of them differ.
  scan(`{${Array.from({ length: 60_000 }, (_, index) => `"k${index}":0`).join()}}`, { duplicates: false });
  assert.ok(performance.now() - begin < 5000);
});

test("any bytes give an answer", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (given) => {
      const bytes = Buffer.from(given);
      const fault = scanJson(bytes, { ...NONE, duplicates: false });
      if (isUtf8(bytes) && fault === null) assert.ok(parses(bytes.toString().replace(/^\u{feff}/u, "")));
    }),
    { numRuns: 2000 },
  );
});
