import { test } from "node:test";
import assert from "node:assert/strict";
import { addFields } from "../http/build-head.ts";
import { Http1RequestHead } from "./http1-request-head.ts";

test("a head forgets what it held", () => {
  const head = new Http1RequestHead();
  addFields(head, [["A", "1"]]);
  head.startLine = "GET /secret HTTP/1.1\r\n";
  assert.equal(head.size, "GET /secret HTTP/1.1\r\nA: 1\r\n\r\n".length);
  head.forget();
  assert.deepEqual([head.count, head.text, head.startLine, head.size], [0, "", "", 2]);
});

test("clients of all versions but HTTP/1.0 understand interim responses", () => {
  const head = new Http1RequestHead();
  for (const [version, understands] of [
    ["1.0", false],
    ["1.1", true],
    ["2", true],
    ["3", true],
  ] as const) {
    head.version = version;
    assert.equal(head.understandsInterim, understands, version);
  }
});
