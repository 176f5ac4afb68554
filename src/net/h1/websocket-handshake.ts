import { createHash } from "node:crypto";
import { Known } from "../../http/known-fields.ts";
import type { RequestHead } from "../../http/request-head.ts";
import type { ResponseHead } from "../../http/response-head.ts";

/** The fixed text that a server appends to the client's key before hashing (RFC 6455 section 1.3). */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Whether the request asks for a WebSocket (RFC 6455 section 4.2.1). Sec-WebSocket-Version is left to the origin. */
export function asksForWebSocket(head: RequestHead): boolean {
  return (
    head.method === "GET" &&
    head.version === "1.1" &&
    head.knownValue(Known.upgrade)?.toLowerCase() === "websocket" &&
    head.has("sec-websocket-key")
  );
}

/**
 * Whether a 101 response belongs to `request` (RFC 6455 section 4.1): it must switch to WebSocket, and its Sec-WebSocket-Accept, if it has one,
 * must match the request's key. Another value means that the response answers another request.
 */
export function isSwitchFor(request: RequestHead, response: ResponseHead): boolean {
  if (response.knownValue(Known.upgrade)?.toLowerCase() !== "websocket") return false;
  const proof = response.get("sec-websocket-accept");
  if (proof === undefined) return true;
  const key = request.get("sec-websocket-key") ?? "";
  return proof === createHash("sha1").update(`${key}${GUID}`, "latin1").digest("base64");
}
