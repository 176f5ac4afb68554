/**
 * Field names that the proxy itself must recognise. When a head is read, the id of each known field is recorded, so that later code
 * compares numbers and bit masks instead of strings. There are at most 31 ids, because each is a bit of one small integer.
 */
export const Known = {
  none: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  keepAlive: 5,
  te: 6,
  trailer: 7,
  upgrade: 8,
  /** Hop-by-hop fields that are only dropped: Proxy-Connection, HTTP2-Settings, Proxy-Authorization, Proxy-Authenticate. */
  hopByHop: 9,
  expect: 10,
  via: 11,
  forwarded: 12,
  xForwardedFor: 13,
  xForwardedProto: 14,
  xForwardedHost: 15,
  maxForwards: 16,
  proxy: 17,
  range: 18,
  date: 19,
  origin: 20,
  authorization: 21,
  accept: 22,
  /** X-Real-IP and X-Forwarded-Port, in which only a proxy may say something of its client. */
  aboutClient: 23,
  /** A name with other characters than letters, digits and hyphens. Some origin servers (CGI and its heirs) read these as hyphens. */
  unsafeName: 24,
  /** In these a proxy says what its client asked for, before something was rewritten: X-Forwarded-Prefix, X-Original-URL and the like. */
  forwardedPath: 25,
  /** Any Access-Control field of a response (Fetch standard, section 3.3.3). */
  accessControl: 26,
  vary: 27,
  /** Not a name, only a bit of `present`: a line must be forwarded in another spelling, see RESPELLED in forward-fields.ts. */
  respelled: 28,
  /** An unsafe name that becomes a known one when its unsafe characters are read as hyphens. */
  foldedName: 29,
  /**
   * In these only this proxy says what it has verified of a client: Client-Cert and Client-Cert-Chain (RFC 9440), X-Forwarded-Client-Cert as Envoy
   * writes it, and whatever the configuration says (`FieldSection.reserve`).
   */
  verified: 30,
} as const;

export type KnownId = (typeof Known)[keyof typeof Known];

/** The bit of a known field in a head's `present` set. */
export function bit(id: KnownId): number {
  return 1 << id;
}

/** Fields that say where a message ends and which host it is for. */
export const FRAMING_AND_HOST: number = bit(Known.host) | bit(Known.contentLength) | bit(Known.transferEncoding);

const NAMES: readonly (readonly [string, KnownId])[] = [
  ["host", Known.host],
  ["connection", Known.connection],
  ["content-length", Known.contentLength],
  ["transfer-encoding", Known.transferEncoding],
  ["keep-alive", Known.keepAlive],
  ["te", Known.te],
  ["trailer", Known.trailer],
  ["upgrade", Known.upgrade],
  ["proxy-connection", Known.hopByHop],
  ["expect", Known.expect],
  ["via", Known.via],
  ["forwarded", Known.forwarded],
  ["x-forwarded-for", Known.xForwardedFor],
  ["x-forwarded-proto", Known.xForwardedProto],
  ["x-forwarded-host", Known.xForwardedHost],
  ["x-forwarded-port", Known.aboutClient],
  ["x-forwarded-prefix", Known.forwardedPath],
  ["x-forwarded-method", Known.forwardedPath],
  ["x-forwarded-uri", Known.forwardedPath],
  ["x-original-url", Known.forwardedPath],
  ["x-rewrite-url", Known.forwardedPath],
  ["max-forwards", Known.maxForwards],
  ["proxy", Known.proxy],
  ["http2-settings", Known.hopByHop],
  ["range", Known.range],
  ["date", Known.date],
  ["origin", Known.origin],
  ["authorization", Known.authorization],
  ["accept", Known.accept],
  ["x-real-ip", Known.aboutClient],
  ["proxy-authorization", Known.hopByHop],
  ["proxy-authenticate", Known.hopByHop],
  ["client-cert", Known.verified],
  ["client-cert-chain", Known.verified],
  ["x-forwarded-client-cert", Known.verified],
  ["access-control-allow-origin", Known.accessControl],
  ["access-control-allow-credentials", Known.accessControl],
  ["access-control-allow-methods", Known.accessControl],
  ["access-control-allow-headers", Known.accessControl],
  ["access-control-expose-headers", Known.accessControl],
  ["access-control-max-age", Known.accessControl],
  ["access-control-allow-private-network", Known.accessControl],
  ["vary", Known.vary],
];

const BY_NAME: ReadonlyMap<string, KnownId> = new Map(NAMES);

/** The id of a field name that is given as text and must be a token. For names as bytes see `knownField` and `unsafeField`. */
export function knownFieldNamed(name: string): KnownId {
  const lower = name.toLowerCase();
  if (/^[0-9a-z-]*$/.test(lower)) return BY_NAME.get(lower) ?? Known.none;
  return BY_NAME.has(lower.replaceAll(/[^0-9a-z-]/g, "-")) ? Known.foldedName : Known.unsafeName;
}

const NO_KNOWN_NAMES: { readonly bit: number; readonly all: readonly string[] } = { bit: 0, all: [] };

/** The bit of the known field with that lower-case name, and all names that share the bit. For any other name the bit is 0. */
export function namesOf(name: string): { readonly bit: number; readonly all: readonly string[] } {
  const id = NAMES.find(([each]) => each === name)?.[1];
  if (id === undefined) return NO_KNOWN_NAMES;
  return { bit: bit(id), all: NAMES.flatMap(([each, other]) => (other === id ? [each] : [])) };
}

interface Entry {
  readonly bytes: Uint8Array;
  readonly id: KnownId;
}

const LONGEST = Math.max(...NAMES.map(([name]) => name.length));

/** Known names by their length. Most lengths have none, so for most fields one array read is enough. */
const BY_LENGTH: readonly (readonly Entry[])[] = Array.from({ length: LONGEST + 1 }, (_, length) =>
  NAMES.filter(([name]) => name.length === length).map(([name, id]) => ({
    bytes: Uint8Array.from(name, (character) => character.charCodeAt(0)),
    id,
  })),
);

/** The id of the name in `bytes[start, end)`, which has unsafe characters: `unsafeName` or `foldedName`. */
export function unsafeField(bytes: Uint8Array, start: number, end: number): KnownId {
  if (end - start > LONGEST) return Known.unsafeName;
  const folded = bytes.slice(start, end).map((octet) => (isPlain(octet) ? octet : HYPHEN));
  return knownField(folded, 0, folded.length) === Known.none ? Known.unsafeName : Known.foldedName;
}

const HYPHEN = 0x2d;

function isPlain(octet: number): boolean {
  const letter = octet | 0x20;
  return (octet >= 0x30 && octet <= 0x39) || (letter >= 0x61 && letter <= 0x7a);
}

/**
 * The id of the field name in `bytes[start, end)`, or `Known.none`. The name must consist of tchar only. Case is ignored by setting bit 5,
 * which is exact for letters, digits and the hyphen.
 */
export function knownField(bytes: Uint8Array, start: number, end: number): KnownId {
  const length = end - start;
  if (length > LONGEST) return Known.none;
  const entries = BY_LENGTH[length];
  if (entries === undefined) return Known.none;
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index];
    if (entry === undefined) break;
    let at = 0;
    while (at < length && ((bytes[start + at] as number) | 0x20) === entry.bytes[at]) at++;
    if (at === length) return entry.id;
  }
  return Known.none;
}
