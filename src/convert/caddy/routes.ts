/** The routes of a site: its directives in the order in which they act. */
import { both, defined } from "../model/conditions.ts";
import type { Conditions } from "../model/conditions.ts";
import type { Keys, RouteDraft } from "../model/draft.ts";
import { isPathPrefix } from "../model/names.ts";
import { formatPlace } from "../model/notes.ts";
import type { Notes } from "../model/notes.ts";
import { literal } from "../model/regex-text.ts";
import type { Sources } from "../model/sources.ts";
import { NOBODY } from "../model/tls.ts";
import { answered, redirected } from "./answers.ts";
import { forwardAuth } from "./forward-auth.ts";
import { compressionOf } from "./compression.ts";
import { fieldEdits } from "./fields.ts";
import { fieldKeys, guardsOf, isSameLogin, joinedFields, variantsOf } from "./layer.ts";
import type { Additions, Layer } from "./layer.ts";
import { EVERYTHING, combined, matchersIn, pathsOf } from "./matchers.ts";
import type { Matcher } from "./matchers.ts";
import { HANDLERS, OF_CADDY_1, REASONS } from "./no-equivalent.ts";
import { sorted } from "./order.ts";
import type { Directive } from "./parse.ts";
import { filesTried, rewritten, uriChange } from "./path-change.ts";
import { withEnvironment } from "./placeholders.ts";
import { parseDuration } from "../../base/duration.ts";
import { caddyDuration, caddySize } from "./units.ts";
import type { Upstreams } from "./upstreams.ts";
import type { UsersFiles } from "./users.ts";

export interface RouteSurroundings {
  readonly upstreams: Upstreams;
  readonly users: UsersFiles;
  readonly notes: Notes;
  readonly sources: Sources;
}

/** What directives without a matcher of their own have to be told apart by. */
const WITHOUT_MATCHER = new Set(["handle_path", "log", "tls", "bind", "handle_errors", "log_name", "map"]);

export class SiteRoutes {
  private readonly drafts: RouteDraft[] = [];
  private readonly surroundings: RouteSurroundings;
  private matchers: ReadonlyMap<string, Matcher> = new Map();
  /** Matchers that look at nothing but what a program calls itself, where it comes from and which file it asks for. */
  private readonly filters = new Set<string>();

  constructor(surroundings: RouteSurroundings) {
    this.surroundings = surroundings;
  }

  /** @param host the condition on the host */
  routes(body: readonly Directive[], host: Conditions): readonly RouteDraft[] {
    this.block(body, [host], [], false);
    return this.drafts;
  }

  /** @param isRoute whether the directives act in the order of the file */
  private block(body: readonly Directive[], within: readonly Conditions[], outer: readonly Layer[], isRoute: boolean): void {
    const { sources, notes } = this.surroundings;
    const before = this.matchers;
    this.matchers = new Map([...before, ...matchersIn(body, sources, notes)]);
    for (const { name, args, block } of body.filter((each) => each.name.startsWith("@"))) {
      const lines = block === null ? [args] : block.map((line) => [line.name, ...line.args]);
      if (
        lines.every((line) =>
          /^(?:header|header_regexp)(?: \w+)? (?:User-Agent|Referer)\b|^(?:file|path|path_regexp|protocol)\b/i.test(line.join(" ")),
        )
      )
        this.filters.add(name);
    }
    const directives = body.filter(({ name }) => !name.startsWith("@"));
    const layers = [...outer];
    for (const directive of isRoute ? directives : sorted(directives, (each) => this.pathsFor(each, body)))
      this.directive(directive, within, layers);
    this.matchers = before;
  }

  private directive(directive: Directive, within: readonly Conditions[], layers: Layer[]): void {
    const { notes } = this.surroundings;
    const { name, place } = directive;
    const { matcher, args } = this.split(directive);
    const comments = [`${name} (${formatPlace(place)})`];
    const note = (why: string): void => notes.add({ place, what: name, why }, comments);
    if (OF_CADDY_1.has(name)) return note("it is a directive of Caddy 1, and only the format of Caddy 2 is converted");
    const conditions = matcher === null ? null : combined(within, matcher);
    if (matcher === null || conditions === null) {
      if (/^basic_?auth$/.test(name)) {
        note("its matcher has no equivalent, so everybody is asked for a password here");
        return this.login(directive, [{}], args, layers, note);
      }
      if (!this.refuses(directive)) return note("its matcher has no equivalent, so it is left out");
      layers.push({ matcher: [{}], additions: { access: NOBODY } });
      return note(
        "its matcher has no equivalent, and it keeps clients away, so nobody is let in here: take out `access` when that is done otherwise",
      );
    }
    if (conditions.length === 0) return note("its matcher and the one around it never hold together, so it is left out");
    const layer = (additions: Additions): void => void layers.push({ matcher, additions });
    switch (name) {
      case "root": {
        const [root] = args;
        if (root !== undefined && !/\{(?!\$|env\.)/.test(root)) return layer({ root: withEnvironment(root) });
        return note("where it leads is chosen by a placeholder");
      }
      case "header":
        return layer({ responseHeaders: fieldEdits("response", directive, args, false, notes, comments) });
      case "request_header":
        return layer({ requestHeaders: fieldEdits("request", directive, args, hasLogin(layers), notes, comments) });
      case "request_body":
        return layer({ maxBody: caddySize(directive.block?.find((each) => each.name === "max_size")?.args[0] ?? "") });
      case "encode": {
        const { keys, unknown } = compressionOf(args, directive);
        for (const what of unknown) note(`\`${what}\` of it has no equivalent`);
        return keys === null ? undefined : layer({ compression: keys });
      }
      case "rate_limit": {
        const limit = rateLimit(directive);
        return limit === null ? note("what it counts by, or its rate, has no equivalent") : layer({ rateLimit: limit });
      }
      case "basic_auth":
      case "basicauth":
        return this.login(directive, matcher, args, layers, note);
      case "forward_auth":
        return this.asked(directive, matcher, args, layers, comments, note);
      case "rewrite":
      case "uri": {
        const change = name === "uri" ? uriChange(args) : rewritten(args[0] ?? "");
        return change === null ? note("the change has no equivalent") : layer({ rewrite: change });
      }
      case "try_files": {
        const { fallback, why } = filesTried(args.map(withEnvironment));
        if (why !== undefined) note(why);
        return fallback === undefined ? undefined : layer({ fallback });
      }
      case "handle":
      case "handle_path": {
        const [pattern = ""] = directive.args;
        const prefix = pattern.replace(/\/?\*$/, "");
        const inner =
          name === "handle_path" && isPathPrefix(prefix)
            ? [...layers, { matcher, additions: { rewrite: { strip_prefix: literal(prefix) } } }]
            : layers;
        return this.block(directive.block ?? [], conditions, inner, false);
      }
      case "route":
        return this.block(directive.block ?? [], conditions, layers, true);
      case "redir": {
        const answer = redirected(
          args,
          conditions.some(({ regex }) => regex !== undefined),
        );
        return answer.problem === undefined ? this.route(conditions, layers, answer.keys, comments, true) : note(answer.problem);
      }
      case "respond":
      case "error":
      case "abort": {
        const { keys, remark } = answered(name, args, directive.block ?? []);
        if (remark !== undefined) note(remark);
        return this.route(conditions, layers, keys, comments, true);
      }
      case "reverse_proxy":
        return this.proxy(directive, args, conditions, layers, comments);
      case "file_server":
        return this.fileServer(directive, args, conditions, layers, comments);
      default:
        return this.other(directive, conditions, layers, comments);
    }
  }

  private login(
    directive: Directive,
    matcher: readonly Conditions[],
    args: readonly string[],
    layers: Layer[],
    note: (why: string) => void,
  ): void {
    this.admission(this.surroundings.users.authentication(directive, args, note), matcher, layers, note);
  }

  /** A service decides. */
  private asked(
    directive: Directive,
    matcher: readonly Conditions[],
    args: readonly string[],
    layers: Layer[],
    comments: string[],
    note: (why: string) => void,
  ): void {
    const authentication = forwardAuth(directive, args, this.surroundings.upstreams, comments, note);
    if (authentication === null) layers.push({ matcher, additions: { access: NOBODY } });
    else this.admission(authentication, matcher, layers, note);
  }

  /** Of two that act on one request both must hold in Caddy. */
  private admission(authentication: Keys, matcher: readonly Conditions[], layers: Layer[], note: (why: string) => void): void {
    const meets = layers.some(
      (layer) =>
        layer.additions.authentication !== undefined &&
        !isSameLogin(layer.additions.authentication, authentication) &&
        layer.matcher.some((one) => matcher.some((other) => both(one, other) !== "never")),
    );
    if (meets) note("another login comes before it, and both would have to hold: where it does, nobody is let in");
    layers.push({ matcher, additions: { authentication } });
  }

  /** Whether a directive keeps clients away, and not only programs by their names. */
  private refuses({ name, args: [first = "", ...rest] }: Directive): boolean {
    if (name === "forward_auth") return true;
    const isRefusal = name === "abort" || ((name === "respond" || name === "error") && rest.some((each) => /^40[134]$/.test(each)));
    return isRefusal && !this.filters.has(first);
  }

  private other({ name, place }: Directive, conditions: readonly Conditions[], layers: readonly Layer[], comments: string[]): void {
    const { notes } = this.surroundings;
    const handler = HANDLERS[name];
    const why = handler ?? REASONS[name] ?? "has no equivalent";
    if (why !== "") notes.add({ place, what: name, why }, comments);
    if (handler === undefined) return;
    // Sources of a program must not be served as files.
    const own = name.startsWith("php") ? combined(conditions, [{ regex: String.raw`\.php(/|$)` }]) : conditions;
    this.route(own ?? conditions, layers, { respond: { status: 501 } }, comments, true);
  }

  private proxy(
    directive: Directive,
    args: readonly string[],
    conditions: readonly Conditions[],
    layers: readonly Layer[],
    comments: string[],
  ): void {
    const { upstreams, notes } = this.surroundings;
    const proxied = upstreams.proxied(directive, args, hasLogin(layers), comments);
    if (proxied === null) {
      notes.add({ place: directive.place, what: directive.name, why: "it has no endpoint, so this answers 501" }, comments);
      return this.route(conditions, layers, { respond: { status: 501 } }, comments, true);
    }
    const { upstream, host, requestHeaders, responseHeaders } = proxied;
    this.route(conditions, layers, { rewrite: host === undefined ? undefined : { host }, upstream }, comments, false, {
      requestHeaders,
      responseHeaders,
    });
  }

  private fileServer(
    directive: Directive,
    args: readonly string[],
    conditions: readonly Conditions[],
    layers: readonly Layer[],
    comments: string[],
  ): void {
    const { notes } = this.surroundings;
    const lines = directive.block ?? [];
    const note = (what: string, why: string): void => notes.add({ place: directive.place, what: `file_server ${what}`, why }, comments);
    if (args.includes("browse") || lines.some(({ name }) => name === "browse")) note("browse", "folders are not listed");
    if (lines.some(({ name }) => name === "hide")) note("hide", "only files whose names begin with a dot are hidden");
    if (lines.some(({ name }) => name === "pass_thru")) note("pass_thru", "a file that is not there is 404");
    const given = lines.find(({ name }) => name === "root")?.args[0];
    const index = lines.find(({ name }) => name === "index")?.args.find((name) => !name.endsWith(".php"));
    const root = given === undefined ? undefined : withEnvironment(given);
    const files = defined({ root, index: index === "index.html" ? undefined : index });
    this.route(conditions, layers, { files }, comments, true);
  }

  /** Adds the route, once for each combination of what comes before it. */
  private route(
    conditions: readonly Conditions[],
    layers: readonly Layer[],
    keys: Keys,
    comments: readonly string[],
    isOwn: boolean,
    fields: Pick<Additions, "requestHeaders" | "responseHeaders"> = {},
  ): void {
    const made: RouteDraft[] = [];
    for (const each of conditions) {
      const variants = variantsOf(each, layers);
      if (variants === null) {
        const [first = ""] = comments;
        const match = /^(.*) \((.*):(\d+)\)$/.exec(first);
        this.surroundings.notes.add({
          place: { file: match?.[2] ?? "", line: Number(match?.[3] ?? 1) },
          what: match?.[1] ?? "route",
          why: "what comes before it for some paths only cannot be put together with it",
        });
      }
      for (const { conditions: own, additions } of variants ?? [{ conditions: each, additions: guardsOf(each, layers) }])
        made.push({ match: [own], keys: completed(keys, additions, isOwn, fields), comments: [] });
    }
    // Entries with the same keys are one route.
    const whole: RouteDraft[] = [];
    for (const draft of made) {
      const last = whole.at(-1);
      if (last !== undefined && JSON.stringify(last.keys) === JSON.stringify(draft.keys))
        whole[whole.length - 1] = { ...last, match: [...last.match, ...draft.match] };
      else whole.push(draft);
    }
    this.drafts.push(...whole.map((draft, index) => ({ ...draft, comments: index === 0 ? comments : [] })));
  }

  /** The matcher of a directive, and its other arguments. */
  private split({ name, args }: Directive): { readonly matcher: Matcher; readonly args: readonly string[] } {
    const [first = "", ...rest] = args;
    if (name === "handle_path") return { matcher: pathsOf([first]), args: rest };
    if (WITHOUT_MATCHER.has(name)) return { matcher: EVERYTHING, args };
    if (first === "*") return { matcher: EVERYTHING, args: rest };
    if (first.startsWith("@")) return { matcher: this.matchers.get(first) ?? null, args: rest };
    // Of `redir` and `rewrite` a lone path is the target, and of others that have one argument the value.
    const isTarget = rest.length === 0 && ["redir", "rewrite", "root", "try_files", "respond"].includes(name);
    if (first.startsWith("/") && !isTarget && !(name === "try_files") && !(name === "root" && rest.length === 0))
      return { matcher: pathsOf([first]), args: rest };
    return { matcher: EVERYTHING, args };
  }

  /** The paths by which directives are sorted; null: there is no matcher. */
  private pathsFor({ name, args: [first = "", second] }: Directive, body: readonly Directive[]): readonly string[] | null {
    if (first.startsWith("@")) {
      const matcher = body.find((each) => each.name === first);
      const lines = matcher?.block ?? [{ name: matcher?.args[0] ?? "", args: matcher?.args.slice(1) ?? [] }];
      const paths = lines.filter((line) => line.name === "path").flatMap((line) => line.args);
      return lines.length === 1 ? paths : paths.length === 1 ? paths : [];
    }
    if (!first.startsWith("/")) return null;
    return second === undefined && ["redir", "rewrite", "root", "try_files", "respond"].includes(name) ? null : [first];
  }
}

/** The keys of a route with what comes before it. */
function completed(keys: Keys, additions: Additions, isOwn: boolean, fields: Pick<Additions, "requestHeaders" | "responseHeaders">): Keys {
  const { root, fallback, rewrite, maxBody, compression, access, authentication, rateLimit: limit } = additions;
  const isProxied = keys["upstream"] !== undefined;
  const files = keys["files"];
  const changed = { ...rewrite, ...(keys["rewrite"] as Keys | undefined) };
  const response = joinedFields(additions.responseHeaders, fields.responseHeaders);
  const request = joinedFields(additions.requestHeaders, fields.requestHeaders);
  const user = isProxied ? request?.user : undefined;
  // Where nobody has logged in, no client may say who it is.
  const edits = user !== undefined && authentication?.["basic"] === undefined ? joinedFields(request, { remove: [user] }) : request;
  return defined({
    access,
    authentication:
      authentication === undefined
        ? undefined
        : defined({
            ...authentication,
            identity_headers: user === undefined || authentication["basic"] === undefined ? undefined : { user },
          }),
    rate_limit: limit,
    max_body: maxBody,
    rewrite: (isProxied || files !== undefined) && Object.keys(changed).length > 0 ? changed : undefined,
    request_headers: isProxied ? fieldKeys(edits, false) : undefined,
    response_headers: fieldKeys(response, isOwn),
    compression,
    ...(files === undefined ? keys : { files: defined({ root: literal(root ?? "."), ...(files as Keys), fallback }) }),
    ...(isProxied ? { rewrite: Object.keys(changed).length > 0 ? changed : undefined } : {}),
  });
}

function hasLogin(layers: readonly Layer[]): boolean {
  return layers.some(({ additions }) => additions.authentication?.["basic"] !== undefined);
}

/** The zone of `rate_limit`, a module of its own, in requests per minute; null: it has no equivalent. */
function rateLimit({ block }: Directive): Keys | null {
  const [zone, ...others] = (block ?? []).filter(({ name }) => name === "zone");
  const value = (name: string): string => zone?.block?.find((each) => each.name === name)?.args[0] ?? "";
  const [events, window] = [Number(value("events")), parseDuration(caddyDuration(value("window")) ?? "")];
  const isByClient = /^\{(?:http\.request\.)?(?:remote_host|remote\.host|client_ip)\}$/.test(value("key"));
  if (others.length > 0 || !isByClient || !(events > 0) || window === null) return null;
  return { requests_per_minute: Math.max(1, Math.round((events * 60_000) / window)), burst: events };
}
