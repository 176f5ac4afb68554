/** The routes of one server: its rewrites, then its locations. */
import { both, defined, isAnything, matchKeys } from "../model/conditions.ts";
import type { Conditions } from "../model/conditions.ts";
import type { Keys, RouteDraft, Value } from "../model/draft.ts";
import { formatPlace } from "../model/notes.ts";
import type { Notes } from "../model/notes.ts";
import type { Sources } from "../model/sources.ts";
import { NOBODY } from "../model/tls.ts";
import { accessOf, bothAdmit, withOpen } from "./access.ts";
import { authRequest } from "./auth-request.ts";
import type { Access, Admission } from "./access.ts";
import { answerKeys } from "./answers.ts";
import type { Answer } from "./answers.ts";
import { compressionKeys } from "./compression.ts";
import { errorPages } from "./error-pages.ts";
import { requestFields, responseFields } from "./headers.ts";
import { cookieKeys, locationKeys, maxBody, limitKeys, retryKeys, timeoutKeys } from "./limits.ts";
import { inOrder, locationsIn } from "./locations.ts";
import type { Location, Placed } from "./locations.ts";
import { locationFor } from "./location-for.ts";
import { noteRest } from "./no-equivalent.ts";
import type { Directive } from "./parse.ts";
import { passOf } from "./pass.ts";
import { hostKey } from "./host-key.ts";
import { hasLostGuard, rewritesOf } from "./rewrites.ts";
import type { Step } from "./rewrites.ts";
import { mirrorKeys, splitKeys } from "./several-upstreams.ts";
import type { Scope } from "./scope.ts";
import { fileKeys, triedFiles } from "./static-files.ts";
import { wishesOf } from "./upstreams.ts";
import type { Upstreams } from "./upstreams.ts";
import type { VariableContext } from "./variables.ts";

export interface RouteSurroundings {
  readonly upstreams: Upstreams;
  readonly notes: Notes;
  readonly sources: Sources;
  /** How requests of the server come; null: both ways. */
  readonly scheme: "http" | "https" | null;
}

/** A path that a `rewrite` has changed, on its way to the location that serves it. */
interface Changed {
  readonly path: Keys;
}

const EVERYBODY: Admission = { keys: {}, open: [] };
const CLOSED: Admission = { keys: { access: NOBODY }, open: [] };

/** How often one location may lead to another. */
const LEADS_MAX = 5;

export class ServerRoutes {
  private readonly scope: Scope;
  private readonly host: Conditions;
  private readonly constants: ReadonlyMap<string, string>;
  private readonly surroundings: RouteSurroundings;
  private readonly locations: readonly Location[];

  /** @param host the condition on the host */
  constructor(scope: Scope, host: Conditions, constants: ReadonlyMap<string, string>, surroundings: RouteSurroundings) {
    this.scope = scope;
    this.host = host;
    this.constants = constants;
    this.surroundings = surroundings;
    this.locations = locationsIn(scope, surroundings);
  }

  routes(): readonly RouteDraft[] {
    const comments: string[] = [];
    noteRest(this.scope.own, this.surroundings.notes, comments);
    const drafts: RouteDraft[] = [];
    const { steps, end } = this.rewrites(this.scope, null, comments);
    for (const step of steps) drafts.push(...this.step(step, null, this.host, []));
    if (end !== null) drafts.push(...this.step(end, null, this.host, []));
    else {
      for (const placed of inOrder(this.locations)) drafts.push(...this.located(placed));
      if (!this.locations.some(({ kind, text }) => kind === "prefix" && text === "/")) drafts.push(...this.remainder());
    }
    // Of a server with names nothing may fall to the next one.
    const own = JSON.stringify(matchKeys(this.host));
    const isClosed =
      this.host.host === undefined || drafts.some(({ match }) => match.some((each) => JSON.stringify(matchKeys(each)) === own));
    if (!isClosed) drafts.push({ match: [this.host], keys: { respond: { status: 404 } }, comments: ["what no location takes"] });
    const [first, ...rest] = drafts;
    return first === undefined ? [] : [{ ...first, comments: [...comments, ...first.comments] }, ...rest];
  }

  /** What no location takes: nginx looks for a file. */
  private remainder(): readonly RouteDraft[] {
    const comments: string[] = [];
    const access = this.accessOf(this.scope, comments);
    const title = "what no location takes";
    if (access === "closed")
      return [{ match: [this.host], keys: this.refusal(this.scope, null, 403, comments), comments: [title, ...comments] }];
    const keys = this.staticKeys(this.scope, null, comments);
    if (keys !== null) {
      const { keys: admitted, open } = this.isClosed([]) ? CLOSED : access;
      const own = defined({ ...admitted, error_pages: this.pages(this.scope, comments), ...keys });
      return withOpen([{ match: [this.withoutSources(this.host)], keys: own, comments: [title, ...comments] }], open);
    }
    return [];
  }

  private located({ location, conditions: own, isSlashRedirect }: Placed): readonly RouteDraft[] {
    const conditions = both(this.host, own);
    if (typeof conditions === "string") return [];
    const { directive, text } = location;
    const comments = [`location ${directive.args.join(" ").replaceAll(/\s+/g, " ")} (${formatPlace(directive.place)})`];
    if (isSlashRedirect) return [{ match: [conditions], keys: { redirect: { to: `${text}?{query}`, status: 301 } }, comments }];
    return this.content(location, conditions, null, comments, 0);
  }

  private content(
    location: Location,
    conditions: Conditions,
    changed: Changed | null,
    comments: string[],
    depth: number,
    /** Who is let through by the location that leads here. */
    through: Admission = EVERYBODY,
  ): readonly RouteDraft[] {
    const { scope, directive } = location;
    const { notes } = this.surroundings;
    noteRest(scope.own, notes, comments);
    if (scope.ownLast("internal") !== undefined && changed === null && location.kind !== "named")
      return [
        { match: [conditions], keys: this.refusal(scope, location, 404, comments), comments: [...comments, "`internal`: not for clients"] },
      ];
    const drafts: RouteDraft[] = [];
    const limited = this.limitedMethods(location, conditions);
    if (limited !== null) drafts.push(limited);
    const { steps, end } = this.rewrites(scope, location, comments);
    let change = changed;
    for (const [index, step] of steps.entries()) {
      const { outcome } = step;
      const isLast = index === steps.length - 1 && end === null;
      // A change that is the last step needs no route of its own: other paths stay as they are.
      if (isLast && outcome.kind === "change" && changed === null && this.staysIn(location, outcome, scope))
        change = { path: outcome.path };
      else drafts.push(...this.step(step, location, conditions, [], depth));
    }
    if (end !== null) return [...drafts, ...this.step(end, location, conditions, comments, depth)];
    const access = this.accessOf(scope, comments);
    if (access === "closed") return [...drafts, { match: [conditions], keys: this.refusal(scope, location, 403, comments), comments }];
    const admitted = bothAdmit(through, this.isClosed(directive.block ?? []) ? CLOSED : access);
    return [...drafts, ...this.served(location, conditions, admitted, change, comments, depth, directive)];
  }

  private served(
    location: Location,
    conditions: Conditions,
    admitted: Admission,
    change: Changed | null,
    comments: string[],
    depth: number,
    directive: Directive,
  ): readonly RouteDraft[] {
    const { scope } = location;
    const { notes } = this.surroundings;
    const routeFor = (match: Conditions, keys: Keys): readonly RouteDraft[] =>
      withOpen(
        [{ match: [match], keys: defined({ ...admitted.keys, error_pages: this.pages(scope, comments), ...keys }), comments }],
        admitted.open,
      );
    const route = (keys: Keys): readonly RouteDraft[] => routeFor(conditions, keys);
    const pass = scope.ownLast("proxy_pass");
    const tried = scope.ownLast("try_files");
    if (tried !== undefined) {
      const result = triedFiles(tried, notes, comments);
      const named = result.kind === "named" ? this.locations.find(({ text }) => text === result.name) : undefined;
      if (named !== undefined && depth < LEADS_MAX) {
        if (result.kind === "named" && !result.isFirst && (scope.last("root") ?? scope.last("alias")) !== undefined)
          notes.add(
            { place: tried.place, what: "try_files", why: "files are not looked for first: all requests go where it leads in the end" },
            comments,
          );
        return this.content(named, conditions, change, comments, depth + 1, admitted);
      }
    }
    if (pass !== undefined) return route(this.proxied(scope, location, pass, change, comments));
    const foreign = ["fastcgi_pass", "uwsgi_pass", "scgi_pass", "memcached_pass", "grpc_pass"]
      .map((name) => scope.ownLast(name))
      .find((each) => each !== undefined);
    if (foreign !== undefined) {
      notes.add({ place: foreign.place, what: foreign.name, why: "Millrace speaks HTTP with origins only, so this answers 501" }, comments);
      return route({ respond: { status: 501 } });
    }
    const status = scope.ownLast("stub_status");
    if (status !== undefined) {
      notes.add({ place: status.place, what: "stub_status", why: "`admin` has an address of its own with /status and /metrics" }, comments);
      return route({ respond: { status: 404 } });
    }
    const keys = this.staticKeys(scope, location, comments);
    if (keys === null)
      notes.add({ place: directive.place, what: "location", why: "what it serves has no equivalent, so this answers 404" }, comments);
    if (keys === null) return route({ respond: { status: 404 } });
    return routeFor(this.withoutSources(conditions), { ...limitKeys(scope, notes, comments), ...keys });
  }

  /** Sources of PHP are no files to send, where nginx has them run. */
  private withoutSources(conditions: Conditions): Conditions {
    const hasPrograms = uses(this.scope.own, /^(?:fastcgi|uwsgi|scgi)_pass$/);
    return hasPrograms ? { ...conditions, not: [...(conditions.not ?? []), { regex: String.raw`\.php(/|$)` }] } : conditions;
  }

  /** One step of rewriting as routes. */
  private step(step: Step, location: Location | null, within: Conditions, given: string[], depth: number = 0): readonly RouteDraft[] {
    const { outcome, scope, directive } = step;
    const { notes, sources } = this.surroundings;
    const comments = given.length > 0 ? given : [`${directive.name} (${formatPlace(directive.place)})`];
    const conditions = both(within, step.conditions);
    if (conditions === "never") return [];
    if (conditions === "unknown") {
      notes.add(
        { place: directive.place, what: directive.name, why: "a route has one regular expression, and this would need two" },
        given,
      );
      return [];
    }
    if (outcome.kind === "answer") {
      const context = this.context(location, scope, conditions.regex);
      const fields = responseFields({ scope, context, notes, comments }, "own");
      const type =
        scope.all("add_header").find(({ args }) => args[0]?.toLowerCase() === "content-type")?.args[1] ?? scope.value("default_type");
      return [
        {
          match: [conditions],
          keys: defined({ ...this.answerPages(outcome.answer, scope, comments), ...answerKeys(outcome.answer, type, fields) }),
          comments,
        },
      ];
    }
    if (outcome.kind === "pass") {
      const pass = scope.ownLast("proxy_pass");
      const access = this.accessOf(scope, comments);
      if (pass === undefined || location === null || access === "closed") return [];
      const { keys: admitted, open } = this.isClosed(location.directive.block ?? []) ? CLOSED : access;
      const keys = defined({
        ...admitted,
        error_pages: this.pages(scope, comments),
        ...this.proxied(scope, location, pass, null, comments),
      });
      return withOpen([{ match: [conditions], keys, comments }], open);
    }
    const target = outcome.isSearched ? locationFor(outcome.leadsTo, this.locations, sources) : location;
    if (target === null || depth >= LEADS_MAX) {
      notes.add({ place: directive.place, what: directive.name, why: "where it leads cannot be told" }, comments);
      return [];
    }
    const { path } = outcome;
    const isSame = target === location;
    const served: Location = isSame ? { ...target, scope: target.scope.without(["rewrite", "if"]) } : target;
    return this.content(served, conditions, { path }, comments, depth + 1);
  }

  /** Whether requests with the changed path are still the location's own. */
  private staysIn(location: Location, { leadsTo, isSearched }: Extract<Step["outcome"], { kind: "change" }>, scope: Scope): boolean {
    if (scope.ownLast("proxy_pass") === undefined) return false;
    return !isSearched || locationFor(leadsTo, this.locations, this.surroundings.sources) === location;
  }

  /** `limit_except`: a route for the methods that it refuses. */
  private limitedMethods(location: Location, conditions: Conditions): RouteDraft | null {
    const { scope } = location;
    const directive = scope.ownLast("limit_except");
    if (directive === undefined) return null;
    const { notes } = this.surroundings;
    const comments = [`limit_except (${formatPlace(directive.place)})`];
    const methods = directive.args.map((name) => name.toUpperCase());
    const access = this.accessOf(scope.inner(directive.block ?? []), comments);
    if (access !== "closed") {
      notes.add(
        { place: directive.place, what: "limit_except", why: "only `deny all` has an equivalent; the other methods are refused" },
        comments,
      );
    }
    const refused = both(conditions, { not: [{ methods }] });
    return typeof refused === "string" ? null : { match: [refused], keys: this.refusal(scope, location, 403, comments), comments };
  }

  private rewrites(scope: Scope, location: Location | null, comments: string[]): ReturnType<typeof rewritesOf> {
    const { notes, sources, scheme } = this.surroundings;
    return rewritesOf(scope, { context: this.context(location, scope), sources, notes, comments, scheme });
  }

  private context(location: Location | null, scope: Scope, regex?: string): VariableContext {
    const constants = new Map(this.constants);
    for (const { args } of scope.everywhere("set")) constants.set((args[0] ?? "").replace(/^\$/, ""), args[1] ?? "");
    const own = regex ?? (location?.kind === "regex" ? location.text : undefined);
    return { constants, regex: own !== undefined && isAnything(own) ? undefined : own };
  }

  private accessOf(scope: Scope, comments: string[]): Access {
    const { sources, notes, upstreams } = this.surroundings;
    return accessOf(scope, sources, notes, comments, (guard) =>
      authRequest(guard, scope, { locations: this.locations, constants: this.constants, upstreams, sources, notes, comments }),
    );
  }

  /** Whether an `if` of the server or of that block kept clients away in a way that is lost. */
  private isClosed(block: readonly Directive[]): boolean {
    const { sources, scheme } = this.surroundings;
    return hasLostGuard(this.scope.own, sources, scheme) || hasLostGuard(block, sources, scheme);
  }

  private refusal(scope: Scope, location: Location | null, status: number, comments: string[]): Keys {
    const context = this.context(location, scope);
    const fields = responseFields({ scope, context, notes: this.surroundings.notes, comments }, "own");
    return defined({ error_pages: this.pages(scope, comments), response_headers: fields, respond: { status } });
  }

  private pages(scope: Scope, comments: string[]): Value {
    const { sources, notes } = this.surroundings;
    return errorPages(scope, { server: this.scope, locations: this.locations, sources, notes, comments });
  }

  /** An answer that is an error has a page, unless it has a text. */
  private answerPages(answer: Answer, scope: Scope, comments: string[]): Keys {
    const hasPage = answer.kind === "respond" && answer.status >= 400 && answer.body === undefined;
    return hasPage ? { error_pages: this.pages(scope, comments) } : {};
  }

  private limits(scope: Scope, comments: string[]): Keys {
    return {
      ...limitKeys(scope, this.surroundings.notes, comments),
      max_body: maxBody(scope),
      compression: compressionKeys(scope),
      access_log: scope.value("access_log") === "off" ? false : undefined,
    };
  }

  private staticKeys(scope: Scope, location: Location | null, comments: string[]): Keys | null {
    const { notes } = this.surroundings;
    const tried = scope.ownLast("try_files");
    const result = tried === undefined ? null : triedFiles(tried, notes, comments);
    const keys = fileKeys(scope, location, result?.kind === "fallback" ? result.path : undefined, notes, comments);
    if (keys === null) return null;
    const context = this.context(location, scope);
    return { ...keys, response_headers: responseFields({ scope, context, notes, comments }, "own") };
  }

  private proxied(scope: Scope, location: Location, directive: Directive, changed: Changed | null, comments: string[]): Keys {
    const { notes, upstreams } = this.surroundings;
    const context = this.context(location, scope);
    const split = splitKeys(scope, directive.args[0] ?? "", upstreams, notes, comments);
    if (split !== null) return this.passed(scope, context, split, changed?.path ?? {}, null, comments);
    const pass = passOf(directive, location, context.constants, changed !== null);
    const { place, name: what } = directive;
    if (pass.problem !== undefined) {
      notes.add({ place, what, why: `${pass.problem}, so this answers 501` }, comments);
      return { respond: { status: 501 } };
    }
    const { scheme, authority } = pass;
    if (pass.remark !== undefined) notes.add({ place, what, why: pass.remark }, comments);
    const name = upstreams.nameOf(scheme, authority, wishesOf(scope, scheme === "https"));
    if (name === null) {
      notes.add({ place, what, why: "where it leads can be no endpoint, so this answers 501" }, comments);
      return { respond: { status: 501 } };
    }
    if (scheme === "https" && scope.value("proxy_ssl_verify") !== "on")
      notes.add(
        {
          place,
          what,
          why: "the endpoint's certificate is verified, which nginx did not; `tls: { verify: false }` in the upstream would do without",
        },
        comments,
      );
    return this.passed(scope, context, { upstream: name }, changed?.path ?? pass.path, authority, comments);
  }

  /** @param authority what stands in `proxy_pass`; null: that of each upstream */
  private passed(scope: Scope, context: VariableContext, end: Keys, path: Keys, authority: string | null, comments: string[]): Keys {
    const { notes, upstreams } = this.surroundings;
    const surroundings = { scope, context, notes, comments };
    const request = requestFields(surroundings);
    const host = hostKey(request.host, authority ?? "", authority !== null && upstreams.isNamed(authority), context, notes, comments);
    const rewrite = { ...path, ...(host === undefined ? {} : { host }) };
    return {
      ...this.limits(scope, comments),
      timeouts: timeoutKeys(scope, request.isUpgraded),
      retry: retryKeys(scope, notes, comments),
      rewrite: Object.keys(rewrite).length === 0 ? undefined : rewrite,
      request_headers: request.keys,
      response_headers: responseFields(surroundings, "origin"),
      rewrite_location: locationKeys(scope, context, notes, comments),
      rewrite_cookies: cookieKeys(scope, notes, comments),
      mirror: mirrorKeys(scope, { ...this.surroundings, locations: this.locations, constants: context.constants, comments }),
      ...end,
    };
  }
}

/** Whether such a directive stands in a block, or in a block within it. */
function uses(directives: readonly Directive[], name: RegExp): boolean {
  return directives.some((directive) => name.test(directive.name) || (directive.block !== null && uses(directive.block, name)));
}
