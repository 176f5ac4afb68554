/** Reads values of DER (ITU-T X.690), as far as OCSP responses and revocation lists need it. Null: there is no such value. */

/** A value with its tag: `bytes[start, end)`. */
export interface DerValue {
  readonly tag: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export const DER = { integer: 0x02, octets: 0x04, enumerated: 0x0a, utcTime: 0x17, generalizedTime: 0x18, sequence: 0x30 } as const;

/** Tag of a constructed value with a number of its own, such as `[0] EXPLICIT`. */
export function contextTag(number: number): number {
  return 0xa0 + number;
}

/** The value that is all of `bytes`. */
export function derValue(bytes: Uint8Array): DerValue | null {
  const value = valueAt(bytes, 0, bytes.length);
  return value !== null && value.end === bytes.length ? value : null;
}

/** The values inside of a constructed one. */
export function derChildren({ bytes, start, end }: DerValue): readonly DerValue[] | null {
  const children: DerValue[] = [];
  for (let at = start; at < end;) {
    const child = valueAt(bytes, at, end);
    if (child === null) return null;
    children.push(child);
    at = child.end;
  }
  return children;
}

/** The first value with that tag inside of a constructed one. */
export function derChild(value: DerValue | null | undefined, tag: number): DerValue | null {
  return (value === null || value === undefined ? null : derChildren(value))?.find((child) => child.tag === tag) ?? null;
}

export function derContent({ bytes, start, end }: DerValue): Uint8Array {
  return bytes.subarray(start, end);
}

/** Epoch milliseconds of a time as certificates and lists have it: in UTC, with seconds (RFC 5280 section 4.1.2.5). */
export function derTime(value: DerValue | null | undefined): number | null {
  if (value?.tag !== DER.utcTime && value?.tag !== DER.generalizedTime) return null;
  const text = String.fromCharCode(...derContent(value).subarray(0, 20));
  const [, year = "", month, day, hours, minutes, seconds] = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/.exec(text) ?? [];
  if (year === "" || (year.length === 4) !== (value.tag === DER.generalizedTime)) return null;
  const full = year.length === 4 ? Number(year) : Number(year) + (Number(year) < 50 ? 2000 : 1900);
  return Date.UTC(full, Number(month) - 1, Number(day), Number(hours), Number(minutes), Number(seconds));
}

function valueAt(bytes: Uint8Array, at: number, end: number): DerValue | null {
  const [tag, first] = [bytes[at], bytes[at + 1]];
  // Numbers of tags above 30, and lengths above 4 bytes, occur in neither format.
  if (tag === undefined || first === undefined || at + 2 > end || (tag & 0x1f) === 0x1f || first === 0x80 || first > 0x84) return null;
  let [start, length] = [at + 2, first];
  if (first > 0x80) {
    length = 0;
    for (let left = first - 0x80; left > 0; left--) length = length * 256 + (bytes[start++] ?? 0);
  }
  return start + length <= end ? { tag, bytes, start, end: start + length } : null;
}
