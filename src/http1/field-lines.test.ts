/** Field lines (RFC 9112 section 5), every octet in every place. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { FieldSection } from "../http/field-section.ts";
import { Known, bit } from "../http/known-fields.ts";
import { LineScan, fieldLineFault, needMore, readFieldLine, sectionEnd } from "./field-lines.ts";

/**
 * The outcome for the wire: the line's name and value, `more`, `end`, or the fault's code. Asserts that the wire cut short anywhere either
 * asks for more or has the same outcome, and that its rest, or reading it octet by octet, leads to the same outcome.
 */
function read(wire: string): string {
  const bytes = Buffer.from(wire, "latin1");
  const outcome = readFirst(bytes, bytes.length);
  const octetByOctet = new LineScan();
  let last = "more";
  for (let limit = 0; limit < bytes.length; limit++) {
    const scan = new LineScan();
    const early = readFirst(bytes, limit, scan);
    assert.ok(early === "more" || early === outcome, `${JSON.stringify(wire)} cut at ${limit}: ${early}, then ${outcome}`);
    if (early === "more") assert.equal(readFirst(bytes, bytes.length, scan), outcome, `${JSON.stringify(wire)} continued at ${limit}`);
    if (last === "more") last = readFirst(bytes, limit, octetByOctet);
  }
  if (last === "more") last = readFirst(bytes, bytes.length, octetByOctet);
  assert.equal(last, outcome, `${JSON.stringify(wire)} octet by octet`);
  return outcome;
}

function readFirst(bytes: Buffer, limit: number, scan: LineScan = new LineScan()): string {
  const section = new FieldSection();
  // Bytes before the base and after the limit, which must not be read.
  const padded = Buffer.concat([Buffer.from("GET / HTTP/1.1\r\n"), bytes.subarray(0, limit), Buffer.from(": tail\r\n\r\n")]);
  const result = readFieldLine(padded, 16, 16 + limit, 4, section, scan);
  if (result < 0) assert.equal(section.count, 0, "nothing is recorded");
  if (result === needMore) return "more";
  if (result === sectionEnd) return "end";
  if (result < 0) return fieldLineFault(result).code;
  assert.equal(section.count, 1);
  section.text = padded.toString("latin1", 4);
  assert.equal(section.nameStart(0), 12);
  assert.equal(padded.toString("latin1", result - 2, result), "\r\n", "the offset is after the line's CRLF");
  return `${section.name(0)}=${section.value(0)}`;
}

const OCTETS = Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet));
/** RFC 9110 section 5.6.2, written out. */
const TCHARS = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

test("a line is name, colon, value between optional white space", () => {
  assert.equal(read("X: 1\r\n"), "X=1");
  assert.equal(read("X:1\r\n"), "X=1");
  assert.equal(read("X: \t 1 \t \r\n"), "X=1");
  assert.equal(read("X: a b\tc\r\n"), "X=a b\tc");
  assert.equal(read("X:\r\n"), "X=");
  assert.equal(read("X: \t \r\n"), "X=");
  assert.equal(read("X::\r\n"), "X=:");
  assert.equal(read("X: 1\r\nY: 2\r\n"), "X=1");
});

test("only SP and HTAB are white space: what JavaScript's trim takes is data or a fault (RFC 9112 section 2.2)", () => {
  assert.equal(read("X: \xa01\xa0\r\n"), "X=\xa01\xa0");
  assert.equal(read("X: \x0b1\r\n"), "bad_field_value");
  assert.equal(read("X: 1\x0c\r\n"), "bad_field_value");
});

test("a name consists of tchar, every octet tried in every place", () => {
  for (const octet of OCTETS) {
    if (octet === ":") continue;
    const fine = TCHARS.includes(octet);
    for (const name of [`${octet}ab`, `a${octet}b`, `ab${octet}`]) {
      const outcome = read(`${name}: 1\r\n`);
      if (fine) assert.equal(outcome, `${name}=1`);
      else assert.match(outcome, /^(bad_field_name|folded_line|bare_line_feed|bare_carriage_return)$/, JSON.stringify(name));
    }
  }
});

test("a value consists of visible characters, obs-text, SP and HTAB, every octet tried", () => {
  for (const octet of OCTETS) {
    const code = octet.charCodeAt(0);
    const fine = code === 9 || (code >= 32 && code !== 127);
    const outcome = read(`X: a${octet}b\r\n`);
    if (fine) assert.equal(outcome, `X=a${octet}b`);
    else if (octet === "\r") assert.equal(outcome, "bare_carriage_return");
    else if (octet === "\n") assert.equal(outcome, "bare_line_feed");
    else assert.equal(outcome, "bad_field_value", JSON.stringify(octet));
  }
});

test("the empty line ends the section and is not consumed", () => {
  assert.equal(read("\r\n"), "end");
  assert.equal(read("\r\nX: 1\r\n"), "end");
  assert.equal(read("\r"), "more");
  assert.equal(read(""), "more");
  assert.equal(read("\rX"), "bare_carriage_return");
  assert.equal(read("\n"), "bare_line_feed");
});

test("no obs-fold, no space around the name, no line without a colon, no name without a letter", () => {
  assert.equal(read(" X: 1\r\n"), "folded_line");
  assert.equal(read("\tX: 1\r\n"), "folded_line");
  assert.equal(read("X : 1\r\n"), "bad_field_name");
  assert.equal(read("X\t: 1\r\n"), "bad_field_name");
  assert.equal(read("nonsense\r\n"), "bad_field_name");
  assert.equal(read("nonsense\n"), "bare_line_feed");
  assert.equal(read(": 1\r\n"), "bad_field_name");
  assert.equal(read("X: 1\n"), "bare_line_feed");
  assert.equal(read("X: 1\r\r\n"), "bare_carriage_return");
});

test("more input is asked for until the LF of a line", () => {
  const line = "X-Name:  value \r\n";
  for (let limit = 0; limit < line.length; limit++) assert.equal(read(line.slice(0, limit)), "more", JSON.stringify(line.slice(0, limit)));
});

test("a tab around the value of a framing field is noticed, and so are leading zeros of a length", () => {
  const noticed = (line: string): boolean => {
    const section = new FieldSection();
    readFieldLine(Buffer.from(line), 0, line.length, 0, section, new LineScan());
    return (section.present & bit(Known.respelled)) !== 0;
  };
  for (const name of ["Host", "content-LENGTH", "Transfer-Encoding"]) {
    assert.equal(noticed(`${name}:  5  \r\n`), false);
    for (const line of [`${name}:\t5\r\n`, `${name}: \t5\r\n`, `${name}: 5\t\r\n`, `${name}: 5 \t\r\n`])
      assert.equal(noticed(line), true, line);
  }
  for (const line of ["X-Other:\t5\t\r\n", "X-Other: 05\r\n", "Host: 05\r\n", "Content-Length: 0\r\n", "Content-Length: 50\r\n"])
    assert.equal(noticed(line), false, line);
  for (const value of ["05", "00", "0005", "0x5"]) assert.equal(noticed(`content-length: ${value} \r\n`), true, value);
});

test("every octet is judged the same at every place of a long value", () => {
  for (const octet of OCTETS) {
    const fine = octet === "\t" || (octet >= " " && octet !== "\x7f");
    for (let place = 0; place < 23; place++) {
      const value = `${"v".repeat(place)}${octet}${"w".repeat(22 - place)}`;
      const outcome = readFirst(Buffer.from(`X: ${value}\r\n`, "latin1"), 28);
      if (fine) assert.equal(outcome, `X=${value.replace(/^[ \t]+|[ \t]+$/g, "")}`);
      else if (octet === "\r") assert.equal(outcome, "bare_carriage_return");
      else assert.equal(outcome, octet === "\n" ? "bare_line_feed" : "bad_field_value", JSON.stringify(value));
    }
  }
});

test("a line that comes octet by octet is checked once", () => {
  const scan = new LineScan();
  const section = new FieldSection();
  const wire = Buffer.from(`X: ${"v".repeat(1000)}\r\n`);
  for (let limit = 1; limit < wire.length; limit++) assert.equal(readFieldLine(wire, 0, limit, 0, section, scan), needMore);
  assert.equal(scan.checked, 1003);
  // Bytes that were checked are not read again, so changing them has no effect.
  wire.fill(0, 3, 900);
  assert.equal(readFieldLine(wire, 0, wire.length, 0, section, scan), wire.length);
  assert.equal(scan.checked, 0);
});

test("a name is safe if it has only letters, digits and hyphens, because no origin takes it for another", () => {
  for (const character of TCHARS) {
    const section = new FieldSection();
    const wire = Buffer.from(`X${character}: 1\r\n`);
    readFieldLine(wire, 0, wire.length, 0, section, new LineScan());
    assert.equal(section.knownId(0), /[0-9A-Za-z-]/.test(character) ? Known.none : Known.unsafeName, character);
  }
});

test("the known id is recorded; a name that origins may take for a known one gets another id", () => {
  const section = new FieldSection();
  const wire = Buffer.from("hOsT: a\r\nContent_Length: 5\r\nX: 1\r\n\r\n");
  const scan = new LineScan();
  let at = readFieldLine(wire, 0, wire.length, 0, section, scan);
  at = readFieldLine(wire, at, wire.length, 0, section, scan);
  at = readFieldLine(wire, at, wire.length, 0, section, scan);
  assert.equal(readFieldLine(wire, at, wire.length, 0, section, scan), sectionEnd);
  assert.deepEqual([section.knownId(0), section.knownId(1), section.knownId(2)], [Known.host, Known.foldedName, Known.none]);
  assert.equal(section.present, bit(Known.host) | bit(Known.foldedName) | bit(Known.none));
});
