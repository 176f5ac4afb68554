/**
 * Reads similar messages of one connection. Whatever a reader remembers of earlier messages, its results for each message must be those of
 * a reader that reads this message alone.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { Known, bit } from "../../http/known-fields.ts";
import { connectionOptions } from "../../http/connection-options.ts";
import { Framing } from "../body-framing.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { Event } from "../message-reader.ts";
import { RequestReader } from "../request-reader.ts";
import { ResponseReader } from "../response-reader.ts";
import { NO_RUNS, StableLines } from "./stable-lines.ts";

type Reader = RequestReader | ResponseReader;

const LINES = [
  "Host: shop.example.com",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9",
  "Accept-Language: en-GB,en;q=0.8",
  "Connection: keep-alive, X-Hop",
  "X-Hop: this one ends here, whatever it says",
  "Cookie: session=8c1f0a4be7d94f6ab2c3d4e5f6071829",
  "Referer: http://shop.example.com/catalogue/items?page=1",
  "Traceparent: 00-000000000000000000001eef-01",
];
/** Lines that another line may be replaced by: known fields, unknown fields and faulty lines. */
const OTHERS = [
  "Host: other.example.com",
  "Host:\tshop.example.com",
  "Connection: close",
  "Connection: X-Other",
  "Content-Length: 3",
  "Content-Length: 0",
  "Transfer-Encoding: chunked",
  "X_Forwarded_For: 192.0.2.1",
  "X-Forwarded-For: 192.0.2.1",
  "Expect: 100-continue",
  "X: 1",
  "Bad Name: 1",
  "X-Hop : 1",
  " folded",
  "Value: a\u0000b",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.37",
];

interface Change {
  readonly kind: "replace" | "insert" | "remove" | "swap" | "octet";
  readonly line: number;
  readonly other: number;
  readonly octet: number;
}

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom("replace", "octet", "octet", "octet", "insert", "remove", "swap"),
  line: fc.nat({ max: 15 }),
  other: fc.nat({ max: OTHERS.length - 1 }),
  octet: fc.nat({ max: 999 }),
});

/** Draws the changes from message to message. Most concern lines that change in real traffic, and a changed line may change back. */
const traffic = fc.array(
  fc.record({
    changes: fc.array(change, { maxLength: 2 }),
    page: fc.nat({ max: 3 }),
    back: fc.boolean(),
    target: fc.constantFrom("/", "/a", "/a/longer/target?with=query"),
    cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 2 }),
  }),
  { minLength: 2, maxLength: 30 },
);

function changed(lines: readonly string[], { kind, line: chosen, other, octet }: Change): string[] {
  const next = [...lines];
  const line = chosen % Math.max(1, next.length);
  const text = next[line] ?? "";
  switch (kind) {
    case "replace":
      next[line] = OTHERS[other] ?? "";
      break;
    case "insert":
      next.splice(line, 0, OTHERS[other] ?? "");
      break;
    case "remove":
      next.splice(line, 1);
      break;
    case "swap":
      next.splice(line, 2, next[line + 1] ?? "X: 2", text);
      break;
    case "octet":
      next[line] = `${text.slice(0, octet % (text.length + 1))}x${text.slice((octet % (text.length + 1)) + (octet % 2))}`;
  }
  return next;
}

/** Reads one message in pieces. Returns everything that a caller can see of it, or its fault. */
function seen(reader: Reader, wire: Buffer, cuts: readonly number[]): string {
  const ends = [...cuts.map((cut) => Math.floor(cut * wire.length)).sort((a, b) => a - b), wire.length];
  const scratch = Buffer.alloc(wire.length + 8, 0x41);
  let from = 0;
  let said = "";
  for (const end of ends) {
    wire.copy(scratch, 3, from, end);
    reader.feed(scratch, 3, 3 + end - from);
    from = end;
    for (let event = reader.next(); ; event = reader.next()) {
      if (event === Event.needMore) break;
      if (event === Event.fault) return `${said} fault ${reader.fault.code}`;
      if (event === Event.head) said += headOf(reader);
      if (event === Event.data) said += reader.bytes.toString("latin1", reader.dataStart, reader.dataEnd);
      if (event === Event.end) {
        restart(reader);
        return said;
      }
    }
    scratch.fill(0x41);
  }
  return `${said} unfinished`;
}

function restart(reader: Reader): void {
  if (reader instanceof RequestReader) reader.restart(reader.head);
  else reader.restart(reader.head);
}

function headOf(reader: Reader): string {
  const { head, framing } = reader;
  const lines = Array.from({ length: head.count }, (_, line) => [
    head.name(line),
    head.value(line),
    head.knownId(line),
    head.nameStart(line),
    head.lineEnd(line),
  ]);
  const facts = reader instanceof RequestReader ? [reader.head.method, reader.head.target, reader.head.authority, reader.head.host] : [];
  const { startLine, text, present } = head;
  return JSON.stringify([facts, lines, startLine, text, present, framing.kind, framing.length, connectionOptions(head)]);
}

for (const kind of ["requests", "responses"] as const) {
  const make = (): Reader => (kind === "requests" ? new RequestReader(DEFAULT_LIMITS) : new ResponseReader(DEFAULT_LIMITS));
  const start = (target: string): string => (kind === "requests" ? `GET ${target} HTTP/1.1` : `HTTP/1.1 200 ${target}`);

  test(`similar ${kind} are read as if each came alone`, () => {
    fc.assert(
      fc.property(traffic, (messages) => {
        const reader = make();
        let lines: string[] = kind === "requests" ? [...LINES] : [...LINES, "Content-Length: 0"];
        for (const { changes, page, back, target, cuts } of messages) {
          const before = lines;
          for (const each of changes) lines = changed(lines, each);
          const wire = whole(make(), [start(target), ...withPage(lines, page)]);
          const expected = seen(make(), wire, []);
          assert.equal(seen(reader, wire, cuts), expected);
          // A reader that refused a message or waits for more of it cannot read another one.
          if (/ (?:fault|unfinished)/.test(expected)) return;
          if (back) lines = before;
        }
      }),
      { numRuns: 500 },
    );
  });
}

function withPage(lines: readonly string[], page: number): string[] {
  return lines.map((line) => (line.startsWith("Referer:") ? `${line}${"7".repeat(page)}` : line));
}

/** The message with the body that its head announces. */
function whole(reader: Reader, lines: readonly string[]): Buffer {
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  reader.feed(head, 0, head.length);
  if (reader.next() !== Event.head) return head;
  const { kind, length } = reader.framing;
  const body = kind === Framing.length ? "b".repeat(length) : kind === Framing.chunked ? "0\r\n\r\n" : "";
  return Buffer.concat([head, Buffer.from(body)]);
}

test("stable lines are learned from two messages, and become fewer as more lines change", () => {
  const { stable, after } = school();
  after(withPage(LINES, 1));
  assert.equal(stable.runs, NO_RUNS);
  after(withPage(LINES, 2));
  assert.deepEqual(places(stable), [
    [0, 7],
    [8, 9],
  ]);
  assert.equal(stable.runs[0]?.bytes.toString("latin1"), `${LINES.slice(0, 7).join("\r\n")}\r\n`);
  assert.equal(stable.runs[0]?.present, bit(Known.host) | bit(Known.accept) | bit(Known.connection) | bit(Known.none));
  // A line that changed once may change again.
  after(LINES.map((line) => (line.startsWith("Cookie:") ? "Cookie: another=1" : line)));
  assert.deepEqual(places(stable), [
    [0, 6],
    [8, 9],
  ]);
  after(LINES);
  assert.deepEqual(places(stable), [
    [0, 6],
    [8, 9],
  ]);
  // Nothing is known of other lines until two messages have them.
  after([...LINES, "X: 1"]);
  assert.equal(stable.runs, NO_RUNS);
  after([...withPage(LINES, 3), "X: 1"]);
  assert.deepEqual(places(stable), [
    [0, 7],
    [8, 10],
  ]);
});

test("messages that are never similar are compared only a few times", () => {
  const { stable, after } = school();
  for (let count = 0; count < 40; count++) after([...LINES, ...Array.from({ length: count % 2 }, () => "X: 1")]);
  after(LINES);
  after(withPage(LINES, 1));
  assert.equal(stable.runs, NO_RUNS);
  stable.forget();
  after(withPage(LINES, 2));
  assert.notEqual(stable.runs, NO_RUNS);
});

test("no runs are made with a tab around a framing field, or with more lines than bits", () => {
  for (const lines of [
    ["Host:\tshop.example.com", ...LINES.slice(1)],
    [...LINES, ...Array.from({ length: 30 }, (_, count) => `X-${count}: 1`)],
  ]) {
    const { stable, after } = school();
    for (const page of [1, 2, 3]) after(withPage(lines, page));
    assert.equal(stable.runs, NO_RUNS);
  }
});

/** What is learned from several messages in a row. Each message is given by its lines. */
function school(): { stable: StableLines; after: (lines: readonly string[]) => void } {
  const stable = new StableLines();
  let before = "";
  return {
    stable,
    after: (lines) => {
      const reader = new RequestReader(DEFAULT_LIMITS);
      const wire = whole(reader, ["GET / HTTP/1.1", ...lines]);
      assert.ok(wire.length > 0 && reader.head.count === lines.length);
      stable.learn(before, reader.head.text, reader.head);
      before = reader.head.text;
    },
  };
}

function places({ runs }: StableLines): [number, number][] {
  return runs.map(({ first, end }) => [first, end]);
}
