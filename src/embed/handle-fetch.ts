import { parseIpAddress } from "../base/cidr.ts";
import { plainPeer } from "../http/client-address.ts";
import type { FieldPair } from "../http/field-pairs.ts";
import { limitsOf } from "../net/accept/listener-context.ts";
import { refusal } from "../net/h1/client/refusal.ts";
import * as answers from "../proxy/exchange/answers.ts";
import type { EmbedHost } from "./embed-host.ts";
import { EmbeddedClient } from "./embedded-client.ts";
import { BODY_LOST, BODY_LOST_HINT } from "./handle-node-request.ts";
import type { FetchedFor } from "./proxy-types.ts";
import { readHead, without } from "./read-head.ts";
import type { ParsedRequest } from "./read-head.ts";
import { requestFacts } from "./request-facts.ts";
import { WebBody } from "./web-body.ts";
import { WebResponse } from "./web-response.ts";
import type { Settling } from "./web-response.ts";

/**
 * Answers a request of the web's standard. Resolves when the response's head is there; its body streams, and ends with an error if it cannot be
 * completed. Redirects are not followed. Rejects with the signal's reason if the request's signal is aborted before the head is there, and with a
 * TypeError if `client` is no IP address.
 */
export async function handleFetch(host: EmbedHost, request: Request, { client }: FetchedFor = {}): Promise<Response> {
  const peer = client === undefined ? "" : plainPeer(client);
  if (client !== undefined && parseIpAddress(peer) === null) throw new TypeError("`client` is no IP address");
  // The caller may be in the middle of another exchange's event, with which this exchange would share its edits (scratch-edits.ts).
  await Promise.resolve();
  request.signal.throwIfAborted();
  return new Promise((resolve, reject) => answer(host, request, peer, { resolve, reject }));
}

function answer(host: EmbedHost, request: Request, peer: string, settling: Settling): void {
  const { thread } = host;
  thread.tick();
  const { signal } = request;
  // First what may throw, because it reads what the program has made.
  const url = new URL(request.url);
  const read = readHead(parsedRequest(request, url), limitsOf(host.config));
  const isLost = request.bodyUsed || request.body?.locked === true;
  const body = new WebBody(isLost ? null : request.body);
  const response = new WebResponse(settling, request.method === "HEAD");

  const client = new EmbeddedClient(host, peer, body, response);
  const onAbort = (): void => response.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  client.onClosed = (): void => signal.removeEventListener("abort", onAbort);
  if ("code" in read) return client.refuse(refusal(read), null);
  const facts = requestFacts(host, read.head, peer, url.protocol === "https:");
  if (host.draining) return client.refuse(answers.DRAIN_TIMEOUT, read.head, null);
  if (isLost) {
    thread.report("error", "request_unusable", BODY_LOST_HINT, { method: read.head.method, path: read.head.path });
    return client.refuse(BODY_LOST, read.head, null);
  }
  client.begin(read, facts);
}

/** Fields about the framing of a message that is none of HTTP/1.1 here. */
const OF_HTTP1 = ["content-length", "transfer-encoding"];

/**
 * The request without what HTTP/1.1 would say about its body. A Content-Length stays if the request has a body: frameworks pass it on, and the body
 * is held to it.
 */
function parsedRequest(request: Request, url: URL): ParsedRequest {
  const all: FieldPair[] = [...request.headers];
  const fields = without(all, OF_HTTP1);
  const length = request.headers.get("content-length");
  if (request.body !== null || request.bodyUsed)
    fields.push(length === null ? ["transfer-encoding", "chunked"] : ["content-length", length]);
  const line = { method: request.method, target: `${url.pathname}${url.search}` };
  return { line: request.headers.has("host") ? line : { ...line, authority: url.host }, fields };
}
