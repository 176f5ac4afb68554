import { trimOws } from "./trim-ows.ts";
import type { FieldSection } from "./field-section.ts";
import { Known, bit } from "./known-fields.ts";

/** The options in a head's Connection field (RFC 9110 section 7.6.1). */
export interface ConnectionOptions {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  readonly te: boolean;
  /** Names of further fields that must not be forwarded: lower case, each once. The fields that never are forwarded are not listed. */
  readonly named: readonly string[];
  /**
   * Connection names a field of NEEDED, which every recipient needs. Such a request is refused. In a response the field is forwarded
   * anyway, because some origin servers send `Connection: Transfer-Encoding`.
   */
  readonly namesNeeded: boolean;
}

const NO_OPTIONS: ConnectionOptions = { close: false, keepAlive: false, upgrade: false, te: false, named: [], namesNeeded: false };
const CLOSE: ConnectionOptions = { ...NO_OPTIONS, close: true };
const KEEP_ALIVE: ConnectionOptions = { ...NO_OPTIONS, keepAlive: true };

/**
 * Fields that Connection cannot remove. By naming one, a client could remove what frames the message, what identifies the sender, or what
 * the proxy, a cache or an origin server decides by (attack class 21). "A sender MUST NOT send a connection option corresponding to a
 * field that is intended for all recipients of the content" (RFC 9110 section 7.6.1).
 */
const NEEDED = new Set([
  "host",
  "content-length",
  "content-type",
  "content-encoding",
  "content-range",
  "transfer-encoding",
  "expect",
  "max-forwards",
  "authorization",
  "x-api-key",
  "cookie",
  "set-cookie",
  "origin",
  "cache-control",
  "date",
  "via",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-method",
  "x-forwarded-uri",
  "x-original-url",
  "x-rewrite-url",
  "x-real-ip",
]);

/** The options of a head. Parsed once and stored in the section: several callers ask, also for later heads with the same fields. */
export function connectionOptions(fields: FieldSection): ConnectionOptions {
  return (fields.connection ??= optionsOf(fields));
}

function optionsOf(fields: FieldSection): ConnectionOptions {
  if ((fields.present & bit(Known.connection)) === 0) return NO_OPTIONS;
  const values = fields.knownValues(Known.connection);
  if (values.length === 1) {
    if (values[0] === "keep-alive" || values[0] === "Keep-Alive") return KEEP_ALIVE;
    if (values[0] === "close") return CLOSE;
  }
  return parse(values);
}

function parse(values: readonly string[]): ConnectionOptions {
  let close = false;
  let keepAlive = false;
  let upgrade = false;
  let te = false;
  let namesNeeded = false;
  const named = new Set<string>();
  for (const value of values) {
    for (const member of value.split(",")) {
      const option = trimOws(member).toLowerCase();
      if (option === "close") close = true;
      else if (option === "keep-alive") keepAlive = true;
      else if (option === "upgrade") upgrade = true;
      else if (option === "te") te = true;
      else if (NEEDED.has(option)) namesNeeded = true;
      else if (option !== "") named.add(option);
    }
  }
  return { close, keepAlive, upgrade, te, named: [...named], namesNeeded };
}
