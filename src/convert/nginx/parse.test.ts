import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseNginx } from "./parse.ts";
import type { Directive } from "./parse.ts";

/** Directives as nested lists. */
function shape(directives: readonly Directive[]): unknown {
  return directives.map(({ name, args, block }) => (block === null ? [name, ...args] : [[name, ...args], shape(block)]));
}

function parsed(text: string): unknown {
  const result = parseNginx(text, "f");
  return result.fault === undefined ? shape(result.directives) : `${result.fault.place.line}: ${result.fault.message}`;
}

test("words, quotes, comments and blocks are told apart as nginx does", () => {
  for (const [text, expected] of [
    ["a;", [["a"]]],
    ["a b  c;\nd;", [["a", "b", "c"], ["d"]]],
    [`a "b c" 'd "e"' "f\\"g";`, [["a", "b c", 'd "e"', 'f"g']]],
    ["a b#c; # d;\ne;", [["a", "b#c"], ["e"]]],
    [
      "a { b c; d { } }",
      [
        [
          ["a"],
          [
            ["b", "c"],
            [["d"], []],
          ],
        ],
      ],
    ],
    [String.raw`location ~ \.php$ { }`, [[["location", "~", String.raw`\.php$`], []]]],
    [String.raw`location ~ "^/[0-9]{3}$" { }`, [[["location", "~", "^/[0-9]{3}$"], []]]],
    ["a ${b}c$d;", [["a", "${b}c$d"]]],
    ['if ($a = "b") { c; }', [[["if", "($a", "=", "b", ")"], [["c"]]]]],
    [String.raw`a b\;c "\n\t\." \';`, [["a", String.raw`b\;c`, `\n\t\\.`, "'"]]],
    ["access_by_lua_block { if x then y() { } end }\na;", [[["access_by_lua_block"], []], ["a"]]],
    ["\uFEFFa;;b;", [["a"], ["b"]]],
    ["", []],
  ] as const)
    assert.deepEqual(parsed(text), expected, text);
});

test("what is wrong is said with its line", () => {
  for (const [text, expected] of [
    ["a;\nb", '2: "b" ends in no ; and no {'],
    ["a {\nb;\n", "1: a block is not closed: } is missing at the end of the file"],
    ["a;\n}", "2: there is a } too many"],
    ["a {\n b }", '2: "b" ends in no ;'],
    ['a "b;\nc;', '1: a quoted text (") does not end'],
    ['a "b"c;', "1: a quoted text must be followed by a space or ;"],
    ["{ }", "1: a { stands where no directive is"],
    ["p4ss:word", '1: "..." ends in no ; and no {'],
    ["a{".repeat(40), "1: blocks are nested too deeply"],
  ] as const)
    assert.equal(parsed(text), expected, text);
});

test("no text makes it throw, or go on for ever", () => {
  const piece = fc.constantFrom("a", " ", ";", "{", "}", '"', "'", "\\", "#", "\n", "$", "${", "location ~ ", "_by_lua_block {");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => void parseNginx(pieces.join(""), "f")),
    { numRuns: 500 },
  );
});
