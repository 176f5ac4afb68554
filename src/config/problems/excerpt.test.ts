import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { excerptOf } from "./excerpt.ts";
import { parseConfig } from "../load.ts";
import type { Problem } from "./problem.ts";

function problem(line: number, column: number, key: string = "", message: string = "expected a port"): Problem {
  return { file: "f", line, column, key, message, severity: "error" };
}

/** The line and the caret below it, for a problem at the place of `^` in the second line. */
function shown(source: string, caretLine: string, key?: string, message?: string): string | null {
  const excerpt = excerptOf(source, problem(1, caretLine.indexOf("^") + 1, key, message));
  return excerpt === null ? null : `${excerpt.line}\n${" ".repeat(excerpt.caret)}^`;
}

test("keys are shown, values are not", () => {
  for (const [source, caret, expected] of [
    ["admin: { address: hunter2 }", "                  ^", "admin: { address: ...\n                  ^"],
    ["  - upstream: hunter2", "              ^", "  - upstream: ...\n              ^"],
    ["  - upstream:", "    ^", "  - upstream:\n    ^"],
    ['endpoints: ["http://hunter2", hunter2 ]', "                              ^", "endpoints: ... ...\n               ^"],
    ["\tmatch: {path: /hunter2, host: hunter2}", "               ^", " match: {path: ..., host: ...\n               ^"],
    [
      '{ "listeners": [{ "address": 1 }], "routes": hunter2 }',
      "               ^",
      '{ "listeners": [{ "address": ..., "routes": ...\n               ^',
    ],
    ["workers: hunter2 # path: hunter2", "         ^", "workers: ...\n         ^"],
  ] as const) {
    const text = shown(source, caret);
    assert.equal(text, expected, source);
  }
});

test("a word that the message shows is shown in the line too", () => {
  assert.equal(shown("wrokers: hunter2", "^", "wrokers"), "wrokers: ...\n^");
  assert.equal(
    shown('balance: "random"', "         ^", "balance", 'expected round_robin, found "random"'),
    'balance: "random"\n         ^',
  );
  assert.equal(shown("workers: 0", "         ^", "workers", "expected a number from 1, found 0"), "workers: 0\n         ^");
  assert.equal(shown("hunter2: 1", "^", "(key #1)"), null);
  assert.equal(shown("  - wrokers: hunter2", "    ^", "wrokers"), "  - wrokers: ...\n    ^");
  assert.equal(shown("tokens: [tokens]", "         ^", "tokens"), "tokens: ... ...\n            ^", "a value that is called as its key");
  assert.equal(shown("workers: workers2", "         ^", "", 'did you mean "workers"?'), "workers: ...\n         ^", "a part of a word");
});

test("nothing is shown of a line without keys", () => {
  for (const source of [
    "hunter2",
    "- hunter2",
    "  MIIBeTCCAR+gAwIBAgIU",
    "",
    "hunter2: path",
    '"path: hunter2"',
    "'path: ",
    "# path: x",
    '- "a, path: b"',
  ])
    assert.equal(shown(source, "^"), null, source);
  assert.equal(excerptOf("path: a", problem(7, 1)), null);
});

test("a long line is cut around the place of the problem", () => {
  const source = `routes: [${"{ path: /a }, ".repeat(100)}{ upstream: x }]`;
  const excerpt = excerptOf(source, problem(1, source.indexOf("upstream") + 1));
  assert.ok(excerpt !== null);
  assert.ok(excerpt.line.length < 170);
  assert.ok(excerpt.line.slice(excerpt.caret).startsWith("upstream:"), `${excerpt.line}\n${excerpt.caret}`);
});

test("the caret stands within the line, and no letter is shown that is not a key's or the message's, whatever the file", () => {
  const part = fc.constantFrom(
    "path",
    "tokens",
    "Zq9",
    "Zq9x",
    ":",
    ": ",
    " ",
    "  ",
    "- ",
    "{",
    "[",
    "]",
    "}",
    ", ",
    '"',
    "'",
    " #",
    "#",
    "\\",
    "\t",
    "|",
    ">",
    "&",
    "*",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), fc.nat(60), (parts, at) => {
      const excerpt = excerptOf(parts.join(""), problem(1, at + 1));
      if (excerpt === null) return;
      assert.ok(excerpt.caret >= 0 && excerpt.caret <= excerpt.line.length + 1);
      assert.match(excerpt.line.replace(/"?\b(?:path|tokens)"?[ ]*:/g, ""), /^[\s.,{[-]*$/);
    }),
    { numRuns: 2000 },
  );
});

test("a secret never shows, wherever it stands in a configuration, and whatever is wrong with it", () => {
  const template = `listeners: [{ address: ":80", SECRET }]
upstreams: { app: { endpoints: ["http://a"], SECRET, timeouts: { connect: SECRET } } }
admin: { address: ":9", token: "SECRET }
routes:
  - authentication: { tokens: [SECRET, "SECRET"], SECRET: SECRET }
    match: { headers: { x-key: SECRET, SECRET }, path: SECRET }
    upstream: SECRET
SECRET: |
  SECRET: upstream: SECRET
  path: SECRET
`;
  const lines = template.split("\n");
  for (const secret of ["hunter2", "12345678", '"hunter2 path: x"', "host: hunter2", "{ hunter2: hunter2 }", "workers", "- hunter2"]) {
    for (let line = 0; line < lines.length; line++) {
      // Every line in turn is put into a file that is fine but for it, and all lines together.
      for (const text of [lines[line] ?? "", lines.slice(0, line + 1).join("\n")].map((each) => each.replaceAll("SECRET", secret))) {
        const parsed = parseConfig(text, "f", {}, () => "");
        for (const each of "problems" in parsed ? parsed.problems : parsed.warnings) {
          const excerpt = excerptOf(text, each);
          const leaked = /hunter2|1234/.exec(excerpt?.line ?? "") !== null;
          assert.ok(!leaked || each.message.includes(secret), `${text}: ${excerpt?.line}`);
        }
      }
    }
  }
});
