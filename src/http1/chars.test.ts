import { test } from "node:test";
import assert from "node:assert/strict";
import { FIELD_VALUE, HEX, TARGET, TCHAR } from "./chars.ts";

const octetsOf = (table: Uint8Array): number[] => [...table.keys()].filter((octet) => table[octet] === 1);
const codes = (text: string): number[] => [...text].map((character) => character.charCodeAt(0)).sort((a, b) => a - b);

test("tchar is RFC 9110 section 5.6.2", () => {
  assert.equal(TCHAR.length, 256);
  assert.deepEqual(octetsOf(TCHAR), codes("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"));
});

test("a field value has no control character but HTAB (RFC 9110 section 5.5)", () => {
  const expected = Array.from({ length: 256 }, (_, octet) => octet).filter(
    (octet) => octet === 9 || (octet > 31 && octet < 127) || octet > 127,
  );
  assert.deepEqual(octetsOf(FIELD_VALUE), expected);
});

test("a target is visible ASCII without a fragment", () => {
  const expected = Array.from({ length: 94 }, (_, index) => index + 33).filter((octet) => octet !== "#".charCodeAt(0));
  assert.deepEqual(octetsOf(TARGET), expected);
});

test("hexadecimal digits have their value, everything else 255", () => {
  for (let octet = 0; octet < 256; octet++) {
    const digit = "0123456789abcdef".indexOf(String.fromCharCode(octet).toLowerCase());
    assert.equal(HEX[octet], digit < 0 ? 255 : digit);
  }
});
