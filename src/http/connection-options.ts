import type { FieldSection } from "./field-section.ts";
import { Known, bit } from "./known-fields.ts";

/** What a head's Connection field says (RFC 9110 section 7.6.1). */
export interface ConnectionOptions {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  readonly te: boolean;
  /** Lower-case names of fields that end at this hop, beside those that always do. */
  readonly named: readonly string[];
}

const NOTHING: ConnectionOptions = { close: false, keepAlive: false, upgrade: false, te: false, named: [] };
const CLOSE: ConnectionOptions = { ...NOTHING, close: true };
const KEEP_ALIVE: ConnectionOptions = { ...NOTHING, keepAlive: true };

/**
 * Fields that stay even when Connection names them: without them the message would mean something else to the origin, and a client
 * could strip what the proxy itself relies on (attack class 21). Fields that the proxy adds are added afterwards anyway.
 */
const PROTECTED = new Set([
  "host",
  "content-length",
  "content-type",
  "content-encoding",
  "content-range",
  "transfer-encoding",
  "authorization",
  "cookie",
  "set-cookie",
  "date",
  "via",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "cache-control",
]);

export function connectionOptions(fields: FieldSection): ConnectionOptions {
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
  const named: string[] = [];
  for (const value of values) {
    for (const member of value.split(",")) {
      const option = member.replaceAll(/[ \t]/g, "").toLowerCase();
      if (option === "close") close = true;
      else if (option === "keep-alive") keepAlive = true;
      else if (option === "upgrade") upgrade = true;
      else if (option === "te") te = true;
      else if (option !== "" && !PROTECTED.has(option)) named.push(option);
    }
  }
  return { close, keepAlive, upgrade, te, named };
}
