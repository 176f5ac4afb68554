/**
 * `millrace explain`: shows what the proxy would do with a request, without sending anything. It uses the data plane's own parser, routes
 * and writer.
 */
import { Buffer } from "node:buffer";
import { FEATURES } from "../features/registry.ts";
import { connectionOptions } from "../http/connection-options.ts";
import type { ConnectionOptions } from "../http/connection-options.ts";
import { RequestEdits } from "../http/head-edits.ts";
import type { RequestHead } from "../http/request-head.ts";
import { Framing } from "../http1/body-framing.ts";
import type { BodyFraming } from "../http1/body-framing.ts";
import { Event } from "../http1/message-reader.ts";
import { RequestReader } from "../http1/request-reader.ts";
import { limitsOf } from "../net/accept/listener-context.ts";
import type { ListenerConfig } from "../net/accept/listener-context.ts";
import { hiddenOf } from "../net/h1/client/client-facts.ts";
import { AddedFields, requestHeadText } from "../net/h1/request-writer.ts";
import { asksForWebSocket } from "../net/h1/websocket-handshake.ts";
import { explainRoutes } from "../policy/route/explain.ts";
import { AMBIGUOUS, compilePositions } from "../policy/route/match.ts";
import { normalizePath } from "../policy/route/normalize-path.ts";
import { BODY_TOO_LARGE } from "../proxy/exchange/answers.ts";
import { admitRequest } from "../proxy/exchange/forwarding.ts";
import type { Middleware } from "../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../proxy/local-answer.ts";
import { harmlessKeys, matchable, routeMiddleware } from "../proxy/snapshot.ts";
import { BucketTable } from "../shared/bucket-table.ts";
import { routeLabel } from "../config/route-label.ts";
import type { Config } from "../config/schema.ts";
import { loadConfigFile } from "./config-file.ts";
import { LoneView } from "../proxy/feature/lone-view.ts";
import { shownFieldLine, shownTarget } from "./shown-request.ts";

/** The address of the supposed client, one of those for documentation (RFC 5737). */
const CLIENT = "192.0.2.1";

export interface ExplainArguments {
  readonly file: string;
  readonly method: string;
  /** Absolute (`http://host/path`) or a path, which then needs a Host field. */
  readonly url: string;
  /** `name: value` lines. */
  readonly fields: readonly string[];
}

/** Exit code of an explanation that ends in an error of the proxy's own. */
const REFUSED = 3;

/**
 * Writes the explanation to `out`, or what is wrong with arguments or configuration to `err`. Resolves with the exit code: 0; 1 when arguments
 * or configuration are wrong; 3 when the proxy itself would answer with an error.
 */
export async function explainCommand(given: ExplainArguments, out: (text: string) => void, err: (text: string) => void): Promise<number> {
  const loaded = await loadConfigFile(given.file);
  if (!("config" in loaded)) {
    for (const problem of loaded.lines) err(`${problem}\n`);
    return 1;
  }
  const { config } = loaded;
  const [listener] = config.listeners;
  if (listener === undefined) throw new Error("a configuration without listeners was accepted");
  const read = readRequest(given, listener);
  if (typeof read === "string") {
    err(`millrace explain: ${read}\n`);
    return 1;
  }
  const { lines, end } = explanation(config, listener, read);
  for (const line of [...lines, end.text]) out(`${line}\n`);
  return end.status < 400 ? 0 : REFUSED;
}

interface Explanation {
  readonly lines: readonly string[];
  readonly end: End;
}

/** How the explanation ends: its last line, and the status if the proxy itself answers, 0 if the request goes to an endpoint. */
interface End {
  readonly text: string;
  readonly status: number;
}

interface ReadRequest {
  readonly head: RequestHead;
  readonly framing: BodyFraming;
}

/** Explains the request for a client that is no trusted proxy and is connected to the first listener. */
function explanation(config: Config, listener: ListenerConfig, { head: request, framing }: ReadRequest): Explanation {
  const lines = [`${request.method} ${shownTarget(request.forwardTarget)}  (host ${request.host === "" ? "not given" : request.host})`, ""];
  const connection = connectionOptions(request);
  request.hidden = hiddenOf(false, { addressFrom: config.client_address_from, config: listener });
  const early = admitRequest(request, connection, listener.unsafe_field_names);
  if (early !== null) return { lines, end: answered(early) };
  if (config.status_path !== null && request.path === config.status_path && (request.method === "GET" || request.method === "HEAD")) {
    return { lines, end: { text: `answered by the proxy itself: ${config.status_path} is its status page`, status: 200 } };
  }
  const path = normalizePath(request.path);
  if (path === null) return { lines, end: { text: "refused with 400: the path is malformed", status: 400 } };
  if (path !== request.path) lines.push(`matched as ${path}`, "");
  const labelOf = (index: number): string => routeLabel(config.routes[index] ?? {}, index);
  const matched = config.routes.map((each) => matchable(each, harmlessKeys(FEATURES)));
  const routes = explainRoutes(matched, request, path, labelOf);
  lines.push("routes:");
  for (const route of routes) {
    lines.push(`  ${route.matched ? "takes it " : "no       "} ${labelOf(route.index)}: ${route.why}`);
  }
  const taken = routes.find((route) => route.matched);
  const route = taken === undefined ? undefined : config.routes[taken.index];
  if (taken === undefined || route === undefined) {
    const ambiguous = compilePositions(matched).find(request, path) === AMBIGUOUS;
    lines.push("");
    const end = ambiguous
      ? { text: "refused with 400: origins may read the path differently", status: 400 }
      : { text: "answered with 404: no route takes it", status: 404 };
    return { lines, end };
  }
  const upstream = config.upstreams[route.upstream];
  const buckets = new BucketTable(BucketTable.create(0, 0, 8));
  const middleware = routeMiddleware(route, taken.index, FEATURES, { workerIndex: 0, buckets, now: () => 0, report: () => {} });
  lines.push("", `middleware, in order: ${middleware.length === 0 ? "none" : middleware.map((each) => each.name).join(", ")}`);
  if (route.max_body !== undefined) lines.push(`request body: at most ${route.max_body} bytes`);
  const view = new LoneView(request, CLIENT);
  for (const each of middleware) {
    const verdict = each.onRequest?.(view) ?? null;
    if (verdict === null || verdict instanceof Promise) continue;
    lines.push("");
    return { lines, end: answered(verdict, `${each.name}: `) };
  }
  if (framing.kind === Framing.length && framing.length > (route.max_body ?? Infinity)) {
    lines.push("");
    return { lines, end: answered(BODY_TOO_LARGE) };
  }
  lines.push("", `upstream ${route.upstream} (${upstream?.balance ?? ""}):`);
  for (const endpoint of upstream?.endpoints ?? [])
    lines.push(`  ${endpoint.url}${endpoint.weight === 1 ? "" : ` weight ${endpoint.weight}`}`);
  lines.push("", `request that would be sent (for a client at ${CLIENT}):`);
  const sent = sentHead(config, listener, upstream, view, connection, middleware);
  return { lines: [...lines, ...sent.slice(0, -1)], end: { text: sent.at(-1) ?? "", status: 0 } };
}

/** The lines of the head that would be sent to the first endpoint of the upstream. Values that may be secrets are hidden. */
function sentHead(
  config: Config,
  listener: ListenerConfig,
  upstream: Config["upstreams"][string] | undefined,
  view: LoneView,
  connection: ConnectionOptions,
  middleware: readonly Middleware[],
): string[] {
  const { request } = view;
  const edits = new RequestEdits();
  for (const each of middleware) each.onUpstreamRequest?.(view, edits);
  const forwarded = {
    request,
    connection,
    facts: {
      peer: view.client,
      client: view.client,
      trusted: false,
      secure: false,
      forwarded: null,
      unsafeFieldNames: listener.unsafe_field_names,
    },
    upgrade: connection.upgrade && asksForWebSocket(request),
  };
  const endpoint = { authority: new URL(upstream?.endpoints[0]?.url ?? "http://endpoint").host, via: upstream?.via !== false };
  const compared = new Set(config.routes.flatMap(({ match }) => Object.keys(match.headers ?? {}).map((name) => name.toLowerCase())));
  const head = requestHeadText(forwarded, edits, new AddedFields(), endpoint).trimEnd().split("\r\n");
  return head.map((line) => `  ${shownFieldLine(line, compared)}`);
}

function answered({ status, detail }: LocalAnswer, by: string = ""): End {
  return { text: `${by}${status < 400 ? "answered" : "refused"} with ${status}${detail === "" ? "" : `: ${detail}`}`, status };
}

/** Parses the request as the data plane would; a string says what is wrong with it. */
function readRequest(given: ExplainArguments, listener: ListenerConfig): ReadRequest | string {
  let target = given.url;
  let fields = given.fields;
  if (!target.startsWith("/") && target !== "*") {
    if (!URL.canParse(target)) return "the second argument is neither a URL nor a path";
    const url = new URL(target);
    // The path is cut out of the text, because URL would change its spelling, and routes are matched with the path that a client sends.
    target = target.replace(/^[a-z]+:\/\/[^/?#]*/i, "").replace(/#.*$/s, "");
    if (!target.startsWith("/")) target = `/${target}`;
    if (!fields.some((field) => /^host\s*:/i.test(field))) fields = [`Host: ${url.host}`, ...fields];
  } else if (!fields.some((field) => /^host\s*:/i.test(field))) fields = ["Host: localhost", ...fields];
  const text = `${given.method} ${target} HTTP/1.1\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`;
  const bytes = Buffer.from(text, "latin1");
  const reader = new RequestReader(limitsOf(listener));
  reader.feed(bytes, 0, bytes.length);
  const event = reader.next();
  if (event === Event.head) return { head: reader.head, framing: reader.framing };
  return event === Event.fault
    ? `the request would be refused with ${reader.fault.status}: ${reader.fault.detail}`
    : "the request is incomplete";
}
