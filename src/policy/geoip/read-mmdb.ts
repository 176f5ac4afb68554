/**
 * Reads the countries or the autonomous systems of a database in MaxMind's format (MaxMind DB File Format Specification, version 2.0) into a table of addresses.
 *
 * ```text
 *   search tree: nodes of two records | 16 zero bytes | data: one value after the other | the marker | metadata: a map
 * ```
 *
 * A record of the tree leads to another node, to nothing, or to a value in the data. Each value is read once, here, and threads get the table alone. Whatever
 * the bytes say, it takes a time that is linear in their number: see `MmdbValues`.
 */
import { valueTable } from "../../base/address-values.ts";
import { countryNumber } from "./country-codes.ts";
import { MmdbFault, MmdbValues } from "./mmdb-values.ts";

/** Which value of an address is wanted: the country's code, or the number of the autonomous system. */
export type GeoipKind = "country" | "asn";

export type ReadMmdb<Memory> =
  | {
      readonly memory: Memory;
      /** How many different countries or systems the database has. */
      readonly count: number;
    }
  | { readonly problem: string };

/** @param makeMemory makes the memory of that many bytes, zeroed */
export function readMmdb<Memory extends ArrayBufferLike>(
  bytes: Uint8Array,
  kind: GeoipKind,
  makeMemory: (bytes: number) => Memory,
): ReadMmdb<Memory> {
  try {
    return tableOf(bytes, kind, makeMemory);
  } catch (error) {
    if (error instanceof MmdbFault) return { problem: error.message };
    throw error;
  }
}

/** Three octets that no text in UTF-8 has in a row, and `MaxMind.com`. */
const MARKER = [0xab, 0xcd, 0xef, 0x4d, 0x61, 0x78, 0x4d, 0x69, 0x6e, 0x64, 0x2e, 0x63, 0x6f, 0x6d];
/** The specification has the marker within that many bytes of the end. */
const METADATA_BYTES_MAX = 128 * 1024;
const SEPARATOR_BYTES = 16;
const IPV4_DEPTH = 96;
const RECORD_BITS = [24, 28, 32];

interface Metadata {
  readonly nodeCount: number;
  readonly recordBits: number;
  readonly ipVersion: number;
  /** Such as `GeoLite2-Country`; "": it names none that could be shown. */
  readonly type: string;
  /** Where the marker begins. */
  readonly begin: number;
}

function metadataOf(bytes: Uint8Array): Metadata {
  const begin = markerAt(bytes);
  const values = new MmdbValues(bytes, begin + MARKER.length, bytes.length);
  const number = (name: string): number => values.uint(values.member(0, name)) ?? -1;
  const [nodeCount, recordBits, ipVersion] = [number("node_count"), number("record_size"), number("ip_version")];
  if (number("binary_format_major_version") !== 2) throw new MmdbFault("has a version of MaxMind's format that is not known: only 2 is");
  if (!RECORD_BITS.includes(recordBits) || (ipVersion !== 4 && ipVersion !== 6) || nodeCount < 0) throw new MmdbFault(DAMAGED);
  const type = values.text(values.member(0, "database_type")) ?? "";
  return { nodeCount, recordBits, ipVersion, begin, type: /^[\w .()+-]{1,80}$/.test(type) ? type : "" };
}

/** Where the last marker begins. */
function markerAt(bytes: Uint8Array): number {
  const first = Math.max(0, bytes.length - METADATA_BYTES_MAX);
  for (let at = bytes.length - MARKER.length; at >= first; at--) if (MARKER.every((octet, index) => bytes[at + index] === octet)) return at;
  throw new MmdbFault("is no database in MaxMind's format (.mmdb), or not a whole one");
}

const DAMAGED = "is damaged: its parts do not fit together";

function tableOf<Memory extends ArrayBufferLike>(
  bytes: Uint8Array,
  kind: GeoipKind,
  makeMemory: (bytes: number) => Memory,
): ReadMmdb<Memory> {
  const { nodeCount, recordBits, ipVersion, type, begin } = metadataOf(bytes);
  const treeBytes = (nodeCount * recordBits) / 4;
  const dataBegin = treeBytes + SEPARATOR_BYTES;
  if (dataBegin > begin) throw new MmdbFault(DAMAGED);
  const data = new MmdbValues(bytes, dataBegin, begin);
  const nodes = new Uint32Array(2 * nodeCount);
  const values: number[] = [];
  /** The word of each value of the data that was read, by its place, and of each country or system. */
  const [byPlace, byValue] = [new Map<number, number>(), new Map<number, number>()];
  const wordOf = (record: number): number => {
    if (record <= nodeCount) return record;
    const known = byPlace.get(record);
    if (known !== undefined) return known;
    if (record < nodeCount + SEPARATOR_BYTES) throw new MmdbFault(DAMAGED);
    const value = VALUES[kind](data, record - nodeCount - SEPARATOR_BYTES);
    const word = value === 0 ? nodeCount : (byValue.get(value) ?? nodeCount + values.push(value));
    if (value !== 0) byValue.set(value, word);
    byPlace.set(record, word);
    return word;
  };
  for (let index = 0; index < nodes.length; index++) nodes[index] = wordOf(recordAt(bytes, index, recordBits));
  if (values.length === 0) throw new MmdbFault(`has no ${WANTED[kind]}${type === "" ? "" : `: it is of the type ${type}`}`);
  let start4 = 0;
  if (ipVersion === 6) for (let bit = 0; bit < IPV4_DEPTH && start4 < nodeCount; bit++) start4 = nodes[2 * start4] ?? nodeCount;
  return { memory: valueTable({ nodes, values, start4, hasIpv6: ipVersion === 6 }, makeMemory), count: values.length };
}

const WANTED = { country: "countries", asn: "autonomous systems" };

/** The record of the tree with that index, two for each node. */
function recordAt(bytes: Uint8Array, index: number, bits: number): number {
  const isRight = (index & 1) === 1;
  const node = ((index >>> 1) * bits) / 4;
  const octet = (offset: number): number => bytes[node + offset] ?? 0;
  if (bits === 24) return uint24(octet, isRight ? 3 : 0);
  if (bits === 32) return uint24(octet, isRight ? 4 : 0) * 256 + octet(isRight ? 7 : 3);
  // The octet in the middle has the highest four bits of both.
  const high = isRight ? octet(3) & 15 : octet(3) >>> 4;
  return high * 0x100_0000 + uint24(octet, isRight ? 4 : 0);
}

function uint24(octet: (offset: number) => number, at: number): number {
  return (octet(at) << 16) | (octet(at + 1) << 8) | octet(at + 2);
}

/**
 * Where the databases that are in use keep the values: MaxMind and DB-IP in `country.iso_code` and `autonomous_system_number`, ip-location-db and IPinfo in
 * `country_code`, IPinfo also in `country` and, as `AS64496`, in `asn`. 0: the value at this place has none.
 */
const VALUES: Readonly<Record<GeoipKind, (data: MmdbValues, place: number) => number>> = {
  country(data, place) {
    const country = data.member(place, "country");
    const codes = [data.member(country, "iso_code"), data.member(place, "country_code"), country];
    for (const code of codes) {
      const number = countryNumber(data.text(code) ?? "");
      if (number !== 0) return number;
    }
    return 0;
  },
  asn(data, place) {
    const number = data.uint(data.member(place, "autonomous_system_number"));
    if (number !== null) return number;
    const asn = data.member(place, "asn");
    const text = /^(?:AS)?([0-9]{1,10})$/i.exec(data.text(asn) ?? "")?.[1];
    const given = data.uint(asn) ?? Number(text ?? 0);
    return given <= 0xffff_ffff ? given : 0;
  },
};
