import type { FieldSection } from "../http/field-section.ts";
import { Known, knownField } from "../http/known-fields.ts";
import type { KnownId } from "../http/known-fields.ts";
import { COLON, CR, FIELD_VALUE, HTAB, LF, SP, TCHAR, UNDERSCORE } from "./chars.ts";
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

/**
 * Reads one field line (RFC 9112 section 5) that starts at `at` and records it in `section` with offsets counted from `base`.
 * Returns the offset behind the line's CRLF, `needMore` (nothing recorded), `sectionEnd` when the line is the empty one that
 * closes the section (its CRLF is at `at`), or a fault. Strict: no obs-fold, no white space around the name, CRLF only.
 */
export function readFieldLine(bytes: Uint8Array, at: number, limit: number, base: number, section: FieldSection): number {
  let position = at;
  if (position >= limit) return needMore;
  let octet = bytes[position] as number;
  if (octet === CR) return endOfSection(bytes, position, limit);
  if (octet === LF) return bareLineFeed;
  if (octet === SP || octet === HTAB) return folded;

  let underscore = false;
  while (TCHAR[octet] === 1) {
    if (octet === UNDERSCORE) underscore = true;
    position++;
    if (position >= limit) return needMore;
    octet = bytes[position] as number;
  }
  const nameEnd = position;
  if (octet !== COLON || nameEnd === at) return octet === LF ? bareLineFeed : badName;

  position++;
  while (position < limit && ((octet = bytes[position] as number) === SP || octet === HTAB)) position++;
  const valueStart = position;
  while (position < limit && FIELD_VALUE[bytes[position] as number] === 1) position++;
  if (position >= limit) return needMore;
  octet = bytes[position] as number;
  if (octet !== CR) return octet === LF ? bareLineFeed : badValue;
  if (position + 1 >= limit) return needMore;
  if (bytes[position + 1] !== LF) return bareCarriageReturn;

  let valueEnd = position;
  while (valueEnd > valueStart && ((octet = bytes[valueEnd - 1] as number) === SP || octet === HTAB)) valueEnd--;
  const id: KnownId = underscore ? Known.underscore : knownField(bytes, at, nameEnd);
  section.addLine(at - base, nameEnd - base, valueStart - base, valueEnd - base, id);
  return position + 2;
}

function endOfSection(bytes: Uint8Array, at: number, limit: number): number {
  if (at + 1 >= limit) return needMore;
  return bytes[at + 1] === LF ? sectionEnd : bareCarriageReturn;
}
