import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "./crc32c.ts";

test("the check value of CRC-32C, and the checksums of RFC 3720 appendix B.4", () => {
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe306_9283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a91_36aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8_ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd_794e);
});
