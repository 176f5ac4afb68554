import { test } from "node:test";
import assert from "node:assert/strict";
import { STATUS_CODES } from "node:http";
import { reasonPhrase } from "./status.ts";

/** Phrases for which Node still has the words of an older RFC. */
const RENAMED: Readonly<Record<number, string>> = { 413: "Content Too Large" };

test("every status that the proxy answers with has its registered reason phrase", () => {
  for (const status of [200, 204, 400, 401, 404, 405, 408, 413, 414, 417, 429, 431, 500, 501, 502, 503, 504, 505, 508]) {
    assert.equal(reasonPhrase(status), RENAMED[status] ?? STATUS_CODES[status], String(status));
  }
});

test("any other status gets the phrase Unknown", () => {
  assert.equal(reasonPhrase(599), "Unknown");
});
