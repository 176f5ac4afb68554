import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { FieldEdits, fieldLine } from "./field-edits.ts";
import { RequestEdits } from "./head-edits.ts";

test("edits are collected in their order", () => {
  const edits = new FieldEdits();
  edits.append("Via", "1.1 millrace");
  edits.remove("x-gone");
  edits.set("X-Forwarded-For", "10.0.0.1");
  edits.append("Set-Cookie", "a=1");
  edits.append("Set-Cookie", "b=2");
  assert.deepEqual(edits.removed, ["x-gone", "x-forwarded-for"]);
  assert.equal(edits.added, "Via: 1.1 millrace\r\nX-Forwarded-For: 10.0.0.1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n");
});

test("a field that is set is there once, whoever added it before", () => {
  const edits = new FieldEdits();
  edits.appendLines("x-env: 1\r\nX-Env: 2\r\nX-Environment: x-env: 3\r\n");
  edits.append("X-ENV", "4");
  edits.set("X-Env", "5");
  edits.set("X-Env", "6");
  assert.deepEqual([edits.removed, edits.added], [["x-env"], "X-Environment: x-env: 3\r\nX-Env: 6\r\n"]);
});

test("reset forgets everything, and the object can be used again", () => {
  const edits = new FieldEdits();
  edits.reset();
  edits.set("X-A", "1");
  edits.remove("x-b");
  edits.reset();
  assert.deepEqual([edits.removed, edits.added], [[], ""]);
  edits.append("X-C", "2");
  assert.deepEqual([edits.removed, edits.added], [[], "X-C: 2\r\n"]);
});

test("lines of several middlewares are joined in order, whatever was added to earlier heads", () => {
  const pieces = ["", "X-A: 1\r\n", "X-A: 2\r\n", "X-B: 1\r\n", "X-A: 1\r\nX-B: 1\r\n"];
  const head = fc.array(fc.oneof(fc.constantFrom(...pieces), fc.constant(null)), { maxLength: 5 });
  fc.assert(
    fc.property(fc.array(head, { minLength: 1, maxLength: 12 }), (heads) => {
      const edits = new FieldEdits();
      for (const added of heads) {
        edits.reset();
        let expected = "";
        for (const lines of added) {
          // A single line between the prepared ones.
          if (lines === null) edits.append("X-C", "3");
          else edits.appendLines(lines);
          expected += lines ?? "X-C: 3\r\n";
          assert.equal(edits.added, expected);
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test("CR, LF and NUL are refused in names and values (RFC 9112 section 11.1), and nothing of such a line stays", () => {
  for (const octet of ["\r", "\n", "\0"]) {
    for (const text of [octet, `a${octet}`, `${octet}a`, `a${octet}b`, `a\r\nSet-Cookie: evil=1${octet}`]) {
      assert.throws(() => fieldLine("X-A", text), TypeError);
      assert.throws(() => fieldLine(text, "1"), TypeError);
      const edits = new FieldEdits();
      assert.throws(() => edits.append("X-A", text), TypeError);
      assert.throws(() => edits.set("X-A", text), TypeError);
      assert.equal(edits.added, "");
    }
  }
});

test("the message of the error shows the name escaped and never the value", () => {
  assert.throws(
    () => fieldLine("Authorization", "secret\r\n"),
    (error) => error instanceof TypeError && /"Authorization"/.test(error.message) && !/secret/.test(error.message),
  );
  assert.throws(
    () => fieldLine("X\r\nY", "1"),
    (error) => error instanceof TypeError && !/[\r\n]/.test(error.message),
  );
});

test("a character above U+00FF is refused: as one byte it could be a line end", () => {
  for (const value of ["a\u010d\u010aSet-Cookie: evil=1", "\u0100", "\u{1f600}"]) assert.throws(() => fieldLine("X-A", value), TypeError);
});

test("a name that is no token is refused, as is a value with a control character", () => {
  for (const name of ["", " ", "X A", "X-A:", "Content-Length: 5, X", "X-\xe4", "X\u0100"])
    assert.throws(() => fieldLine(name, "1"), TypeError);
  for (const value of ["\x01", "\x1b[2J", "\x7f"]) assert.throws(() => fieldLine("X-A", value), TypeError);
});

test("only the proxy writes Host, framing fields and fields about one connection", () => {
  for (const name of [
    "Host",
    "content-length",
    "Transfer-Encoding",
    "Connection",
    "Keep-Alive",
    "TE",
    "Upgrade",
    "Proxy-Connection",
    "HTTP2-Settings",
  ]) {
    const edits = new FieldEdits();
    assert.throws(() => edits.append(name, "1"), TypeError);
    assert.throws(() => edits.set(name, "1"), TypeError);
    assert.deepEqual([edits.removed, edits.added], [[], ""]);
  }
  assert.equal(fieldLine("Trailer", "X-Sum"), "Trailer: X-Sum\r\n");
});

test("Host and framing fields cannot be removed", () => {
  for (const name of ["host", "content-length", "transfer-encoding", "Content-Length"]) {
    const edits = new FieldEdits();
    assert.throws(() => edits.remove(name), TypeError);
    assert.throws(() => edits.remove(name), TypeError, "the second time as well");
    assert.deepEqual(edits.removed, []);
  }
});

test("every other character passes as it is", () => {
  assert.equal(fieldLine("X-A", ""), "X-A: \r\n");
  assert.equal(fieldLine("X-A", "\t a\x80\xff "), "X-A: \t a\x80\xff \r\n");
});

test("an object that changes its text between check and use is no text", () => {
  let count = 0;
  const changing: string = Object.assign(JSON.parse("{}"), {
    toString: () => (count++ === 0 ? "a" : "a\r\nX-Evil: 1"),
    toLowerCase: () => "a",
  });
  assert.throws(() => fieldLine("X-A", changing), TypeError);
  assert.throws(() => fieldLine(changing, "1"), TypeError);
  const edits = new RequestEdits();
  for (const set of ["setMethod", "setTarget", "setAuthority"] as const) {
    count = 0;
    assert.throws(() => edits[set](changing), TypeError);
  }
});
