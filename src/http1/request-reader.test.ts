/** Wire tests of requests: the request line (RFC 9112 section 3), Host and the forms of a target (section 3.2), section 2.2. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { connectionOptions } from "../http/connection-options.ts";
import { Http1RequestHead } from "./http1-request-head.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { MessageLimits } from "./limits.ts";
import { Event } from "./message-reader.ts";
import { RequestReader } from "./request-reader.ts";
import { assertSame, cutPoints, everyByte, latin1, readRequests } from "./transcript.test.ts";

/** The head of the only request on the wire, or the fault that refuses it. */
function headOf(wire: string): Http1RequestHead | string {
  const reader = new RequestReader(DEFAULT_LIMITS, new Http1RequestHead());
  reader.feed(latin1(wire), 0, wire.length);
  const event = reader.next();
  if (event === Event.fault) return `${reader.fault.code} ${reader.fault.status}`;
  assert.equal(event, Event.head, JSON.stringify(wire));
  return reader.head;
}

function accepted(wire: string): Http1RequestHead {
  const head = headOf(wire);
  assert.ok(typeof head !== "string", `${JSON.stringify(wire)}: ${String(head)}`);
  return head;
}

const withLine = (line: string): string => `${line}\r\nHost: a.test\r\n\r\n`;
const withHost = (host: string): string => `GET / HTTP/1.1\r\n${host}\r\n\r\n`;

test("the request line is read as it stands", () => {
  for (const [method, target] of [
    ["GET", "/"],
    ["PUT", "/a?b=c"],
    ["POST", "/%00"],
    ["HEAD", "//x"],
    ["GEX", "/"],
    ["PUR", "/"],
    ["PAST", "/"],
    ["M-SEARCH", "/"],
    ["!#$%&'*+-.^_`|~", "/"],
  ] as const) {
    const head = accepted(withLine(`${method} ${target} HTTP/1.1`));
    assert.deepEqual([head.method, head.target, head.forwardTarget, head.minor, head.startLineReusable], [method, target, target, 1, true]);
  }
});

test("methods are case-sensitive", () => {
  assert.equal(accepted(withLine("get / HTTP/1.1")).method, "get");
  assert.equal(accepted(withLine("Post / HTTP/1.1")).method, "Post");
});

test("anything but single spaces, a target of visible ASCII and a version is refused", () => {
  const lines = [
    " ",
    "GET",
    "GET ",
    "GET /",
    "GET / ",
    "GET  / HTTP/1.1",
    "GET /  HTTP/1.1",
    "GET / HTTP/1.1 ",
    " GET / HTTP/1.1",
    "GET\t/ HTTP/1.1",
    "GET /a b HTTP/1.1",
    "GET /a\tHTTP/1.1",
    "GET /\x01 HTTP/1.1",
    "GET /\x7f HTTP/1.1",
    "GET /\x80 HTTP/1.1",
    "GET /\xff HTTP/1.1",
    "GET /#f HTTP/1.1",
    "GET /\0 HTTP/1.1",
    "G(T / HTTP/1.1",
    "G\0T / HTTP/1.1",
    "G\xc9T / HTTP/1.1",
    "GET: / HTTP/1.1",
    "@ / HTTP/1.1",
    "GET / http/1.1",
    "GET / HTTP/1",
    "GET / HTTP/1.",
    "GET / HTTP/.1",
    "GET / HTTP/1,1",
    "GET / HTTP/1.10",
    "GET / HTTP/11.1",
    "GET / HTTP/01.1",
    "GET / HTTP/1.1x",
    "GET / HTTPS/1.1",
    "GET / TTP/1.1",
    "GET / HTTP /1.1",
    "GET / HTTP/+1.1",
    "GET / HTTP/1.x",
    "GET / ICY/1.1",
  ];
  for (const line of lines) assert.equal(headOf(withLine(line)), "bad_request_line 400", JSON.stringify(line));
});

test("bare CR and bare LF end no request line", () => {
  for (const wire of [
    "GET / HTTP/1.1\nHost: a.test\n\n",
    "GET / HTTP/1.1\rHost: a.test\r\r",
    "GET / HTTP/1.1\r\r\nHost: a.test\r\n\r\n",
    "GET / HTTP/1.1x\nHost: a.test\r\n\r\n",
    "GET /\r\n\r\n",
    "GET /\n HTTP/1.1\r\n\r\n",
  ]) {
    assert.equal(headOf(wire), "bad_request_line 400", JSON.stringify(wire));
  }
});

test("another major version is 505, whatever follows", () => {
  for (const version of ["HTTP/0.9", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9", "HTTP/2"]) {
    assert.equal(headOf(withLine(`GET / ${version}`)), "bad_version 505", version);
  }
  assert.equal(headOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "bad_version 505");
});

test("HTTP/1.0 is recognised, and its request line is not forwarded unchanged", () => {
  const head = accepted("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n");
  assert.deepEqual([head.version, head.minor, head.startLineReusable], ["1.0", 0, false]);
});

test("a higher minor version is refused, where RFC 9112 section 2.3 would let it pass as 1.1", () => {
  assert.equal(headOf(withLine("GET / HTTP/1.2")), "bad_version 505");
});

test("a method has 64 characters at most", () => {
  assert.equal(accepted(withLine(`${"M".repeat(64)} / HTTP/1.1`)).method.length, 64);
  assert.equal(headOf(withLine(`${"M".repeat(65)} / HTTP/1.1`)), "method_too_long 501");
  assert.equal(headOf("M".repeat(65)), "method_too_long 501", "without waiting for its end");
});

// ---- empty lines before the request line, RFC 9112 section 2.2 ---------------------------------------------------------

test("up to four empty lines before a request line are ignored, each request anew", () => {
  const one = withLine("GET / HTTP/1.1");
  for (let count = 0; count <= 4; count++) {
    const seen = readRequests(latin1(`${"\r\n".repeat(count)}${one}${"\r\n".repeat(count)}${one}`));
    assert.deepEqual([seen.fault, seen.messages.length], [null, 2]);
    assert.equal(accepted("\r\n".repeat(count) + one).startLine, "GET / HTTP/1.1\r\n", "they are no part of the head");
  }
  for (const wire of ["\r\n".repeat(5) + one, "\r\n".repeat(5), one + "\r\n".repeat(5) + one]) {
    const whole = readRequests(latin1(wire));
    assert.equal(whole.fault, "empty_lines 400");
    for (const at of cutPoints(wire.length)) assertSame(whole, readRequests(latin1(wire), { cuts: [at] }), `cut at ${at}`);
    assertSame(whole, readRequests(latin1(wire), { cuts: everyByte(wire.length) }), "byte by byte");
  }
});

test("an empty line is CRLF and nothing else", () => {
  assert.equal(headOf("\n" + withLine("GET / HTTP/1.1")), "bare_line_feed 400");
  assert.equal(headOf("\r\n\n" + withLine("GET / HTTP/1.1")), "bare_line_feed 400");
  assert.equal(headOf("\r" + withLine("GET / HTTP/1.1")), "bare_carriage_return 400");
  assert.equal(headOf("\r\r\n" + withLine("GET / HTTP/1.1")), "bare_carriage_return 400");
  assert.equal(headOf(" \r\n" + withLine("GET / HTTP/1.1")), "bad_request_line 400");
});

// ---- Host, RFC 9112 section 3.2 ---------------------------------------------------------------------------------------

test("HTTP/1.1 needs exactly one Host, HTTP/1.0 at most one", () => {
  assert.equal(headOf("GET / HTTP/1.1\r\n\r\n"), "host_missing 400");
  assert.equal(headOf("GET / HTTP/1.1\r\nX-Host: a\r\nHos: a\r\nHostt: a\r\n\r\n"), "host_missing 400");
  assert.equal(headOf("GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n"), "host_repeated 400");
  assert.equal(headOf("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), "host_repeated 400");
  const head = accepted("GET / HTTP/1.0\r\n\r\n");
  assert.deepEqual([head.authority, head.host], ["", ""]);
});

test("the authority is the value of Host as sent; the host is the same without port, in lower case", () => {
  const cases = [
    ["Host: a.test", "a.test", "a.test"],
    ["host:A.Test:8080", "A.Test:8080", "a.test"],
    ["HOST: \t [::1]:80 \t", "[::1]:80", "[::1]"],
    ["Host: a.test.", "a.test.", "a.test"],
    ["Host: a.test:", "a.test:", "a.test"],
  ] as const;
  for (const [line, authority, host] of cases) {
    const head = accepted(withHost(line));
    assert.deepEqual([head.authority, head.host], [authority, host]);
  }
});

test("a malformed Host is refused", () => {
  for (const host of [
    "a b",
    "a,b c",
    "u@a",
    "a:b",
    "a:80:80",
    "a:123456",
    "a:65536",
    "a/b",
    "a?b",
    "a\\b",
    "[::1",
    "::1",
    "[::1]x",
    "a\xe9",
    "http://a",
    '"a"',
    "<a>",
    "a\x0b",
  ]) {
    const got = headOf(withHost(`Host: ${host}`));
    assert.match(String(got), /^(host_invalid|bad_field_value) 400$/, JSON.stringify(host));
  }
});

test("an empty Host is refused, on a fresh connection and after another request", () => {
  // `authority` is empty only for HTTP/1.0 without Host; an http URI has a host (RFC 9110 section 4.2.1).
  const empty = "GET / HTTP/1.1\r\nHost:\r\n\r\n";
  assert.equal(readRequests(latin1(withHost("Host: a.test") + empty)).fault, "host_invalid 400");
  assert.equal(readRequests(latin1(empty)).fault, "host_invalid 400");
  assert.equal(readRequests(latin1("GET http://a.test/ HTTP/1.1\r\nHost: \r\n\r\n")).fault, "host_invalid 400");
  assert.equal(readRequests(latin1("GET / HTTP/1.0\r\nHost:\r\n\r\n")).fault, "host_invalid 400");
});

test("the remembered Host of one request is not used for a next one with another Host", () => {
  const reader = new RequestReader(DEFAULT_LIMITS);
  const wire =
    ["a.test", "b.test:1", "A.TEST", "a.test"].map((host) => withHost(`Host: ${host}`)).join("") +
    "GET / HTTP/1.0\r\n\r\n" +
    withHost("Host: a.test");
  reader.feed(latin1(wire), 0, wire.length);
  const seen: string[] = [];
  while (reader.next() === Event.head) {
    seen.push(`${reader.head.authority} ${reader.head.host}`);
    assert.equal(reader.next(), Event.end);
    reader.restart(reader.head);
  }
  assert.deepEqual(seen, ["a.test a.test", "b.test:1 b.test", "A.TEST a.test", "a.test a.test", " ", "a.test a.test"]);
});

test("the same fields after another request line are judged by that line", () => {
  const codedOf = (line: string): string => `${line}\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
  const once = codedOf("POST / HTTP/1.1");
  assert.equal(readRequests(latin1(once + once)).fault, null);
  assert.equal(readRequests(latin1(once + codedOf("POST / HTTP/1.0"))).fault, "transfer_encoding_in_1_0 400");
  assert.equal(readRequests(latin1(once + codedOf("TRACE / HTTP/1.1"))).fault, "trace_body 400");
  const reader = new RequestReader(DEFAULT_LIMITS);
  const wire = ["GET / HTTP/1.1", "GET http://A.test:80/ HTTP/1.1", "GET / HTTP/1.0", "GET / HTTP/1.1"]
    .map((line) => `${line}\r\nHost: a.test\r\n\r\n`)
    .join("");
  reader.feed(latin1(wire), 0, wire.length);
  const seen: string[] = [];
  while (reader.next() === Event.head) {
    seen.push(`${reader.head.authority} ${reader.head.host} ${reader.head.minor} ${reader.framing.kind}`);
    assert.equal(reader.next(), Event.end);
    reader.restart(reader.head);
  }
  assert.deepEqual(seen, ["a.test a.test 1 0", "A.test:80 a.test 1 0", "a.test a.test 0 0", "a.test a.test 1 0"]);
});

// ---- the four forms of a target, RFC 9112 section 3.2 -----------------------------------------------------------------

test("origin-form: the path is the target up to the query, spelled as received", () => {
  for (const [target, path] of [
    ["/", "/"],
    ["/a/b?c=/d?e", "/a/b"],
    ["/?", "/"],
    ["//a.test/x", "//a.test/x"],
    ["/a%2Fb/../c;d", "/a%2Fb/../c;d"],
    ["/http://b/", "/http://b/"],
  ] as const) {
    const head = accepted(withLine(`GET ${target} HTTP/1.1`));
    assert.deepEqual([head.target, head.forwardTarget, head.path], [target, target, path]);
  }
});

test("absolute-form is forwarded as origin-form, and its authority is the host", () => {
  const cases = [
    ["GET", "http://a.test/x?y", "/x?y", "/x"],
    ["GET", "http://a.test", "/", "/"],
    ["GET", "http://a.test/", "/", "/"],
    ["GET", "http://a.test?y=/z", "/?y=/z", "/"],
    ["GET", "HTTP://A.TEST/x", "/x", "/x"],
    ["GET", "http://a.test//b", "//b", "//b"],
    ["OPTIONS", "http://a.test", "*", "*"],
    ["OPTIONS", "http://a.test/", "/", "/"],
    ["OPTIONS", "http://a.test?x", "/?x", "/"],
  ] as const;
  for (const [method, target, forwardTarget, path] of cases) {
    const head = accepted(withLine(`${method} ${target} HTTP/1.1`));
    assert.deepEqual([head.target, head.forwardTarget, head.path, head.startLineReusable], [target, forwardTarget, path, false]);
    assert.deepEqual([head.authority.toLowerCase(), head.host], ["a.test", "a.test"]);
  }
});

test("absolute-form without a Host is accepted in HTTP/1.0 only", () => {
  assert.deepEqual(
    [accepted("GET http://b.test:81/x HTTP/1.0\r\n\r\n").authority, accepted("GET http://b.test:81/x HTTP/1.0\r\n\r\n").host],
    ["b.test:81", "b.test"],
  );
  assert.equal(headOf("GET http://b.test/x HTTP/1.1\r\n\r\n"), "host_missing 400");
});

test("an absolute-form whose authority differs from Host, or that is not a plain http URI, is refused", () => {
  assert.equal(headOf(withLine("GET http://b.test/ HTTP/1.1")), "target_mismatch 400");
  assert.equal(headOf(withLine("GET http://a.test:81/ HTTP/1.1")), "target_mismatch 400");
  for (const target of [
    "https://a.test/",
    "ftp://a.test/",
    "http:/a.test/",
    "http:a.test",
    "http:///x",
    "http://",
    "http://u@a.test/",
    "http://a.test@b.test/",
    "http://a.test:x/",
    "http://a.test\\@b.test/",
  ]) {
    assert.equal(headOf(withLine(`GET ${target} HTTP/1.1`)), "bad_target 400", target);
  }
});

test("the other forms are refused with the wrong methods", () => {
  for (const line of [
    "GET * HTTP/1.1",
    "POST * HTTP/1.1",
    "OPTIONS ** HTTP/1.1",
    "OPTIONS *?x HTTP/1.1",
    "GET a.test:80 HTTP/1.1",
    "GET x HTTP/1.1",
    "GET ?x HTTP/1.1",
    "GET @a.test/ HTTP/1.1",
    "GET :80/ HTTP/1.1",
    "GET ../x HTTP/1.1",
  ]) {
    assert.equal(headOf(withLine(line)), "bad_target 400", line);
  }
  const asterisk = accepted(withLine("OPTIONS * HTTP/1.1"));
  assert.deepEqual([asterisk.forwardTarget, asterisk.path, asterisk.startLineReusable], ["*", "*", false]);
});

test("CONNECT takes an authority", () => {
  assert.equal(accepted("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n").target, "a.test:443");
  for (const target of ["http://a.test/", "*", "u@a.test:1", "a.test:443/x"])
    assert.equal(headOf(withLine(`CONNECT ${target} HTTP/1.1`)), "bad_target 400", target);
});

test("TRACE carries no body", () => {
  assert.equal(accepted(withLine("TRACE / HTTP/1.1")).method, "TRACE");
  assert.equal(accepted("TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").method, "TRACE");
  assert.equal(headOf("TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"), "trace_body 400");
  assert.equal(headOf("TRACE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "trace_body 400");
});

// ---- the limit of the request line ------------------------------------------------------------------------------------

const LIMITS: MessageLimits = { ...DEFAULT_LIMITS, startLineBytesMax: 100 };
/** A request whose line, CRLF included, has that many bytes. */
const ofLine = (bytes: number): string => withLine(`GET /${"a".repeat(bytes - "GET / HTTP/1.1\r\n".length)} HTTP/1.1`);

function splits(wire: string): (string | null)[] {
  const faults = new Set<string | null>([readRequests(latin1(wire), { limits: LIMITS }).fault]);
  for (const at of everyByte(wire.length)) faults.add(readRequests(latin1(wire), { limits: LIMITS, cuts: [at] }).fault);
  faults.add(readRequests(latin1(wire), { limits: LIMITS, cuts: everyByte(wire.length) }).fault);
  return [...faults];
}

test("a request line at the limit passes, one well over it is 414, at every split", () => {
  assert.deepEqual(splits(ofLine(100)), [null]);
  assert.deepEqual(splits(ofLine(120)), ["start_line_too_long 414"]);
  assert.deepEqual(splits(ofLine(1000)), ["start_line_too_long 414"]);
});

test("around the limit a request line is accepted or refused for its length, not for how its bytes arrive", () => {
  for (let bytes = 96; bytes < 120; bytes++) {
    const faults = splits(ofLine(bytes));
    assert.equal(faults.length, 1, `a line of ${bytes} bytes, CRLF included, with a limit of 100: ${faults.join(" and ")}`);
  }
});

test("bytes past the limit of the request line are not judged", () => {
  const long = "a".repeat(200);
  for (const line of [`GET /${long}\x01 HTTP/1.1`, `GET /${long} b HTTP/1.1`, `GET /${long} HTTP/2.0`, `GET /${long}`]) {
    assert.deepEqual(splits(withLine(line)), ["start_line_too_long 414"], JSON.stringify(line.slice(200)));
  }
});

test("the default limit passes targets of 8000 bytes (RFC 9112 section 3)", () => {
  assert.equal(accepted(withLine(`GET /${"a".repeat(7999)} HTTP/1.1`)).target.length, 8000);
  assert.equal(headOf(withLine(`GET /${"a".repeat(8192)} HTTP/1.1`)), "start_line_too_long 414");
  assert.equal(headOf(`GET /${"a".repeat(9000)}`), "start_line_too_long 414", "without waiting for its end");
});

test("empty lines do not count for the request line's limit", () => {
  assert.deepEqual(splits("\r\n\r\n\r\n\r\n" + ofLine(100)), [null]);
});

test("a target that comes octet by octet is checked once", () => {
  const reader = new RequestReader(DEFAULT_LIMITS);
  const wire = latin1(withLine(`GET /${"a".repeat(1000)} HTTP/1.1`));
  for (let at = 0; at < 900; at++) {
    reader.feed(wire, at, at + 1);
    assert.equal(reader.next(), Event.needMore);
  }
  // Bytes that were checked are not read again, so changing them has no effect.
  reader.bytes.fill(0, 10, 800);
  reader.feed(wire, 900, wire.length);
  assert.equal(reader.next(), Event.head);
});

test("startedHead has what was read of a head that is refused or never complete", () => {
  const started = (wire: string): unknown => {
    const reader = new RequestReader(DEFAULT_LIMITS);
    reader.feed(latin1(wire), 0, wire.length);
    reader.next();
    const head = reader.startedHead;
    return head === null ? null : [head.method, head.target, head.get("accept")];
  };
  assert.equal(started("GET /a"), null);
  assert.equal(started("GET  / HTTP/1.1\r\n\r\n"), null);
  assert.deepEqual(started("GET /a?b HTTP/1.1\r\n"), ["GET", "/a?b", undefined]);
  assert.deepEqual(started("GET /a?b HTTP/1.1\r\nAccept: x\r\nHo"), ["GET", "/a?b", "x"]);
  assert.deepEqual(started("PURGE /a HTTP/1.1\r\nAccept: x\r\nHo st: a\r\n\r\n"), ["PURGE", "/a", "x"]);
  assert.deepEqual(started("GET http://a.test/b HTTP/1.1\r\nHost: b.test\r\n\r\n"), ["GET", "http://a.test/b", undefined]);
});

test("a refused head does not show the host of the previous request", () => {
  for (const lines of ["Host: b.test\r\nBad Name: 1", "Host: b\r\nHost: c", "Host: a b", "X: 1", "Host: b.test\r\nX"]) {
    const reader = new RequestReader(DEFAULT_LIMITS);
    const first = latin1("GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n");
    for (let count = 0; count < 2; count++) {
      reader.feed(first, 0, first.length);
      assert.deepEqual([reader.next(), reader.next(), reader.head.host], [Event.head, Event.end, "a.test"]);
      reader.restart(reader.head);
    }
    const wire = latin1(`GET http://a.test/ HTTP/1.1\r\n${lines}\r\n${lines.endsWith("X") ? "" : "\r\n"}`);
    reader.feed(wire, 0, wire.length);
    assert.equal(reader.next(), Event.fault, lines);
    assert.deepEqual([reader.startedHead?.method, reader.startedHead?.host, reader.startedHead?.authority], ["GET", "", ""], lines);
  }
});

test("a reader can go on reading after forget", () => {
  const reader = new RequestReader(DEFAULT_LIMITS);
  const read = (wire: string): string => {
    reader.feed(latin1(wire), 0, wire.length);
    assert.equal(reader.next(), Event.head);
    const { head } = reader;
    const seen = `${head.method} ${head.path} ${head.host} ${head.count} ${head.get("accept") ?? ""}`;
    assert.equal(reader.next(), Event.end);
    reader.restart(head);
    return seen;
  };
  const request = "GET /a HTTP/1.1\r\nHost: www.example.test\r\nAccept: x\r\n\r\n";
  const many = `GET /b HTTP/1.1\r\nHost: b\r\n${"Accept: y\r\n".repeat(50)}\r\n`;
  for (const wire of [request, many, request]) {
    const seen = read(wire);
    assert.equal(read(wire), seen);
    reader.forget();
    assert.deepEqual(
      [reader.head.text, reader.head.target, reader.head.count, reader.head.host, reader.head.authority],
      ["", "", 0, "", ""],
    );
    assert.doesNotMatch(JSON.stringify(reader), /Accept|example/, "nor has the reader anything of it");
    assert.equal(read(wire), seen);
  }
  reader.forget();
  assert.equal(reader.endOfInput(), Event.needMore);
});

test("after forget a reader reads like a new one", () => {
  const reader = new RequestReader(DEFAULT_LIMITS);
  const request = "\r\n\r\n\r\n\r\nPOST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: 1\r\n\r\n";
  // Stopped before the request, after its head and after its end, with all that counts for a limit so far.
  for (const end of ["\r\n\r\n\r\n\r\n".length, request.length]) {
    reader.feed(latin1(request), 0, end);
    while (reader.next() === Event.head);
    reader.forget();
    assert.equal(reader.trailers, null);
    assert.equal(reader.endOfInput(), Event.needMore);
  }
  reader.limitTo({ ...DEFAULT_LIMITS, startLineBytesMax: 40 });
  const long = latin1(`GET /${"a".repeat(50)} HTTP/1.1\r\nHost: a\r\n\r\n`);
  reader.feed(long, 0, long.length);
  assert.equal(reader.next(), Event.fault);
});

test("the options of Connection are right for each message, also when they are remembered", () => {
  const reader = new RequestReader(DEFAULT_LIMITS);
  const named: string[] = [];
  for (const [fields, asked] of [
    ["Connection: X-A", true],
    ["Connection: X-A", true],
    ["Connection: X-B", false],
    ["Connection: X-B", true],
    ["X-C: 1", true],
    ["Connection: X-A", true],
  ] as const) {
    const wire = latin1(`GET / HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n\r\n`);
    reader.feed(wire, 0, wire.length);
    assert.equal(reader.next(), Event.head);
    if (asked) named.push(connectionOptions(reader.head).named.join());
    assert.equal(reader.next(), Event.end);
    reader.restart(reader.head);
  }
  assert.deepEqual(named, ["x-a", "x-a", "x-b", "", "x-a"]);
});
