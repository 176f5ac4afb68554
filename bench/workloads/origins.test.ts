import assert from "node:assert/strict";
import { test } from "node:test";
import { SMALL_BODY, originAddresses } from "./origins.ts";

test("the small answer is as long as the tables say", () => {
  assert.equal(Buffer.byteLength(SMALL_BODY), 112);
});

test("addresses are all different and none is a network's or the first", () => {
  const addresses = originAddresses(1000);
  assert.equal(new Set(addresses).size, 1000);
  for (const address of addresses) assert.match(address, /^127\.0\.[1-4]\.([1-9]\d?|1\d\d|2[0-4]\d|250)$/);
});
