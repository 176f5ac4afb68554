/**
 * Says what the proxy would do with a request, without sending anything: for `millrace explain` and for `explain` of a proxy within a program. It
 * uses the data plane's own parser, routes and writer.
 */
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { parseIpAddress } from "../base/cidr.ts";
import { answerFor } from "../features/files/file-answers.ts";
import { servedFolder } from "../features/files/files.ts";
import type { ServedFolder } from "../features/files/served-folder.ts";
import { DiskFiles } from "../files/disk-files.ts";
import { FEATURES } from "../features/registry.ts";
import { connectionOptions } from "../http/connection-options.ts";
import type { ConnectionOptions } from "../http/connection-options.ts";
import { RequestEdits } from "../http/head-edits.ts";
import type { RequestHead } from "../http/request-head.ts";
import { ADMITTED_BY_DEFAULT, admittedProtocols, askedProtocols } from "../http/upgrade.ts";
import { Framing } from "../http1/body-framing.ts";
import type { BodyFraming } from "../http1/body-framing.ts";
import { Event } from "../http1/message-reader.ts";
import { RequestReader } from "../http1/request-reader.ts";
import { moduleAddress } from "../modules/module-address.ts";
import { limitsOf } from "../net/accept/listener-context.ts";
import type { ListenerConfig } from "../net/accept/listener-context.ts";
import { hiddenOf } from "../net/client-facts.ts";
import { AddedFields, requestHeadText } from "../net/h1/request-writer.ts";
import { patternsIn } from "../config/path-patterns.ts";
import { entriesOf } from "../policy/route/conditions.ts";
import { groupsOf } from "../policy/route/path-regex.ts";
import type { CompileRegex } from "../policy/route/path-regex.ts";
import { PathRegexes } from "../regex/path-regexes.ts";
import { explainRoutes } from "../policy/route/explain.ts";
import { AMBIGUOUS, compilePositions } from "../policy/route/match.ts";
import { normalizePath } from "../policy/route/normalize-path.ts";
import { BODY_TOO_LARGE } from "../proxy/exchange/answers.ts";
import { admitRequest } from "../proxy/exchange/forwarding.ts";
import type { ThreadContext } from "../proxy/feature/feature.ts";
import { onceEach } from "../proxy/feature/once.ts";
import type { Middleware } from "../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../proxy/local-answer.ts";
import { harmlessKeys, matchable, pathRegexesOf, routeMiddleware } from "../proxy/snapshot.ts";
import { BucketTable } from "../shared/bucket-table.ts";
import { routeLabel } from "../config/route-label.ts";
import type { Environment } from "../config/replacements.ts";
import type { Config } from "../config/schema.ts";
import { LoneView } from "../proxy/feature/lone-view.ts";
import { explainSplit } from "./explained-split.ts";
import type { Explanation } from "./explained.ts";
import { hiddenValues, shownFieldLine, shownTarget } from "./shown-request.ts";

/** The address of the client when none is given, one of those for documentation (RFC 5737). */
const CLIENT = "192.0.2.1";

/** A request to explain. */
export interface ExplainedRequest {
  readonly method: string;
  /** Absolute (`http://host/path`) or a path, which then needs a Host field. */
  readonly url: string;
  /** `name: value` lines. */
  readonly fields: readonly string[];
  /** The client's IP address. Default: 192.0.2.1. */
  readonly client?: string | undefined;
}

/**
 * Explains the request for a client that is no trusted proxy and is connected to that listener. A string says what is wrong with the request.
 * @param environment the variables that the configuration may name
 */
export async function explain(
  config: Config,
  listener: ListenerConfig,
  given: ExplainedRequest,
  environment: Environment,
): Promise<Explanation | string> {
  const { client = CLIENT } = given;
  if (parseIpAddress(client) === null) return "the client is no IP address, such as 10.0.0.1 or 2001:db8::1";
  const read = readRequest(given, listener);
  if (typeof read === "string") return read;
  const regexes = new PathRegexes();
  if (patternsIn(config.routes).length > 0) await regexes.load();
  return await explanation(config, listener, { ...read, client }, environment, (pattern) => regexes.compile(pattern));
}

interface ReadRequest {
  readonly head: RequestHead;
  readonly framing: BodyFraming;
}

/** The part of an explanation that is known when the proxy answers before it looks for a route. */
const NOTHING: Omit<Explanation, "lines" | "status"> = {
  route: null,
  routes: [],
  middleware: [],
  upstream: null,
  split: [],
  endpoints: [],
};

/** How the proxy's own answer is put in words: the last line of an explanation. */
interface End {
  readonly text: string;
  readonly status: number;
}

async function explanation(
  config: Config,
  listener: ListenerConfig,
  { head: request, framing, client }: ReadRequest & { readonly client: string },
  environment: Environment,
  compileRegex: CompileRegex,
): Promise<Explanation> {
  const lines = [`${request.method} ${shownTarget(request.forwardTarget)}  (host ${request.host === "" ? "not given" : request.host})`, ""];
  const connection = connectionOptions(request);
  request.hidden = hiddenOf(false, { addressFrom: config.client_address_from, config: listener });
  const early = admitRequest(request, connection, listener.unsafe_field_names);
  if (early !== null) return ended(NOTHING, lines, answered(early));
  if (config.status_path !== null && request.path === config.status_path && (request.method === "GET" || request.method === "HEAD")) {
    return ended(NOTHING, lines, { text: `answered by the proxy itself: ${config.status_path} is its status page`, status: 200 });
  }
  const path = normalizePath(request.path);
  if (path === null) return ended(NOTHING, lines, { text: "refused with 400: the path is malformed", status: 400 });
  if (path !== request.path) lines.push(`matched as ${path}`, "");
  const labelOf = (index: number): string => routeLabel(config.routes[index] ?? {}, index);
  const matched = config.routes.map((each) => matchable(each, harmlessKeys(FEATURES)));
  const routes = explainRoutes(matched, request, path, client, labelOf, compileRegex).map((each) => ({
    ...each,
    label: labelOf(each.index),
  }));
  lines.push("routes:");
  for (const route of routes) {
    lines.push(`  ${route.matched ? "takes it " : "no       "} ${route.label}: ${route.why}`);
  }
  const taken = routes.find((route) => route.matched);
  const written = taken === undefined ? undefined : config.routes[taken.index];
  if (taken === undefined || written === undefined) {
    const ambiguous = compilePositions(matched, compileRegex).find(request, path, client) === AMBIGUOUS;
    lines.push("");
    const end = ambiguous
      ? { text: "refused with 400: origins may read the path differently", status: 400 }
      : { text: "answered with 404: no route takes it", status: 404 };
    return ended({ ...NOTHING, routes }, lines, end);
  }
  const view = new LoneView(request, client);
  view.routeName = taken.label;
  view.groups = groupsOf(pathRegexesOf(written, compileRegex), path);
  const { route, sides: split, lines: splitLines } = explainSplit(written, view);
  const upstream = route.upstream === undefined ? undefined : config.upstreams[route.upstream];
  const thread: ThreadContext = {
    workerIndex: 0,
    buckets: new BucketTable(BucketTable.create(0, 0, 8)),
    now: () => 0,
    environment: hiddenValues(environment),
    readFile: (name) => readFileSync(name, "utf8"),
    files: new DiskFiles({ epochMs: Date.now, counted: () => {}, mayOpen: () => true }),
    once: onceEach(),
    compileRegex,
    report: () => {},
  };
  // Only its name is known here: it has no hooks.
  const own = [...config.middleware, ...(route.middleware ?? [])].map(({ use }): Middleware => ({ name: nameOf(use) }));
  const middleware = routeMiddleware(route, taken.index, FEATURES, thread, own);
  const found = { ...NOTHING, routes, route: taken, split, middleware: middleware.map(({ name }) => name) };
  lines.push("", `middleware, in order: ${found.middleware.length === 0 ? "none" : found.middleware.join(", ")}`);
  if (own.length > 0) lines.push(`not run here, and may change what follows: ${own.map(({ name }) => name).join(", ")}`);
  if (route.max_body !== undefined) lines.push(`request body: at most ${route.max_body} bytes`);
  for (const each of middleware) {
    const verdict = (await each.onRequest?.(view)) ?? null;
    if (verdict === null) continue;
    lines.push("");
    return ended(found, lines, answered(verdict, `${each.name}: `));
  }
  if (framing.kind === Framing.length && framing.length > (route.max_body ?? Infinity)) {
    lines.push("");
    return ended(found, lines, answered(BODY_TOO_LARGE));
  }
  if (route.files !== undefined) {
    const folder = servedFolder(route.files, thread.files, route.rewrite, compileRegex);
    lines.push("");
    return ended(found, lines, await sentFile(folder, route.files.root, request));
  }
  lines.push(...splitLines, "", `upstream ${route.upstream ?? ""} (${upstream?.balance ?? ""}):`);
  const endpoints = upstream?.endpoints ?? [];
  for (const endpoint of endpoints) lines.push(`  ${endpoint.url}${endpoint.weight === 1 ? "" : ` weight ${endpoint.weight}`}`);
  lines.push("", `request that would be sent (for a client at ${client}):`);
  const upgrade = admittedProtocols(askedProtocols(request, connection), route.upgrade ?? ADMITTED_BY_DEFAULT);
  lines.push(...sentHead(config, listener, upstream, view, connection, upgrade, middleware));
  if (connection.upgrade && upgrade === "") lines.push("", notTakenUp(route.upgrade ?? ADMITTED_BY_DEFAULT));
  return {
    ...found,
    upstream: route.upstream ?? null,
    endpoints: endpoints.map(({ url, weight }) => ({ url, weight })),
    status: null,
    lines,
  };
}

/** What a route with `files` answers, as the files are now. Conditions and ranges of the request are left out. */
async function sentFile(folder: ServedFolder, root: string, { path, forwardTarget }: RequestHead): Promise<End> {
  const found = await folder.find(path);
  if (typeof found === "string") return answered(answerFor(found, path, forwardTarget.slice(path.length)), "files: ");
  found.file.close();
  return { text: `files: answered with 200, the file ${root}/${found.name}`, status: 200 };
}

function notTakenUp(admitted: readonly string[]): string {
  const what = admitted.length === 0 ? "its route admits no other protocol" : `its route admits ${admitted.join(", ")}`;
  return `the request goes without Upgrade: it asks for no protocol that may be switched to (${what})`;
}

/** The name of a middleware; of one whose module is loaded without a check, the module. */
function nameOf(use: string): string {
  const { name, url } = moduleAddress(use);
  return name === "" ? url : name;
}

function ended(found: Omit<Explanation, "lines" | "status">, lines: readonly string[], { text, status }: End): Explanation {
  return { ...found, status, lines: [...lines, text] };
}

/** The lines of the head that would be sent to the first endpoint of the upstream. Values that may be secrets are hidden. */
function sentHead(
  config: Config,
  listener: ListenerConfig,
  upstream: Config["upstreams"][string] | undefined,
  view: LoneView,
  connection: ConnectionOptions,
  upgrade: string,
  middleware: readonly Middleware[],
): string[] {
  const { request } = view;
  const endpoint = {
    authority: new URL(upstream?.endpoints[0]?.url ?? "http://endpoint").host,
    via: upstream?.via !== false,
    xForwarded: upstream?.x_forwarded !== false,
  };
  view.endpointAuthority = endpoint.authority;
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
      forwardedPathFields: listener.forwarded_path_fields,
    },
    isBackground: false,
    upgrade,
  };
  const compared = new Set(
    config.routes.flatMap((each) => entriesOf(each).flatMap(({ headers = {} }) => Object.keys(headers).map((name) => name.toLowerCase()))),
  );
  const head = requestHeadText(forwarded, edits, new AddedFields(), endpoint).trimEnd().split("\r\n");
  return head.map((line) => `  ${shownFieldLine(line, compared)}`);
}

function answered({ status, detail, fields }: LocalAnswer, by: string = ""): End {
  const [, location] = fields.find(([name]) => name === "Location") ?? [];
  const where = location === undefined ? "" : `, Location: ${shownTarget(location)}`;
  return { text: `${by}${status < 400 ? "answered" : "refused"} with ${status}${where}${detail === "" ? "" : `: ${detail}`}`, status };
}

/** Parses the request as the data plane would; a string says what is wrong with it. */
function readRequest(given: ExplainedRequest, listener: ListenerConfig): ReadRequest | string {
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
