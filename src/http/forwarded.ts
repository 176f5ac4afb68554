/**
 * Reads and writes the Forwarded field (RFC 7239 section 4): a list with one element per proxy, each a list of pairs. If a value is
 * malformed anywhere, the whole field counts as absent.
 */
import { trimOws } from "./trim-ows.ts";

/** What one proxy says about the request that it received. */
export interface ForwardedElement {
  /** The sender: an address with or without brackets and port, `unknown`, or an obfuscated name. Without quotes. */
  readonly for?: string;
  readonly host?: string;
  readonly proto?: string;
}

/** The part of a Forwarded field that trusted proxies wrote. */
export interface BelievedForwarded {
  readonly elements: readonly ForwardedElement[];
  /** The element about the client's own request. Undefined: there is none. */
  readonly ofClient: ForwardedElement | undefined;
}

/** The elements of all lines, in order. Null: something in them is malformed. */
export function parseForwarded(values: readonly string[]): readonly ForwardedElement[] | null {
  const elements: ForwardedElement[] = [];
  for (const value of values) {
    const read = readElements(value);
    if (read === null) return null;
    elements.push(...read);
  }
  return elements;
}

/** The text of one element, for a proxy to append. `address`: without port; "" for a peer without address. */
export function forwardedElement(address: string, host: string, proto: string): string {
  const node = address === "" ? "unknown" : address.includes(":") ? `"[${address}]"` : address;
  return `for=${node}${host === "" ? "" : `;host=${quotedWhereNeeded(host)}`};proto=${proto}`;
}

function quotedWhereNeeded(text: string): string {
  return TOKEN.test(text) ? text : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function readElements(value: string): ForwardedElement[] | null {
  const elements: ForwardedElement[] = [];
  for (const text of splitOutsideQuotes(value, ",")) {
    if (text === null) return null;
    // Empty list elements are ignored (RFC 9110 section 5.6.1.2).
    if (trimOws(text) === "") continue;
    const element = readPairs(trimOws(text));
    if (element === null) return null;
    elements.push(element);
  }
  return elements;
}

function readPairs(text: string): ForwardedElement | null {
  const found = new Map<string, string>();
  for (const pair of splitOutsideQuotes(text, ";")) {
    if (pair === null) return null;
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = pair.slice(0, Math.max(0, equals)).toLowerCase();
    const value = unquoted(pair.slice(equals + 1));
    // "Each parameter MUST NOT occur more than once per field-value."
    if (!TOKEN.test(name) || value === null || found.has(name)) return null;
    found.set(name, value);
  }
  const [node, host, proto] = [found.get("for"), found.get("host"), found.get("proto")];
  return {
    ...(node === undefined ? {} : { for: node }),
    ...(host === undefined ? {} : { host }),
    ...(proto === undefined ? {} : { proto }),
  };
}

/** The value of a token or of a quoted string, without quotes and escapes (RFC 9110 section 5.6.4). Null: it is neither. */
function unquoted(text: string): string | null {
  if (!text.startsWith('"')) return TOKEN.test(text) ? text : null;
  if (text.length < 2 || !text.endsWith('"')) return null;
  let plain = "";
  for (let at = 1; at < text.length - 1; at++) {
    if (text[at] === '"') return null;
    if (text[at] === "\\" && ++at === text.length - 1) return null;
    plain += text[at];
  }
  return plain;
}

/** Splits at separators outside quoted strings. The last part is null if a quoted string is not closed. */
function splitOutsideQuotes(text: string, separator: "," | ";"): (string | null)[] {
  const parts: (string | null)[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted && character === "\\") at++;
    else if (character === '"') quoted = !quoted;
    else if (character === separator && !quoted) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(quoted ? null : text.slice(start));
  return parts;
}
