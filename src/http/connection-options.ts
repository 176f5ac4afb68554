import { trimOws } from "./trim-ows.ts";
import type { FieldSection } from "./field-section.ts";
import { Known, bit } from "./known-fields.ts";

/** What a head's Connection field says (RFC 9110 section 7.6.1). */
export interface ConnectionOptions {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  readonly te: boolean;
  /** Lower-case names, each once, of fields that end at this hop, beside those that always do. */
  readonly named: readonly string[];
  /**
   * It names a field that everybody on the way needs. Such a request is refused; in a response the field stays, for origins do say
   * `Connection: Transfer-Encoding`.
   */
  readonly namesNeeded: boolean;
}

const NOTHING: ConnectionOptions = { close: false, keepAlive: false, upgrade: false, te: false, named: [], namesNeeded: false };
const CLOSE: ConnectionOptions = { ...NOTHING, close: true };
const KEEP_ALIVE: ConnectionOptions = { ...NOTHING, keepAlive: true };

/**
 * Fields that never end at a hop: by naming one a client could take away what frames the message, what says who speaks, or what the
 * proxy, a cache or an origin decides by (attack class 21). "A sender MUST NOT send a connection option corresponding to a field that is
 * intended for all recipients of the content."
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
  "x-real-ip",
]);

/** Asked several times of a head, and of heads whose fields are those of the one before: it is found once. */
export function connectionOptions(fields: FieldSection): ConnectionOptions {
  return (fields.connection ??= optionsOf(fields));
}

function optionsOf(fields: FieldSection): ConnectionOptions {
  if ((fields.present & bit(Known.connection)) === 0) return NOTHING;
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
