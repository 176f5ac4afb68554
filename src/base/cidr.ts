/**
 * Parses IP addresses and CIDR blocks (RFC 4291, RFC 4632), and tells whether an address lies in a set of blocks. An IPv4-mapped IPv6
 * address (`::ffff:10.0.0.1`) counts as the IPv4 address everywhere, because a dual-stack listener reports IPv4 peers that way.
 */
import { isEmptyTable, rangeTable, tableHas4, tableHas6 } from "./cidr-ranges.ts";
import type { RangeTable } from "./cidr-ranges.ts";

/** A set of CIDR blocks. */
export class CidrSet {
  private readonly table: RangeTable;
  private readonly isEmpty: boolean;

  /** @param memory of {@link rangeTable}; other threads may have it too */
  constructor(memory: ArrayBufferLike) {
    this.table = new Uint32Array(memory);
    this.isEmpty = isEmptyTable(this.table);
  }

  /** Whether an address, given as text without port and brackets, lies in one of the blocks. False for text that is no address. */
  contains(address: string): boolean {
    if (this.isEmpty) return false;
    const parsed = parseIpAddress(address);
    if (parsed === null) return false;
    return parsed.family === 4 ? tableHas4(this.table, parsed.value) : tableHas6(this.table, parsed.groups);
  }
}

/** Compiles blocks and single addresses. Throws a RangeError that names the first entry that is neither. */
export function compileCidrs(entries: readonly string[]): CidrSet {
  const blocks = entries.map((entry) => {
    const block = parseCidr(entry);
    if (block === null) throw new RangeError(`${JSON.stringify(entry)} is neither an IP address nor a CIDR block`);
    return block;
  });
  return new CidrSet(rangeTable(blocks, (bytes) => new ArrayBuffer(bytes)));
}

/** An IPv4 address as an unsigned 32-bit number, or an IPv6 address as eight groups of 16 bits. */
export type Address = { readonly family: 4; readonly value: number } | { readonly family: 6; readonly groups: readonly number[] };

/** A CIDR block. */
export type Block = Block4 | Block6;
interface Block4 {
  readonly family: 4;
  readonly start: number;
  readonly end: number;
}
interface Block6 {
  readonly family: 6;
  readonly groups: readonly number[];
  /** 0 to 128 bits. */
  readonly prefix: number;
}

/**
 * Parses an address without port, brackets and zone; null when the text is no address. Decimal numbers with a leading zero are refused,
 * because some programs read them as octal.
 */
export function parseIpAddress(text: string): Address | null {
  if (!text.includes(":")) {
    const value = parseIpv4(text);
    return value < 0 ? null : { family: 4, value };
  }
  const groups = parseIpv6(text);
  if (groups === null) return null;
  return isMapped(groups) ? { family: 4, value: lowWord(groups) } : { family: 6, groups };
}

/**
 * Whether text is a loopback address: one of 127.0.0.0/8 or ::1 (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3). False for an
 * address in brackets and for the name `localhost`.
 */
export function isLoopbackIp(text: string): boolean {
  const address = parseIpAddress(text);
  if (address === null) return false;
  if (address.family === 4) return address.value >>> 24 === 127;
  return address.groups.every((group, index) => group === (index === 7 ? 1 : 0));
}

/**
 * Parses `address/prefix`, or an address alone, which is a block of one address; null when the text is neither. Bits of the address
 * after the prefix are ignored. An IPv6 block, `::/0` included, holds no IPv4 address unless it lies within `::ffff:0:0/96`: an
 * operator who trusts an IPv6 block must not find that IPv4 peers are trusted too.
 */
export function parseCidr(text: string): Block | null {
  const slash = text.indexOf("/");
  const addressText = slash < 0 ? text : text.slice(0, slash);
  const prefixText = slash < 0 ? null : text.slice(slash + 1);
  if (prefixText !== null && !/^(?:0|[1-9][0-9]{0,2})$/.test(prefixText)) return null;
  if (!addressText.includes(":")) {
    const value = parseIpv4(addressText);
    return value < 0 ? null : block4(value, prefixText === null ? 32 : Number(prefixText));
  }
  const groups = parseIpv6(addressText);
  if (groups === null) return null;
  const prefix = prefixText === null ? 128 : Number(prefixText);
  if (prefix > 128) return null;
  return isMapped(groups) && prefix >= 96 ? block4(lowWord(groups), prefix - 96) : { family: 6, groups, prefix };
}

/** A 32-bit number in dotted decimal. */
export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

function block4(value: number, prefix: number): Block4 | null {
  if (prefix > 32) return null;
  const hostBits = prefix === 32 ? 0 : 0xffff_ffff >>> prefix; // a shift by 32 would shift by 0
  return { family: 4, start: (value & ~hostBits) >>> 0, end: (value | hostBits) >>> 0 };
}

/** The 32-bit value, or -1. */
function parseIpv4(text: string): number {
  let value = 0;
  let octets = 0;
  let at = 0;
  while (octets < 4) {
    let digits = 0;
    let octet = 0;
    for (; at < text.length && digits < 4; at++, digits++) {
      const digit = text.charCodeAt(at) - 0x30;
      if (digit < 0 || digit > 9) break;
      if (digits > 0 && octet === 0) return -1;
      octet = octet * 10 + digit;
    }
    if (digits === 0 || octet > 255) return -1;
    value = value * 256 + octet;
    octets++;
    if (octets < 4 && text.charCodeAt(at++) !== 0x2e) return -1;
  }
  return at === text.length ? value : -1;
}

/** Length of the longest IPv6 address as text: eight groups, of which the last two are in dotted decimal. */
const IPV6_TEXT_MAX = 45;
const GROUPS = 8;
const COLON = 0x3a;
const POINT = 0x2e;

/** The eight groups of an IPv6 address (RFC 4291 section 2.2); null when the text is none. */
function parseIpv6(text: string): readonly number[] | null {
  const { length } = text;
  if (length > IPV6_TEXT_MAX) return null;
  const groups: number[] = [];
  /** How many groups stand before "::"; -1: there is none. */
  let gap = -1;
  let at = 0;
  if (text.startsWith("::")) {
    gap = 0;
    at = 2;
  }
  while (at < length) {
    const start = at;
    let value = 0;
    for (; at < length && at - start < 4; at++) {
      const digit = hexDigit(text.charCodeAt(at));
      if (digit < 0) break;
      value = value * 16 + digit;
    }
    const end = at < length ? text.charCodeAt(at) : COLON;
    if (end === POINT) {
      // Dotted decimal stands for the last two groups.
      const tail = parseIpv4(text.slice(start));
      if (tail < 0) return null;
      groups.push(tail >>> 16, tail & 0xffff);
      at = length;
      break;
    }
    if (at === start || end !== COLON) return null;
    groups.push(value);
    if (at === length) break;
    at++;
    // A single colon stands between two groups.
    if (at === length) return null;
    if (text.charCodeAt(at) !== COLON) continue;
    if (gap >= 0) return null;
    gap = groups.length;
    at++;
  }
  if (gap < 0) return groups.length === GROUPS ? groups : null;
  // "::" stands for at least one group.
  if (groups.length >= GROUPS) return null;
  return [...groups.slice(0, gap), ...Array<number>(GROUPS - groups.length).fill(0), ...groups.slice(gap)];
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function isMapped(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups[0] === 0 && groups[1] === 0 && groups[2] === 0 && groups[3] === 0 && groups[4] === 0;
}

function lowWord(groups: readonly number[]): number {
  return (groups[6] ?? 0) * 0x1_0000 + (groups[7] ?? 0);
}
