/**
 * The simulation's own middleware: two on each route with features, after those of the configuration. What their hooks do follows from the
 * request's id, so that a run can be repeated. They also check which hooks are called, how often, and when.
 */
import { clientKey } from "../src/base/client-key.ts";
import type { FieldChanges, ResponseChanges } from "../src/http/head-edits.ts";
import { HOOK_MS_MAX } from "../src/proxy/exchange/hook-wait.ts";
import type { FieldSection } from "../src/http/field-section.ts";
import type { BodyStage } from "../src/proxy/feature/body-stage.ts";
import type { ExchangeView, Middleware, UpstreamResult } from "../src/proxy/feature/middleware.ts";
import type { LocalAnswer } from "../src/proxy/local-answer.ts";
import type { ResponseSource } from "../src/proxy/feature/response-source.ts";
import type { Route, Snapshot } from "../src/proxy/snapshot.ts";
import { AT_ONCE, RATE } from "./configs.ts";
import { strayByte } from "./bytes.ts";
import { Draw, seedOf } from "./draw.ts";
import { answerTo, idOf, ownerOfAnswer, ownerOfRequest } from "./plan.ts";
import { SimulatedSource, SimulatedStage } from "./stages.ts";
import type { SourceKind, StageKind } from "./stages.ts";

/** What the hooks of one middleware do with one request. */
export interface HookPlan {
  readonly verdict: "admits" | "answers" | "throws" | "admits-late" | "answers-late" | "rejects" | "never";
  /** How late a late verdict, or a late source, comes. */
  readonly delayMs: number;
  /** A hook other than `onRequest` that throws. */
  readonly throwsIn: "none" | "request" | "response" | "finish";
  readonly asksSignal: boolean;
  /** Collects the request's body before the verdict, up to this many bytes; -1: does not collect it. */
  readonly collectsMax: number;
  readonly requestStage: StageKind;
  readonly responseStage: StageKind;
  /** The byte of the body at which a stage of kind "fails" fails. */
  readonly failsAt: number;
  /** The source that answers instead of an endpoint. */
  readonly source: SourceKind;
  /** The source that answers when an endpoint has failed. */
  readonly fallback: SourceKind;
  /** Asks for another attempt when the status is 404 or above. */
  readonly retries: boolean;
}

/** How many middleware of the simulation's own a route with features has. */
export const HOOKS = 2;
/** How late a deadline may be, because deadlines have the precision of ticks. */
const TICKS_MS = 60;
/** More than the limit, so that some verdicts come too late. */
const DELAY_MS_MAX = HOOK_MS_MAX + 2000;
/** Tolerance of the allowance, because times are not whole milliseconds. */
const ROUNDING = 0.01;

const ADMITS: HookPlan = {
  verdict: "admits",
  delayMs: 0,
  throwsIn: "none",
  asksSignal: false,
  collectsMax: -1,
  requestStage: "none",
  responseStage: "none",
  failsAt: 0,
  source: "none",
  fallback: "none",
  retries: false,
};
/** Value of the fields that hooks remove from requests and answers. */
export const TAKEN_OUT = "taken out";
/** Fields of all answers on routes with features. */
export const ANSWER_FIELDS = [
  ["X-Inner-0", TAKEN_OUT],
  ["Access-Control-Allow-Origin", "*"],
  ["X-Inner-1", TAKEN_OUT],
] as const;
const ANSWER: LocalAnswer = { status: 418, reason: "hook", detail: "No.", fields: [] };

/** What middleware `index` of the route does with request `id`. */
export function hookOf(seed: number, id: number, route: string, index: number): HookPlan {
  if (route !== "hooked" && route !== "all") return ADMITS;
  const draw = new Draw(seedOf(seedOf(seed, -10 - index), id));
  // The same limit for all middleware: the first one that collects decides for all.
  const collectsMax = new Draw(seedOf(seedOf(seed, -9), id)).size(100_000);
  if (draw.oneIn(2)) return { ...ADMITS, ...drawBodies(draw, collectsMax) };
  const verdict = draw.oneIn(3)
    ? "admits"
    : draw.pick("answers", "throws", "admits-late", "admits-late", "admits-late", "answers-late", "rejects", "never");
  const plan: HookPlan = {
    ...ADMITS,
    verdict,
    delayMs: draw.oneIn(10) ? draw.between(HOOK_MS_MAX - 100, DELAY_MS_MAX) : draw.size(2000),
    throwsIn: draw.oneIn(4) ? draw.pick("request", "response", "finish") : "none",
    asksSignal: draw.oneIn(3),
  };
  return { ...plan, ...drawBodies(draw, collectsMax) };
}

function drawBodies(draw: Draw, collectsMax: number): Partial<HookPlan> {
  const stage = (): StageKind => (draw.oneIn(5) ? draw.pick("passes", "flips", "flips", "late", "late", "fails") : "none");
  const source = (n: number): SourceKind => (draw.oneIn(n) ? draw.pick("at-once", "late", "late", "fails") : "none");
  return {
    collectsMax: draw.oneIn(6) ? collectsMax : -1,
    requestStage: stage(),
    responseStage: stage(),
    failsAt: draw.size(100_000),
    source: source(15),
    fallback: source(8),
    retries: draw.oneIn(4),
  };
}

/** Whether any hook, stage or source of the request may fail, so that the exchange may end with an internal error. */
export function mayFail(seed: number, id: number, route: string): boolean {
  return Array.from({ length: HOOKS }, (_, index) => hookOf(seed, id, route, index)).some(
    ({ verdict, throwsIn, requestStage, responseStage, source, fallback }) =>
      verdict === "throws" ||
      verdict === "rejects" ||
      throwsIn === "request" ||
      throwsIn === "response" ||
      [requestStage, responseStage, source, fallback].includes("fails"),
  );
}

/** Whether the bits of a body are flipped after all its stages. */
export function isFlipped(seed: number, id: number, route: string, body: "requestStage" | "responseStage"): boolean {
  let count = 0;
  for (let index = 0; index < HOOKS; index++) {
    const plan = hookOf(seed, id, route, index);
    if (plan[body] === "flips" && !(body === "responseStage" && plan.throwsIn === "response")) count++;
  }
  return count % 2 === 1;
}

/** The attempt number in the label of a source's answer: higher than that of any attempt at an endpoint. */
export const SOURCE_TIME = 14;

/** What the hooks have seen of one request so far. */
interface Course {
  /** How many verdicts were asked for. */
  asked: number;
  /** Since when a verdict is awaited; null if none is. */
  awaitedSinceMs: number | null;
  /** Whether the request must not go to an endpoint any more. */
  isRefused: boolean;
  signal: AbortSignal | null;
  /** Whose responses `onResponse` was called for, by middleware: `received`, `own`, or both in this order. */
  readonly responses: string[];
  /** How often `onFinish` was called, by middleware. */
  readonly finished: number[];
  /** The request's stages and sources. */
  readonly made: { readonly isUnderWay: boolean }[];
}

/** What the hooks need from the run. */
export interface HookSurroundings {
  readonly seed: number;
  readonly clock: { readonly nowMs: number; after(ms: number, then: () => void): unknown };
  /** Length of the request's body. */
  bodyBytes(id: number): number;
  fail(message: string): void;
  /** Whether memory for held bodies may run out. */
  readonly mayLackMemory: boolean;
}

export class Hooks {
  /** How many promises of hooks are not settled yet. */
  pending: number = 0;
  private readonly around: HookSurroundings;
  private readonly courses: Map<number, Course> = new Map();
  private readonly routes: WeakMap<Route, Route> = new WeakMap();
  /** What is left of each client's rate limit on the route `limited`, counted beside the limiter. */
  private readonly allowances: Map<string, { left: number; atMs: number }> = new Map();

  /** How many requests are under way on the route `all` that all features have admitted. */
  private running: number = 0;

  constructor(around: HookSurroundings) {
    this.around = around;
  }

  /** Adds the simulation's middleware to the routes of the snapshot. */
  bind(snapshot: Snapshot): void {
    const find = snapshot.findRoute.bind(snapshot);
    snapshot.findRoute = (request, client) => {
      const route = find(request, client);
      return isFeatured(route.name) ? this.withHooks(route) : route;
    };
  }

  private withHooks(route: Route): Route {
    let bound = this.routes.get(route);
    if (bound === undefined) {
      const own = Array.from({ length: HOOKS }, (_, index) => this.middleware(route.name, index));
      const { onRequest, source, onUpstreamRequest, onUpstreamResponse, onResponse, onFinish } = route.hooks;
      const hooks = {
        ...route.hooks,
        onRequest: [...onRequest.map((feature) => this.watched(feature)), ...own],
        source: [...source, ...own],
        onUpstreamRequest: [...onUpstreamRequest, ...own],
        onUpstreamResponse: [...onUpstreamResponse, ...own],
        onResponse: [...onResponse, ...own],
        onFinish: [...onFinish, ...own],
      };
      this.routes.set(route, (bound = { ...route, hooks }));
    }
    return bound;
  }

  /** Counts the promises of a feature that lets requests wait. */
  private watched(feature: Middleware): Middleware {
    if (feature.name !== "concurrency-limit") return feature;
    return {
      ...feature,
      onRequest: (exchange) => {
        const verdict = feature.onRequest?.(exchange) ?? null;
        if (!(verdict instanceof Promise)) return verdict;
        this.pending++;
        return verdict.finally(() => this.pending--);
      },
    };
  }

  private middleware(route: string, index: number): Middleware {
    const planOf = (exchange: ExchangeView): HookPlan => hookOf(this.around.seed, idOf(exchange.request.path), route, index);
    return {
      name: `simulation-${index}`,
      onRequest: (exchange) => this.onRequest(exchange, route, index, planOf(exchange)),
      source: (exchange) => this.source(exchange, index, planOf(exchange)),
      onUpstreamRequest: (exchange, edits) => this.onUpstreamRequest(exchange, index, edits, planOf(exchange)),
      onUpstreamResponse: (exchange, result) => this.onUpstreamResponse(exchange, index, result, planOf(exchange)),
      onResponse: (exchange, response) => this.onResponse(exchange, index, response, planOf(exchange)),
      onFinish: (exchange) => this.onFinish(exchange, route, index, planOf(exchange)),
    };
  }

  private onRequest(
    exchange: ExchangeView,
    route: string,
    index: number,
    plan: HookPlan,
  ): LocalAnswer | null | Promise<LocalAnswer | null> {
    const course = this.course(exchange);
    const id = idOf(exchange.request.path);
    if (course.asked !== index) this.fail(`hook ${index} of request ${id} is asked after ${course.asked} others`);
    if (course.isRefused) this.fail(`hook ${index} of request ${id} is asked after it was refused`);
    course.asked = index + 1;
    this.endWait(course, id);
    if (plan.asksSignal) course.signal = exchange.signal;
    if (index === 0 && route === "limited") this.spend(exchange.client, id);
    if (index === 0 && route === "all" && ++this.running > AT_ONCE.max) this.fail(`request ${id} is number ${this.running} at once`);
    switch (plan.verdict) {
      case "admits":
        return plan.collectsMax < 0 ? null : this.collect(exchange, course, plan.collectsMax);
      case "answers":
        course.isRefused = true;
        return ANSWER;
      case "throws":
        course.isRefused = true;
        throw new Error("a hook throws");
      default:
        course.awaitedSinceMs = this.around.clock.nowMs;
        course.isRefused = plan.verdict !== "admits-late" || plan.delayMs > HOOK_MS_MAX + TICKS_MS;
        return this.later(course, id, plan);
    }
  }

  /** Admits the request when its body has been collected, or has turned out too long. */
  private async collect(exchange: ExchangeView, course: Course, bytesMax: number): Promise<null> {
    const id = idOf(exchange.request.path);
    this.pending++;
    const bytes = await exchange.collectBody(bytesMax);
    this.pending--;
    const bodyBytes = this.around.bodyBytes(id);
    if (bytes === null) {
      // A body that is short enough may be missing only if the exchange is over, or no memory is left.
      if (bodyBytes <= bytesMax && course.finished.length === 0 && !this.around.mayLackMemory)
        this.fail(`the body of request ${id} is not collected`);
    } else if (bytes.length !== bodyBytes || strayByte(ownerOfRequest(id), 0, bytes, 0, bytes.length) >= 0) {
      this.fail(`another body is collected of request ${id}: ${bytes.length} of ${bodyBytes} bytes`);
    }
    return null;
  }

  private source(exchange: ExchangeView, index: number, { source, delayMs }: HookPlan): ResponseSource | null | Promise<ResponseSource> {
    const course = this.course(exchange);
    const id = idOf(exchange.request.path);
    if (course.isRefused || course.asked !== HOOKS) this.fail(`request ${id} is to be answered by a source, refused or not asked`);
    this.endWait(course, id);
    if (source === "none") return null;
    course.isRefused = true;
    const made = this.sourceOf(course, id, index, source);
    if (source === "at-once") return made;
    course.awaitedSinceMs = this.around.clock.nowMs;
    return this.settles(course, id, (resolve) => void this.around.clock.after(delayMs, () => resolve(made)));
  }

  private sourceOf(course: Course, id: number, index: number, kind: SourceKind): ResponseSource {
    const time = SOURCE_TIME + index;
    const { seed, clock } = this.around;
    const fields = [["X-Answer", `${id}.${time}`], ...ANSWER_FIELDS] as const;
    const made = new SimulatedSource(kind, answerTo(seed, id, time), ownerOfAnswer(id, time), fields, clock, (message) =>
      this.fail(message),
    );
    course.made.push(made);
    return made;
  }

  private onUpstreamResponse(
    exchange: ExchangeView,
    index: number,
    result: UpstreamResult,
    plan: HookPlan,
  ): "retry" | ResponseSource | null {
    const id = idOf(exchange.request.path);
    const course = this.course(exchange);
    if (course.isRefused) this.fail(`an attempt for request ${id} has a result, and it was refused`);
    if (plan.retries && result.head !== null && result.head.status >= 404) return "retry";
    if (plan.fallback === "none" || result.failure === null) return null;
    course.isRefused = true;
    return this.sourceOf(course, id, index, plan.fallback);
  }

  private settles<T>(course: Course, id: number, begin: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    this.pending++;
    const promise = new Promise<T>((resolve, reject) => begin(resolve, reject));
    const done = (): void => {
      this.pending--;
      this.endWait(course, id);
    };
    promise.then(done, done);
    return promise;
  }

  private later(course: Course, id: number, { verdict, delayMs }: HookPlan): Promise<LocalAnswer | null> {
    if (verdict === "never") return new Promise(() => {});
    return this.settles(course, id, (resolve, reject) => {
      this.around.clock.after(delayMs, () => {
        if (verdict === "rejects") reject(new Error("a hook rejects"));
        else resolve(verdict === "admits-late" ? null : ANSWER);
      });
    });
  }

  private onUpstreamRequest(exchange: ExchangeView, index: number, edits: FieldChanges, plan: HookPlan): BodyStage | null {
    const id = idOf(exchange.request.path);
    const course = this.course(exchange);
    if (course.isRefused || course.asked !== HOOKS)
      this.fail(`request ${id} goes to an endpoint after ${course.asked} hooks, refused or not asked`);
    this.endWait(course, id);
    if (plan.throwsIn === "request") {
      course.isRefused = true;
      throw new Error("a hook throws");
    }
    if (index === 0) edits.set("X-Hook", String(id));
    else edits.append("X-Hook-More", String(id));
    edits.remove(`x-remove-${index}`);
    return this.stage(course, plan.requestStage, plan, exchange.request);
  }

  private stage(course: Course, kind: StageKind, { failsAt }: HookPlan, head: FieldSection): BodyStage | null {
    if (kind === "none") return null;
    // A stage that flips keeps the length, so it may state it.
    const length = kind === "flips" ? Number(head.get("content-length") ?? -1) : -1;
    const made = new SimulatedStage(kind, length, failsAt, this.around.clock, (message) => this.fail(message));
    course.made.push(made);
    return made;
  }

  private onResponse(exchange: ExchangeView, index: number, response: ResponseChanges, plan: HookPlan): BodyStage | null {
    const id = idOf(exchange.request.path);
    const course = this.course(exchange);
    const { head } = response;
    // A hook that throws costs the response, and the proxy's own answer in its place is edited too.
    const edited = [course.responses[index] ?? "", head === null ? "own" : "received"].join(" ").trim();
    course.responses[index] = edited;
    if (!["own", "received", "received own"].includes(edited)) this.fail(`hook ${index} of request ${id} edits responses: ${edited}`);
    if (plan.throwsIn === "response") throw new Error("a hook throws");
    response.set(`X-Seen-${index}`, String(id));
    response.remove(`x-inner-${index}`);
    return head === null ? null : this.stage(course, plan.responseStage, plan, head);
  }

  private onFinish(exchange: ExchangeView, route: string, index: number, { throwsIn }: HookPlan): void {
    const id = idOf(exchange.request.path);
    const course = this.course(exchange);
    this.endWait(course, id);
    if (index === 0 && route === "all" && course.asked > 0) this.running--;
    course.finished[index] = (course.finished[index] ?? 0) + 1;
    if (course.finished[index] !== 1) this.fail(`hook ${index} of request ${id} is told ${course.finished[index]} times that it is over`);
    if (course.signal?.aborted === false) this.fail(`request ${id} is over, and its signal not aborted`);
    if (throwsIn === "finish") throw new Error("a hook throws");
  }

  /** Called when the exchange goes on or is over: the verdict that it waited for may not have taken longer than allowed. */
  private endWait(course: Course, id: number): void {
    if (course.awaitedSinceMs === null) return;
    const tookMs = this.around.clock.nowMs - course.awaitedSinceMs;
    course.awaitedSinceMs = null;
    if (tookMs > HOOK_MS_MAX + TICKS_MS) this.fail(`request ${id} waits ${tookMs} ms for a verdict`);
  }

  /** The limiter has let a request of the client pass. */
  private spend(client: string, id: number): void {
    const left = this.leftOf(client);
    if (left < 1 - ROUNDING) this.fail(`the limiter lets request ${id} pass with ${left} left of the allowance of ${client}`);
    this.allowances.set(clientKey(client), { left: left - 1, atMs: this.around.clock.nowMs });
  }

  /** How many requests the client may make on the route `limited` now. */
  leftOf(client: string): number {
    const { left, atMs } = this.allowances.get(clientKey(client)) ?? { left: RATE.burst, atMs: 0 };
    return Math.min(RATE.burst, left + ((this.around.clock.nowMs - atMs) * RATE.perSecond) / 1000);
  }

  /** The limiter has refused a request of the client. */
  limited(client: string, id: number): void {
    const left = this.leftOf(client);
    if (left >= 1 + ROUNDING) this.fail(`the limiter refuses request ${id} with ${left} left of the allowance of ${client}`);
  }

  /** A request has come to an endpoint. */
  arrived(id: number): void {
    if (this.courses.get(id)?.isRefused === true) this.fail(`request ${id} was refused, and comes to an endpoint`);
  }

  /** Checks at the end of the run a request that was logged with this route. */
  check(id: number, route: string): void {
    if (!isFeatured(route)) return;
    const { finished = [], awaitedSinceMs = null, made = [] } = this.courses.get(id) ?? {};
    if (made.some(({ isUnderWay }) => isUnderWay)) this.fail(`request ${id} is over, and a stage or source of it goes on`);
    for (let index = 0; index < HOOKS; index++) {
      if (finished[index] !== 1) this.fail(`hook ${index} of request ${id} was told ${finished[index] ?? 0} times that it is over`);
    }
    if (awaitedSinceMs !== null) this.fail(`request ${id} still waits for a verdict`);
  }

  private course(exchange: ExchangeView): Course {
    const id = idOf(exchange.request.path);
    let course = this.courses.get(id);
    if (course === undefined) {
      this.courses.set(
        id,
        (course = { asked: 0, awaitedSinceMs: null, isRefused: false, signal: null, responses: [], finished: [], made: [] }),
      );
    }
    return course;
  }

  private fail(message: string): void {
    this.around.fail(message);
  }
}

/** Whether the route has features, and the simulation's middleware. */
export function isFeatured(route: string): boolean {
  return FEATURED.has(route);
}

const FEATURED = new Set(["cors", "tokens", "limited", "hooked", "all", "again", "held"]);
