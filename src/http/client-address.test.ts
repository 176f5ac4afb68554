import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { compileCidrs } from "../base/cidr.ts";
import { clientAddress, plainPeer } from "./client-address.ts";

const trusted = compileCidrs(["10.0.0.0/8", "fd00::/8"]);
const nobody = compileCidrs([]);

test("from an untrusted peer the field is ignored", () => {
  assert.equal(clientAddress("198.51.100.7", ["6.6.6.6"], trusted), "198.51.100.7");
  assert.equal(clientAddress("10.0.0.1", ["6.6.6.6"], nobody), "10.0.0.1");
  fc.assert(
    fc.property(
      fc.ipV4().filter((peer) => !trusted.contains(peer)),
      fc.array(fc.string()),
      (peer, lines) => {
        assert.equal(clientAddress(peer, lines, trusted), peer);
      },
    ),
  );
});

test("entries that a client forged further left never win", () => {
  const client = fc.ipV4().filter((text) => !trusted.contains(text));
  const hop = fc.integer({ min: 0, max: 0xffffff }).map((low) => `10.${low >>> 16}.${(low >>> 8) & 255}.${low & 255}`);
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.ipV4()), { maxLength: 4 }),
      client,
      fc.array(hop, { maxLength: 4 }),
      hop,
      (forged, real, hops, peer) => {
        const written = [real, ...hops].join(", ");
        assert.equal(clientAddress(peer, [...forged, written], trusted), real);
        assert.equal(clientAddress(peer, [[...forged, written].join(",")], trusted), real);
      },
    ),
  );
});

test("reads several lines as one list, from the right", () => {
  assert.equal(clientAddress("10.0.0.1", ["6.6.6.6, 192.0.2.1", "10.0.0.3 ,\t10.0.0.2"], trusted), "192.0.2.1");
  assert.equal(clientAddress("10.0.0.1", ["192.0.2.1,,", " , "], trusted), "192.0.2.1");
  assert.equal(clientAddress("10.0.0.1", [], trusted), "10.0.0.1");
  assert.equal(clientAddress("10.0.0.1", [""], trusted), "10.0.0.1");
});

test("all hops trusted: the leftmost counts", () => {
  assert.equal(clientAddress("10.0.0.1", ["10.0.0.9, 10.0.0.8"], trusted), "10.0.0.9");
});

test("an entry that is no address ends the reading", () => {
  for (const entry of [
    "unknown",
    "_hidden",
    "example.com",
    "1.2.3.4:http",
    "1.2.3.4:",
    "[::1",
    "[::1]x",
    "[192.0.2.1]",
    "fe80::1%eth0",
    "192.0.2.1\u00a0",
  ]) {
    assert.equal(clientAddress("10.0.0.1", [`192.0.2.1, ${entry}, 10.0.0.2`], trusted), "10.0.0.2", entry);
  }
});

test("strips ports and brackets, and shows mapped addresses as IPv4", () => {
  const cases: [string, string][] = [
    ["192.0.2.1:4711", "192.0.2.1"],
    ["2001:db8::1", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["[2001:db8::1]:4711", "2001:db8::1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["[::ffff:192.0.2.1]:80", "192.0.2.1"],
  ];
  for (const [entry, expected] of cases) assert.equal(clientAddress("10.0.0.1", [entry], trusted), expected, entry);
  assert.equal(clientAddress("fd00::1", ["192.0.2.1"], trusted), "192.0.2.1");
  assert.equal(clientAddress("", ["192.0.2.1"], trusted), "");
});

test("a peer's address loses the IPv4-mapped prefix and the zone", () => {
  assert.equal(plainPeer("::ffff:192.0.2.9"), "192.0.2.9");
  assert.equal(plainPeer("fe80::1%eth0"), "fe80::1");
  assert.equal(plainPeer("2001:db8::1"), "2001:db8::1");
  assert.equal(plainPeer("192.0.2.9"), "192.0.2.9");
  assert.ok(compileCidrs(["fe80::/10"]).contains(plainPeer("fe80::1%eth0")));
});

test("a list of many trusted hops is read in linear time", () => {
  const started = performance.now();
  assert.equal(clientAddress("10.0.0.1", [Array<string>(20_000).fill("10.0.0.2").join(",")], trusted), "10.0.0.2");
  assert.equal(clientAddress("10.0.0.1", [",".repeat(200_000)], trusted), "10.0.0.1");
  assert.ok(performance.now() - started < 1000);
});
