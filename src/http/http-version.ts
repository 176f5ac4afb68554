/** An HTTP version, spelled as in Via (RFC 9110 section 7.6.3). */
export type HttpVersion = "1.0" | "1.1" | "2" | "3";
