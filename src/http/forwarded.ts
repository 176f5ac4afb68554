/**
 * The Forwarded field (RFC 7239 section 4): a list of elements, one per proxy, each a list of pairs. A value that is broken anywhere is no
 * statement about anything: the whole field is taken as absent.
 */
import { trimOws } from "./trim-ows.ts";

/** What one proxy says about the side that it got the request from. Absent parameters are undefined. */
export interface ForwardedElement {
  /** A node: address with or without brackets and port, `unknown`, or an obfuscated name. Without its quotes. */
  readonly for?: string;
  readonly host?: string;
  readonly proto?: string;
}

/** What is believed of a field that trusted proxies write. */
export interface BelievedForwarded {
  readonly elements: readonly ForwardedElement[];
  /** The one of them that tells of the client's request; undefined where there is none. */
  readonly ofClient: ForwardedElement | undefined;
}

/** The elements of all lines, in order; null when anything in them is malformed. */
export function parseForwarded(values: readonly string[]): readonly ForwardedElement[] | null {
  const elements: ForwardedElement[] = [];
  for (const value of values) {
    const read = readElements(value);
    if (read === null) return null;
    elements.push(...read);
  }
  return elements;
}

/** One element as a proxy appends it. `address`: without port; "" for a peer that has none. */
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
    // Empty list elements count for nothing (RFC 9110 section 5.6.1.2).
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

/** A token as it is, a quoted string without quotes and escapes; null for anything else (RFC 9110 section 5.6.4). */
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

/** The parts between separators that do not stand in a quoted string; null at the end where a quote was never closed. */
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
