import assert from "node:assert/strict";
import { test } from "node:test";
import { PathRegexes } from "../../regex/path-regexes.ts";
import { toRe2 } from "./pattern.ts";

const regexes = new PathRegexes();
await regexes.load();

/** What the pattern matches, in RE2 and within the length. */
function holds(pattern: string, text: string): boolean {
  const translated = toRe2(pattern);
  assert.ok("re2" in translated, pattern);
  const { re2, length } = translated;
  const count = Array.from(text).length;
  return (length === null || (count >= length.min && count <= length.max)) && regexes.compile(re2).holds(text);
}

const TEXTS = [
  "",
  "a",
  "A",
  "ab",
  "a.b",
  "a-b",
  "a b",
  "a_b",
  "12",
  "1.5",
  "é",
  "\u{1f600}",
  "\u00a0",
  "\u2028",
  "\n",
  "\v",
  "[a]",
  "]",
  "{a}",
  "/",
  "\\",
  "$",
  "^",
  "a/b",
  "-",
  "(",
  "x".repeat(70),
];

test("patterns match in RE2 what they match in ECMAScript", () => {
  const patterns = [
    "^a",
    "a$",
    "^$",
    "^[a-z]+$",
    "^[^a-z]$",
    "^.$",
    "\\s",
    "^\\S+$",
    "[\\s]",
    "\\d+",
    "^\\w+$",
    "^[\\w.-]+$",
    "^[\\w-.]+$",
    "\\.",
    "[.]",
    "^[a\\-b ]+$",
    "^\\u0061",
    "\\u{1F600}",
    "\\uD83D\\uDE00",
    "\\x41",
    "\\/",
    "[/]",
    "^(a|b)+$",
    "^(?:a|b)+$",
    "^(?<name>a)b$",
    "^a{1,2}$",
    "^[a-z]{1,2048}$",
    "^.{70,}$",
    "^[^\\s]{70}$",
    "\\p{L}",
    "^\\p{Lu}$",
    "\\p{Script=Latin}",
    "[[]",
    "[\\]]",
    "^[\\]a[]+$",
    "^\\{a\\}$",
    "\\\\",
    "\\$",
    "\\^",
    "[^]",
    "[]",
    "a??b",
    "\\bb",
    "[\\b]",
    "^[\\d-]+$",
    "\\cJ",
    "\\0",
  ];
  for (const pattern of patterns) {
    const expected = new RegExp(pattern, /[\\]-\.\]|\\w-/.test(pattern) ? "" : "u");
    for (const text of TEXTS) assert.equal(holds(pattern, text), expected.test(text), `${pattern} ${JSON.stringify(text)}`);
  }
});

test("what the engine cannot do, or means something else elsewhere, is a problem", () => {
  for (const pattern of [
    "(?=a)",
    "(?!a)",
    "(?<=a)",
    "(?<!a)",
    "(a)\\1",
    "(?<n>a)\\k<n>",
    "\\Aa",
    "a\\z",
    "(a",
    "a)",
    "[a",
    "*a",
    "a\\",
    "a**",
    "(?>a)",
    "\\u12",
    "\\p{",
  ])
    assert.ok("problem" in toRe2(pattern), pattern);
});
