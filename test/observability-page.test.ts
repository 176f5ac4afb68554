/** docs/observability.md says what the program says. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { STANDARD_SHAPE } from "../src/config/access-log/access-shape.ts";
import { ACCESS_FIELDS, observabilityPage } from "../scripts/observability-page.ts";
import { accessLines } from "../src/observe/access-line.ts";

test("the page is what the lists say; `npm run docs` writes it anew", () => {
  assert.equal(readFileSync(new URL("../docs/observability.md", import.meta.url), "utf8"), observabilityPage());
});

test("an access log line has the keys that stand there, in their order", () => {
  const lines = accessLines("json");
  const length = lines.write({
    startedAtMs: 0,
    client: "192.0.2.1",
    method: "GET",
    host: "a.test",
    path: "/",
    status: 200,
    bytesReceived: 1,
    bytesSent: 2,
    durationMs: 3,
    originHeadMs: 1,
    endpoint: "http://a",
    route: "#1",
    attempts: 1,
    outcome: "completed",
    worker: 0,
    requestId: "019b76da-a800-7080-8080-808080808080",
    notes: { userAgent: "curl/8.14", referer: "https://example.com/", traceId: "4bf92f3577b34da6a3ce929d0e0e4736" },
    shape: STANDARD_SHAPE,
    values: [],
  });
  const line: unknown = JSON.parse(lines.bytes.toString("latin1", 0, length));
  assert.ok(typeof line === "object" && line !== null);
  assert.deepEqual(Object.keys(line), Object.keys(ACCESS_FIELDS));
});
