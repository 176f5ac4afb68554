import assert from "node:assert/strict";
import { test } from "node:test";
import { Globs, isGlob } from "./glob.ts";

// What micromatch 4.0.8 answers.
const CASES: readonly (readonly [patterns: readonly string[], matching: readonly string[], others: readonly string[]])[] = [
  [["**"], ["/", "/a", "/a/b.html"], ["/.git", "/a/.env"]],
  [["/api/**"], ["/api", "/api/", "/api/a", "/api/a/b"], ["/apis", "/a/api/b", "/api/.env"]],
  [["/api/*"], ["/api/a", "/api/a/"], ["/api", "/api/", "/api/a/b", "/api/.env"]],
  [["**/*.html"], ["/a.html", "/a/b/c.html"], ["/a.htm", "/a.html/b"]],
  [["/*.{html,htm}"], ["/a.html", "/a.htm"], ["/a/b.html", "/a.htmx"]],
  [["/v[12]/?"], ["/v1/a", "/v2/b"], ["/v3/a", "/v1/", "/v1/ab"]],
  [["/[^a]x*"], ["/bx", "/bxyz"], ["/ax"]],
  [["/a/**/b"], ["/a/b", "/a/x/b", "/a/x/y/b"], ["/ab", "/a/.x/b"]],
  [
    ["**", "!**/*.json"],
    ["/a", "/a/b.html"],
    ["/a.json", "/a/b.json"],
  ],
  [
    ["!/a/**", "!/b/**"],
    ["/c", "/c/d"],
    ["/a/x", "/b/x"],
  ],
  [["**.json"], ["/a.json", "/a/b.json"], ["/a.html"]],
  [[String.raw`/\*/*`], ["/*/a"], ["/x/a"]],
];
for (const [patterns, matching, others] of CASES) {
  test(`${patterns.join(" ")} takes what it says, and nothing else`, () => {
    const globs = new Globs(patterns);
    assert.deepEqual(
      [...matching, ...others].filter((path) => globs.matches(path)),
      matching,
    );
  });
}

test("what is a pattern, and what is a path", () => {
  assert.deepEqual(["/api", "/a.b", "/a?b", "api", "/a(b)"].filter(isGlob), []);
  const patterns = ["/api/*", "!/api", "**", "/v[12]", "/{a,b}", "/a(b|c)"];
  assert.deepEqual(patterns.filter(isGlob), patterns);
});

test("a pattern that is not known is refused", () => {
  for (const pattern of ["/+(a)*", "/(a|b)*", "/[a*", `/${"{a,b}".repeat(12)}`]) {
    assert.throws(() => new Globs([pattern]), { name: "TypeError", message: /^pathFilter: the pattern / });
  }
});

test("a long path costs no more than its length times that of the pattern", () => {
  const globs = new Globs([`/${"*a".repeat(30)}/**/${"*b".repeat(30)}`]);
  const begun = performance.now();
  assert.equal(globs.matches(`/${"a".repeat(20_000)}/${"b".repeat(20_000)}!`), false);
  // A matcher that goes back would not end.
  assert.ok(performance.now() - begun < 5000);
});
