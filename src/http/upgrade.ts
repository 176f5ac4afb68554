/** Switching a connection to another protocol (RFC 9110 section 7.8): what a request asks for, and what of that may be passed on. */
import type { ConnectionOptions } from "./connection-options.ts";
import { Known } from "./known-fields.ts";
import type { RequestHead } from "./request-head.ts";
import { TOKEN } from "./syntax.ts";
import { trimOws } from "./trim-ows.ts";

/** The protocol of RFC 6455. It is the only one that routes admit which do not say otherwise. */
export const WEBSOCKET = "websocket";
export const ADMITTED_BY_DEFAULT: readonly string[] = [WEBSOCKET];

/**
 * The protocols that the request asks to switch to, as in the field Upgrade: each once, in its order, `websocket` in lower case. "": none.
 * A request that is no handshake of RFC 6455 section 4.2.1 does not ask for `websocket`, whatever its fields say. HTTP/1.0 has no such field.
 */
export function askedProtocols(head: RequestHead, options: ConnectionOptions): string {
  if (!options.upgrade || head.version !== "1.1") return "";
  const names = protocolsIn(head.knownValues(Known.upgrade))
    .map((name) => (isWebSocket(name) ? WEBSOCKET : name))
    .filter((name) => name !== WEBSOCKET || (head.method === "GET" && head.has("sec-websocket-key")));
  return [...new Map(names.map((name) => [name.toLowerCase(), name])).values()].join(", ");
}

/**
 * Of the protocols asked for, those that are admitted.
 * @param asked as `askedProtocols` gives them
 * @param admitted names with their versions, in lower case
 */
export function admittedProtocols(asked: string, admitted: readonly string[]): string {
  if (asked === WEBSOCKET) return admitted.includes(WEBSOCKET) ? asked : "";
  return asked
    .split(", ")
    .filter((name) => admitted.includes(name.toLowerCase()))
    .join(", ");
}

/** The protocols in values of the field Upgrade. What is none is left out. */
export function protocolsIn(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => value.split(",").map(trimOws)).filter(isProtocol);
}

/** Whether it is a name with or without a version: `tcp`, `spdy/3.1`. */
export function isProtocol(text: string): boolean {
  const [name = "", version = "x", ...more] = text.split("/");
  return more.length === 0 && TOKEN.test(name) && TOKEN.test(version);
}

function isWebSocket(name: string): boolean {
  return name.toLowerCase() === WEBSOCKET;
}
