/** Character classes of RFC 9110 section 5 and RFC 9112, as tables with one entry for each of the 256 octets: 1 if it is in the class. */

/** tchar: the characters of a method or a field name. */
export const TCHAR: Uint8Array = table((octet) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(octet)));

/** Kinds of octets in a field name, as bits that a reader collects: usual characters, and all other tchar. */
export const NAME_PLAIN = 1;
export const NAME_OTHER = 2;
/** By octet: NAME_PLAIN for letters, digits and the hyphen, NAME_OTHER for the other tchar, 0 for octets that a name must not contain. */
export const FIELD_NAME: Uint8Array = Uint8Array.from(TCHAR, (belongs, octet) => {
  if (belongs === 0) return 0;
  return /[0-9A-Za-z-]/.test(String.fromCharCode(octet)) ? NAME_PLAIN : NAME_OTHER;
});

/** The characters of a field value: visible characters, obs-text (0x80 and up), SP and HTAB. No other controls, such as NUL or LF. */
export const FIELD_VALUE: Uint8Array = table((octet) => octet === 0x09 || (octet >= 0x20 && octet !== 0x7f));

/**
 * The characters of a request target: visible ASCII without "#". A URI is ASCII (RFC 3986 section 2), and a fragment is never sent
 * (RFC 9110 section 7.1). Other characters that a URI excludes, such as "|" or "{", are accepted, because every browser sends them.
 */
export const TARGET: Uint8Array = table((octet) => octet > 0x20 && octet < 0x7f && octet !== 0x23);

/** The value of a hexadecimal digit; 255 for any other octet. */
export const HEX: Uint8Array = Uint8Array.from({ length: 256 }, (_, octet) => {
  const value = /[0-9A-Fa-f]/.test(String.fromCharCode(octet)) ? Number.parseInt(String.fromCharCode(octet), 16) : 255;
  return value;
});

export const CR = 0x0d;
export const LF = 0x0a;
export const SP = 0x20;
export const HTAB = 0x09;
export const ZERO = 0x30;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

/** SP or HTAB, the characters of OWS, BWS and RWS (RFC 9110 section 5.6.3). */
export function isSpace(octet: number): boolean {
  return octet === SP || octet === HTAB;
}

function table(belongs: (octet: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, octet) => (octet < 256 && belongs(octet) ? 1 : 0));
}
