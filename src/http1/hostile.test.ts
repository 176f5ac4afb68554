/**
 * Random bytes, mutated cases of the corpus and soups of protocol fragments. Nothing throws, no reader spins or ends in an illegal state
 * (the harness asserts that), every split reads the same, and requests are those that the plain reference parser at the end of this
 * file sees: it has the whole input at once, goes by expressions written from the RFC, and shares no code with the codec.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { isIPv6 } from "node:net";
import fc from "fast-check";
import { assertSame, everyByte, latin1, readRequests, readResponses, requestCases, responseCases } from "./transcript.test.ts";
import type { SeenMessage, Transcript } from "./transcript.test.ts";

/** A time limit, so that a slow machine runs fewer cases instead of running longer. */
const bounded = (seed: number, numRuns: number): fc.Parameters<unknown> => ({
  seed,
  numRuns,
  interruptAfterTimeLimit: 2000,
  markInterruptAsFailure: false,
});

const requestWires = requestCases()
  .map(({ wire }) => wire)
  .filter((wire) => wire.length < 1000);
const responseWires = responseCases()
  .map(({ wire }) => wire)
  .filter((wire) => wire.length < 1000);

const FRAGMENTS: readonly string[] = [
  "\r\n",
  "\n",
  "\r",
  " ",
  "\t",
  "\0",
  ":",
  ";",
  ",",
  "0",
  "5",
  "a",
  "\x80",
  "\xa0",
  "\x7f",
  "=",
  "\r\n\r\n",
  "\r\n ",
  "Host: b.test\r\n",
  "Host:\r\n",
  "Content-Length: 3\r\n",
  "Content-Length: ",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: ",
  "chunked",
  "GET / HTTP/1.1\r\n",
  "POST /p HTTP/1.1\r\n",
  "HTTP/1.0",
  "HTTP/1.1 200 OK\r\n",
  "HTTP/1.1 ",
  "OPTIONS * ",
  "X: 1\r\n",
  "0\r\n\r\n",
  "0\r\n",
  "5\r\nhello\r\n",
  "3;x=y\r\n",
  "abc",
  "http://a.test/",
];
const fragment = fc.constantFrom(...FRAGMENTS);
const octet = fc.nat(255).map((code) => String.fromCharCode(code));

interface Change {
  readonly kind: "insert" | "replace" | "remove" | "repeat" | "cut";
  readonly at: number;
  readonly text: string;
  readonly length: number;
}
const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom("insert" as const, "insert" as const, "replace" as const, "remove" as const, "repeat" as const, "cut" as const),
  at: fc.nat(),
  text: fc.oneof(fragment, octet),
  length: fc.integer({ min: 1, max: 12 }),
});
const mutated = (wires: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.array(fc.constantFrom(...wires), { minLength: 1, maxLength: 2 }), fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([parts, changes]) => changes.reduce(apply, parts.join("")));
const soup = fc
  .array(fc.oneof({ weight: 8, arbitrary: fragment }, { weight: 1, arbitrary: octet }), { maxLength: 24 })
  .map((parts) => parts.join(""));
const requestSoup = soup.map((text) => `POST / HTTP/1.1\r\nHost: a.test\r\n${text}`);
const chunkedSoup = soup.map((text) => `POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n${text}`);
const cutList = fc.array(fc.nat(), { maxLength: 5 });

test("random bytes never throw, spin or leave a reader in an illegal state", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), cutList, (bytes, points) => {
      const wire = Buffer.from(bytes);
      checkSplits(wire, points, readRequests);
      checkSplits(wire, points, readResponses);
    }),
    bounded(11, 1500),
  );
});

test("mutated requests of the corpus are what the reference sees, at every split", () => {
  fc.assert(fc.property(mutated(requestWires), cutList, checkRequest), bounded(12, 12_000));
});

test("soups of fragments are the requests that the reference sees, at every split", () => {
  fc.assert(fc.property(fc.oneof(soup, requestSoup, chunkedSoup), cutList, checkRequest), bounded(13, 12_000));
});

test("mutated responses read the same at every split, and none that is accepted is malformed", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        mutated(responseWires),
        soup.map((text) => `HTTP/1.1 200 OK\r\n${text}`),
      ),
      fc.boolean(),
      cutList,
      (text, toHead, points) => {
        const wire = latin1(text);
        checkSplits(wire, points, (bytes, reading) => readResponses(bytes, { ...reading, toHead }));
        for (const message of readResponses(wire, { toHead }).messages) assertWellFormed(message);
      },
    ),
    bounded(14, 4000),
  );
});

test("the reference knows right from wrong", () => {
  for (const { id, wire, expect } of requestCases()) {
    if (wire.length > 1500) continue;
    const { outcome } = reference(wire);
    if (expect === "accept") assert.equal(outcome, "idle", id);
    else if (expect === "reject-400") assert.notEqual(outcome, "idle", id);
  }
});

function checkRequest(text: string, points: readonly number[]): void {
  const wire = latin1(text);
  const seen = readRequests(wire);
  const expected = reference(text);
  assert.deepEqual(seen.messages.filter(({ complete }) => complete).map(describe), expected.messages);
  if (expected.outcome === "fault") assert.notEqual(seen.fault, null, "the reference refuses this");
  // The codec may refuse a message that the reference still waits to complete, but not one that the reference found complete.
  if (seen.fault !== null) assert.notEqual(expected.outcome, "idle", `refused: ${seen.fault}`);
  for (const message of seen.messages) assertWellFormed(message);
  checkSplits(wire, points, readRequests);
}

function checkSplits(
  wire: Buffer,
  points: readonly number[],
  read: (wire: Buffer, reading: { cuts: readonly number[] }) => Transcript,
): void {
  const whole = read(wire, { cuts: [] });
  const cuts = points.map((at) => at % (wire.length + 1)).sort((a, b) => a - b);
  assertSame(whole, read(wire, { cuts }), `cut at ${cuts.join(" ")}`);
  assertSame(whole, read(wire, { cuts: everyByte(wire.length) }), "byte by byte");
}

function apply(wire: string, { kind, at, text, length }: Change): string {
  const place = at % (wire.length + 1);
  const before = wire.slice(0, place);
  if (kind === "insert") return before + text + wire.slice(place);
  if (kind === "replace") return before + text + wire.slice(place + text.length);
  if (kind === "remove") return before + wire.slice(place + length);
  if (kind === "repeat") return before + wire.slice(place, place + length) + wire.slice(place);
  return before;
}

/** What must be true of every head that a reader accepted, however it was read. */
function assertWellFormed(message: SeenMessage): void {
  for (const line of [...message.fields, ...(message.trailers ?? [])]) assert.match(line, LINE_SEEN);
  const framing = message.fields.filter((line) => /^(content-length|transfer-encoding):/i.test(line) && !message.misplaced);
  assert.ok(framing.length <= 1, "one framing field at most");
  for (const line of framing) assert.match(line, /^(content-length: [0-9]+|transfer-encoding: chunked)$/i);
}

// ---- the reference ----------------------------------------------------------------------------------------------------

const TCHAR = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]";
const FIELDS = `((?:${TCHAR}+:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n)*)\\r\\n`;
const HEAD = new RegExp(`^(${TCHAR}{1,64}) ([\\x21\\x22\\x24-\\x7e]+) HTTP/1\\.([01])\\r\\n${FIELDS}`);
const TRAILERS = new RegExp(`^${FIELDS}`);
const BWS = "[ \\t]*";
const QUOTED = '"(?:[\\t !\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"';
const EXTENSION = `${BWS};${BWS}${TCHAR}+(?:${BWS}=${BWS}(?:${TCHAR}+|${QUOTED}))?`;
const CHUNK = new RegExp(`^([0-9A-Fa-f]{1,32})(?:${EXTENSION})*\\r\\n`);
const LINE_SEEN = new RegExp(`^${TCHAR}+: (?:[\\x21-\\x7e\\x80-\\xff](?:[\\t\\x20-\\x7e\\x80-\\xff]*[\\x21-\\x7e\\x80-\\xff])?)?$`);
const AUTHORITY = /^(?:(?:[\w\-.~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+|\[(?<address>[^\]%]*)\])(?::(?<port>[0-9]{0,5}))?$/;

interface Seen {
  /** The complete messages. */
  readonly messages: string[];
  /** How the input ends: between messages, inside one, or in one that must be refused. */
  outcome: "idle" | "incomplete" | "fault";
}

function describe(message: SeenMessage): string {
  return JSON.stringify([(JSON.parse(message.start) as string[]).slice(0, 2), message.fields, message.body, message.trailers ?? []]);
}

function reference(wire: string): Seen {
  const seen: Seen = { messages: [], outcome: "idle" };
  let rest = wire;
  for (;;) {
    rest = rest.replace(/^(?:\r\n){0,4}/, "");
    if (rest === "") return seen;
    const head = HEAD.exec(rest);
    if (head === null) return ended(seen, rest);
    const [text, method = "", target = "", minor = "", section = ""] = head;
    const fields = linesOf(section);
    const body = legalHead(method, target, minor, fields);
    if (body === null) return { ...seen, outcome: "fault" };
    rest = rest.slice(text.length);
    let content = "";
    let trailers: string[] = [];
    if (body === "chunked") {
      for (let size = -1; size !== 0;) {
        const line = CHUNK.exec(rest);
        const digits = (line?.[1] ?? "").replace(/^0+/, "");
        if (line === null || digits.length > 13) return { ...seen, outcome: rest.includes("\r\n") ? "fault" : "incomplete" };
        size = Number.parseInt(`0${digits}`, 16);
        rest = rest.slice(line[0].length);
        if (size === 0) break;
        if (rest.length < size + 2) return { ...seen, outcome: "incomplete" };
        if (rest.slice(size, size + 2) !== "\r\n") return { ...seen, outcome: "fault" };
        content += rest.slice(0, size);
        rest = rest.slice(size + 2);
      }
      const end = TRAILERS.exec(rest);
      if (end === null) return ended(seen, rest);
      trailers = linesOf(end[1] ?? "");
      rest = rest.slice(end[0].length);
    } else {
      if (rest.length < body) return { ...seen, outcome: "incomplete" };
      content = rest.slice(0, body);
      rest = rest.slice(body);
    }
    seen.messages.push(JSON.stringify([[method, target], fields, content, trailers]));
  }
}

/** The verdict on a section that does not match: malformed if its end is there, otherwise perhaps only unfinished. */
function ended(seen: Seen, rest: string): Seen {
  return { ...seen, outcome: rest.includes("\r\n\r\n") ? "fault" : "incomplete" };
}

/** The body's length or coding. Null: the request must be refused (RFC 9112 sections 3.2, 6.1 to 6.3). */
function legalHead(method: string, target: string, minor: string, fields: readonly string[]): number | "chunked" | null {
  const valuesOf = (name: string): string[] =>
    fields.filter((line) => line.toLowerCase().startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
  const legalAuthority = (text: string): boolean => {
    const { address, port } = AUTHORITY.exec(text)?.groups ?? { address: "none" };
    return (address === undefined || isIPv6(address)) && Number(port ?? "0") <= 65535;
  };
  const hosts = valuesOf("host");
  const [host] = hosts;
  if (hosts.length > 1 || (hosts.length === 0 && minor !== "0") || (host !== undefined && !legalAuthority(host))) return null;
  const absolute = /^http:\/\/([^/?]*)/i.exec(target)?.[1];
  const legalTarget =
    target.startsWith("/") ||
    (target === "*"
      ? method === "OPTIONS"
      : method === "CONNECT"
        ? legalAuthority(target)
        : absolute !== undefined && legalAuthority(absolute) && (host ?? absolute).toLowerCase() === absolute.toLowerCase());
  if (!legalTarget) return null;
  const lengths = valuesOf("content-length");
  const codings = valuesOf("transfer-encoding");
  if (codings.length > 0) {
    if (minor === "0" || lengths.length > 0 || codings.length > 1 || codings[0]?.toLowerCase() !== "chunked") return null;
    return method === "TRACE" ? null : "chunked";
  }
  if (lengths.length === 0) return 0;
  if (lengths.length > 1 || !/^0*[0-9]{1,15}$/.test(lengths[0] ?? "")) return null;
  return method === "TRACE" && Number(lengths[0]) > 0 ? null : Number(lengths[0]);
}

function linesOf(section: string): string[] {
  return section
    .split("\r\n")
    .slice(0, -1)
    .map((line) => `${line.slice(0, line.indexOf(":"))}: ${line.slice(line.indexOf(":") + 1).replace(/^[ \t]+|[ \t]+$/g, "")}`);
}
