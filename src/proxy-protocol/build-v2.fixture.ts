/** Builds headers of version 2 for tests, wrong ones too. */
import { SIGNATURE } from "./header.ts";
import { crc32c } from "./crc32c.ts";

export interface Tlv {
  readonly type: number;
  readonly value: Uint8Array | string;
}

export interface Parts {
  /** Version and command. */
  readonly command?: number;
  readonly family?: number;
  readonly addresses?: Uint8Array | string;
  readonly tlvs?: readonly Tlv[];
  /** Length to claim; absent: the true one. */
  readonly length?: number;
}

/** 192.0.2.1 port 258 to 198.51.100.2 port 443. */
export const IPV4_ADDRESSES = "\xc0\0\x02\x01\xc6\x33\x64\x02\x01\x02\x01\xbb";

export function buildV2({ command = 0x21, family = 0x11, addresses = IPV4_ADDRESSES, tlvs = [], length }: Parts = {}): Uint8Array {
  const rest = [...bytesOf(addresses), ...tlvs.flatMap(tlvBytes)];
  return Uint8Array.from([...bytesOf(SIGNATURE), command, family, ...word(length ?? rest.length), ...rest]);
}

/** The same header with a right checksum as its last field. */
export function withChecksum(parts: Parts): Uint8Array {
  const empty = { type: 0x03, value: new Uint8Array(4) };
  const sum = crc32c(buildV2({ ...parts, tlvs: [...(parts.tlvs ?? []), empty] }));
  const value = Uint8Array.from([sum >>> 24, sum >>> 16, sum >>> 8, sum]);
  return buildV2({ ...parts, tlvs: [...(parts.tlvs ?? []), { type: 0x03, value }] });
}

/** The field that describes the client's TLS connection. */
export function tlsTlv(client: number, verify: number, within: readonly Tlv[]): Tlv {
  return { type: 0x20, value: Uint8Array.from([client, 0, 0, 0, verify, ...within.flatMap(tlvBytes)]) };
}

export function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? Uint8Array.from(text, (character) => character.charCodeAt(0)) : text;
}

function tlvBytes({ type, value }: Tlv): readonly number[] {
  const bytes = bytesOf(value);
  return [type, ...word(bytes.length), ...bytes];
}

function word(value: number): readonly number[] {
  return [(value >>> 8) & 255, value & 255];
}
