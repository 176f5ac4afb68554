import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { forwardedElement, parseForwarded } from "./forwarded.ts";

test("the examples of RFC 7239 section 4", () => {
  assert.deepEqual(parseForwarded(['for="_gazonk"']), [{ for: "_gazonk" }]);
  assert.deepEqual(parseForwarded(['For="[2001:db8:cafe::17]:4711"']), [{ for: "[2001:db8:cafe::17]:4711" }]);
  assert.deepEqual(parseForwarded(["for=192.0.2.60;proto=http;by=203.0.113.43"]), [{ for: "192.0.2.60", proto: "http" }]);
  assert.deepEqual(parseForwarded(["for=192.0.2.43, for=198.51.100.17"]), [{ for: "192.0.2.43" }, { for: "198.51.100.17" }]);
  assert.deepEqual(parseForwarded(["for=192.0.2.43", 'for="[::1]";host="a.test:80"']), [
    { for: "192.0.2.43" },
    { for: "[::1]", host: "a.test:80" },
  ]);
});

test("separators in quotes or after an escape do not count; empty elements and pairs are ignored", () => {
  assert.deepEqual(parseForwarded(['for="a,b;c=\\"d\\\\";,,proto=https']), [{ for: 'a,b;c="d\\' }, { proto: "https" }]);
  assert.deepEqual(parseForwarded(["", " , "]), []);
  assert.deepEqual(parseForwarded([";for=a;"]), [{ for: "a" }]);
});

test("a field that is malformed anywhere counts as absent", () => {
  const broken = [
    "for",
    "for=",
    "=a",
    'for="a',
    'for=a"',
    "for=a b",
    "for = a",
    "for=[::1]",
    "for=::1",
    "for=a;for=b",
    'for="a"b',
    'for="\\"',
    "f(r=a",
    "for=a, b",
  ];
  for (const value of broken) {
    assert.equal(parseForwarded([value]), null, value);
    assert.equal(parseForwarded(["for=192.0.2.1", value]), null, value);
  }
});

test("a written element is read back, whatever the host is", () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant(""));
  fc.assert(
    fc.property(address, fc.string({ unit: "binary-ascii", maxLength: 20 }), fc.constantFrom("http", "https"), (node, host, proto) => {
      const text = `for=_first, ${forwardedElement(node, host, proto)}`;
      const expected = node === "" ? "unknown" : node.includes(":") ? `[${node}]` : node;
      assert.deepEqual(parseForwarded([text]), [{ for: "_first" }, { for: expected, ...(host === "" ? {} : { host }), proto }]);
    }),
  );
});

test("hostile texts are read in one pass and never throw", () => {
  for (const piece of ['"', "\\", "a=", ",", ";", '"\\', "for="]) parseForwarded([piece.repeat(100_000)]);
  fc.assert(fc.property(fc.array(fc.string()), (values) => void parseForwarded(values)));
});
