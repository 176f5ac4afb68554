/** Stores responses and answers with them. The decisions are in policy/cache; this file takes an exchange through them. */
import type { FieldPair } from "../../http/field-pairs.ts";
import type { FieldSection } from "../../http/field-section.ts";
import { lengthIn } from "../../http/content.ts";
import { mayHaveBody } from "../../http/status.ts";
import { cacheStatus } from "../../policy/cache/cache-status.ts";
import type { Forwarded } from "../../policy/cache/cache-status.ts";
import { directivesFor, readCacheControl } from "../../policy/cache/directives.ts";
import type { Directives } from "../../policy/cache/directives.ts";
import { correctedInitialAgeMs, lifetimeMs } from "../../policy/cache/freshness.ts";
import type { TimeFields, Times } from "../../policy/cache/freshness.ts";
import { invalidates, sameOriginTarget } from "../../policy/cache/invalidation.ts";
import { currentAgeMs, mayServeOnError, storedTimes, useOf } from "../../policy/cache/reuse.ts";
import { storedFields, updatedFields } from "../../policy/cache/stored-fields.ts";
import { whyNotStored } from "../../policy/cache/storable.ts";
import type { NotStored } from "../../policy/cache/storable.ts";
import { variedBy } from "../../policy/cache/variants.ts";
import { answer } from "../../proxy/exchange/answers.ts";
import type { BodyStage } from "../../proxy/feature/body-stage.ts";
import { ExchangeState } from "../../proxy/feature/exchange-state.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import type { CacheResult, ExchangeView, Middleware, UpstreamResult } from "../../proxy/feature/middleware.ts";
import { NO_INPUT } from "../../proxy/feature/response-source.ts";
import type { ResponseSource } from "../../proxy/feature/response-source.ts";
import type { RequestChanges, ResponseChanges } from "../../http/head-edits.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import { Asked, askedBits } from "./asked.ts";
import { CacheKeys } from "./cache-key.ts";
import { cacheFacts } from "./facts.ts";
import { FillStage } from "./fill.ts";
import { Leads } from "./leads.ts";
import type { CacheConfig } from "./schema.ts";
import { fieldOf, headWith } from "./stored-response.ts";
import type { StoredResponse } from "./stored-response.ts";
import { StoredSet } from "./stored-set.ts";
import type { Found } from "./stored-set.ts";
import { StoredSource } from "./stored-source.ts";

export const cache: Feature<"cache"> = {
  name: "cache",
  key: "cache",
  facts: cacheFacts,
  perSide: true,
  compile: (config, context) => new RouteCache(config, context),
};

/** The fields in whose place Cache-Control stands (RFC 9213). */
const TARGETED = ["cdn-cache-control"];

/** What makes a request go past the store: no key has it. */
const PAST = Asked.body | Asked.upgrade | Asked.forOrigin | Asked.otherMethod;

const ONLY_IF_CACHED = answer(504, "not_cached", "No stored response can be used.");

const NOT_STORED: ResponseSource = {
  start(_request, response) {
    response.answer(ONLY_IF_CACHED);
    return NO_INPUT;
  },
};

/** How an exchange goes through the cache. */
interface Course {
  readonly target: string;
  /** When the endpoint was asked, in milliseconds since 1970. */
  requestedMs: number;
  /** Why an endpoint was asked; null: none was. */
  forwarded: Forwarded | null;
  /** The stored response that is served; null: none is. */
  served: { readonly ageMs: number; readonly leftMs: number } | null;
  source: StoredSource | null;
  /** What is stored and may not be used as it is. */
  stale: Found | null;
  /** Whether others wait for this exchange. */
  leads: boolean;
  /** Whether it asks for the whole response, without credentials. */
  isAlike: boolean;
  collapsed: boolean;
  /** Whether it asks for a new response while the old one is served. */
  readonly isRefresh: boolean;
  /** Of the endpoint, where the client gets another status. */
  forwardedStatus: number | undefined;
  isStored: boolean;
  /** Why the response is not stored. */
  detail: string | undefined;
}

class RouteCache implements Middleware {
  readonly name: string = "cache";
  private readonly config: CacheConfig;
  private readonly keys: CacheKeys;
  private readonly stored: StoredSet;
  private readonly leads: Leads;
  private readonly courses: ExchangeState<Course> = new ExchangeState();
  private readonly epochMs: () => number;
  private readonly byStatus: ReadonlyMap<number, number>;
  private readonly told: Told = new Told();

  constructor(config: CacheConfig, { responses, route, after, logins }: FeatureContext) {
    this.config = config;
    this.keys = new CacheKeys(config.key, `${route.key()}\n${route.side}`);
    this.stored = new StoredSet(responses.get(config.store), this.keys, config.vary_limit);
    this.leads = new Leads(config.coalesce, after);
    this.epochMs = logins.epochMs;
    this.byStatus = new Map(Object.entries(config.ttl.by_status).map(([status, ms]) => [Number(status), ms]));
  }

  source(exchange: ExchangeView): ResponseSource | null | Promise<ResponseSource | null> {
    const { request } = exchange;
    const course = newCourse(this.keys.targetKey(exchange), this.epochMs());
    this.courses.keep(exchange, course);
    if (request.method !== "GET" && request.method !== "HEAD") {
      course.forwarded = "method";
      return null;
    }
    const bits = askedBits(request);
    const asked = (bits & Asked.directives) === 0 ? null : askedBy(request);
    const past = PAST | (exchange.peerTrusted ? 0 : Asked.otherHost);
    if ((bits & past) !== 0 || asked?.noStore === true) {
      course.forwarded = "bypass";
      return null;
    }
    course.isAlike = (bits & (Asked.range | Asked.authorization)) === 0;
    return this.look(exchange, course, asked, false);
  }

  onUpstreamRequest(exchange: ExchangeView, changes: RequestChanges): void {
    const course = this.courses.of(exchange);
    // A copy of the request (`mirror`) asks for what its client asks for.
    if (course === undefined || ((exchange.original ?? null) !== null && !course.isRefresh)) return;
    course.requestedMs = this.epochMs();
    const { stale } = course;
    if (stale === null) return;
    for (const name of ["if-none-match", "if-modified-since", "if-range", "range"]) changes.remove(name);
    const [tag, modified] = [fieldOf(stale.response, "etag"), fieldOf(stale.response, "last-modified")];
    if (exchange.request.method === "HEAD") return;
    if (tag !== undefined) changes.append("If-None-Match", tag);
    if (modified !== undefined) changes.append("If-Modified-Since", modified);
  }

  onUpstreamResponse(exchange: ExchangeView, { head }: UpstreamResult): ResponseSource | null {
    const course = this.courses.of(exchange);
    const stale = course?.stale ?? null;
    if (course === undefined || stale === null) return null;
    const nowMs = this.epochMs();
    if (head !== null) course.forwardedStatus = head.status;
    if (head?.status === 304 && exchange.request.method === "GET") {
      const response = this.update(exchange, course, stale, head);
      if (course.isRefresh) return null;
      return this.serve(course, { ...stale, response }, nowMs);
    }
    if ((head === null || head.status >= 500) && mayServeOnError(stale.response, nowMs) && !course.isRefresh)
      return this.serve(course, stale, nowMs);
    return null;
  }

  onResponse(exchange: ExchangeView, response: ResponseChanges): BodyStage | null {
    const course = this.courses.of(exchange);
    if (course === undefined) return null;
    const { served } = course;
    if (served !== null) {
      this.tell(exchange, course, response);
      return null;
    }
    const stage = response.head === null ? null : this.received(exchange, course, response.head);
    this.tell(exchange, course, response);
    return stage;
  }

  onFinish(exchange: ExchangeView): void {
    const course = this.courses.of(exchange);
    if (course === undefined) return;
    this.unlead(course);
    this.letGo(course);
    course.source?.letGo();
  }

  private look(
    exchange: ExchangeView,
    course: Course,
    asked: Directives | null,
    hasWaited: boolean,
  ): ResponseSource | null | Promise<ResponseSource | null> {
    const { request } = exchange;
    const found = this.stored.find(course.target, exchange);
    const nowMs = this.epochMs();
    if (typeof found !== "string") {
      if (exchange.identity !== null && !this.config.key.user && !(found.response.isShareable && isForAnybody(found.names))) {
        found.record.release();
        course.forwarded = "bypass";
        return null;
      }
      const use = useOf(found.response, this.config.obey_clients ? asked : null, nowMs);
      if (use.kind === "hit") {
        course.collapsed = hasWaited;
        course.forwarded = null;
        return this.serve(course, found, nowMs);
      }
      if (use.kind === "stale-while-revalidate") {
        this.refresh(exchange, course.target);
        return this.serve(course, found, nowMs);
      }
      course.stale = found;
      course.forwarded = use.why === "request" ? "request" : "stale";
    } else course.forwarded = found;
    if (asked?.onlyIfCached === true) {
      this.letGo(course);
      return NOT_STORED;
    }
    const mayShare = course.isAlike && request.method === "GET" && !this.isPersonal(exchange);
    if (!mayShare) return null;
    if (this.leads.has(course.target)) {
      if (hasWaited || this.config.coalesce === 0) return null;
      this.letGo(course);
      return this.leads.wait(course.target, exchange).then(() => {
        return exchange.signal.aborted ? null : this.look(exchange, course, asked, true);
      });
    }
    this.leads.begin(course.target);
    course.leads = true;
    return null;
  }

  /** Asks the endpoint for a new response beside the exchange, unless that is under way. */
  private refresh(exchange: ExchangeView, target: string): void {
    if (this.leads.has(target)) return;
    exchange.refresh(this, (refreshing) => {
      const found = this.stored.find(target, exchange);
      const stale = typeof found === "string" ? null : found;
      this.courses.keep(refreshing, { ...newCourse(target, this.epochMs()), forwarded: "stale", stale, leads: true, isRefresh: true });
      this.leads.begin(target);
    });
  }

  private serve(course: Course, found: Found, nowMs: number): ResponseSource {
    const ageMs = currentAgeMs(found.response, nowMs);
    course.served = { ageMs, leftMs: found.response.lifetimeMs - ageMs };
    course.stale = null;
    this.unlead(course);
    course.source = new StoredSource(found.response, found.record);
    return course.source;
  }

  /** A response of an endpoint goes to the client. */
  private received(exchange: ExchangeView, course: Course, head: ResponseHead): BodyStage | null {
    const { method } = exchange.request;
    if (course.forwarded === "method" && invalidates(method, head.status)) this.invalidate(exchange, course, head);
    if (method === "HEAD") this.learnFromHead(exchange, course, head);
    const { response, directives } = this.storable(head, course);
    const varied = variedBy(head.values("vary"));
    const why =
      course.forwarded === "bypass" || head.status === 206
        ? "status"
        : this.whyNot(exchange, method, head, head.has("set-cookie"), response, directives);
    const length = lengthIn(head);
    if (why !== null || varied === "*" || length > this.config.max_object) {
      if (course.forwarded !== "bypass" && method === "GET") course.detail = why ?? "too-large";
      this.unlead(course);
      this.letGo(course);
      return null;
    }
    this.letGo(course);
    const kept = { ...response, lifetimeMs: Math.max(0, response.lifetimeMs) };
    course.isStored = true;
    if (!mayHaveBody(head.status) || length === 0) {
      const begun = this.stored.begin(course.target, varied, exchange, kept, 0);
      begun?.writer.complete();
      begun?.done();
      this.unlead(course);
      return null;
    }
    let complete = (): void => {};
    return new FillStage(
      length,
      this.config.max_object,
      () => {
        const begun = this.stored.begin(course.target, varied, exchange, kept, length);
        complete = begun?.done ?? complete;
        return begun?.writer ?? null;
      },
      (stored) => {
        if (stored) complete();
        this.unlead(course);
      },
    );
  }

  private whyNot(
    exchange: ExchangeView,
    method: string,
    head: ResponseHead,
    setsCookie: boolean,
    { lifetimeMs }: StoredResponse,
    directives: Directives,
  ): NotStored | null {
    const isPersonal = this.isPersonal(exchange);
    const varied = variedBy(head.values("vary"));
    return whyNotStored({
      method,
      status: head.status,
      asked: { noStore: false },
      directives,
      hasExpires: head.has("expires"),
      isPersonal,
      variesByUser: isPersonal && exchange.identity !== null && varied !== "*" && !isForAnybody(varied),
      setsCookie,
      mayStoreCookies: this.config.store_cookies,
      variesByAnything: varied === "*",
      isConfigured: this.byStatus.has(head.status),
      lifetimeMs: lifetimeMs < 0 ? null : lifetimeMs,
      hasValidator: head.has("etag") || head.has("last-modified"),
      methods: GET,
    });
  }

  /** What is to be remembered of a response. A lifetime below 0: nothing says one. */
  private storable(head: ResponseHead, course: Course): { readonly response: StoredResponse; readonly directives: Directives } {
    const { directives, isTargeted } = directivesFor((name) => head.values(name), TARGETED);
    const times: Times = { requestedMs: course.requestedMs, receivedMs: this.epochMs() };
    const fields = timeFields(head);
    const { ttl, stale_while_revalidate, stale_if_error } = this.config;
    const own = { defaultMs: ttl.default ?? null, byStatus: this.byStatus };
    const lifetime = lifetimeMs(head.status, fields, { directives, isTargeted }, times, own);
    const kept = storedTimes(
      directives,
      { receivedMs: times.receivedMs, initialAgeMs: correctedInitialAgeMs(fields, times), lifetimeMs: lifetime ?? -1 },
      { whileRevalidateMs: stale_while_revalidate, ifErrorMs: stale_if_error },
    );
    const left = [...directives.privateFields, ...directives.noCacheFields];
    return {
      directives,
      response: {
        ...kept,
        isShareable: directives.isPublic || directives.mustRevalidate || directives.sMaxAge !== null,
        status: head.status,
        reason: head.reason,
        fields: storedFields(pairsOf(head), left),
      },
    };
  }

  /**
   * A stored response after the head of a 304, or of a response to HEAD, for the client that has asked. It is stored so only if a response to GET with that head would be.
   */
  private update(exchange: ExchangeView, course: Course, { key, response: stored }: Found, head: ResponseHead): StoredResponse {
    const fields = updatedFields(stored.fields, storedFields(pairsOf(head), []));
    const ages = head.values("age").map((age) => ["Age", age] as const);
    const newer = headWith(stored, [...fields, ...ages]);
    const { response, directives } = this.storable(newer, course);
    const updated = { ...response, lifetimeMs: Math.max(0, response.lifetimeMs) };
    const why = this.whyNot(exchange, "GET", newer, head.has("set-cookie"), updated, directives);
    if (why === null || why === "no-lifetime") this.stored.update(key, updated);
    else if (why !== "authorization" && why !== "set-cookie") this.stored.dropOne(key);
    return updated;
  }

  private invalidate(exchange: ExchangeView, course: Course, head: ResponseHead): void {
    this.stored.drop(course.target);
    const base = `${exchange.scheme}://${exchange.authority}${exchange.request.forwardTarget}`;
    for (const name of ["location", "content-location"]) {
      const reference = head.get(name);
      const target = reference === undefined || !URL.canParse(base) ? null : sameOriginTarget(reference, base);
      if (target !== null) this.stored.drop(this.keys.keyFor(exchange, target));
    }
  }

  /** RFC 9111 section 4.3.5. */
  private learnFromHead(exchange: ExchangeView, course: Course, head: ResponseHead): void {
    const { stale } = course;
    if (stale === null || head.status >= 500) return;
    const agrees = ["etag", "last-modified"].every((name) => !head.has(name) || head.get(name) === fieldOf(stale.response, name));
    const length = lengthIn(head);
    if (head.status === stale.response.status && agrees && (length < 0 || length === stale.record.bodyBytes))
      this.update(exchange, course, stale, head);
    else this.stored.dropOne(stale.key);
  }

  private isPersonal({ request, identity }: ExchangeView): boolean {
    return identity === null ? request.has("authorization") : !this.config.key.user;
  }

  private unlead(course: Course): void {
    if (!course.leads) return;
    course.leads = false;
    this.leads.end(course.target);
  }

  private letGo(course: Course): void {
    course.stale?.record.release();
    course.stale = null;
  }

  /** Says what the cache has done: to the client, the log and the metrics. */
  private tell(exchange: ExchangeView, course: Course, response: ResponseChanges): void {
    const { served, forwarded, forwardedStatus, isStored, collapsed, detail } = course;
    const told = this.told;
    if (served === null) {
      told.set(
        -1,
        cacheStatus({ forwarded, forwardedStatus: course.stale === null ? undefined : forwardedStatus, stored: isStored, detail }),
      );
    } else {
      const [age, ttl] = [Math.floor(served.ageMs / 1000), Math.floor(served.leftMs / 1000)];
      const isPlain = forwardedStatus === undefined && !collapsed && forwarded === null;
      // Hits of the same second say the same.
      if (!isPlain || told.age !== age || told.ttl !== ttl) told.set(age, cacheStatus({ forwarded, forwardedStatus, ttl, collapsed }));
      told.ttl = isPlain ? ttl : Number.NaN;
    }
    response.appendLines(told.lines);
    if (!course.isRefresh) exchange.noteCache(resultOf(course), told.logged);
  }
}

/** What was said last: lines of a head, and the value for the log. */
class Told {
  age: number = -1;
  ttl: number = Number.NaN;
  lines: string = "";
  logged: string = "";

  /** @param age in seconds; below 0: the response is not from the store */
  set(age: number, status: string): void {
    this.age = age;
    this.ttl = Number.NaN;
    this.logged = status.slice(status.indexOf("; ") + 2);
    this.lines = `${age < 0 ? "" : `Age: ${age}\r\n`}Cache-Status: ${status}\r\n`;
  }
}

const GET: ReadonlySet<string> = new Set(["GET"]);

/** Fields that say what a client understands, and nothing of who it is. */
const NEGOTIATED: ReadonlySet<string> = new Set(["accept", "accept-encoding", "accept-language", "origin"]);

/**
 * Whether responses that differ by these fields may be given to clients whom the proxy knows. It tells upstreams who they are in fields that no client may send, so
 * by what clients have sent two users cannot be told apart.
 */
function isForAnybody(names: readonly string[]): boolean {
  return names.every((name) => NEGOTIATED.has(name));
}

function resultOf({ served, forwarded, forwardedStatus }: Course): CacheResult {
  if (served !== null) return forwardedStatus === 304 ? "cache_revalidated" : served.leftMs > 0 ? "cache_hits" : "cache_stale_hits";
  return forwarded === "bypass" || forwarded === "method" ? "cache_bypassed" : "cache_misses";
}

function newCourse(target: string, requestedMs: number): Course {
  return {
    target,
    requestedMs,
    forwarded: null,
    served: null,
    source: null,
    stale: null,
    leads: false,
    isAlike: false,
    collapsed: false,
    isRefresh: false,
    forwardedStatus: undefined,
    isStored: false,
    detail: undefined,
  };
}

function askedBy(request: FieldSection): Directives {
  const directives = readCacheControl(request.values("cache-control"));
  // Section 5.4: Pragma counts where there is no Cache-Control.
  if (request.has("cache-control") || !/(?:^|,)\s*no-cache\s*(?:,|$)/i.test(request.values("pragma").join(","))) return directives;
  return { ...directives, noCache: true };
}

function timeFields(head: Pick<FieldSection, "values">): TimeFields {
  return {
    age: head.values("age"),
    date: head.values("date"),
    expires: head.values("expires"),
    lastModified: head.values("last-modified"),
  };
}

function pairsOf(head: FieldSection): FieldPair[] {
  return Array.from({ length: head.count }, (_, index) => [head.name(index), head.value(index)] as const);
}
