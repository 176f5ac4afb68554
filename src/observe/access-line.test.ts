import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { STANDARD_SHAPE } from "../config/access-log/access-shape.ts";
import { accessLines } from "./access-line.ts";
import type { AccessLines, AccessRecord } from "./access-record.ts";
import { LOGGED_PATH_MAX } from "./log-escapes.ts";
import { CHUNK_BYTES } from "./log-batch.ts";
import { NO_NOTES } from "./request-notes.ts";

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
  requestId: "019b76da-a800-7080-8080-808080808080",
  notes: { userAgent: "curl/8.14", referer: "https://example.com/", traceId: "4bf92f3577b34da6a3ce929d0e0e4736" },
  shape: STANDARD_SHAPE,
  values: [],
};

/** What many requests do not have. */
const BARE = { requestId: "", notes: NO_NOTES } as const;

function line(lines: AccessLines, of: AccessRecord): string {
  const length = lines.write(of);
  return lines.bytes.toString("latin1", 0, length);
}

test("a JSON line holds every value of the record", () => {
  assert.deepEqual(JSON.parse(line(accessLines("json"), record)), {
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
    request_id: "019b76da-a800-7080-8080-808080808080",
    trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
    user_agent: "curl/8.14",
    referer: "https://example.com/",
  });
});

test("a text line is readable, with a dash for what is missing", () => {
  assert.equal(
    line(accessLines("text"), { ...record, ...BARE, originHeadMs: -1, endpoint: "", status: 429, outcome: "rate_limited" }),
    '2026-11-23T10:00:00.007Z INFO  access 203.0.113.9 "GET example.com/api/items" 429 received=90 sent=5120 12.346ms endpoint=- route=api ' +
      "attempts=1 outcome=rate_limited worker=0\n",
  );
  assert.ok(
    line(accessLines("text"), record).endsWith(
      " worker=0 request_id=019b76da-a800-7080-8080-808080808080 trace_id=4bf92f3577b34da6a3ce929d0e0e4736 user_agent=curl/8.14 referer=https://example.com/\n",
    ),
  );
  const keys = Object.keys(JSON.parse(line(accessLines("json"), { ...record, ...BARE, originHeadMs: -1 })));
  for (const key of ["origin_head_ms", "request_id", "trace_id", "user_agent", "referer"]) assert.ok(!keys.includes(key), key);
});

test("the cached second changes with the clock, forwards and backwards", () => {
  const lines = accessLines("json");
  const time = (startedAtMs: number): string => JSON.parse(line(lines, { ...record, startedAtMs })).time;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), (at) => {
      assert.equal(time(at), new Date(at).toISOString());
      assert.equal(time(at + 999), new Date(at + 999).toISOString());
      assert.equal(time(at - 1000 < 0 ? at : at - 1000), new Date(at - 1000 < 0 ? at : at - 1000).toISOString());
    }),
  );
});

/** Texts of a few characters. `fc.string` with all of Unicode takes a second to begin. */
const textOf = (codePoint: fc.Arbitrary<number>): fc.Arbitrary<string> =>
  fc.array(codePoint, { maxLength: 40 }).map((all) => String.fromCodePoint(...all));
const hostile = fc.oneof(
  textOf(fc.nat(0xff)),
  textOf(fc.nat(0x10_ffff)),
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
  requestId: hostile,
  userAgent: hostile,
  referer: hostile,
  traceId: hostile,
});

/** The key of a value in a line. */
const KEYS: Readonly<Record<string, string>> = { requestId: "request_id", userAgent: "user_agent", traceId: "trace_id" };

test("whatever a client sends, a line is one ASCII line, and JSON gives the values back", () => {
  const json = accessLines("json");
  const text = accessLines("text");
  fc.assert(
    fc.property(hostileRecord, ({ userAgent, referer, traceId, ...others }) => {
      const values = { ...record, ...others, notes: { userAgent, referer, traceId } };
      const written = line(json, values);
      assert.match(written, /^[ -~]+\n$/);
      const parsed: Record<string, unknown> = JSON.parse(written);
      for (const [key, value] of Object.entries({ ...others, ...values.notes })) assert.equal(parsed[KEYS[key] ?? key] ?? "", value);
      assert.match(line(text, values), /^[ -~]+\n$/);
    }),
    { numRuns: 500 },
  );
});

test("in text a client's spaces, quotes and backslashes cannot forge a field", () => {
  const written = line(accessLines("text"), { ...record, client: "a status=200", path: '/x" 200 outcome=ok "\\' });
  assert.ok(written.includes('"a status=200"'));
  assert.ok(written.includes('/x\\" 200 outcome=ok \\"\\\\" 200'));
});

test("a long path, host or method is cut, and no line exceeds a chunk of the log", () => {
  const parsed = JSON.parse(line(accessLines("json"), { ...record, path: "/".padEnd(10_000, "a") }));
  assert.equal(parsed.path.length, LOGGED_PATH_MAX + 3);
  const long = "\u00ff".repeat(60_000);
  for (const format of ["json", "text"] as const) {
    const { length } = line(accessLines(format), {
      ...record,
      method: long,
      host: long,
      path: long,
      requestId: long,
      notes: { userAgent: long, referer: long, traceId: long },
    });
    assert.ok(length < CHUNK_BYTES / 4, `${length}`);
  }
});

test("a line does not depend on the lines before it", () => {
  const either = <Value>(...values: Value[]): fc.Arbitrary<Value> => fc.constantFrom(...values);
  const records = fc.array(
    fc.record({
      startedAtMs: fc.nat({ max: 4000 }).map((ms) => record.startedAtMs + ms),
      client: either("203.0.113.9", "2001:db8::1"),
      method: either("GET", "PROPFIND"),
      host: either("example.com", "h\u00f6st.example"),
      path: either("/", "/a/longer/path", `/${"\u00ff".repeat(500)}`),
      status: either(200, 404, 0),
      bytesReceived: either(0, 9, 10, 999, 1000, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1),
      bytesSent: either(0, 441, 5120, -305),
      durationMs: either(0, 0.0004, 0.9996, 1, 9.9999, 999.9994, 1000, 86_400_000, 1e12),
      originHeadMs: either(-1, 0, 12.5),
      endpoint: either("", "http://127.0.0.1:1", `http://[2001:db8::1]:65535`),
      route: either("api", "r".repeat(3000)),
      attempts: either(0, 1, 12),
      outcome: either("completed", "client_gone"),
      worker: either(0, 63),
      shape: either(STANDARD_SHAPE),
      values: fc.constant<readonly string[]>([]),
      requestId: either("", "019b76da-a800-7080-8080-808080808080", "019b76da-a801-7080-8080-808080808081", "short"),
      notes: either(
        NO_NOTES,
        record.notes,
        { ...record.notes, userAgent: "Mozilla/5.0", traceId: "" },
        { ...record.notes, referer: "/" + "x".repeat(900) },
      ),
    }),
    { minLength: 1, maxLength: 12 },
  );
  for (const format of ["json", "text"] as const) {
    fc.assert(
      fc.property(records, (all) => {
        const lines = accessLines(format);
        for (const one of all) assert.equal(line(lines, one), line(accessLines(format), one));
        const last = all.at(-1) ?? record;
        if (format === "text") return;
        const parsed = JSON.parse(line(lines, last));
        assert.deepEqual(
          [parsed.status, parsed.bytes_received, parsed.bytes_sent, parsed.duration_ms, parsed.time, parsed.worker],
          [
            last.status,
            last.bytesReceived,
            last.bytesSent,
            Math.round(last.durationMs * 1000) / 1000,
            new Date(last.startedAtMs).toISOString(),
            last.worker,
          ],
        );
      }),
      { numRuns: 500 },
    );
  }
});
