import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTemplate } from "./template.ts";
import { namesHost, withoutHost } from "./url-target.ts";

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
