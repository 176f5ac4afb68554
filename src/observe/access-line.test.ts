import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { AccessLines, LOGGED_PATH_MAX } from "./access-line.ts";
import type { AccessRecord } from "./access-line.ts";
import { CHUNK_BYTES } from "./log-batch.ts";

const record: AccessRecord = {
  startedAtMs: Date.UTC(2026, 10, 23, 10, 0, 0, 7) + 0.9,
  client: "203.0.113.9",
  method: "GET",
  host: "example.com",
  path: "/api/items",
  status: 200,
  bytesReceived: 90,
  bytesSent: 5120,
  durationMs: 12.3456,
  originHeadMs: 9.0004,
  endpoint: "http://127.0.0.1:60408",
  route: "api",
  attempts: 1,
  outcome: "completed",
  worker: 0,
};

test("a JSON line holds every value of the record", () => {
  assert.deepEqual(JSON.parse(new AccessLines("json").line(record)), {
    time: "2026-11-23T10:00:00.007Z",
    level: "info",
    event: "access",
    client: "203.0.113.9",
    method: "GET",
    host: "example.com",
    path: "/api/items",
    status: 200,
    bytes_received: 90,
    bytes_sent: 5120,
    duration_ms: 12.346,
    origin_head_ms: 9,
    endpoint: "http://127.0.0.1:60408",
    route: "api",
    attempts: 1,
    outcome: "completed",
    worker: 0,
  });
});

test("a text line is readable, with a dash for what there is not", () => {
  assert.equal(
    new AccessLines("text").line({ ...record, originHeadMs: -1, endpoint: "", status: 429, outcome: "rate_limited" }),
    '2026-11-23T10:00:00.007Z INFO  access 203.0.113.9 "GET example.com/api/items" 429 received=90 sent=5120 12.346ms endpoint=- route=api ' +
      "attempts=1 outcome=rate_limited worker=0\n",
  );
  assert.equal("origin_head_ms" in JSON.parse(new AccessLines("json").line({ ...record, originHeadMs: -1 })), false);
});

test("the cached second changes with the clock, forwards and backwards", () => {
  const lines = new AccessLines("json");
  const time = (startedAtMs: number): string => JSON.parse(lines.line({ ...record, startedAtMs })).time;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), (at) => {
      assert.equal(time(at), new Date(at).toISOString());
      assert.equal(time(at + 999), new Date(at + 999).toISOString());
      assert.equal(time(at - 1000 < 0 ? at : at - 1000), new Date(at - 1000 < 0 ? at : at - 1000).toISOString());
    }),
  );
});

const hostile = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom('{"level":"x"}', "\r\n2026-01-01 forged", "\u001b[31m", "\u2028", "\ud800", '"', "\\", "\\n"),
);
const hostileRecord = fc.record({
  client: hostile,
  method: hostile,
  host: hostile,
  path: hostile,
  endpoint: hostile,
  route: hostile,
  outcome: hostile,
});

test("whatever a client sends, a line is one ASCII line, and JSON gives the values back", () => {
  const json = new AccessLines("json");
  const text = new AccessLines("text");
  fc.assert(
    fc.property(hostileRecord, (values) => {
      const line = json.line({ ...record, ...values });
      assert.match(line, /^[ -~]+\n$/);
      const parsed: Record<string, unknown> = JSON.parse(line);
      for (const [key, value] of Object.entries(values)) assert.equal(parsed[key], value);
      assert.match(text.line({ ...record, ...values }), /^[ -~]+\n$/);
    }),
    { numRuns: 500 },
  );
});

test("in text a client's spaces, quotes and backslashes cannot forge a field", () => {
  const line = new AccessLines("text").line({ ...record, client: "a status=200", path: '/x" 200 outcome=ok "\\' });
  assert.ok(line.includes('"a status=200"'));
  assert.ok(line.includes('/x\\" 200 outcome=ok \\"\\\\" 200'));
});

test("a long path, host or method is cut, and no line exceeds a chunk of the log", () => {
  const parsed = JSON.parse(new AccessLines("json").line({ ...record, path: "/".padEnd(10_000, "a") }));
  assert.equal(parsed.path.length, LOGGED_PATH_MAX + 3);
  const long = "\u00ff".repeat(60_000);
  for (const format of ["json", "text"] as const) {
    const line = new AccessLines(format).line({ ...record, method: long, host: long, path: long });
    assert.ok(line.length < CHUNK_BYTES / 4, `${line.length}`);
  }
});
