/** Character classes of RFC 9110 section 5 and RFC 9112 as tables over the 256 octets: 1 where the octet belongs. */

/** tchar: what a method or a field name consists of. */
export const TCHAR: Uint8Array = table((octet) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(octet)));

/** Kinds of octets in a field name, bits to be collected: what every name is made of, and what else a tchar may be. */
export const NAME_PLAIN = 1;
export const NAME_OTHER = 2;
/** By octet: NAME_PLAIN for letters, digits and the hyphen, NAME_OTHER for the remaining tchar, 0 for what no name may hold. */
export const FIELD_NAME: Uint8Array = Uint8Array.from(TCHAR, (belongs, octet) => {
  if (belongs === 0) return 0;
  return /[0-9A-Za-z-]/.test(String.fromCharCode(octet)) ? NAME_PLAIN : NAME_OTHER;
});

/** field-vchar, SP and HTAB: what a field value consists of. obs-text (0x80 and up) is data; NUL, CR, LF, DEL and other controls are not. */
export const FIELD_VALUE: Uint8Array = table((octet) => octet === 0x09 || (octet >= 0x20 && octet !== 0x7f));

/**
 * What a request target may hold: visible ASCII but "#". A URI is ASCII (RFC 3986 section 2) and a fragment is never sent
 * (RFC 9110 section 7.1); other octets that a URI excludes, such as "|" or "{", are sent by every browser and pass.
 */
export const TARGET: Uint8Array = table((octet) => octet > 0x20 && octet < 0x7f && octet !== 0x23);

/** Value of a hexadecimal digit, or 255. */
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

/** OWS, BWS and RWS consist of these two (RFC 9110 section 5.6.3). */
export function isSpace(octet: number): boolean {
  return octet === SP || octet === HTAB;
}

function table(belongs: (octet: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, octet) => (octet < 256 && belongs(octet) ? 1 : 0));
}
