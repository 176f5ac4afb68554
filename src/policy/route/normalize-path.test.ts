import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeSlashes, normalizePath, normalizePattern } from "./normalize-path.ts";

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
  ["/a/%2e%2E/admin", "/admin"],
  ["/a/.%2e/admin", "/admin"],
  ["/%61dmin", "/admin"],
  ["/%61%64%6D%69%6e", "/admin"],
  ["/admin;x=1/", "/admin/"],
  ["/admin;x=1", "/admin"],
  ["/;x/admin", "/admin"],
  ["/a;b;c/d;e", "/a/d"],
  ["\\admin", "/admin"],
  ["/a\\..\\admin", "/admin"],
  ["/static/..%2fadmin", "/static/..%2Fadmin"],
  ["/static/..%5cadmin", "/static/..%5Cadmin"],
  ["/a%3bx", "/a%3Bx"],
  ["/a%3fb%23c", "/a%3Fb%23c"],
  ["/a%0d%0ab", "/a%0D%0Ab"],
  ["/a%7f", "/a%7F"],
  ["/%c3%a9", "/%C3%A9"],
  ["/\u00c3\u00a9", "/%C3%A9"],
  ["/a%20b", "/a b"],
  ["/%40%21", "/@!"],
  ["/100%", "/100%25"],
  ["/%zz", "/%25zz"],
  ["/%252e%252e/x", "/%252e%252e/x"],
  ["/%%34%31", "/%2541"],
  ["/...", "/..."],
  ["/.well-known/acme", "/.well-known/acme"],
  ["/a/..b/c..", "/a/..b/c.."],
];

test("every spelling has one canonical form", () => {
  for (const [path, expected] of canonical) assert.equal(normalizePath(path), expected, path);
});

test("refuses what has no safe reading", () => {
  for (const path of [
    "/a%00",
    "/a%00.html",
    "/\0",
    "/a;x=%00",
    "/a;\0/b",
    "/..;/admin",
    "/a/..;x=1/b",
    "/.;/a",
    "/%2e%2e;/a",
    "",
    "admin",
    "?x",
    "http://a/",
    "**",
  ]) {
    assert.equal(normalizePath(path), null, path);
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
        const second = decodeSlashes(once);
        assert.equal(normalizePath(second), second);
        assert.doesNotMatch(second, /%2F|%5C/);
      },
    ),
    { numRuns: 3000 },
  );
});

test("spelling an unreserved character by its escape changes nothing", () => {
  const word = fc.stringMatching(/^[A-Za-z0-9._~-]{1,8}$/);
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

test("the second reading takes encoded slashes for slashes", () => {
  assert.equal(decodeSlashes("/static/..%2Fadmin"), "/admin");
  assert.equal(decodeSlashes("/a%5C..%2F%2Fb"), "/b");
  assert.equal(decodeSlashes("/a%252Fb"), "/a%252Fb");
  assert.equal(decodeSlashes("/plain"), "/plain");
});

test("patterns are Unicode text", () => {
  assert.equal(normalizePattern("/caf\u00e9/\u{1f600}"), "/caf%C3%A9/%F0%9F%98%80");
  assert.equal(normalizePattern("/\ud800"), "/%EF%BF%BD");
  assert.equal(normalizePattern("/a b/../c"), "/c");
});

test("takes linear time", () => {
  const started = performance.now();
  for (const unit of ["../", "//", ";", "%2e%2e/", "a/../", "\\", "%", "%2f..%2f"]) {
    const path = normalizePath(`/${unit.repeat(50_000)}x`);
    assert.ok(path !== null);
    decodeSlashes(path);
  }
  assert.ok(performance.now() - started < 3000);
});
