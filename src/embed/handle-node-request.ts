import type { Fault } from "../http1/faults.ts";
import { limitsOf } from "../net/accept/listener-context.ts";
import { refusal } from "../net/h1/client/refusal.ts";
import * as answers from "../proxy/exchange/answers.ts";
import type { LocalAnswer } from "../proxy/local-answer.ts";
import type { EmbedHost } from "./embed-host.ts";
import { EmbeddedClient } from "./embedded-client.ts";
import type { ReadRequest } from "./embedded-client.ts";
import { Http2Response } from "./http2-response.ts";
import { NodeBody } from "./node-body.ts";
import { isHttp2, isSecure, parsedRequest, peerOf } from "./node-messages.ts";
import type { NodeRequest, NodeResponse } from "./proxy-types.ts";
import { Http1Response } from "./http1-response.ts";
import { bodyLeft } from "./read-before.ts";
import type { BodyLeft } from "./read-before.ts";
import { readHead } from "./read-head.ts";
import { requestFacts } from "./request-facts.ts";

/** The body was read before the proxy got the request, and nothing is left of it. The log says more (`request_unusable`). */
export const BODY_LOST: LocalAnswer = answers.answer(500, "body_read_before", "The proxy failed.", [], "proxy_internal_error");

/** For the log. */
export const BODY_LOST_HINT = "the request's body was read before the proxy got it: mount the proxy before the body parser";
const BEGUN_HINT = "the response had begun or ended before the proxy got the request: it is left alone";

/**
 * Answers a request of Node's http, https or http2 (compatibility API), or of a framework above it. A framework that mounts the proxy below a path
 * takes that path off `request.url`; the proxy sees the rest.
 * @param next called, without an argument, if no route of the configuration takes the request. Without it such a request is answered 404.
 *   The proxy answers its own errors and never passes one to `next`.
 */
export function handleNodeRequest(host: EmbedHost, request: NodeRequest, response: NodeResponse, next?: () => void): void {
  const { thread } = host;
  thread.tick();
  if (response.headersSent || response.writableEnded) return thread.report("error", "request_unusable", BEGUN_HINT);
  // The client is gone already.
  if (response.destroyed || request.socket.destroyed || (isHttp2(request) && request.stream.destroyed)) return;
  if (comesAfterLast(request, response)) return;
  const received = receive(host, request);
  if ("code" in received) return clientOf(host, request, response).refuse(refusal(received), null);
  const { read, left } = received;
  const facts = requestFacts(host, read.head, peerOf(request), isSecure(request));
  if (next !== undefined && !thread.snapshot.takes(read.head, facts.client)) return next();
  const client = clientOf(host, request, response);
  if (host.draining) return client.refuse(answers.DRAIN_TIMEOUT, read.head, null);
  if (left.kind === "lost") {
    thread.report("error", "request_unusable", BODY_LOST_HINT, { method: read.head.method, path: read.head.path });
    return client.refuse(BODY_LOST, read.head, null);
  }
  client.begin(read, facts, left.kind === "read" ? left.bytes : null);
}

/**
 * Whether the connection ends with the response to an earlier request. Node still hands over the pipelined requests that came with that one, but nobody
 * gets their responses. And where the earlier request was refused, its sender may not agree where this one begins.
 */
function comesAfterLast({ socket }: NodeRequest, response: NodeResponse): boolean {
  // The response that is being sent, as Node keeps it.
  const current: unknown = Reflect.get(socket, "_httpMessage");
  return typeof current === "object" && current !== null && current !== response && Reflect.get(current, "_last") === true;
}

/** The request, with the body that the program has read of it already; or the fault for which it is refused. */
function receive(host: EmbedHost, request: NodeRequest): { readonly read: ReadRequest; readonly left: BodyLeft } | Fault {
  const limits = limitsOf(host.config);
  const parsed = parsedRequest(request);
  if ("code" in parsed) return parsed;
  const read = readHead(parsed, limits);
  if ("code" in read) return read;
  const left = bodyLeft(request, read.length, parsed.fields);
  if (left.kind !== "read") return { read, left };
  const anew = readHead({ ...parsed, fields: left.fields }, limits);
  return "code" in anew ? anew : { read: anew, left };
}

function clientOf(host: EmbedHost, request: NodeRequest, response: NodeResponse): EmbeddedClient {
  const out =
    isHttp2(request) && "stream" in response
      ? new Http2Response(response)
      : new Http1Response(request as Exclude<NodeRequest, { stream: unknown }>, response as Exclude<NodeResponse, { stream: unknown }>);
  return new EmbeddedClient(host, peerOf(request), new NodeBody(request), out);
}
