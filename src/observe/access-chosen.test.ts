/** Lines that the configuration has chosen or spelled, and what hostile clients cannot do to them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { STANDARD_FIELDS, isStandardField } from "../config/access-log/access-fields.ts";
import { STANDARD_SHAPE, accessShape } from "../config/access-log/access-shape.ts";
import type { AccessShape } from "../config/access-log/access-shape.ts";
import { AccessWriters, accessLines } from "./access-line.ts";
import type { AccessFormat } from "./access-line.ts";
import type { AccessRecord } from "./access-record.ts";
import { CHUNK_BYTES } from "./log-batch.ts";
import { NO_NOTES } from "./request-notes.ts";

const RECORD: AccessRecord = {
  startedAtMs: Date.UTC(2026, 10, 23, 10, 0, 0, 7),
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
const BARE = { requestId: "", originHeadMs: -1, endpoint: "", notes: NO_NOTES };

const HEADERS = accessShape({
  fields: ["standard", "query", "protocol"],
  omit: ["referer"],
  request_headers: ["X-Tenant", "X-None"],
  response_headers: ["ETag"],
});
const HEADER_VALUES = ["a=b", "HTTP/1.1", "alpha", "", '"v1"'];

function line(format: AccessFormat, shape: AccessShape, record: Partial<AccessRecord> = {}): string {
  const lines = accessLines(format, shape);
  const length = lines.write({ ...RECORD, ...record, shape });
  return lines.bytes.toString("latin1", 0, length);
}

test("JSON: further values and objects for heads, without what is missing; what is omitted is not there", () => {
  const parsed: Record<string, unknown> = JSON.parse(line("json", HEADERS, { values: HEADER_VALUES }));
  assert.deepEqual(
    [parsed["query"], parsed["protocol"], parsed["request_headers"], parsed["response_headers"], parsed["user_agent"]],
    ["a=b", "HTTP/1.1", { "x-tenant": "alpha" }, { etag: '"v1"' }, "curl/8.14"],
  );
  assert.equal("referer" in parsed, false);
  const few = accessShape({ fields: ["status", "duration_ms", "referer"] });
  assert.equal(
    line("json", few),
    '{"time":"2026-11-23T10:00:00.007Z","level":"info","event":"access","status":200,"duration_ms":12.346,"referer":"https://example.com/"}\n',
  );
  assert.deepEqual(Object.keys(JSON.parse(line("json", few, BARE))), ["time", "level", "event", "status", "duration_ms"]);
});

test("text: the same as name=value", () => {
  assert.ok(
    line("text", HEADERS, { values: HEADER_VALUES }).endsWith(
      ' query=a=b protocol=HTTP/1.1 request_headers.x-tenant=alpha response_headers.etag="\\"v1\\"" user_agent=curl/8.14\n',
    ),
  );
  assert.equal(
    line("text", accessShape({ fields: ["status", "endpoint", "user_agent"] }), BARE),
    "2026-11-23T10:00:00.007Z INFO  access status=200 endpoint=-\n",
  );
});

test("each standard field can be left out, and the others stay as they are", () => {
  const whole: Record<string, unknown> = JSON.parse(line("json", STANDARD_SHAPE));
  for (const name of Object.keys(STANDARD_FIELDS).filter(isStandardField)) {
    const { [name]: gone, ...rest } = whole;
    assert.notEqual(gone, undefined);
    assert.deepEqual(JSON.parse(line("json", accessShape({ omit: [name] }))), rest, name);
  }
});

test("a template: the formats that others read, missing values, escapes", () => {
  const common = '203.0.113.9 - - [23/Nov/2026:10:00:00 +0000] "GET /api/items HTTP/1.1" 200 5120';
  assert.equal(line("text", accessShape({ template: "common" }), { values: ["HTTP/1.1"] }), `${common}\n`);
  const combined = accessShape({ template: "combined" });
  assert.equal(line("text", combined, { values: ["HTTP/1.1"] }), `${common} "https://example.com/" "curl/8.14"\n`);
  assert.equal(line("text", combined, { ...BARE, values: [""] }), `${common.replace("HTTP/1.1", "-")} "-" "-"\n`);
  const own = accessShape({ template: '[{header.X-A}] "{header.X-A}" {endpoint} {time}' });
  assert.equal(
    line("text", own, { ...BARE, values: ['a b" \\\r\n', 'a b" \\\u{1b}[31m'] }),
    '[a\\x20b\\x22\\x20\\\\\\x0d\\x0a] "a b\\" \\\\\\x1b[31m" - 2026-11-23T10:00:00.007Z\n',
  );
});

const SHAPES: readonly AccessShape[] = [
  STANDARD_SHAPE,
  HEADERS,
  accessShape({ fields: ["client", "path", "user_agent", "request_id"], request_headers: ["X-Tenant"] }),
  accessShape({
    template:
      '{client} "{method} {host}{path}" {endpoint} {route} {outcome} {request_id} {trace_id} "{user_agent}" {referer} {header.X-A} "{response_header.X-B}" {uri}',
  }),
];

/** The record with that text in every place that a client or an origin can fill. */
function filledWith(text: string, shape: AccessShape): Partial<AccessRecord> {
  return {
    client: text,
    method: text,
    host: text,
    path: text,
    endpoint: text,
    route: text,
    outcome: text,
    requestId: text,
    notes: { userAgent: text, referer: text, traceId: text },
    values: shape.inputs.map(() => text),
  };
}

/** How many words a line has for a reader who knows quotes. */
function wordsOf(text: string): number {
  return text.match(/(?:[^\s"]|"(?:[^"\\]|\\.)*")+/g)?.length ?? 0;
}

test("every octet in every field of every shape: one ASCII line, JSON that gives it back, and as many columns as for a harmless text", () => {
  for (const shape of SHAPES) {
    for (let code = 0; code < 0x100; code++) {
      const text = `a${String.fromCharCode(code)}b`;
      const values = filledWith(text, shape);
      const texts = line("text", shape, values);
      assert.match(texts, /^[ -~]+\n$/, `octet ${code}`);
      assert.equal(wordsOf(texts), wordsOf(line("text", shape, filledWith("ab", shape))), `octet ${code}: ${texts}`);
      const json = line("json", shape, values);
      assert.match(json, /^[ -~]+\n$/);
      if (shape.template !== null) continue;
      const parsed: Record<string, unknown> = JSON.parse(json);
      for (const [key, value] of Object.entries(parsed)) {
        if (typeof value === "object") assert.deepEqual(new Set(Object.values(value ?? {})), new Set([text]));
        else if (typeof value === "string" && !["time", "level", "event"].includes(key)) assert.equal(value, text, key);
      }
    }
  }
});

test("no line is larger than a chunk of the log, whatever is in it", () => {
  const own = { endpoint: RECORD.endpoint, route: RECORD.route, outcome: RECORD.outcome };
  const names = Array.from({ length: 20 }, (_, index) => `X-${index}`);
  const large = [
    accessShape({ fields: ["standard", "query", "scheme", "protocol"], request_headers: names, response_headers: names }),
    accessShape({ template: "{header.X-A} {uri} ".repeat(50) }),
  ];
  for (const shape of large) {
    for (const format of ["json", "text"] as const)
      assert.ok(line(format, shape, { ...filledWith("\u{ff}".repeat(60_000), shape), ...own }).length <= CHUNK_BYTES);
  }
});

test("the writers of a thread: a line does not depend on the shapes of the lines before it", () => {
  const records = fc.array(
    fc.record({
      shape: fc.constantFrom(...SHAPES),
      text: fc.constantFrom("a", "b\u{ff}", "x".repeat(3000)),
      status: fc.constantFrom(200, 404),
    }),
    { minLength: 1, maxLength: 10 },
  );
  for (const format of ["json", "text"] as const) {
    fc.assert(
      fc.property(records, (all) => {
        const writers = new AccessWriters(format);
        for (const { shape, text, status } of all) {
          const record = { ...RECORD, ...filledWith(text, shape), shape, status };
          const writer = writers.for(record);
          const length = writer.write(record);
          assert.equal(writer.bytes.toString("latin1", 0, length), line(format, shape, record));
        }
      }),
      { numRuns: 100 },
    );
  }
});
