import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CidrSet } from "../../base/cidr.ts";
import { rangeTable } from "../../base/cidr-ranges.ts";
import { parseAddressList } from "./parse-list.ts";

function setOf(text: string): CidrSet {
  const { rated, problems } = parseAddressList(text);
  assert.deepEqual(problems, []);
  const blocks = rated.flatMap((each) => each.blocks);
  return new CidrSet(rangeTable(blocks, (bytes) => new SharedArrayBuffer(bytes)));
}

test("one block a line, of both families, with comments, empty lines, any line end and a byte order mark", () => {
  const set = setOf(
    "\u{feff}# a list\r\n\r\n10.0.0.0/8 # ours\n  2001:db8::/32\t; SBL1\n192.0.2.1\n::ffff:198.51.100.0/120\n;\n203.0.113.7",
  );
  for (const inside of ["10.255.0.1", "2001:db8:ffff::1", "192.0.2.1", "198.51.100.9", "::ffff:10.1.1.1", "203.0.113.7"])
    assert.ok(set.contains(inside), inside);
  for (const outside of ["11.0.0.0", "2001:db9::", "192.0.2.2", "198.51.101.0", "", "a"]) assert.ok(!set.contains(outside), outside);
});

test("what is no block is named by its line, and its text is not shown", () => {
  const { rated, problems } = parseAddressList(
    "10.0.0.0/8\nhunter2\n10.0.0.0/33\n1.2.3.4, 5.6.7.8\nevil.example\n1.2.3.4/24/3\n01.2.3.4\n",
  );
  assert.equal(rated.flatMap(({ blocks }) => blocks).length, 1);
  assert.deepEqual(
    problems.map(({ line }) => line),
    [2, 3, 4, 5, 6, 7],
  );
  for (const { message } of problems) assert.match(message, /^expected an IP address or a CIDR block/);
  assert.match(problems[2]?.message ?? "", /one a line$/);
  assert.match(problems[3]?.message ?? "", /names of hosts are not looked up$/);
  assert.ok(!JSON.stringify(problems).includes("hunter2"));
});

test("with factors: from the smallest to the largest, each line with exactly one", () => {
  const { rated, problems } = parseAddressList("192.0.2.0/24 0.5 # slow\n2001:db8::/32\t2\n198.51.100.7   0.5\n", true);
  assert.deepEqual(problems, []);
  assert.deepEqual(
    rated.map(({ factor, blocks }) => [factor, blocks.length]),
    [
      [0.5, 2],
      [2, 1],
    ],
  );
  const wrong = [
    "192.0.2.1",
    "192.0.2.1 0",
    "192.0.2.1 -1",
    "192.0.2.1 1e3",
    "192.0.2.1 1001",
    "192.0.2.1 0.5 1",
    "192.0.2.1 NaN",
    "0.5 192.0.2.1",
  ];
  const found = parseAddressList(wrong.join("\n"), true).problems;
  assert.deepEqual(
    found.map(({ line }) => line),
    wrong.map((_, index) => index + 1),
  );
  const many = Array.from({ length: 40 }, (_, index) => `192.0.2.${index} 0.${100 + index}`);
  assert.match(parseAddressList(many.join("\n"), true).problems[0]?.message ?? "", /more than 32 different factors/);
});

test("nothing is a list too", () => {
  for (const text of ["", "\n", "# nobody", "\u{feff}"]) assert.deepEqual(parseAddressList(text), { rated: [], problems: [] });
  assert.ok(!setOf("").contains("10.0.0.1"));
});

test("any blocks: an address is in the list when it is in one of them", () => {
  const group = fc.constantFrom(0, 1, 0x7fff, 0x8000, 0xffff);
  const address6 = fc
    .tuple(group, group, group, group, group, group, group, group)
    .map((groups) => groups.map((each) => each.toString(16)).join(":"));
  const address4 = fc.tuple(fc.nat(3), fc.nat(255), fc.constantFrom(0, 127, 128, 255), fc.nat(255)).map((octets) => octets.join("."));
  const block = fc.oneof(
    fc.tuple(address4, fc.nat(32)).map(([address, prefix]) => `${address}/${prefix}`),
    fc.tuple(address6, fc.nat(128)).map(([address, prefix]) => `${address}/${prefix}`),
  );
  fc.assert(
    fc.property(fc.array(block, { maxLength: 30 }), fc.array(fc.oneof(address4, address6), { maxLength: 30 }), (blocks, addresses) => {
      const whole = setOf(blocks.join("\n"));
      const single = blocks.map(setOf);
      for (const address of addresses)
        assert.equal(
          whole.contains(address),
          single.some((each) => each.contains(address)),
          address,
        );
    }),
    { numRuns: 300 },
  );
});

test("a hundred thousand blocks: found in a search, not a walk", () => {
  const lines: string[] = [];
  for (let index = 0; index < 50_000; index++) {
    lines.push(`${10 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.64/26`);
    lines.push(`2001:db8:${(index >> 8).toString(16)}:${(index & 255).toString(16)}::/64`);
  }
  const set = setOf(lines.join("\n"));
  assert.ok(set.contains("10.100.7.64") && set.contains("10.195.79.127") && set.contains("2001:db8:7:7::1"));
  assert.ok(!set.contains("10.100.7.63") && !set.contains("10.100.7.128") && !set.contains("2001:db8:7:107::1"));
  // Some hundred nanoseconds each, where a walk would take a millisecond: the limit leaves room for a busy machine.
  const begin = performance.now();
  for (let index = 0; index < 2000; index++) set.contains(`2001:db8:${(index & 255).toString(16)}:7::${(index & 4095).toString(16)}`);
  assert.ok(performance.now() - begin < 200);
});
