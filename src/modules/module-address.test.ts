import assert from "node:assert/strict";
import { test } from "node:test";
import { checkedUse, mayChange, moduleAddress, versionIn, withVersion } from "./module-address.ts";

test("what a checked configuration names can be read again", () => {
  const use = checkedUse("file:///etc/my%20proxy/stamp.ts", "1f0a3c", "stamp");
  assert.equal(use, "file:///etc/my%20proxy/stamp.ts?millrace=1f0a3c#stamp");
  assert.deepEqual(moduleAddress(use), { url: "file:///etc/my%20proxy/stamp.ts?millrace=1f0a3c", name: "stamp" });
});

test("what people write has a name after a number sign, or none", () => {
  assert.deepEqual(moduleAddress("./all.ts#stamp"), { url: "./all.ts", name: "stamp" });
  assert.deepEqual(moduleAddress("@acme/stamp"), { url: "@acme/stamp", name: "" });
  assert.deepEqual(moduleAddress(""), { url: "", name: "" });
});

test("another version takes the place of the one before, and other queries stay", () => {
  const first = withVersion("file:///a.ts?x=1#part", "1");
  assert.equal(first, "file:///a.ts?x=1&millrace=1");
  assert.equal(withVersion(first, "2"), "file:///a.ts?x=1&millrace=2");
  assert.equal(versionIn(withVersion("file:///a.ts", "7")), "7");
  for (const none of [undefined, "file:///a.ts", "node:fs", "file:///amillrace=1.ts"]) assert.equal(versionIn(none), null);
});

test("installed packages and Node's own modules do not change while the process runs", () => {
  assert.equal(mayChange("file:///srv/stamp.ts"), true);
  for (const fixed of ["file:///srv/node_modules/a/index.js", "node:fs", "data:text/javascript,1"]) assert.equal(mayChange(fixed), false);
});
