import { test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { LineScan, readFieldLine } from "../http1/field-lines.ts";
import { FieldSection } from "./field-section.ts";
import { REQUEST_DROPPED, RESPONSE_DROPPED, UNTRUSTED_DROPPED, keptText, keptTrailers } from "./forward-fields.ts";
import { Known, bit, knownField } from "./known-fields.ts";

/** A section of raw lines, each without its CRLF. */
function sectionOf(lines: readonly string[]): FieldSection {
  const section = new FieldSection();
  let text = "";
  for (const line of lines) {
    const colon = line.indexOf(":");
    const id = line.slice(0, colon).includes("_") ? Known.unsafeName : knownField(Buffer.from(line), 0, colon);
    section.addLine(text.length, text.length + colon, text.length + colon + 1, text.length + line.length, id);
    text += `${line}\r\n`;
  }
  section.text = text;
  return section;
}

function kept(lines: readonly string[], dropped: number, removed: readonly string[] = []): string[] {
  const section = sectionOf(lines);
  const text = keptText(section, dropped, removed);
  assert.ok(text === "" || text.endsWith("\r\n"));
  return text.split("\r\n").slice(0, -1);
}

test("lines that are kept keep their bytes, their order and their spelling", () => {
  const lines = ["Host: a", "x-MiXed:  spaced \t", "Set-Cookie: a=1", "Set-Cookie: b=2", "X-Empty:", "X-Last: \xff"];
  assert.deepEqual(kept(lines, REQUEST_DROPPED), lines);
  assert.deepEqual(kept(lines, 0), lines);
});

test("a framing field is forwarded without the tabs around its value", () => {
  const section = sectionOf([]);
  const wire = Buffer.from(`HOST:\ta.test \t\r\nX-A:\t1\r\nContent-Length: \t5\r\nX-B: 2\r\n`, "latin1");
  const scan = new LineScan();
  for (let at = 0; at < wire.length;) at = readFieldLine(wire, at, wire.length, 0, section, scan);
  section.text = wire.toString("latin1");
  const text = keptText(section, 0, []);
  assert.equal(text, "HOST: a.test\r\nX-A:\t1\r\nContent-Length: 5\r\nX-B: 2\r\n");
  assert.equal(keptText(section, bit(Known.host), ["x-a"]), "Content-Length: 5\r\nX-B: 2\r\n");
});

test("a length is forwarded without leading zeros, which some origins read as octal", () => {
  for (const [value, forwarded] of [
    ["0005", "5"],
    ["010", "10"],
    ["000", "0"],
    ["0", "0"],
    ["500", "500"],
  ]) {
    const section = sectionOf([]);
    const wire = Buffer.from(`X-A: 007\r\ncontent-LENGTH:  ${value} \r\nX-B: 2\r\n`);
    const scan = new LineScan();
    for (let at = 0; at < wire.length;) at = readFieldLine(wire, at, wire.length, 0, section, scan);
    section.text = wire.toString("latin1");
    const line = value === forwarded ? `content-LENGTH:  ${value} \r\n` : `content-LENGTH: ${forwarded}\r\n`;
    assert.equal(keptText(section, 0, []), `X-A: 007\r\n${line}X-B: 2\r\n`);
  }
});

test("thousands of names are removed as well as a few", () => {
  const many = Array.from({ length: 5000 }, (_, index) => `x-${index}`);
  assert.deepEqual(kept(["A: 1", "X-7: 1", "x-4999: 2", "X-5000: 3"], 0, many), ["A: 1", "X-5000: 3"]);
  assert.deepEqual(kept(["A: 1", "X-7: 1", "X-8: 3"], 0, ["x-7"]), ["A: 1", "X-8: 3"]);
});

test("hop-by-hop fields are dropped in both directions (RFC 9110 section 7.6.1)", () => {
  const hop = ["Connection: x", "KEEP-ALIVE: 5", "Proxy-Connection: close", "te: trailers", "Upgrade: h2c", "HTTP2-Settings: AAMA"];
  for (const dropped of [REQUEST_DROPPED, RESPONSE_DROPPED]) {
    assert.deepEqual(kept(hop, dropped), []);
    assert.deepEqual(kept(["A: 1", ...hop, "B: 2"], dropped), ["A: 1", "B: 2"]);
    assert.deepEqual(
      kept(
        hop.flatMap((line, index) => [line, `N${index}: 1`]),
        dropped,
      ),
      hop.map((_, index) => `N${index}: 1`),
    );
  }
});

test("Proxy and names with an underscore never reach an origin; from an origin they pass", () => {
  const lines = ["Proxy: http://evil", "X_Forwarded_For: 6.6.6.6", "__proto__: 1", "Content_Length: 5"];
  assert.deepEqual(kept(lines, REQUEST_DROPPED), []);
  assert.deepEqual(kept(lines, RESPONSE_DROPPED), lines);
});

test("fields that only a trusted proxy may send are dropped from other senders", () => {
  const lines = [
    "Forwarded: for=1",
    "X-Forwarded-For: 1",
    "x-forwarded-proto: https",
    "X-Forwarded-Host: e",
    "X-Forwarded-Port: 1",
    "X-Forwarded-Prefix: /a",
    "X-Original-URL: /b",
    "X-Real-IP: 1",
    "X-Other: 1",
  ];
  assert.deepEqual(kept(lines, UNTRUSTED_DROPPED), ["X-Other: 1"]);
  assert.deepEqual(kept(lines, REQUEST_DROPPED), lines);
});

test("a removed name drops every line that has it, in any case", () => {
  const lines = ["X-A: 1", "X-B: 2", "x-a: 3", "X-AA: 4", "X-C: 5", "X-A: 6"];
  assert.deepEqual(kept(lines, 0, ["x-a", "x-c", "x-none"]), ["X-B: 2", "X-AA: 4"]);
  assert.deepEqual(kept(lines, 0, ["x-a", "x-b", "x-aa", "x-c"]), []);
});

test("whatever is dropped, the other lines stay as they came", () => {
  const line = fc.constantFrom(
    "Host: a",
    "X-A: 1",
    "x-a:2 ",
    "Connection: close",
    "TE:trailers",
    "X_B: 3",
    "Via: 1.1 x",
    "X-C:",
    "Proxy: y",
  );
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 12 }),
      fc.subarray([bit(Known.connection), bit(Known.te), bit(Known.via), bit(Known.unsafeName), bit(Known.proxy)]),
      fc.subarray(["x-a", "x-c", "host", "via"]),
      (lines, bits, removed) => {
        const dropped = bits.reduce((all, one) => all | one, 0);
        const ids: Readonly<Record<string, number>> = {
          connection: bit(Known.connection),
          te: bit(Known.te),
          via: bit(Known.via),
          x_b: bit(Known.unsafeName),
          proxy: bit(Known.proxy),
        };
        const expected = lines.filter((text) => {
          const name = text.slice(0, text.indexOf(":")).toLowerCase();
          return !removed.includes(name) && ((ids[name] ?? 0) & dropped) === 0;
        });
        assert.deepEqual(kept(lines, dropped, removed), expected);
      },
    ),
    { seed: 22, numRuns: 400 },
  );
});

test("trailers that frame, route, authenticate or rule are dropped, others pass (RFC 9110 section 6.5.1)", () => {
  const forbidden = [
    "Host: evil",
    "Content-Length: 44",
    "Transfer-Encoding: chunked",
    "Connection: close",
    "Trailer: x",
    "TE: trailers",
    "Upgrade: x",
    "Via: x",
    "Expect: 100-continue",
    "Max-Forwards: 1",
    "Authorization: x",
    "Proxy-Authorization: x",
    "Cookie: a",
    "Set-Cookie: a",
    "Content-Encoding: gzip",
    "Content-Type: x",
    "Content-Range: x",
    "Cache-Control: x",
    "X-Forwarded-For: 1",
    "X_Y: 1",
    "Proxy: x",
    "WWW-Authenticate: x",
    "X-API-Key: x",
    "Location: /",
    "Age: 1",
    "Date: x",
    "Range: x",
    "If-Match: x",
    "Forwarded: x",
    "X-Real-IP: 1",
  ];
  const fine = ["Grpc-Status: 0", "grpc-message: ok", "X-Checksum: 1", "Content-MD5: x", "ETag: x", "Digest: x"];
  assert.equal(keptTrailers(sectionOf(forbidden)), "");
  assert.equal(keptTrailers(sectionOf([...fine, ...forbidden])), fine.map((line) => `${line}\r\n`).join(""));
  assert.equal(
    keptTrailers(sectionOf(forbidden.flatMap((line, index) => [line.toUpperCase(), `n${index}: 1`]))),
    forbidden.map((_, index) => `n${index}: 1\r\n`).join(""),
  );
  assert.equal(keptTrailers(null), "");
});
