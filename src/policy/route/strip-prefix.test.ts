import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { normalizePath } from "./normalize-path.ts";
import { compilePrefix, stripPrefix } from "./strip-prefix.ts";

const strip = (path: string, prefix: string = "/api"): string | null => stripPrefix(path, compilePrefix(prefix));

test("whole segments are taken, and the rest keeps its spelling", () => {
  for (const [path, rest] of [
    ["/api", ""],
    ["/api/", "/"],
    ["/api/x", "/x"],
    ["/api/x%2Fy;a=b/%7e", "/x%2Fy;a=b/%7e"],
    ["/api/x/../y/./z", "/x/../y/./z"],
    ["/%61pi/x", "/x"],
    ["/%61%70%69/x%20y", "/x%20y"],
    ["//api/x", "/x"],
    ["/./api/x", "/x"],
    ["/;a/api/x", "/x"],
    ["/api;v=1/x", "/x"],
    ["/api;v=1", ""],
    ["/api/.", "/."],
    ["/other/../api/x", "/x"],
    ["/api/../api/x", "/x"],
    ["/api/x/../../api/y", "/y"],
    ["/api/api/x", "/api/x"],
    ["/api/x/../../api/../api/./y", "/./y"],
  ] as const) {
    assert.equal(strip(path), rest, path);
  }
});

test("what is not below the prefix is left alone", () => {
  for (const path of [
    "/",
    "*",
    "/ap",
    "/apis",
    "/apis/x",
    "/Api/x",
    "/x/api",
    "/api%2Fx",
    "/api/..",
    "/api/../x",
    "//x/api",
    "/%2561pi/x",
    "",
  ]) {
    assert.equal(strip(path), null, path);
  }
  assert.equal(strip("/a/b/../c", "/a/b"), null);
  assert.equal(strip("/a/x/../b/c", "/a/b"), "/c");
  assert.equal(strip("/caf%c3%a9/x", "/caf%C3%A9"), "/x");
});

test("the rest is no reference to a host", () => {
  for (const [path, rest] of [
    ["/api//evil.test", "/evil.test"],
    ["/api////evil.test/x", "/evil.test/x"],
    ["/api/\\evil.test", "/%5Cevil.test"],
    ["/api//\\evil.test", "/%5Cevil.test"],
    ["/api/.//evil.test", "/evil.test"],
    ["/api/./\\evil.test", "/./%5Cevil.test"],
    ["//api//evil.test", "/evil.test"],
    ["/api/..//api//evil.test", "/evil.test"],
    ["/api/%2Fevil.test", "/%2Fevil.test"],
    ["/api//", "/"],
    ["/api/;//evil.test", "/;//evil.test"],
  ] as const) {
    assert.equal(strip(path), rest, path);
  }
});

describe("of any path", () => {
  const piece = fc.constantFrom(
    "api",
    "%61pi",
    "ap%69;v=1",
    "v1",
    "",
    ".",
    "..",
    ";",
    ";p",
    "x",
    "%2F",
    "a\\b",
    "\\",
    "\\\\",
    "%5c",
    "%2e",
    "..;x",
    "é",
    "%zz",
  );
  const paths = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join("/")}`);
  const prefixes = fc.constantFrom("/api", "/api/v1", "/api/api", "/x");

  test("the canonical form of the rest is that of the path without the prefix", () => {
    let below = 0;
    fc.assert(
      fc.property(paths, prefixes, (path, prefix) => {
        const canonical = normalizePath(path);
        if (canonical === null) return;
        const rest = strip(path, prefix);
        const isBelow = canonical === prefix || canonical.startsWith(`${prefix}/`);
        assert.equal(rest !== null, isBelow, path);
        if (rest === null) return;
        below++;
        assert.equal(rest === "" ? "" : normalizePath(rest), canonical.slice(prefix.length), path);
        assert.doesNotMatch(rest, /^\/[/\\]/);
        assert.ok(rest === "" || rest.startsWith("/"));
        // The rest is the end of what was received, but for what could pass for a host.
        const plain = rest.replace(/^\/(?:\.\/)*(?:%5C)?/, "");
        assert.ok(path.endsWith(plain), path);
      }),
      { numRuns: 20_000 },
    );
    assert.ok(below > 500, `only ${below} paths were below the prefix`);
  });

  test("any text is taken, and none throws", () => {
    const octets = fc.array(fc.integer({ min: 0, max: 255 })).map((all) => String.fromCharCode(...all));
    fc.assert(fc.property(octets, (text) => void strip(`/${text}`)));
  });
});

test("long paths take linear time", () => {
  const started = performance.now();
  for (const unit of ["/api", "/..", "//", "/./", "/api/..", "/\\", "/;", "/%61pi"]) strip(`/api${unit.repeat(200_000 / unit.length)}/x;`);
  assert.ok(performance.now() - started < 2000);
});
