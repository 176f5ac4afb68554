import { test } from "node:test";
import assert from "node:assert/strict";
import { BlockList, isIPv4, isIPv6 } from "node:net";
import fc from "fast-check";
import { compileCidrs, formatIpv4, parseIpAddress, parseCidr } from "./cidr.ts";

const ipv4 = fc.ipV4();
const ipv6 = fc.ipV6();
const nearAddress = fc.stringMatching(/^[0-9a-f:.]{0,24}$/);

test("parses exactly the addresses that Node parses", () => {
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6, nearAddress), (text) => {
      const parsed = parseIpAddress(text);
      assert.equal(parsed !== null, isIPv4(text) || isIPv6(text), text);
      if (isIPv4(text)) assert.equal(parsed?.family, 4);
    }),
    { numRuns: 3000 },
  );
});

test("refuses addresses that programs read in different ways", () => {
  for (const text of [
    "",
    "010.0.0.1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.4 ",
    " 1.2.3.4",
    "0x7f.1",
    "127.1",
    "1.2.3.-4",
    "1..2.3",
    "::1%lo",
    "[::1]",
    ":::",
    "1::2::3",
    "1.2.3.4::",
    "12345::",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8:9",
  ]) {
    assert.equal(parseIpAddress(text), null, text);
  }
});

test("an IPv4-mapped address counts as the IPv4 address", () => {
  assert.deepEqual(parseIpAddress("::ffff:10.1.2.3"), { family: 4, value: 0x0a010203 });
  assert.deepEqual(parseIpAddress("0:0:0:0:0:FFFF:0a01:0203"), { family: 4, value: 0x0a010203 });
  assert.equal(parseIpAddress("::10.1.2.3")?.family, 6);
  const set = compileCidrs(["10.0.0.0/8", "::ffff:192.168.0.0/112"]);
  assert.equal(set.contains("::ffff:10.1.2.3"), true);
  assert.equal(set.contains("192.168.7.7"), true);
  assert.equal(set.contains("192.169.0.0"), false);
});

test("an IPv6 block, however wide, holds no IPv4 address", () => {
  const set = compileCidrs(["::/0"]);
  assert.equal(set.contains("2001:db8::1"), true);
  assert.equal(set.contains("10.0.0.1"), false);
  assert.equal(set.contains("::ffff:10.0.0.1"), false);
});

test("a block holds its first and last address and no address beside it", () => {
  const set = compileCidrs([
    "10.0.0.0/8",
    "11.0.0.0/8",
    "192.0.2.7",
    "0.0.0.0/32",
    "255.255.255.255/32",
    "2001:db8::/33",
    "2001:db8:ffff::1",
  ]);
  for (const inside of [
    "10.0.0.0",
    "10.255.255.255",
    "11.0.0.0",
    "11.255.255.255",
    "192.0.2.7",
    "0.0.0.0",
    "255.255.255.255",
    "2001:db8:7fff:ffff::",
    "2001:db8:ffff::1",
  ]) {
    assert.equal(set.contains(inside), true, inside);
  }
  for (const outside of [
    "9.255.255.255",
    "12.0.0.0",
    "192.0.2.6",
    "192.0.2.8",
    "0.0.0.1",
    "255.255.255.254",
    "2001:db8:8000::",
    "2001:db8:ffff::2",
    "nonsense",
    "",
  ]) {
    assert.equal(set.contains(outside), false, outside);
  }
  assert.equal(compileCidrs(["0.0.0.0/0"]).contains("203.0.113.9"), true);
  assert.equal(compileCidrs([]).contains("203.0.113.9"), false);
});

test("refuses what is no block", () => {
  for (const text of ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/8/8", "/8", "app", "10.0.0.0/1e1"]) {
    assert.equal(parseCidr(text), null, text);
  }
  assert.throws(() => compileCidrs(["10.0.0.0/8", "ten"]), /"ten"/);
});

test("agrees with node:net's BlockList, which is asked for each family apart", () => {
  const block4 = fc.record({ network: ipv4, prefix: fc.integer({ min: 1, max: 32 }) });
  const block6 = fc.record({ network: ipv6.filter((text) => !text.includes(".")), prefix: fc.integer({ min: 1, max: 128 }) });
  fc.assert(
    fc.property(fc.array(block4, { maxLength: 6 }), fc.array(block6, { maxLength: 4 }), ipv4, ipv6, (fours, sixes, four, six) => {
      const expected4 = new BlockList();
      const expected6 = new BlockList();
      for (const { network, prefix } of fours) expected4.addSubnet(network, prefix, "ipv4");
      for (const { network, prefix } of sixes) if (parseIpAddress(network)?.family === 6) expected6.addSubnet(network, prefix, "ipv6");
      const set = compileCidrs([...fours, ...sixes].map(({ network, prefix }) => `${network}/${prefix}`));
      for (const { network } of fours) assert.equal(set.contains(network), true);
      assert.equal(set.contains(four), expected4.check(four, "ipv4"));
      if (parseIpAddress(six)?.family === 6) assert.equal(set.contains(six), expected6.check(six, "ipv6"));
    }),
    { numRuns: 500 },
  );
});

test("formats what it parses", () => {
  fc.assert(
    fc.property(ipv4, (text) => {
      const parsed = parseIpAddress(text);
      assert.ok(parsed?.family === 4);
      assert.equal(formatIpv4(parsed.value), text);
    }),
  );
});
