/**
 * Version 2: binary.
 *
 *     signature (12) · version and command (1) · family and transport (1) · length of what follows (2) · addresses · fields (TLVs)
 */
import { formatIpv4 } from "../base/cidr.ts";
import { formatIp } from "../base/format-ip.ts";
import { MORE, SIGNATURE, fault } from "./header.ts";
import type { ConnectionAddresses, ProxyRead } from "./header.ts";
import { readTlvs } from "./read-tlvs.ts";

/** Signature, version and command, family and transport, length. */
const FIXED_BYTES = 16;

/**
 * A header with the addresses takes 28 or 52 bytes, and what is known of TLS some hundred more. The limit leaves room for a client's
 * certificate, and is what HAProxy's buffer takes.
 */
const HEADER_BYTES_MAX = 16 * 1024;

const Command = { local: 0x20, proxy: 0x21 } as const;

/** Family and transport. Only streams are here: the specification's datagrams cannot carry HTTP/1.1. */
const Family = { unspecified: 0x00, ipv4: 0x11, ipv6: 0x21, unix: 0x31 } as const;

/** How many bytes the addresses and ports of a family take. */
const ADDRESS_BYTES: ReadonlyMap<number, number> = new Map([
  [Family.unspecified, 0],
  [Family.ipv4, 12],
  [Family.ipv6, 36],
  [Family.unix, 216],
]);

/** Reads a header at `bytes[start, end)`, which begins with the signature. */
export function readV2(bytes: Uint8Array, start: number, end: number): ProxyRead {
  const at = start + SIGNATURE.length;
  if (end === at) return MORE;
  const command = bytes[at] ?? 0;
  if (command >>> 4 !== 2) return fault("bad_version");
  if (command !== Command.local && command !== Command.proxy) return fault("bad_command");
  if (end < start + FIXED_BYTES) return MORE;
  const length = word(bytes, at + 2);
  if (FIXED_BYTES + length > HEADER_BYTES_MAX) return fault("too_long");
  const next = start + FIXED_BYTES + length;
  // The specification: everything of a LOCAL header is skipped, its family included.
  if (command === Command.local) {
    return end < next ? MORE : { kind: "header", header: { version: 2, addresses: null, details: null }, end: next };
  }
  const family = bytes[at + 1] ?? 0;
  const addressBytes = ADDRESS_BYTES.get(family);
  if (addressBytes === undefined) return fault("bad_family");
  if (length < addressBytes) return fault("bad_length");
  if (end < next) return MORE;
  const details = readTlvs(bytes, start, start + FIXED_BYTES + addressBytes, next);
  if (typeof details === "string") return fault(details);
  return { kind: "header", header: { version: 2, addresses: addressesOf(bytes, start + FIXED_BYTES, family), details }, end: next };
}

function addressesOf(bytes: Uint8Array, at: number, family: number): ConnectionAddresses | null {
  if (family !== Family.ipv4 && family !== Family.ipv6) return null;
  const [size, text] = family === Family.ipv4 ? [4, ipv4] : [16, ipv6];
  return {
    source: text(bytes, at),
    destination: text(bytes, at + size),
    sourcePort: word(bytes, at + 2 * size),
    destinationPort: word(bytes, at + 2 * size + 2),
  };
}

function ipv4(bytes: Uint8Array, at: number): string {
  return formatIpv4(word(bytes, at) * 0x1_0000 + word(bytes, at + 2));
}

function ipv6(bytes: Uint8Array, at: number): string {
  const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((offset) => word(bytes, at + offset));
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  return isMapped ? ipv4(bytes, at + 12) : formatIp({ family: 6, groups });
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
}
