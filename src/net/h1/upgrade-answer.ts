import { createHash } from "node:crypto";
import { Known } from "../../http/known-fields.ts";
import type { RequestHead } from "../../http/request-head.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import { WEBSOCKET, protocolsIn } from "../../http/upgrade.ts";

/** The fixed text that a server appends to the client's key before hashing (RFC 6455 section 1.3). */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * Whether a 101 response belongs to `request`: it must switch to a protocol that the request offered (RFC 9110 section 7.8), and to nothing else. For
 * WebSocket its Sec-WebSocket-Accept, if it has one, must match the request's key (RFC 6455 section 4.1). Another value means that the response
 * answers another request.
 * @param offered the protocols of the request as it was sent; "": none
 */
export function isSwitchFor(request: RequestHead, offered: string, response: ResponseHead): boolean {
  const chosen = protocolsIn(response.knownValues(Known.upgrade)).map((name) => name.toLowerCase());
  const known = offered.toLowerCase().split(", ");
  if (offered === "" || chosen.length === 0 || !chosen.every((name) => known.includes(name))) return false;
  const proof = response.get("sec-websocket-accept");
  if (proof === undefined || !chosen.includes(WEBSOCKET)) return true;
  const key = request.get("sec-websocket-key") ?? "";
  return proof === createHash("sha1").update(`${key}${GUID}`, "latin1").digest("base64");
}
