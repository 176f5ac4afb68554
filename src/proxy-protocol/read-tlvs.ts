/** The fields of a header of version 2 (specification section 2.2): each is a type, a length of two bytes, and a value. */
import { crc32c } from "./crc32c.ts";
import type { ProxyDetails, ProxyFault, ProxyTls } from "./header.ts";

const Type = { alpn: 0x01, authority: 0x02, checksum: 0x03, uniqueId: 0x05, tls: 0x20 } as const;
/** Types within the value of `Type.tls`. */
const TlsType = { version: 0x21, commonName: 0x22, cipher: 0x23 } as const;
/** Bits of the first byte of that value: the client used TLS; it has shown a certificate on this connection, or earlier in its session. */
const ClientBit = { tls: 1, certificate: 2 | 4 } as const;

/** Client bits and the result of verifying the certificate. */
const TLS_FIXED_BYTES = 5;
/** What the specification allows. */
const UNIQUE_ID_BYTES_MAX = 128;
/** A host name has no more than 253 characters. */
const AUTHORITY_BYTES_MAX = 255;
const ALPN_BYTES_MAX = 255;

type Values = ReadonlyMap<number, Uint8Array>;

/**
 * Reads the fields at `bytes[at, end)`, and checks the checksum if there is one.
 * @param start where the header begins
 * @returns null: there is none that is known
 */
export function readTlvs(bytes: Uint8Array, start: number, at: number, end: number): ProxyDetails | ProxyFault | null {
  if (at === end) return null;
  const values = valuesOf(bytes, at, end);
  if (values === null) return "bad_tlv";
  const checksum = values.get(Type.checksum);
  if (checksum !== undefined && checksum.length !== 4) return "bad_tlv";
  if (checksum !== undefined && !isRight(bytes.subarray(start, end), checksum)) return "bad_checksum";
  const [alpn, authority, uniqueId] = [values.get(Type.alpn), values.get(Type.authority), values.get(Type.uniqueId)];
  if (isLonger(alpn, ALPN_BYTES_MAX) || isLonger(authority, AUTHORITY_BYTES_MAX) || isLonger(uniqueId, UNIQUE_ID_BYTES_MAX))
    return "bad_tlv";
  const tls = tlsOf(values.get(Type.tls));
  if (tls === "bad_tlv") return tls;
  if (alpn === undefined && authority === undefined && uniqueId === undefined && tls === null) return null;
  return { authority: textOf(authority), alpn: textOf(alpn), uniqueId: textOf(uniqueId), tls };
}

/** The values by type. Null: a length leads beyond the end, or a type that means something here comes twice. */
function valuesOf(bytes: Uint8Array, start: number, end: number): Values | null {
  const values = new Map<number, Uint8Array>();
  for (let at = start; at < end;) {
    if (at + 3 > end) return null;
    const type = bytes[at] ?? 0;
    const next = at + 3 + (bytes[at + 1] ?? 0) * 256 + (bytes[at + 2] ?? 0);
    if (next > end || (values.has(type) && KNOWN.has(type))) return null;
    values.set(type, bytes.subarray(at + 3, next));
    at = next;
  }
  return values;
}

const KNOWN: ReadonlySet<number> = new Set([...Object.values(Type), ...Object.values(TlsType)]);

function tlsOf(value: Uint8Array | undefined): ProxyTls | "bad_tlv" | null {
  if (value === undefined) return null;
  if (value.length < TLS_FIXED_BYTES) return "bad_tlv";
  const values = valuesOf(value, TLS_FIXED_BYTES, value.length);
  if (values === null) return "bad_tlv";
  const client = value[0] ?? 0;
  if ((client & ClientBit.tls) === 0) return null;
  const isVerified = value.subarray(1, TLS_FIXED_BYTES).every((byte) => byte === 0);
  return {
    version: textOf(values.get(TlsType.version)),
    cipher: textOf(values.get(TlsType.cipher)),
    commonName: textOf(values.get(TlsType.commonName)),
    verified: isVerified && (client & ClientBit.certificate) !== 0,
  };
}

/** Whether the checksum is that of the header with zeros in the checksum's place. */
function isRight(header: Uint8Array, checksum: Uint8Array): boolean {
  // Not `slice`, which copies nothing of a Buffer.
  const copy = new Uint8Array(header);
  const at = checksum.byteOffset - header.byteOffset;
  copy.fill(0, at, at + 4);
  const [a = 0, b = 0, c = 0, d = 0] = checksum;
  return crc32c(copy) === ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

function isLonger(value: Uint8Array | undefined, bytesMax: number): boolean {
  return value !== undefined && value.length > bytesMax;
}

/** Printable ASCII as it is; anything else in hex, so that a log or a field never gets control characters. Null: absent or empty. */
function textOf(value: Uint8Array | undefined): string | null {
  if (value === undefined || value.length === 0) return null;
  const isPrintable = value.every((byte) => byte >= 0x20 && byte <= 0x7e);
  if (isPrintable) return String.fromCharCode(...value);
  return `0x${Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
