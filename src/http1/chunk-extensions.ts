/**
 * Checks chunk extensions, the text after a chunk's size (RFC 9112 section 7.1.1), octet by octet. Extensions are dropped unread, but their
 * grammar matters: a parser that accepts other text may find the end of the line in another place than the next parser.
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
  /** After white space that only a semicolon may follow. */
  before: 0,
  /** After a semicolon. */
  start: 1,
  name: 2,
  /** After white space that only an equals sign or a semicolon may follow. */
  nameSpace: 3,
  /** After an equals sign. */
  valueStart: 4,
  token: 5,
  quoted: 6,
  escaped: 7,
  /** After a closing quote. */
  closed: 8,
  /** After the line's CR. */
  end: 9,
  fault: 10,
} as const;
export type ExtensionState = (typeof Extension)[keyof typeof Extension];

/** The state after one more octet. */
export function nextInExtension(state: ExtensionState, octet: number): ExtensionState {
  switch (state) {
    case Extension.before:
      return isSpace(octet) ? Extension.before : octet === SEMICOLON ? Extension.start : Extension.fault;
    case Extension.start:
      return isSpace(octet) ? Extension.start : TCHAR[octet] === 1 ? Extension.name : Extension.fault;
    case Extension.name:
      if (TCHAR[octet] === 1) return Extension.name;
      return octet === EQUALS ? Extension.valueStart : afterPart(octet, Extension.nameSpace);
    case Extension.nameSpace:
      if (octet === EQUALS) return Extension.valueStart;
      return isSpace(octet) ? Extension.nameSpace : octet === SEMICOLON ? Extension.start : Extension.fault;
    case Extension.valueStart:
      if (isSpace(octet)) return Extension.valueStart;
      return octet === QUOTE ? Extension.quoted : TCHAR[octet] === 1 ? Extension.token : Extension.fault;
    case Extension.token:
      return TCHAR[octet] === 1 ? Extension.token : afterPart(octet, Extension.before);
    case Extension.quoted:
      if (octet === QUOTE) return Extension.closed;
      if (octet === BACKSLASH) return Extension.escaped;
      return FIELD_VALUE[octet] === 1 ? Extension.quoted : Extension.fault;
    case Extension.escaped:
      return FIELD_VALUE[octet] === 1 ? Extension.quoted : Extension.fault;
    case Extension.closed:
      return afterPart(octet, Extension.before);
    default:
      return Extension.fault;
  }
}

/** After a complete name or value: another extension follows, at once or after white space, or the line ends. */
function afterPart(octet: number, space: ExtensionState): ExtensionState {
  if (octet === CR) return Extension.end;
  return octet === SEMICOLON ? Extension.start : isSpace(octet) ? space : Extension.fault;
}
