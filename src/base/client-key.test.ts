import { test } from "node:test";
import assert from "node:assert/strict";
import { clientKey } from "./client-key.ts";

test("an IPv4 address counts whole, an IPv6 address by its /64", () => {
  assert.equal(clientKey("192.0.2.1"), "192.0.2.1");
  assert.equal(clientKey("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(clientKey("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  assert.equal(clientKey("2001:DB8:1:2::"), clientKey("2001:db8:1:2:ffff::1"));
  assert.notEqual(clientKey("2001:db8:1:3::1"), clientKey("2001:db8:1:2::1"));
  assert.equal(clientKey(""), "");
  assert.equal(clientKey("a:b"), "a:b");
});
