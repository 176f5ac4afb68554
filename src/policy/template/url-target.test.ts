import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTemplate } from "./template.ts";
import { namesHost, urlTarget, withoutHost } from "./url-target.ts";

test("a configuration names the host itself, or a client must not", () => {
  for (const [text, expected] of [
    ["https://{host}/", true],
    ["{scheme}://{host}/", true],
    ["//{host}", true],
    ["mailto:x", true],
    ["/{path}", false],
    ["{path}", false],
    ["{header.A}://x", false],
    ["{scheme}{header.A}", false],
    ["", false],
  ] as const) {
    const parsed = parseTemplate(text);
    assert.ok("template" in parsed);
    assert.equal(namesHost(parsed.template), expected, text);
  }
});

test("a target without host begins with a path", () => {
  for (const [target, expected] of [
    ["//evil.test", "/evil.test"],
    ["/\\evil.test", "/evil.test"],
    ["\\/evil.test", "/evil.test"],
    ["https://evil.test", "/https://evil.test"],
    ["javascript:alert(1)", "/javascript:alert(1)"],
    ["/a:b", "/a:b"],
    ["?a:b", "?a:b"],
    ["", ""],
  ] as const) {
    assert.equal(withoutHost(target), expected);
  }
});

function filled(text: string, values: Readonly<Record<string, string>>): string {
  const parsed = parseTemplate(text);
  assert.ok("template" in parsed);
  return urlTarget(parsed.template)(({ name, key }) => values[key === "" ? name : key] ?? "");
}

test("a value within the host does not end it", () => {
  for (const evil of ["evil.test/", "evil.test?", "evil.test#", "x@evil.test", "x:y@evil.test/", "\\evil.test", "evil.test\\"]) {
    for (const text of [
      "https://{query.v}.example.com{uri}",
      "https://a.{header.v}-b.example.com/",
      "//{cookie.v}.example.com",
      "{scheme}://{match.v}.example.com/",
    ]) {
      const url = new RegExp(`^(?:https?:)?//[^/?#@\\\\]*\\.example\\.com(?:/|$)`);
      assert.match(filled(text, { v: evil, uri: "/x", scheme: "https" }), url);
    }
  }
  assert.equal(filled("https://{header.v}{uri}", { v: "[2001:db8::1]:8080", uri: "/x" }), "https://[2001:db8::1]:8080/x");
  assert.equal(filled("https://example.com:{query.v}{uri}", { v: "8080", uri: "/x" }), "https://example.com:8080/x");
  assert.equal(filled("https://example.{query.v}", { v: "org" }), "https://example.org");
});

test("a value after the host does not go on with it", () => {
  for (const evil of [".evil.test", "@evil.test", ":x@evil.test", ":80@evil.test", "x", "*", "-evil.test"]) {
    assert.equal(filled("https://example.com{query.v}", { v: evil }), `https://example.com/${evil}`);
    assert.equal(filled("https://{host}{query.v}?a={query.v}", { v: evil, host: "a.test" }), `https://a.test/${evil}?a=${evil}`);
    assert.equal(filled("https://{host}{match.none}{query.v}", { v: evil, host: "a.test" }), `https://a.test/${evil}`);
    assert.equal(filled("https://{host}{path}{query.v}", { v: evil, host: "a.test", path: "/b" }), `https://a.test/b${evil}`);
  }
  assert.equal(filled("https://example.com{query.v}", { v: "/a?b#c@d" }), "https://example.com/a?b#c@d");
  assert.equal(filled("https://example.com{query.v}", { v: "?a" }), "https://example.com?a");
  assert.equal(filled("https://example.com{query.v}", {}), "https://example.com");
  assert.equal(filled("https://example.com/{query.v}", { v: "a/b@c" }), "https://example.com/a/b@c");
});

test("a question mark before a query that is empty is left out", () => {
  for (const [text, query, expected] of [
    ["/new?{query}", "a=1", "/new?a=1"],
    ["/new?{query}", "", "/new"],
    ["https://a.test?{query}", "", "https://a.test"],
    ["/new?{query}&b", "", "/new?&b"],
    ["/new?a={query}", "", "/new?a="],
    ["/new?", "", "/new?"],
    ["/new{query}", "?", "/new?"],
  ] as const)
    assert.equal(filled(text, { query }), expected, text);
});

test("a host that is empty leaves a path, and nothing that stands after it becomes the host", () => {
  for (const [text, uri, expected] of [
    ["https://{host}{uri}", "/evil.test/x?y", "/evil.test/x?y"],
    ["https://{host}{uri}", "//evil.test", "/evil.test"],
    ["https://{host}:8443{uri}", "/x", "/x"],
    ["{scheme}://{host}?{uri}", "a", "/?a"],
    ["//{host}", "", "/"],
    ["https://{host}", "", "/"],
  ] as const) {
    assert.equal(filled(text, { uri, scheme: "https" }), expected, text);
  }
  // Of a scheme without hosts the configuration says so itself.
  assert.equal(filled("shop:///open{uri}", { uri: "/x" }), "shop:///open/x");
});
