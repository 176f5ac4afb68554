/**
 * Valid messages made by fast-check, written by the plain serializer below: what the readers tell must be what was generated, at every
 * split, alone and pipelined.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { assertSame, everyByte, latin1, readRequests, readResponses } from "./transcript.test.ts";
import type { Reading, SeenMessage, Transcript } from "./transcript.test.ts";

interface Chunk {
  readonly data: string;
  readonly upper: boolean;
  readonly zeros: number;
  readonly extension: string;
}
type Body =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly data: string; readonly zeros: number }
  | { readonly kind: "chunked"; readonly chunks: readonly Chunk[]; readonly lastExtension: string; readonly trailers: readonly Line[] }
  | { readonly kind: "untilClose"; readonly data: string };
interface Line {
  readonly name: string;
  readonly value: string;
  readonly before: string;
  readonly after: string;
}
interface Message {
  readonly startLine: string;
  readonly lines: readonly Line[];
  readonly body: Body;
}

const TCHARS = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const VALUE_OCTETS = Array.from({ length: 256 }, (_, octet) => octet).filter((octet) => octet === 9 || (octet >= 32 && octet !== 127));
const TARGET_CHARS = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).filter((character) => character !== "#");

const characters = (from: readonly string[], minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...from), { minLength, maxLength }).map((list) => list.join(""));
const token = characters([...TCHARS], 1, 12);
const ows = characters([" ", "\t"], 0, 3);
const octets = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const valueText = fc
  .array(fc.constantFrom(...VALUE_OCTETS), { maxLength: 24 })
  .map((list) => String.fromCharCode(...list).replace(/^[ \t]+|[ \t]+$/g, ""));
// Names without framing fields and others that mean something to the codec: the generated message adds these itself.
const freeName = fc.oneof(
  token.filter((name) => !/^(host|content-length|transfer-encoding)$/i.test(name)),
  fc.constantFrom("Accept", "cookie", "SET-COOKIE", "Connection", "Content_Length", "__proto__", "Content-Length2", "X-Host"),
);
const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
const line: fc.Arbitrary<Line> = fc.record({ name: freeName, value: valueText, before: ows, after: ows });
const lines = fc.array(line, { maxLength: 5 });
const extension = fc.oneof(
  fc.constant(""),
  fc
    .tuple(ows, token, ows, fc.oneof(token, valueText.map(quoted)))
    .map(([before, name, after, value]) => `${before};${after}${name}${after}=${before}${value}`),
  fc.constantFrom(';q=";"', "; a = b", ";a;b;c", ';a="0"'),
);
const chunk: fc.Arbitrary<Chunk> = fc.record({
  data: fc.oneof(
    octets.filter((data) => data !== ""),
    fc.constantFrom("\r\n", "0\r\n\r\n", "a".repeat(300)),
  ),
  upper: fc.boolean(),
  zeros: fc.integer({ min: 0, max: 4 }),
  extension,
});
const lengthBody: fc.Arbitrary<Body> = fc.record({
  kind: fc.constant("length" as const),
  data: octets,
  zeros: fc.integer({ min: 0, max: 20 }),
});
const chunkedBody: fc.Arbitrary<Body> = fc.record({
  kind: fc.constant("chunked" as const),
  chunks: fc.array(chunk, { maxLength: 4 }),
  lastExtension: extension,
  trailers: fc.oneof(fc.constant([]), lines),
});
const noBody: fc.Arbitrary<Body> = fc.constant({ kind: "none" });

const requestLine = fc.tuple(
  token.filter((method) => !/^(TRACE|CONNECT)$/.test(method)),
  characters(TARGET_CHARS, 0, 20).map((text) => `/${text}`),
);
const hostLine: fc.Arbitrary<Line> = fc.record({
  name: fc.constantFrom("Host", "host", "HOST", "hOsT"),
  value: fc.constantFrom("a.test", "A.Test:8080", "[::1]:1", "10.0.0.1", "a-b.test."),
  before: ows,
  after: ows,
});
const request: fc.Arbitrary<Message> = fc
  .tuple(requestLine, hostLine, lines, fc.nat(5), fc.oneof(noBody, lengthBody, chunkedBody))
  .map(([[method, target], host, others, at, body]) => ({
    startLine: `${method} ${target} HTTP/1.1`,
    lines: [...others.slice(0, at), host, ...others.slice(at)],
    body,
  }));

const statusLine = (codes: readonly number[]): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...codes), valueText).map(([status, reason]) => `HTTP/1.1 ${status} ${reason}`);
const interim: fc.Arbitrary<Message> = fc.record({ startLine: statusLine([100, 102, 103, 199]), lines, body: noBody });
const untilCloseBody: fc.Arbitrary<Body> = fc.record({ kind: fc.constant("untilClose" as const), data: octets });
const withBody: fc.Arbitrary<Message> = fc.record({
  startLine: statusLine([200, 201, 206, 299, 301, 404, 500, 599]),
  lines,
  body: fc.oneof(lengthBody, chunkedBody, untilCloseBody),
});
const bodiless: fc.Arbitrary<Message> = fc.record({ startLine: statusLine([204, 304]), lines, body: noBody });
const exchange = fc.tuple(fc.array(interim, { maxLength: 3 }), fc.oneof(withBody, bodiless));

const cutChoices = fc.array(fc.nat(), { maxLength: 8 });

test("generated requests are read as they were written, pipelined and at every split", () => {
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 3 }), cutChoices, (messages, points) => {
      const wire = latin1(messages.map(wireOf).join(""));
      const whole = readRequests(wire);
      assertTold(whole, messages);
      assert.equal(whole.endOfInput, "needMore");
      checkSplits(wire, whole, points, readRequests, {});
    }),
    { seed: 1, numRuns: 220 },
  );
});

test("generated responses are read as they were written, after interim ones, at every split", () => {
  fc.assert(
    fc.property(exchange, cutChoices, ([before, final], points) => {
      const messages = [...before, final];
      const wire = latin1(messages.map(wireOf).join(""));
      const whole = readResponses(wire);
      assertTold(whole, messages);
      assert.equal(whole.endOfInput, final.body.kind === "untilClose" ? "end" : "none");
      checkSplits(wire, whole, points, readResponses, {});
    }),
    { seed: 2, numRuns: 220 },
  );
});

test("the response to HEAD ends with its head, whatever its fields say; bytes after it are not read", () => {
  fc.assert(
    fc.property(withBody, octets, cutChoices, (message, after, points) => {
      const wire = latin1(headOf(message) + after);
      const whole = readResponses(wire, { toHead: true });
      assert.deepEqual([whole.fault, whole.messages.length, whole.messages[0]?.body, whole.rest], [null, 1, "", after]);
      checkSplits(wire, whole, points, readResponses, { toHead: true });
    }),
    { seed: 3, numRuns: 150 },
  );
});

test("empty lines before a request, up to the limit, change nothing", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), request), { minLength: 1, maxLength: 3 }), cutChoices, (list, points) => {
      const messages = list.map(([, message]) => message);
      const wire = latin1(list.map(([count, message]) => "\r\n".repeat(count) + wireOf(message)).join(""));
      const whole = readRequests(wire);
      assertTold(whole, messages);
      checkSplits(wire, whole, points, readRequests, {});
    }),
    { seed: 4, numRuns: 150 },
  );
});

test("a message cut anywhere before its end is never complete", () => {
  fc.assert(
    fc.property(request, fc.nat(), (message, point) => {
      const wire = wireOf(message);
      const seen = readRequests(latin1(wire.slice(0, point % wire.length)));
      assert.equal(seen.fault, null);
      assert.ok(!seen.messages.some(({ complete }) => complete));
      assert.equal(seen.endOfInput, point % wire.length === 0 ? "needMore" : "incomplete");
    }),
    { seed: 5, numRuns: 400 },
  );
});

function checkSplits(
  wire: Buffer,
  whole: Transcript,
  points: readonly number[],
  read: (wire: Buffer, reading: Reading) => Transcript,
  base: Reading,
): void {
  const positions = wire.length <= 300 ? everyByte(wire.length) : points.map((at) => at % wire.length);
  for (const at of positions) assertSame(whole, read(wire, { ...base, cuts: [at] }), `cut at ${at}`);
  const cuts = points.map((at) => at % (wire.length + 1)).sort((a, b) => a - b);
  assertSame(whole, read(wire, { ...base, cuts }), `cut at ${cuts.join(" ")}`);
  assertSame(whole, read(wire, { ...base, cuts, takeRest: true }), `cut at ${cuts.join(" ")}, rest taken`);
  assertSame(whole, read(wire, { ...base, cuts: everyByte(wire.length) }), "byte by byte");
}

function assertTold(seen: Transcript, messages: readonly Message[]): void {
  assert.equal(seen.fault, null);
  assert.equal(seen.rest, "");
  assert.deepEqual(seen.messages.map(factsSeen), messages.map(factsWritten));
}

/** What generator and reader have in common: the start line, the fields, the framing, the content, the trailers. */
function factsSeen(message: SeenMessage): unknown {
  const start = JSON.parse(message.start) as (string | number | boolean)[];
  return [start.slice(0, 2).map(String), message.fields, message.framing, message.body, message.trailers ?? [], message.complete];
}

function factsWritten(message: Message): unknown {
  const [first = "", second = "", third = ""] = /^(\S+) (\S+) (.*)$/s.exec(message.startLine)?.slice(1) ?? [];
  return [
    first.startsWith("HTTP/") ? [second, third] : [first, second],
    [...message.lines, ...framingLines(message.body)].map(({ name, value }) => `${name}: ${value}`),
    framingName(message.body),
    contentOf(message.body),
    message.body.kind === "chunked" ? message.body.trailers.map(({ name, value }) => `${name}: ${value}`) : [],
    true,
  ];
}

function framingName(body: Body): string {
  if (body.kind === "length") return body.data.length === 0 ? "none" : `length ${body.data.length}`;
  return body.kind;
}

function contentOf(body: Body): string {
  if (body.kind === "none") return "";
  return body.kind === "chunked" ? body.chunks.map(({ data }) => data).join("") : body.data;
}

function framingLines(body: Body): Line[] {
  const plain = { before: " ", after: "" };
  if (body.kind === "length") return [{ name: "Content-Length", value: "0".repeat(body.zeros) + String(body.data.length), ...plain }];
  if (body.kind === "chunked") return [{ name: "transfer-encoding", value: "Chunked", ...plain }];
  return [];
}

function headOf(message: Message): string {
  return `${message.startLine}\r\n${sectionOf([...message.lines, ...framingLines(message.body)])}\r\n`;
}

function wireOf(message: Message): string {
  const { body } = message;
  if (body.kind !== "chunked") return headOf(message) + contentOf(body);
  const chunks = body.chunks.map(({ data, upper, zeros, extension: text }) => {
    const size = "0".repeat(zeros) + data.length.toString(16);
    return `${upper ? size.toUpperCase() : size}${text}\r\n${data}\r\n`;
  });
  return `${headOf(message)}${chunks.join("")}0${body.lastExtension}\r\n${sectionOf(body.trailers)}\r\n`;
}

function sectionOf(list: readonly Line[]): string {
  return list.map(({ name, value, before, after }) => `${name}:${before}${value}${after}\r\n`).join("");
}
