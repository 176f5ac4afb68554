import type { FieldSection } from "../http/field-section.ts";
import { FRAMING_AND_HOST, Known, bit, knownField, unsafeField } from "../http/known-fields.ts";
import type { KnownId } from "../http/known-fields.ts";
import { COLON, CR, FIELD_NAME, FIELD_VALUE, HTAB, LF, NAME_OTHER, SP, ZERO } from "./chars.ts";
import { Faults } from "./faults.ts";
import type { Fault } from "./faults.ts";

/** Results of `readFieldLine` that are no offset. Faults are below `sectionEnd`; `fieldLineFault` names them. */
export const needMore = -1;
export const sectionEnd = -2;

const FAULTS: readonly Fault[] = [Faults.bareLineFeed, Faults.bareCarriageReturn, Faults.fieldName, Faults.fieldValue, Faults.foldedLine];
const bareLineFeed = -3;
const bareCarriageReturn = -4;
const badName = -5;
const badValue = -6;
const folded = -7;

export function fieldLineFault(result: number): Fault {
  return FAULTS[-3 - result] ?? Faults.fieldName;
}

/** How far an unfinished line was checked, so that a line which comes byte by byte is looked at once and not once per byte. */
export class LineScan {
  /** Offset from the section's base of the first unchecked byte; 0: no line is unfinished. */
  checked: number = 0;
  /** Where its name ends, or 0 while that is not known. */
  nameEnd: number = 0;
  /** The kinds of octets seen in its name. */
  kinds: number = 0;
}

/**
 * Reads one field line (RFC 9112 section 5) that starts at `at` and records it in `section` with offsets counted from `base`.
 * Returns the offset behind the line's CRLF, `needMore` (nothing recorded but in `scan`, for the next call with more bytes),
 * `sectionEnd` when the line is the empty one that closes the section (its CRLF is at `at`), or a fault. Strict: no obs-fold, no white
 * space around the name, CRLF only.
 */
export function readFieldLine(bytes: Uint8Array, at: number, limit: number, base: number, section: FieldSection, scan: LineScan): number {
  let position = at;
  let nameEnd = 0;
  let kinds = 0;
  if (scan.checked !== 0) {
    position = base + scan.checked;
    nameEnd = scan.nameEnd === 0 ? 0 : base + scan.nameEnd;
    kinds = scan.kinds;
    scan.checked = 0;
  }
  if (position >= limit) return unfinished(scan, position - base, nameEnd, base, kinds, at);
  let octet = bytes[position] as number;
  if (nameEnd === 0) {
    if (position === at) {
      if (octet === CR) return endOfSection(bytes, position, limit);
      if (octet === LF) return bareLineFeed;
      if (octet === SP || octet === HTAB) return folded;
    }
    let kind: number;
    while ((kind = FIELD_NAME[octet] as number) !== 0) {
      kinds |= kind;
      position++;
      if (position >= limit) return unfinished(scan, position - base, 0, base, kinds, at);
      octet = bytes[position] as number;
    }
    nameEnd = position;
    if (octet !== COLON || nameEnd === at) return octet === LF ? bareLineFeed : badName;
    position++;
  }

  while (position < limit && FIELD_VALUE[bytes[position] as number] === 1) position++;
  if (position >= limit) return unfinished(scan, position - base, nameEnd, base, kinds, at);
  octet = bytes[position] as number;
  if (octet !== CR) return octet === LF ? bareLineFeed : badValue;
  if (position + 1 >= limit) return unfinished(scan, position - base, nameEnd, base, kinds, at);
  if (bytes[position + 1] !== LF) return bareCarriageReturn;

  let valueStart = nameEnd + 1;
  while (valueStart < position && ((octet = bytes[valueStart] as number) === SP || octet === HTAB)) valueStart++;
  let valueEnd = position;
  while (valueEnd > valueStart && ((octet = bytes[valueEnd - 1] as number) === SP || octet === HTAB)) valueEnd--;
  const id: KnownId = (kinds & NAME_OTHER) !== 0 ? unsafeField(bytes, at, nameEnd) : knownField(bytes, at, nameEnd);
  if ((bit(id) & FRAMING_AND_HOST) !== 0) {
    const padded = id === Known.contentLength && bytes[valueStart] === ZERO && valueEnd - valueStart > 1;
    if (padded || hasTab(bytes, nameEnd, valueStart) || hasTab(bytes, valueEnd, position)) section.present |= bit(Known.respelled);
  }
  section.addLine(at - base, nameEnd - base, valueStart - base, valueEnd - base, id);
  return position + 2;
}

function hasTab(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === HTAB) return true;
  return false;
}

function unfinished(scan: LineScan, checked: number, nameEnd: number, base: number, kinds: number, at: number): number {
  // A line of which nothing was read is no unfinished one.
  scan.checked = checked === at - base ? 0 : checked;
  scan.nameEnd = nameEnd === 0 ? 0 : nameEnd - base;
  scan.kinds = kinds;
  return needMore;
}

function endOfSection(bytes: Uint8Array, at: number, limit: number): number {
  if (at + 1 >= limit) return needMore;
  return bytes[at + 1] === LF ? sectionEnd : bareCarriageReturn;
}
