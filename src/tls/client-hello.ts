/**
 * Reads the first message of a TLS client, ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2), before OpenSSL does. So the name in SNI decides
 * which certificate, which client-certificate rule and which ticket keys the whole handshake has; in OpenSSL itself a session is resumed before the name is looked at.
 *
 * ```text
 *   record(s):  type 22 | version 2 | length 2 | fragment ...
 *   handshake:  type 1 | length 3 | version 2 | random 32 | session id <1> | suites <2> | compression <1> | extensions <2>
 * ```
 */

/** What is used of a ClientHello. */
export interface ClientHello {
  /** The name in SNI (RFC 6066 section 3) in lower case, without a dot at its end; null: none. */
  readonly serverName: string | null;
  /** The protocols that the client offers in ALPN (RFC 7301); empty: it offers none. */
  readonly protocols: readonly string[];
}

/**
 * A number: the message is not complete, and there is no use in reading it again before so many more bytes have come. `plain`: it is not TLS but looks like
 * text. `invalid`: it is neither TLS nor text, or it is malformed.
 */
export type ReadHello = ClientHello | number | "plain" | "invalid";

/** The longest ClientHello, with its record headers. OpenSSL's own limit is of the same kind; real ones have 200 to 2,000 bytes. */
export const HELLO_BYTES_MAX: number = 32 * 1024;

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** The longest name (RFC 1035 section 2.3.4). */
const NAME_MAX = 255;
const SERVER_NAME = 0;
const ALPN = 16;
const RECORD_HEADER = 5;
/** The longest fragment of a record in the clear (RFC 8446 section 5.1). */
const FRAGMENT_MAX = 16 * 1024;

/** @param bytes what the client has sent so far, from `start` up to `end` */
export function readClientHello(bytes: Uint8Array, start: number, end: number): ReadHello {
  const first = bytes[start];
  if (first === undefined) return 1;
  if (first !== HANDSHAKE) return isText(first) ? "plain" : "invalid";
  const message = messageOf(bytes, start, end);
  return message instanceof Uint8Array ? helloIn(message) : message;
}

/** The first byte of a request line is a letter. */
function isText(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

/** The body of the handshake message, out of one or several records; a number: so many bytes at least are missing. */
function messageOf(bytes: Uint8Array, start: number, end: number): Uint8Array | number | "invalid" {
  const pieces: Uint8Array[] = [];
  let got = 0;
  let wanted = -1;
  for (let at = start; ;) {
    // The version of the record is 3.x, whatever TLS version follows.
    if (at + 1 < end && bytes[at + 1] !== 3) return "invalid";
    if (at + RECORD_HEADER > end) return missing(at + RECORD_HEADER - end);
    const length = uint16(bytes, at + 3);
    if (bytes[at] !== HANDSHAKE || length === 0 || length > FRAGMENT_MAX) return "invalid";
    const from = at + RECORD_HEADER;
    const fragment = bytes.subarray(from, Math.min(end, from + length));
    if (pieces.length === 0 && fragment.length > 0 && fragment[0] !== CLIENT_HELLO) return "invalid";
    pieces.push(fragment);
    got += fragment.length;
    if (wanted < 0 && got >= 4) {
      const head = pieces.length === 1 ? fragment : joined(pieces, got);
      wanted = 4 + (head[1] ?? 0) * 0x10000 + uint16(head, 2);
      if (wanted > HELLO_BYTES_MAX) return "invalid";
    }
    if (wanted >= 0 && got >= wanted) {
      // A second handshake message may not share the record of the first one, whether its bytes have come or not.
      if (got - fragment.length + length > wanted) return "invalid";
      return (pieces.length === 1 ? fragment : joined(pieces, got)).subarray(4);
    }
    if (fragment.length < length) return missing(0);
    at = from + length;
  }

  /** At least what is left of the message, or of its head. A client that sends it in records of one byte would else have all of them read with each. */
  function missing(ofHeader: number): number | "invalid" {
    const left = Math.max(wanted, 4) - got;
    return end - start + ofHeader + left > HELLO_BYTES_MAX ? "invalid" : ofHeader + left;
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function helloIn(message: Uint8Array): ClientHello | "invalid" {
  // Version and random.
  let at = 34;
  at += 1 + (message[at] ?? 0);
  at += 2 + uint16(message, at);
  at += 1 + (message[at] ?? 0);
  // A hello of TLS 1.2 may have no extensions at all.
  if (at === message.length) return { serverName: null, protocols: [] };
  if (at + 2 > message.length || at + 2 + uint16(message, at) !== message.length) return "invalid";
  at += 2;
  let serverName: string | null = null;
  let protocols: readonly string[] = [];
  let seen = 0;
  while (at < message.length) {
    const body = at + 4;
    const next = body + uint16(message, at + 2);
    if (body > message.length || next > message.length) return "invalid";
    const type = uint16(message, at);
    if (type === SERVER_NAME) {
      const name = (seen & 1) === 0 ? nameIn(message, body, next) : null;
      if (name === null) return "invalid";
      serverName = name;
      seen |= 1;
    } else if (type === ALPN) {
      const offered = (seen & 2) === 0 ? protocolsIn(message, body, next) : null;
      if (offered === null) return "invalid";
      protocols = offered;
      seen |= 2;
    }
    at = next;
  }
  return { serverName, protocols };
}

/** A list with one entry of type 0 (host_name). Null: malformed. */
function nameIn(message: Uint8Array, start: number, end: number): string | null {
  const length = uint16(message, start + 3);
  if (end - start < 6 || start + 2 + uint16(message, start) !== end || message[start + 2] !== 0) return null;
  if (length === 0 || length > NAME_MAX || start + 5 + length !== end) return null;
  const name = text(message, start + 5, end).toLowerCase();
  if (!/^[!-~]+$/.test(name)) return null;
  return name.endsWith(".") && name.length > 1 ? name.slice(0, -1) : name;
}

function protocolsIn(message: Uint8Array, start: number, end: number): readonly string[] | null {
  if (end - start < 4 || start + 2 + uint16(message, start) !== end) return null;
  const protocols: string[] = [];
  for (let at = start + 2; at < end;) {
    const length = message[at] ?? 0;
    if (length === 0 || at + 1 + length > end) return null;
    protocols.push(text(message, at + 1, at + 1 + length));
    at += 1 + length;
  }
  return protocols;
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end));
}

/** Zero where the bytes end before. */
function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 0x100 + (bytes[at + 1] ?? 0);
}
