/** A version of HTTP as Via spells it (RFC 9110 section 7.6.3). */
export type HttpVersion = "1.0" | "1.1" | "2" | "3";
