/** The syntax of the parts of a head, as regular expressions for latin1 text. http1/chars.ts has the same as tables, for bytes. */

/** A method or a field name (RFC 9110 section 5.6.2). */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** A field value (RFC 9110 section 5.5): visible characters, SP, HTAB and obs-text. No CR, no LF, no NUL, and nothing above one byte. */
export const FIELD_VALUE: RegExp = /^[\t\x20-\x7e\x80-\xff]*$/;
/** A path with its query (RFC 9112 section 3.2.1): visible ASCII without "#", as a URI. */
export const ORIGIN_FORM: RegExp = /^\/[!-"$-~]*$/;
