import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PathRegexes } from "../../regex/path-regexes.ts";
import { AMBIGUOUS, compilePositions } from "./match.ts";
import { literalBeginning } from "./path-regex.ts";

const regexes = new PathRegexes();
await regexes.load();
const compile = (pattern: string): ReturnType<PathRegexes["compile"]> => regexes.compile(pattern);

test("the literal beginning of a pattern", () => {
  for (const [pattern, expected] of [
    ["^/u/(?<id>[0-9]+)$", "/u/"],
    ["^/users", "/users"],
    ["^/users?", "/user"],
    ["^/a{2}", "/"],
    ["^/a*", "/"],
    ["^/a.b", "/a"],
    ["^/a|^/b", ""],
    ["^/a[(]|^/b", ""],
    ["^/a[^](]|^/b", ""],
    ["^/a[\\](]|^/b", ""],
    ["^/a[[:alpha:](]|^/b", ""],
    ["^/a\\Q(\\E|^/b", ""],
    ["^/a\\(|^/b", ""],
    ["^/a(?:[)]|[(])b", "/a"],
    ["^/(a|b)/c", "/"],
    ["/a", ""],
    ["^a", ""],
    ["(?i)^/a", ""],
    ["^\\/a", ""],
    ["", ""],
  ] as const) {
    assert.equal(literalBeginning(pattern), expected, pattern);
  }
});

test("every path that a pattern takes begins with its literal beginning", () => {
  const atoms = fc.constantFrom(
    "/",
    "a",
    "b",
    "-",
    "?",
    "*",
    "+",
    "{2}",
    "|",
    "(a|b)",
    "(?:/a)",
    "[ab]",
    ".",
    "\\/",
    "$",
    "(",
    ")",
    "[(]",
    "[])]",
    "[^]]",
    "[[:alpha:]]",
    "\\Q(",
    "\\E",
    "[",
    "]",
    "^/",
  );
  let matches = 0;
  fc.assert(
    fc.property(fc.array(atoms, { maxLength: 8 }), fc.array(fc.constantFrom("/", "a", "b", "-"), { maxLength: 8 }), (parts, path) => {
      const pattern = `^/${parts.join("")}`;
      const text = `/${path.join("")}`;
      let compiled: ReturnType<typeof compile>;
      try {
        compiled = compile(pattern);
      } catch {
        return;
      }
      if (!compiled.holds(text)) return;
      matches++;
      assert.ok(text.startsWith(literalBeginning(pattern)), `${pattern} takes ${text}`);
    }),
    { numRuns: 3000 },
  );
  assert.ok(matches > 50, `only ${matches} matches`);
});

test("routes with patterns are found in the order of the file, by the canonical form of the path", () => {
  const table = compilePositions(
    [
      { match: { path_regex: "^/u/(?<id>[0-9]+)$" } },
      { match: { path: ["/u/*"] } },
      { match: { path_regex: "[.]php$", not: { path_regex: "^/legacy/" } } },
      { match: {} },
    ],
    compile,
  );
  const at = (path: string, canonical: string = path): number | null => {
    const found = table.find({ method: "GET", host: "a.test", path, forwardTarget: path, get: () => undefined }, canonical, "192.0.2.1");
    return found === null || found === AMBIGUOUS ? null : found.index;
  };
  assert.deepEqual(
    [at("/u/12"), at("/u/12/x"), at("/u/x"), at("/%75/1%32", "/u/12"), at("/a/b.php"), at("/legacy/b.php"), at("/other"), at("*")],
    [0, 1, 1, 0, 2, 3, 3, 3],
  );
});

test("a pattern that would backtrack takes linear time", () => {
  const compiled = compile("^/(a*)*(a*)*(a|a)*b$");
  const before = performance.now();
  assert.equal(compiled.holds(`/${"a".repeat(8000)}`), false);
  assert.ok(performance.now() - before < 1000);
});

test("a pattern that looks at the whole path for each of its matches has only so many", () => {
  const compiled = compile("a(?:.*x)?");
  assert.throws(() => compiled.replace(`/${"a".repeat(8000)}`, () => "b"), RangeError);
  assert.equal(
    compiled.replace(`/${"a".repeat(200)}`, () => "b"),
    `/${"b".repeat(200)}`,
  );
});
