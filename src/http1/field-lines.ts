import type { FieldSection } from "../http/field-section.ts";
import { FRAMING_AND_HOST, Known, bit, knownField, unsafeField } from "../http/known-fields.ts";
import type { KnownId } from "../http/known-fields.ts";
import { COLON, CR, FIELD_NAME, FIELD_VALUE, HTAB, LF, NAME_OTHER, SP, ZERO, isSpace } from "./chars.ts";
import { Faults } from "./faults.ts";
import type { Fault } from "./faults.ts";

/** Results of `readFieldLine` other than offsets. Results below `sectionEnd` are faults, see `fieldLineFault`. */
export const needMore = -1;
export const sectionEnd = -2;

const FAULTS: readonly Fault[] = [Faults.bareLineFeed, Faults.bareCarriageReturn, Faults.fieldName, Faults.fieldValue, Faults.foldedLine];
const bareLineFeed = -3;
const bareCarriageReturn = -4;
const badName = -5;
const badValue = -6;
export const folded = -7;

/** Fields that are refused when folded: RFC 9112 section 5.2 says how to read them, but many parsers ignore the second line. */
const NEVER_FOLDED = bit(Known.contentLength) | bit(Known.transferEncoding);

/** The fault for a result below `sectionEnd`. */
export function fieldLineFault(result: number): Fault {
  return FAULTS[-3 - result] ?? Faults.fieldName;
}

/** How far an unfinished line was checked. With it a line that comes byte by byte is checked once, not again with each byte. */
export class LineScan {
  /** Offset from the section's base of the first unchecked byte; 0: no line is unfinished. */
  checked: number = 0;
  /** Offset from the section's base where the line's name ends; 0: not known yet. */
  nameEnd: number = 0;
  /** The kinds of octets in the name so far: bits NAME_PLAIN and NAME_OTHER. */
  kinds: number = 0;
  /** White space was read after the name, and the colon must follow. */
  spaced: boolean = false;
  /** Like `checked`, for an unfinished line that continues the previous one (obs-fold). */
  foldChecked: number = 0;
  /** True for responses: the two faults that RFC 9112 says how to repair are repaired. In requests they are refused. */
  readonly forgiving: boolean;

  constructor(forgiving: boolean = false) {
    this.forgiving = forgiving;
  }
}

/**
 * Reads one field line (RFC 9112 section 5) that begins at `at`, and adds it to `section` with offsets that count from `base`. Strict: only
 * CRLF ends a line, no white space before the name, and none after it unless `scan` is forgiving.
 * @returns one of
 *   - the offset after the line's CRLF;
 *   - `needMore`: nothing was added; `scan` holds the state for the next call, with more bytes;
 *   - `sectionEnd`: the line is the empty one that ends the section (its CRLF is at `at`);
 *   - `folded`: the line begins with white space, so it continues the previous one, see `readFold`;
 *   - a fault.
 */
export function readFieldLine(bytes: Uint8Array, at: number, limit: number, base: number, section: FieldSection, scan: LineScan): number {
  let position = at;
  let nameEnd = 0;
  let kinds = 0;
  let spaced = false;
  if (scan.checked !== 0) {
    position = base + scan.checked;
    nameEnd = scan.nameEnd === 0 ? 0 : base + scan.nameEnd;
    kinds = scan.kinds;
    spaced = scan.spaced;
    scan.checked = 0;
  }
  if (position >= limit) return unfinished(scan, position - base, nameEnd, base, kinds, spaced, at);
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
      if (position >= limit) return unfinished(scan, position - base, 0, base, kinds, false, at);
      octet = bytes[position] as number;
    }
    nameEnd = position;
    if (octet === COLON && nameEnd !== at) position++;
    else if (scan.forgiving && nameEnd !== at && isSpace(octet)) spaced = true;
    else return octet === LF ? bareLineFeed : badName;
  }
  if (spaced) {
    // RFC 9112 section 5.1: a proxy must remove white space between name and colon in a response.
    while (position < limit && isSpace(bytes[position] as number)) position++;
    if (position >= limit) return unfinished(scan, position - base, nameEnd, base, kinds, true, at);
    octet = bytes[position] as number;
    if (octet !== COLON) return octet === LF ? bareLineFeed : badName;
    position++;
  }

  while (position < limit && FIELD_VALUE[bytes[position] as number] === 1) position++;
  if (position >= limit) return unfinished(scan, position - base, nameEnd, base, kinds, false, at);
  octet = bytes[position] as number;
  if (octet !== CR) return octet === LF ? bareLineFeed : badValue;
  if (position + 1 >= limit) return unfinished(scan, position - base, nameEnd, base, kinds, false, at);
  if (bytes[position + 1] !== LF) return bareCarriageReturn;

  let valueStart = nameEnd + 1;
  if (bytes[nameEnd] !== COLON) {
    while (bytes[valueStart - 1] !== COLON) valueStart++;
    section.present |= bit(Known.respelled);
  }
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

/**
 * Reads a line that begins with white space at `at` and continues the value of the section's last line (obs-fold, RFC 9112 section 5.2).
 * Returns the same as `readFieldLine`. `folded` here is a fault: there is no previous line, or it must not be folded.
 */
export function readFold(bytes: Uint8Array, at: number, limit: number, base: number, section: FieldSection, scan: LineScan): number {
  const last = section.count - 1;
  if (!scan.forgiving || last < 0 || ((1 << section.knownId(last)) & NEVER_FOLDED) !== 0) return folded;
  let position = scan.foldChecked === 0 ? at : base + scan.foldChecked;
  scan.foldChecked = 0;
  while (position < limit && FIELD_VALUE[bytes[position] as number] === 1) position++;
  const octet = position < limit ? (bytes[position] as number) : CR;
  if (octet !== CR) return octet === LF ? bareLineFeed : badValue;
  if (position + 1 >= limit) {
    scan.foldChecked = position - base;
    return needMore;
  }
  if (bytes[position + 1] !== LF) return bareCarriageReturn;

  let end = position;
  while (end > at && isSpace(bytes[end - 1] as number)) end--;
  section.present |= bit(Known.respelled);
  // A line of nothing but white space adds nothing to the value.
  if (end > at) section.extendLastLine(end - base);
  return position + 2;
}

function hasTab(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === HTAB) return true;
  return false;
}

function unfinished(scan: LineScan, checked: number, nameEnd: number, base: number, kinds: number, spaced: boolean, at: number): number {
  // If nothing of the line was read, no line is unfinished.
  scan.checked = checked === at - base ? 0 : checked;
  scan.nameEnd = nameEnd === 0 ? 0 : nameEnd - base;
  scan.kinds = kinds;
  scan.spaced = spaced;
  return needMore;
}

function endOfSection(bytes: Uint8Array, at: number, limit: number): number {
  if (at + 1 >= limit) return needMore;
  return bytes[at + 1] === LF ? sectionEnd : bareCarriageReturn;
}
