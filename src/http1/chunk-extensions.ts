/**
 * The grammar of what may follow a chunk's size (RFC 9112 section 7.1.1), octet by octet. Extensions end at this hop and nobody reads
 * them, but a parser that takes other text for an extension may find the end of the line elsewhere than the next one does.
 *
 * ```text
 *   chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
 *
 *                   .--------------------------- ";" ---------------------------.
 *                   v                                                           |
 *   before -";"-> start --tchar--> name -"="-> valueStart --tchar--> token -----+-- CRLF
 *     ^             |                |             `---quote--> quoted -quote-> closed
 *   space         space            space                       |    ^
 *                                                              `-"\"-> escaped
 * ```
 */
import { CR, FIELD_VALUE, SEMICOLON, TCHAR, isSpace } from "./chars.ts";

const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export const Extension = {
  /** Space that only a semicolon may follow. */
  before: 0,
  /** Behind a semicolon. */
  start: 1,
  name: 2,
  /** Space that only an equals sign or a semicolon may follow. */
  nameSpace: 3,
  /** Behind an equals sign. */
  valueStart: 4,
  token: 5,
  quoted: 6,
  escaped: 7,
  /** Behind a closing quote. */
  closed: 8,
  /** The line's CR has come. */
  end: 9,
  fault: 10,
} as const;
export type ExtensionState = (typeof Extension)[keyof typeof Extension];

/** Where the grammar is after one more octet. */
export function nextInExtension(state: ExtensionState, octet: number): ExtensionState {
  switch (state) {
    case Extension.before:
      return isSpace(octet) ? Extension.before : octet === SEMICOLON ? Extension.start : Extension.fault;
    case Extension.start:
      return isSpace(octet) ? Extension.start : TCHAR[octet] === 1 ? Extension.name : Extension.fault;
    case Extension.name:
      if (TCHAR[octet] === 1) return Extension.name;
      return octet === EQUALS ? Extension.valueStart : behindPart(octet, Extension.nameSpace);
    case Extension.nameSpace:
      if (octet === EQUALS) return Extension.valueStart;
      return isSpace(octet) ? Extension.nameSpace : octet === SEMICOLON ? Extension.start : Extension.fault;
    case Extension.valueStart:
      if (isSpace(octet)) return Extension.valueStart;
      return octet === QUOTE ? Extension.quoted : TCHAR[octet] === 1 ? Extension.token : Extension.fault;
    case Extension.token:
      return TCHAR[octet] === 1 ? Extension.token : behindPart(octet, Extension.before);
    case Extension.quoted:
      if (octet === QUOTE) return Extension.closed;
      if (octet === BACKSLASH) return Extension.escaped;
      return FIELD_VALUE[octet] === 1 ? Extension.quoted : Extension.fault;
    case Extension.escaped:
      return FIELD_VALUE[octet] === 1 ? Extension.quoted : Extension.fault;
    case Extension.closed:
      return behindPart(octet, Extension.before);
    default:
      return Extension.fault;
  }
}

/** A name or a value is complete: another extension follows, now or behind white space, or the line ends. */
function behindPart(octet: number, space: ExtensionState): ExtensionState {
  if (octet === CR) return Extension.end;
  return octet === SEMICOLON ? Extension.start : isSpace(octet) ? space : Extension.fault;
}
