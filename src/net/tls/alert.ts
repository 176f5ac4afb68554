/** Alerts that the proxy sends itself, before OpenSSL has seen the connection (RFC 8446 section 6). */
export const ALERT: {
  readonly decodeError: 50;
  readonly internalError: 80;
  readonly unrecognizedName: 112;
  readonly noApplicationProtocol: 120;
} = { decodeError: 50, internalError: 80, unrecognizedName: 112, noApplicationProtocol: 120 };

/** A record with one fatal alert, as text of one byte a character. */
export function alertRecord(description: number): string {
  return `\x15\x03\x03\x00\x02\x02${String.fromCharCode(description)}`;
}
