import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { normalizePath, normalizePattern, otherReadings, referenceReadings } from "./normalize-path.ts";

const canonical: [string, string][] = [
  ["/", "/"],
  ["*", "*"],
  ["/api/users", "/api/users"],
  ["//admin", "/admin"],
  ["///", "/"],
  ["/a//b///c//", "/a/b/c/"],
  ["/./admin", "/admin"],
  ["/admin/.", "/admin/"],
  ["/admin/..", "/"],
  ["/a/b/..", "/a/"],
  ["/a/b/../c", "/a/c"],
  ["/../../../admin", "/admin"],
  ["/%61dmin", "/admin"],
  ["/%61%64%6D%69%6e", "/admin"],
  ["/admin;x=1/", "/admin/"],
  ["/admin;x=1", "/admin"],
  ["/;x/admin", "/admin"],
  ["/a;b;c/d;e", "/a/d"],
  ["/a;x/../b", "/b"],
  ["/a\\b", "/a%5Cb"],
  ["/a%5cb", "/a%5Cb"],
  ["/static/a%2fb", "/static/a%2Fb"],
  ["/a%2f/b", "/a%2F/b"],
  ["/a/../b%2fc", "/b%2Fc"],
  ["/a%3bx", "/a%3Bx"],
  ["/a%3fb%23c", "/a%3Fb%23c"],
  ["/a%0d%0ab", "/a%0D%0Ab"],
  ["/a%7f", "/a%7F"],
  ["/%c3%a9", "/%C3%A9"],
  ["/\u00c3\u00a9", "/%C3%A9"],
  ["/%ef%bc%8e%ef%bc%8e/x", "/%EF%BC%8E%EF%BC%8E/x"],
  ["/a%20b", "/a b"],
  ["/%40%21", "/@!"],
  ["/100%", "/100%25"],
  ["/100%25", "/100%25"],
  ["/%zz", "/%25zz"],
  ["/%252f", "/%252f"],
  ["/%%34%31", "/%2541"],
  ["/...", "/..."],
  ["/.well-known/acme", "/.well-known/acme"],
  ["/a/..b/c..", "/a/..b/c.."],
];

test("every spelling has one canonical form", () => {
  for (const [path, expected] of canonical) assert.equal(normalizePath(path), expected, path);
});

/** An "A" that takes this many rounds to decode. */
function encodedTimes(rounds: number): string {
  return rounds === 1 ? "%41" : encodedTimes(rounds - 1).replaceAll(/[0-9]/g, "%3$&");
}

test("refuses what has no safe reading", () => {
  for (const path of [
    "/a%00",
    "/a%00.html",
    "/a%2500",
    "/\0",
    "/a;x=%00",
    "/a;\0/b",
    "/..;/admin",
    "/a/..;x=1/b",
    "/.;/a",
    "/..%3b/admin",
    "/.%3f/",
    "/.?/",
    "/..#/admin",
    "/%2e%2e;/a",
    "/a/%2e%2e/admin",
    "/a/.%2E/admin",
    "/%2e/a",
    "/%252e%252e/x",
    "/static/..%2fadmin",
    "/static/..%5cadmin",
    "/static/..%252fadmin",
    "/static/..\\admin",
    "/a\\.",
    "/a%2f.",
    "/admin//../x",
    "/admin/;x/../x",
    "/admin/%3bx/../x",
    "/;%2fadmin",
    "/%3b%5cx/admin",
    "/;x\\y/admin",
    "/%3b%252fx/admin",
    "/..%c0%af..%c0%afetc",
    "/%c0%ae%c0%ae/x",
    "/%e0%80%ae",
    "/%f0%80%80%ae",
    "/%u002e%u002e/x",
    `/${encodedTimes(4)}`,
    "\\admin",
    "",
    "admin",
    "?x",
    "http://a/",
    "**",
  ]) {
    assert.equal(normalizePath(path), null, path);
  }
});

test("the other readings of a path are those of origin servers that read it in another way", () => {
  const cases: [string, string[]][] = [
    ["/plain", []],
    ["/a%20b;c//d", []],
    ["/caf%c3%a9/x", []],
    ["/a%2fb", ["/a/b"]],
    ["/a%5cb", ["/a/b"]],
    ["/a\\b", ["/a/b"]],
    ["/a%2fb%5cc", ["/a/b%5Cc", "/a%2Fb/c", "/a/b/c"]],
    ["/a/../b", ["/a/../b"]],
    ["/./a", ["/./a"]],
    ["/a/b%2fc/..", ["/a/b/", "/a/b%2Fc/..", "/a/b/c/.."]],
    ["/a/./b%2fc", ["/a/b/c", "/a/./b%2Fc", "/a/./b/c"]],
    ["/a%252fb", ["/a/b"]],
    ["/%2561", ["/a"]],
    ["/a%3bx/b", ["/a/b"]],
    ["/a%3fx/b", ["/a"]],
    ["/a%253fx/b", ["/a%3Fx/b", "/a"]],
    [`/${encodedTimes(3)}`, ["/A"]],
    ["//a/b", []],
    ["///a\\b/c", ["/a/b/c"]],
    ["/\\a/b", ["/a/b"]],
    ["//a/b%2fc", ["/a/b/c"]],
  ];
  for (const [path, expected] of cases) {
    assert.deepEqual(otherReadings(path, normalizePath(path) ?? "").toSorted(), expected.toSorted(), path);
  }
});

test("a path that begins with two slashes, read as a reference, loses the host after them", () => {
  const cases: [string, string[]][] = [
    ["/a//b", []],
    ["//a/b", ["/b"]],
    ["//a", ["/"]],
    ["//", []],
    ["///", []],
    ["//a//b/", ["/b/"]],
    ["///a/b", ["/b"]],
    ["//user@a:80/b", ["/b"]],
    ["///a\\b/c", ["/b/c", "/a/b/c"]],
    ["//a\\b/c", ["/b/c", "/c"]],
    ["//a%5cb/c", ["/b/c", "/c"]],
    ["//a\\b", ["/b", "/"]],
    ["/\\a/b", ["/b", "/a/b"]],
    ["//a/b%2fc", ["/b%2Fc", "/b/c"]],
  ];
  for (const [path, expected] of cases) {
    assert.deepEqual(referenceReadings(path, normalizePath(path) ?? "").toSorted(), expected.toSorted(), path);
  }
});

const segment = fc.oneof(
  fc.constantFrom(
    "",
    ".",
    "..",
    "%2e",
    "%2E%2e",
    "a",
    "%61",
    "admin",
    ";x",
    "a;b",
    "%2f",
    "..%2f",
    "%5C",
    "\\",
    "%",
    "%zz",
    "%25",
    "%252f",
    "\u00e9",
  ),
  fc.stringMatching(/^[!-~]{0,6}$/),
);
const spelled = fc.array(segment, { minLength: 1, maxLength: 8 }).map((segments) => `/${segments.join("/")}`);

test("is idempotent and leaves no dot segment, no empty segment, no raw byte", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        spelled,
        fc.string({ unit: "binary-ascii" }).map((text) => `/${text}`),
      ),
      (path) => {
        const once = normalizePath(path);
        if (once === null) return;
        assert.equal(normalizePath(once), once);
        assert.match(once, /^\/[ -~]*$/);
        assert.ok(!once.includes("//") && !once.includes(";") && !once.includes("\\"), once);
        assert.ok(!once.split("/").some((part) => part === "." || part === ".."), once);
        assert.doesNotMatch(once, /%(?![0-9A-F]{2})|%(?:4[1-9A-F]|6[1-9A-F]|3[0-9]|2E)/);
        const others = otherReadings(path, once);
        assert.equal(new Set(others).size, others.length);
        for (const other of [...others, ...referenceReadings(path, once)]) {
          assert.notEqual(other, once);
          assert.match(other, /^\/[ -~]*$/);
          assert.ok(!other.includes("//") && !other.includes(";") && !other.includes("\\"), other);
        }
      },
    ),
    { numRuns: 3000 },
  );
});

test("spelling an unreserved character by its escape changes nothing", () => {
  const word = fc.stringMatching(/^[A-Za-z0-9._~-]{1,8}$/).filter((text) => !/^\.{1,2}$/.test(text));
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), fc.infiniteStream(fc.boolean()), (words, coins) => {
      const plain = `/${words.join("/")}`;
      const escaped = plain.replace(/[^/]/g, (character) =>
        coins.next().value === true ? `%${character.charCodeAt(0).toString(16)}` : character,
      );
      assert.equal(normalizePath(escaped), normalizePath(plain));
    }),
  );
});

test("plain paths come back as the same string", () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[A-Za-z0-9_~!@-]{1,8}$/), { maxLength: 5 }), (words) => {
      const path = `/${words.join("/")}`;
      assert.equal(normalizePath(path), path);
    }),
  );
});

test("a pattern of the configuration is Unicode text", () => {
  assert.equal(normalizePattern("/caf\u00e9/\u{1f600}"), "/caf%C3%A9/%F0%9F%98%80");
  assert.equal(normalizePattern("/\ud800"), "/%EF%BF%BD");
  assert.equal(normalizePattern("/a b/../c"), "/c");
});

test("takes linear time", () => {
  const started = performance.now();
  for (const unit of ["../", "//", ";", "%2e%2e/", "a/../", "\\", "%", "%2f..%2f", "%25", "%2f", "a%2fb%5cc;d/", "./a%253f", "%2%35"]) {
    const path = `/${unit.repeat(50_000)}x`;
    const read = normalizePath(path);
    if (read === null) continue;
    otherReadings(path, read);
    referenceReadings(`/${path}`, read);
  }
  assert.ok(performance.now() - started < 3000);
});
