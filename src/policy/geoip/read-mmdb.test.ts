import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { AddressValues } from "../../base/address-values.ts";
import { compileCidrs } from "../../base/cidr.ts";
import { codeProblem, countryCode } from "./country-codes.ts";
import { readMmdb } from "./read-mmdb.ts";
import type { GeoipKind } from "./read-mmdb.ts";
import { mmdbHead, mmdbPointer, mmdbValue, writeMmdb } from "./write-mmdb.fixture.ts";
import type { MmdbValue } from "./write-mmdb.fixture.ts";

const memory = (bytes: number): ArrayBuffer => new ArrayBuffer(bytes);

function read(bytes: Uint8Array, kind: GeoipKind = "country"): AddressValues | string {
  const found = readMmdb(bytes, kind, memory);
  return "problem" in found ? found.problem : new AddressValues(found.memory);
}

function codes(bytes: Uint8Array, ...addresses: readonly string[]): readonly string[] {
  const values = read(bytes);
  assert.ok(typeof values !== "string", String(values));
  return addresses.map((address) => countryCode(values.of(address)));
}

/** A value for the only block of a database. */
function lone(value: MmdbValue): Buffer {
  return writeMmdb([["192.0.2.0/24", value]]);
}

const DE = { country: { iso_code: "DE" } };
const FR = { country: { iso_code: "FR", names: { en: "France", ja: "フランス" }, geoname_id: 3_017_382, is_in_european_union: true } };

test("addresses of both families, in records of every size, and those that no block holds", () => {
  for (const recordBits of [24, 28, 32] as const) {
    const bytes = writeMmdb(
      [
        ["10.0.0.0/8", DE],
        ["10.9.0.0/16", FR],
        ["2001:db8::/32", FR],
      ],
      { recordBits },
    );
    const addresses = ["10.1.2.3", "10.9.255.255", "10.10.0.0", "::ffff:10.9.0.1", "2001:db8:ffff::1", "2001:db9::", "11.0.0.0", "", "a"];
    assert.deepEqual(codes(bytes, ...addresses), ["DE", "FR", "DE", "FR", "FR", "", "", "", ""]);
  }
  const only4 = writeMmdb([["0.0.0.0/1", DE]], { ipVersion: 4 });
  assert.deepEqual(codes(only4, "127.0.0.1", "128.0.0.1", "::1", "2001:db8::"), ["DE", "", "", ""]);
  const only6 = writeMmdb([["8000::/1", DE]]);
  assert.deepEqual(codes(only6, "127.0.0.1", "::1", "fe80::1"), ["", "", "DE"]);
});

test("records of 28 and 32 bits beyond 24 bits", () => {
  const large = Buffer.concat([mmdbHead(4, 2 ** 24), Buffer.alloc(2 ** 24)]);
  for (const recordBits of [28, 32] as const) {
    const bytes = writeMmdb(
      [
        ["10.0.0.0/24", large],
        ["10.0.1.0/24", FR],
        ["10.0.2.0/23", DE],
      ],
      { recordBits },
    );
    assert.deepEqual(codes(bytes, "10.0.0.1", "10.0.1.1", "10.0.3.1"), ["", "FR", "DE"]);
  }
});

test("the places where databases in use keep countries and systems, and pointers to each part", () => {
  const country = (value: MmdbValue): string => codes(lone(value), "192.0.2.1")[0] ?? "";
  assert.equal(
    country({ continent: { code: "EU" }, registered_country: { iso_code: "FR" }, country: { geoname_id: 1, iso_code: "DE" } }),
    "DE",
  );
  assert.equal(country({ asn: "AS64496", country: "Germany", country_code: "DE" }), "DE");
  assert.equal(country({ country: "DE" }), "DE");
  // The value begins with what is pointed to.
  const parts = [mmdbValue("country"), mmdbValue("iso_code"), mmdbValue("DE")];
  const places = [0, 8, 17];
  const [name, inner, code] = places.map(mmdbPointer);
  assert.ok(name !== undefined && inner !== undefined && code !== undefined);
  const map = Buffer.concat([mmdbHead(7, 1), inner, code]);
  const whole = Buffer.concat([...parts, map, mmdbHead(7, 1), name, mmdbPointer(20)]);
  assert.deepEqual(codes(pointedAt(whole, 20 + map.length), "192.0.2.1"), ["DE"]);

  const system = (value: MmdbValue): number => {
    const values = read(lone(value), "asn");
    return typeof values === "string" ? 0 : values.of("192.0.2.1");
  };
  assert.equal(system({ autonomous_system_number: 64_496, autonomous_system_organization: "Example" }), 64_496);
  assert.equal(system({ autonomous_system_number: 0xffff_ffff }), 0xffff_ffff);
  assert.deepEqual([system({ asn: "AS64496" }), system({ asn: 64_496 }), system({ asn: "64496" })], [64_496, 64_496, 64_496]);
  assert.deepEqual([system({ asn: "AS9999999999" }), system({ asn: "x" }), system(DE)], [0, 0, 0]);
});

/** A database whose only block has the value at that place of these bytes. */
function pointedAt(value: Buffer, place: number): Buffer {
  const bytes = lone(value);
  const nodes = 96 + 24;
  for (let at = 0; at < nodes * 6; at += 3) if (bytes.readUIntBE(at, 3) === nodes + 16) bytes.writeUIntBE(nodes + 16 + place, at, 3);
  return bytes;
}

test("a record that leads into what separates tree and data", () => {
  const bytes = lone(DE);
  const nodes = 96 + 24;
  for (const after of [1, 15]) {
    bytes.writeUIntBE(nodes + after, 0, 3);
    assert.match(String(read(bytes)), /its parts do not fit together/);
  }
});

test("what is no database of that kind is named, with the type that it says to be", () => {
  const bytes = lone(DE);
  assert.equal(read(Buffer.from("not a database")), "is no database in MaxMind's format (.mmdb), or not a whole one");
  assert.equal(read(Buffer.alloc(0)), "is no database in MaxMind's format (.mmdb), or not a whole one");
  assert.equal(
    read(writeMmdb([["192.0.2.0/24", DE]], { type: "GeoLite2-Country" }), "asn"),
    "has no autonomous systems: it is of the type GeoLite2-Country",
  );
  assert.equal(read(lone({ country: { iso_code: "de" } })), "has no countries: it is of the type Test");
  assert.equal(read(writeMmdb([["192.0.2.0/24", {}]], { type: "\u{1b}[2J" })), "has no countries");
  assert.match(String(read(writeMmdb([], { metadata: { binary_format_major_version: 3 } }))), /^has a version/);
  for (const metadata of [{ record_size: 20 }, { ip_version: 5 }, { node_count: 10_000 }, { node_count: "1" }, { node_count: 0xffff_ffff }])
    assert.match(String(read(writeMmdb([["192.0.2.0/24", DE]], { metadata }))), /^is damaged/);
  assert.ok(typeof read(bytes) !== "string");
});

test("a database that is cut at any byte is refused, and one with any wrong byte says something or nothing, at once", () => {
  const bytes = writeMmdb([
    ["10.0.0.0/8", DE],
    ["2001:db8::/32", FR],
  ]);
  for (let end = 0; end < bytes.length; end++) assert.equal(typeof read(bytes.subarray(0, end)), "string");
  const begin = performance.now();
  for (let at = 0; at < bytes.length; at++)
    for (const octet of [0, 0xff, 0x20, 0x5f, (bytes[at] ?? 0) ^ 0x80, (bytes[at] ?? 0) ^ 1]) {
      const wrong = Buffer.from(bytes);
      wrong[at] = octet;
      const values = read(wrong);
      if (typeof values !== "string")
        for (const address of ["10.1.1.1", "2001:db8::1", "::1"]) assert.match(countryCode(values.of(address)), /^(?:[A-Z]{2})?$/);
    }
  assert.ok(performance.now() - begin < 20_000);
});

test("values that lie within each other, that say to be large, and pointers in a circle end at once", () => {
  // Lists of ten pointers to the list before: 10 to the power of 12 values in 300 bytes.
  let [bomb, target] = [mmdbValue("x"), 0];
  for (let level = 0; level < 12; level++) {
    const list = Buffer.concat([mmdbHead(11, 10), ...Array.from({ length: 10 }, () => mmdbPointer(target))]);
    [bomb, target] = [Buffer.concat([bomb, list]), bomb.length];
  }
  const map = Buffer.concat([mmdbHead(7, 2), mmdbPointer(target), mmdbPointer(target), mmdbValue("country"), mmdbPointer(target)]);
  const cases: readonly (readonly [Buffer, RegExp])[] = [
    [pointedAt(Buffer.concat([bomb, map]), bomb.length), /has no countries/],
    [lone(mmdbPointer(0)), /a pointer leads to a pointer/],
    [lone(Buffer.concat([mmdbHead(7, 1), mmdbValue("country"), mmdbPointer(0)])), /has no countries/],
    [lone(mmdbHead(7, 16_000_000)), /ends within a value/],
    [lone(mmdbHead(11, 16_000_000)), /has no countries/],
    [lone(Buffer.concat([mmdbHead(7, 1), mmdbValue("a"), mmdbHead(11, 16_000_000)])), /ends within a value/],
    [lone(Buffer.from([0x00, 0x00])), /unknown types/],
    [lone(Buffer.from([0x00, 0xff])), /unknown types/],
    [lone(Buffer.from([0x5f, 0xff, 0xff, 0xff])), /has no countries/],
  ];
  for (const [bytes, problem] of cases) {
    const begin = performance.now();
    assert.match(String(read(bytes)), problem);
    assert.ok(performance.now() - begin < 1000);
  }
  // Maps within maps, and a record that leads to each of them: together they would take quadratic time.
  const nested = Buffer.concat([Buffer.alloc(40_000, 0xe1), Buffer.alloc(40_001, 0x40)]);
  const bytes = writeMmdb([
    ["10.0.0.0/8", nested],
    ...Array.from({ length: 4096 }, (_, index) => [`10.0.${index >> 4}.${(index & 15) * 16}/28`, {}] as const),
  ]);
  let next = 0;
  const nodes = bytes.indexOf(nested) / 6 - 16 / 6;
  for (let at = 0; at < nodes * 6; at += 3) if (bytes.readUIntBE(at, 3) > nodes) bytes.writeUIntBE(nodes + 16 + next++, at, 3);
  assert.ok(next > 4096);
  assert.equal(read(bytes), "is damaged: its values lie within each other");
});

test("a tree that leads back into itself gives no value, and ends with the address", () => {
  const bytes = lone(DE);
  // The root leads to itself on both sides; the value stays reachable from nowhere.
  bytes.writeUIntBE(0, 0, 3);
  bytes.writeUIntBE(0, 3, 3);
  assert.deepEqual(codes(bytes, "192.0.2.1", "2001:db8::1", "::"), ["", "", ""]);
});

test("any blocks: an address has the value of the smallest block that holds it", () => {
  const octet = fc.constantFrom(0, 1, 127, 128, 255);
  const address = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join("."));
  const block = fc.tuple(address, fc.integer({ min: 1, max: 32 }));
  const letters = fc.constantFrom("AA", "BB", "CC", "DD");
  fc.assert(
    fc.property(
      fc.array(fc.tuple(block, letters), { minLength: 1, maxLength: 12 }),
      fc.array(address, { maxLength: 20 }),
      (given, addresses) => {
        // The larger one is written first, and of two equal ones the second counts.
        const sorted = given.toSorted(([[, a]], [[, b]]) => a - b);
        const values = read(writeMmdb(sorted.map(([[base, prefix], code]) => [`${base}/${prefix}`, { country: code }])));
        assert.ok(typeof values !== "string");
        for (const each of addresses) {
          const holder = sorted.findLast(([[base, prefix]]) => compileCidrs([`${base}/${prefix}`]).contains(each));
          assert.equal(countryCode(values.of(each)), holder?.[1] ?? "");
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("codes that ISO 3166-1 does not have are known", () => {
  for (const code of ["DE", "NO", "GB", "XK", "ZW", "AD"]) assert.equal(codeProblem(code), null);
  assert.equal(codeProblem("UK"), "it is no code of ISO 3166-1: that of the United Kingdom is GB");
  assert.equal(codeProblem("XX"), "it is no code of ISO 3166-1");
});
