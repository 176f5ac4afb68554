import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIpAddress } from "./cidr.ts";
import { formatIp } from "./format-ip.ts";

test("an address has one text (RFC 5952 section 4)", () => {
  for (const [given, written] of [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:0DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["::", "::"],
    ["::1", "::1"],
    ["fe80::", "fe80::"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
  ] as const) {
    const address = parseIpAddress(given);
    assert.ok(address !== null);
    assert.equal(formatIp(address), written);
  }
});
