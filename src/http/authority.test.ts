import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { hostOf, isAuthority } from "./authority.ts";

test("a name, an address or a bracketed address, with or without a port", () => {
  for (const text of [
    "a",
    "a.test",
    "A-b.Test.",
    "a_b",
    "10.0.0.1",
    "[::1]",
    "[2001:DB8::1]",
    "[::ffff:1.2.3.4]",
    "a%20b",
    "xn--caf-dma.test",
    "a!$&'()*+,;=~",
  ]) {
    assert.equal(isAuthority(text), true, text);
    assert.equal(isAuthority(`${text}:80`), true, text);
    assert.equal(isAuthority(`${text}:`), true, `${text}: an empty port is in the grammar of RFC 3986 section 3.2.3`);
  }
});

test("ports go up to 65535", () => {
  for (const port of ["0", "1", "00080", "65535"]) assert.equal(isAuthority(`a.test:${port}`), true, port);
  for (const port of ["65536", "99999", "000080", "-1", "+1", "8o", "80 ", "0x50", "80:80"])
    assert.equal(isAuthority(`a.test:${port}`), false, port);
  assert.equal(isAuthority("[::1]:65535"), true);
  assert.equal(isAuthority("[::1]:65536"), false);
});

test("user information, paths, spaces and anything outside of ASCII are refused", () => {
  const texts = [
    "",
    ":",
    ":80",
    " a",
    "a ",
    "a b",
    "a\tb",
    "u@a",
    "u:p@a",
    "a.test:80@evil.test",
    "a/b",
    "a?b",
    "a#b",
    "a\\b",
    '"a"',
    "<a>",
    "a|b",
    "{a}",
    "a^b",
    "a`b",
  ];
  for (const text of [
    ...texts,
    "[::1",
    "::1]",
    "::1",
    "[]",
    "[g]",
    "[::1]x",
    "x[::1]",
    "[[::1]]",
    "[::1]]",
    "[::1%25eth0]",
    "[:::]",
    "[1:2:3]",
    "[12345::1]",
    "[::256.1.1.1]",
    "[10.0.0.1]",
    "[::1::2]",
    "a%zz",
    "a%",
    "a%2",
    "a\n",
    "a\r",
    "a\0",
    "\xe9.test",
    "a\u212a",
  ]) {
    assert.equal(isAuthority(text), false, JSON.stringify(text));
  }
});

test("the host is the authority without port and trailing dot, in lower case", () => {
  const cases = {
    "a.test": "a.test",
    "A.Test:8080": "a.test",
    "a.test:": "a.test",
    "a.test.": "a.test",
    "A.TEST.:80": "a.test",
    "[::1]": "[::1]",
    "[2001:DB8::A]:443": "[2001:db8::a]",
    "10.0.0.1:1": "10.0.0.1",
    "a%2Fb": "a%2fb",
  };
  for (const [authority, host] of Object.entries(cases)) assert.equal(hostOf(authority), host, authority);
});

test("the host of an authority has neither port nor capital letters, and is its own host", () => {
  const character = fc.constantFrom(..."abzABZ059.-_~!$&'()*+,;=", "%4f", "%2F");
  const name = fc.array(character, { minLength: 1, maxLength: 12 }).map((list) => list.join(""));
  const host = fc.oneof(
    name,
    fc.ipV4(),
    fc.ipV6().map((address) => `[${address}]`),
  );
  fc.assert(
    fc.property(host, fc.option(fc.nat(65535)), (text, port) => {
      const authority = port === null ? text : `${text}:${port}`;
      assert.equal(isAuthority(authority), true);
      assert.equal(hostOf(authority), text.toLowerCase().replace(/\.$/, ""));
    }),
    { seed: 20, numRuns: 500 },
  );
});

test("long hostile texts are judged at once", () => {
  // Quadratic or worse, this would take minutes.
  for (const text of [
    "a".repeat(1e6) + "@",
    "a.".repeat(5e5) + " ",
    "%41".repeat(3e5) + "%",
    `[${":".repeat(1e6)}`,
    `a:${"1".repeat(1e6)}`,
  ])
    assert.equal(isAuthority(text), false);
});
