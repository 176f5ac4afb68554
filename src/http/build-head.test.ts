/** Compares built heads with the HTTP/1 codec: a head that is built, written as bytes and read again must be the same head. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { LineScan, readFieldLine, sectionEnd } from "../http1/field-lines.ts";
import { Faults } from "../http1/faults.ts";
import { DEFAULT_LIMITS, RESPONSE_LIMITS } from "../http1/limits.ts";
import { Event } from "../http1/message-reader.ts";
import { RequestReader } from "../http1/request-reader.ts";
import { ResponseReader } from "../http1/response-reader.ts";
import { HeadRefused, addFields, buildRequestHead, buildResponseHead } from "./build-head.ts";
import type { RequestLine } from "./build-head.ts";
import { connectionOptions } from "./connection-options.ts";
import { FieldSection } from "./field-section.ts";
import { Known, bit, knownField, knownFieldNamed, unsafeField } from "./known-fields.ts";

type Field = readonly [name: string, value: string];

/** Everything that a section holds. */
function told(section: FieldSection): unknown {
  const { text, count, present, hidden } = section;
  const lines = Array.from({ length: count }, (_, index) => [
    section.nameStart(index),
    section.nameEnd(index),
    section.valueStart(index),
    section.valueEnd(index),
    section.knownId(index),
    section.name(index),
    section.value(index),
  ]);
  return { text, count, present, hidden, lines, connection: connectionOptions(section) };
}

function mixed(name: string, seed: number): string {
  return name.replaceAll(/[a-z]/g, (letter, at: number) => ((seed >> (at % 8)) & 1 ? letter.toUpperCase() : letter));
}

const KNOWN_NAMES = [
  "host",
  "connection",
  "te",
  "via",
  "date",
  "vary",
  "x-forwarded-for",
  "proxy-connection",
  "client-cert",
  "content-length",
  "transfer-encoding",
];
const knownName = fc.tuple(fc.constantFrom(...KNOWN_NAMES), fc.nat(255)).map(([name, seed]) => mixed(name, seed));
const otherName = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
const name = fc.oneof(
  knownName,
  otherName,
  knownName.map((each) => each.replace("-", "_")),
);
const value = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,24}$/);
const fields = fc.array(fc.tuple(name, value), { maxLength: 40 });

function read(reader: RequestReader | ResponseReader, wire: string): void {
  const bytes = Buffer.from(wire, "latin1");
  reader.feed(bytes, 0, bytes.length);
  assert.equal(reader.next(), Event.head, wire);
}

/** Framing fields and Host are drawn separately, because the codec refuses most random values of these. */
const FRAMING = new Set<number>([Known.host, Known.contentLength, Known.transferEncoding]);
const unframed = fields.map((all) => all.filter(([each]) => !FRAMING.has(knownFieldNamed(each))));
const authority = fc.constantFrom("a.test", "A.Test:80", "b.test.", "[::1]:8080", "127.0.0.1");

test("a built request head equals the one that the codec reads", () => {
  const line = fc.record({
    method: fc.oneof(fc.constantFrom("GET", "POST", "OPTIONS"), fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}$/)),
    target: fc.stringMatching(/^\/[!-"$-~]{0,30}$/),
  });
  const length = fc.constantFrom<Field[]>([], [["content-length", "0"]], [["Content-Length", "00"]]);
  fc.assert(
    fc.property(line, authority, unframed, length, fc.nat(40), ({ method, target }, host, others, framing, at) => {
      fc.pre(method !== "CONNECT" && method !== "TRACE");
      const all = [...others.slice(0, at), ["hOST", `\t ${host} `] as const, ...others.slice(at), ...framing];
      const head = buildRequestHead({ method, target }, all);
      const reader = new RequestReader(DEFAULT_LIMITS);
      read(reader, `${method} ${target} HTTP/1.1\r\n${head.text}\r\n`);
      assert.deepEqual(told(head), told(reader.head));
      for (const key of ["version", "method", "target", "forwardTarget", "path", "authority", "host", "hostReplaced"] as const)
        assert.equal(head[key], reader.head[key], key);
      const trimmed = all.map(([each, given]) => [each, given.replaceAll(/^[\t ]+|[\t ]+$/g, "")]);
      assert.deepEqual(
        trimmed.map((_, index) => [head.name(index), head.value(index)]),
        trimmed,
      );
      assert.equal(head.count, all.length);
    }),
    { numRuns: 2000 },
  );
});

test("a built response head equals the one that the codec reads", () => {
  const status = fc.integer({ min: 200, max: 599 }).filter((each) => each !== 204 && each !== 304);
  fc.assert(
    fc.property(status, fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,12}$/), unframed, (each, reason, all) => {
      const head = buildResponseHead({ status: each, reason }, all);
      const reader = new ResponseReader(RESPONSE_LIMITS);
      read(reader, `HTTP/1.1 ${each} ${reason}\r\n${head.text}\r\n`);
      assert.deepEqual(told(head), told(reader.head));
      for (const key of ["version", "status", "reason"] as const) assert.equal(head[key], reader.head[key], key);
    }),
    { numRuns: 2000 },
  );
});

test("a line is accepted exactly if the codec reads it as one line", () => {
  const character = fc.constantFrom(...'aZ0-_: \t\r\n\0\x7f\x80\xff\u0100(,"');
  const text = fc.array(character, { maxLength: 6 }).map((all) => all.join(""));
  fc.assert(
    fc.property(text, text, (anyName, anyValue) => {
      const built = new FieldSection();
      let refused = false;
      try {
        addFields(built, [[anyName, anyValue]]);
      } catch (error) {
        assert.ok(error instanceof TypeError);
        refused = true;
      }
      const latin1 = /^[\0-\xff]*$/.test(anyName + anyValue);
      const bytes = Buffer.from(`${anyName}: ${anyValue}\r\n\r\n`, "latin1");
      const section = new FieldSection();
      const scan = new LineScan();
      const end = readFieldLine(bytes, 0, bytes.length, 0, section, scan);
      // If the name contains a colon, the codec takes the part before it for the name.
      const isLine = latin1 && end === bytes.length - 2 && section.nameEnd(0) === anyName.length;
      const alone = isLine && readFieldLine(bytes, end, bytes.length, 0, section, scan) === sectionEnd;
      assert.equal(!refused, alone, JSON.stringify([anyName, anyValue]));
    }),
    { numRuns: 5000 },
  );
});

test("CR, LF and NUL are refused in whatever a head is built from, and the error shows no value", () => {
  const refusals: (() => unknown)[] = [];
  for (const octet of ["\r", "\n", "\0", "\r\nX-Evil: 1\r\n"]) {
    for (const secret of [`secret${octet}`, `${octet}secret`, `se${octet}cret`]) {
      refusals.push(
        () => buildRequestHead({ method: "GET", target: "/", authority: "a.test" }, [["X-A", secret]]),
        () => buildRequestHead({ method: "GET", target: "/", authority: secret }, []),
        () => buildRequestHead({ method: "GET", target: "/" }, [["Host", secret]]),
        () => buildResponseHead({ status: 200 }, [["X-A", secret]]),
        () => buildResponseHead({ status: 200, reason: secret }, []),
        () => addFields(new FieldSection(), [["X-A", secret]]),
      );
    }
    const request = { method: "GET", target: "/", authority: "a.test" };
    refusals.push(
      () => buildRequestHead({ ...request, method: `GET${octet}` }, []),
      () => buildRequestHead({ ...request, target: `/${octet}` }, []),
      () => buildRequestHead(request, [[`X${octet}`, "1"]]),
      () => buildResponseHead({ status: 200 }, [[`X${octet}`, "1"]]),
    );
  }
  for (const refusal of refusals) assert.throws(refusal, (error) => error instanceof TypeError && !/secret|[\r\n\0]/.test(error.message));
});

test("targets", () => {
  const path = (method: string, target: string): string => {
    const { forwardTarget, path: own } = buildRequestHead({ method, target, authority: "a.test" }, []);
    assert.equal(forwardTarget, target);
    return own;
  };
  assert.deepEqual([path("GET", "/a?b=/c?d"), path("OPTIONS", "*"), path("CONNECT", "a.test:443")], ["/a", "*", "a.test:443"]);
  for (const [method, target] of [
    ["GET", "*"],
    ["GET", ""],
    ["GET", "a"],
    ["GET", "/a b"],
    ["GET", "/a#b"],
    ["GET", "/\u00e4"],
    ["GET", "http://a.test/"],
    ["GET", "a.test:443"],
    ["CONNECT", "u@a.test:443"],
  ] as const)
    assert.throws(() => path(method, target), TypeError, `${method} ${target}`);
});

test("the authority is Host's, or that of HTTP/2, and both say the same", () => {
  const ask = (said: string | undefined, ...hosts: string[]): string => {
    const line = { method: "GET", target: "/", ...(said === undefined ? {} : { authority: said }) };
    const head = buildRequestHead(
      line,
      hosts.map((host) => ["Host", host] as const),
    );
    return `${head.authority} ${head.host} ${head.hostReplaced}`;
  };
  assert.equal(ask(undefined, "A.test:80"), "A.test:80 a.test false");
  assert.equal(ask("A.test:80"), "A.test:80 a.test true");
  assert.equal(ask("a.test", "a.test"), "a.test a.test false");
  assert.equal(ask("a.test", "A.test"), "a.test a.test true", "the line is written anew");
  for (const [said, ...hosts] of [
    [undefined],
    ["a.test", "b.test"],
    [undefined, "a.test", "a.test"],
    [undefined, ""],
    ["u@a.test"],
    [undefined, "a test"],
  ] as [string | undefined, ...string[]][])
    assert.throws(() => ask(said, ...hosts), TypeError, JSON.stringify([said, hosts]));
  const old = buildRequestHead({ method: "GET", target: "/", version: "1.0" }, []);
  assert.deepEqual([old.authority, old.hostReplaced, old.understandsInterim], ["", true, false]);
});

test("statuses", () => {
  assert.deepEqual(
    [buildResponseHead({ status: 404 }, []).reason, buildResponseHead({ status: 404, reason: "" }, []).reason],
    ["Not Found", ""],
  );
  assert.equal(buildResponseHead({ status: 200, version: "2" }, []).version, "2");
  for (const status of [0, 99, 600, 200.5, NaN, -200]) assert.throws(() => buildResponseHead({ status }, []), TypeError, String(status));
});

test("a field name has the same id as text and as bytes", () => {
  fc.assert(
    fc.property(name, (each) => {
      const bytes = Buffer.from(each, "latin1");
      const isSafe = /^[0-9A-Za-z-]*$/.test(each);
      const id = isSafe ? knownField(bytes, 0, bytes.length) : unsafeField(bytes, 0, bytes.length);
      assert.equal(knownFieldNamed(each), id, each);
    }),
    { numRuns: 3000 },
  );
});

test("built heads never change", () => {
  const head = buildRequestHead({ method: "GET", target: "/", authority: "a.test" }, [["X-A", "1"]]);
  assert.throws(() => head.clear(), TypeError);
  assert.throws(() => head.complete(""), TypeError);
  assert.throws(() => head.addLine(0, 1, 2, 3, Known.none), TypeError);
  assert.throws(() => addFields(head, [["X-B", "2"]]), TypeError);
  assert.throws(() => head.forget(), TypeError);
  assert.deepEqual([head.count, head.text, head.present, head.get("x-a")], [1, "X-A: 1\r\n", bit(Known.none), "1"]);
});

test("trailers are built into a section of their own", () => {
  const section = new FieldSection();
  addFields(section, [["X-Sum", "1"]]);
  assert.deepEqual([section.text, section.value(0)], ["X-Sum: 1\r\n", "1"]);
  section.clear();
  addFields(section, [["X-Other", "22"]]);
  assert.deepEqual([section.text, section.count, section.get("x-other")], ["X-Other: 22\r\n", 1, "22"]);
});

test("a refused head names its fault as the codec does", () => {
  const refusals: readonly [refusal: string, line: Partial<RequestLine>, fields: readonly (readonly [string, string])[]][] = [
    ["requestLine", { method: "G T" }, []],
    ["fieldName", {}, [["a b", ""]]],
    ["fieldValue", {}, [["a", "b\r\nc"]]],
    ["hostMissing", {}, []],
    [
      "hostRepeated",
      {},
      [
        ["Host", "a"],
        ["host", "a"],
      ],
    ],
    ["hostInvalid", { authority: "a b" }, []],
    ["targetInvalid", { target: "x" }, []],
    ["targetMismatch", { authority: "a" }, [["Host", "b"]]],
  ];
  for (const [refusal, line, fields] of refusals) {
    assert.throws(
      () => buildRequestHead({ method: "GET", target: "/", ...line }, fields),
      (error) => error instanceof HeadRefused && error.refusal === refusal && refusal in Faults,
    );
  }
});
