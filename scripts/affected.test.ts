import assert from "node:assert/strict";
import { test } from "node:test";
import { affectedTests, readersOf } from "./affected.ts";

const FILES: Readonly<Record<string, string>> = {
  "src/deep.ts": "export const a = 1;\n",
  "src/deep.test.ts": 'import { a } from "./deep.ts";\n',
  "src/worker.ts": 'import { a } from "./deep.ts";\n// import "./other.ts"\n',
  "src/main.ts": 'new Worker(new URL(own ? "./worker.ts" : "./worker.js", import.meta.url));\n',
  "src/other.ts": "",
  "src/other.test.ts": 'import "./other.ts";\nexport { a } from "./deep.ts";\n',
  "test/support/start.ts": 'const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));\n',
  "test/relay.test.ts": 'import { start } from "./support/start.ts";\n',
  "test/page.test.ts": 'readText("docs/page.md");\n',
  "docs/page.md": "",
};
const readers = readersOf(Object.keys(FILES), (file) => FILES[file] ?? "");
const affected = (...changed: readonly string[]): string[] => affectedTests(changed, readers).filter((file) => file in FILES);

test("tests are affected through imports and through what they start, the nearest first", () => {
  assert.deepEqual(affected("src/deep.ts"), ["src/deep.test.ts", "src/other.test.ts", "test/relay.test.ts"]);
  assert.deepEqual(affected("src/worker.ts"), ["test/relay.test.ts"]);
});

test("an import in a comment does not count, a page is read by its name, a test affects itself", () => {
  assert.deepEqual(affected("src/other.ts"), ["src/other.test.ts"]);
  assert.deepEqual(affected("docs/page.md"), ["test/page.test.ts"]);
  assert.deepEqual(affected("test/relay.test.ts"), ["test/relay.test.ts"]);
});

test("in this repository a change of the codec affects its unit test and the tests over the wire", () => {
  const all = affectedTests(["src/http1/chunked.ts"], readersOf());
  assert.ok(all.indexOf("src/http1/chunked.test.ts") < all.indexOf("test/relay.test.ts"), all.join(" "));
  assert.ok(all.includes("test/tidy.test.ts"));
  assert.ok(!all.includes("src/policy/rate-limit/gcra.test.ts"));
});
