import type { IncomingMessage, ServerResponse } from "node:http";
import type { EmbedHost } from "./embed-host.ts";

/**
 * Answers a request of Node's http, https or http2 (compatibility API), or of a framework above it.
 * @param next called, without an argument, if no route of the configuration takes the request. Without it such a request is answered 404.
 *   The proxy answers its own errors and never passes one to `next`.
 */
export function handleNodeRequest(_host: EmbedHost, _request: IncomingMessage, response: ServerResponse, next?: () => void): void {
  if (next !== undefined) return next();
  response.writeHead(501).end();
}
