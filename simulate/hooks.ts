/**
 * Middleware of the simulation's own: two on each route with features, behind those of the configuration. What their hooks do follows from
 * the request's id, so that a run can be repeated; and they look at what is called, how often, and when.
 */
import { clientKey } from "../src/base/client-key.ts";
import type { FieldEdits } from "../src/http/field-edits.ts";
import { ADMISSION_MS_MAX } from "../src/proxy/exchange/pending-admission.ts";
import type { ExchangeView, LocalAnswer, Middleware } from "../src/proxy/feature/middleware.ts";
import type { Route, Snapshot } from "../src/proxy/snapshot.ts";
import { RATE } from "./configs.ts";
import { Draw, seedOf } from "./draw.ts";
import { idOf } from "./plan.ts";

/** What the hooks of one middleware do with one request. */
export interface HookPlan {
  readonly verdict: "admits" | "answers" | "throws" | "admits-late" | "answers-late" | "rejects" | "never";
  /** Of verdicts that come late. */
  readonly delayMs: number;
  /** Another hook that throws. */
  readonly throwsIn: "none" | "request" | "response" | "finish";
  readonly asksSignal: boolean;
}

/** How many there are on a route. */
export const HOOKS = 2;
/** Late by what ticks of the deadlines take. */
const TICKS_MS = 60;
/** Some verdicts come too late. */
const DELAY_MS_MAX = ADMISSION_MS_MAX + 2000;
/** By what times that are not whole milliseconds may differ. */
const ROUNDING = 0.01;

const ADMITS: HookPlan = { verdict: "admits", delayMs: 0, throwsIn: "none", asksSignal: false };
export const HOOK_REASON = "hook";
const ANSWER: LocalAnswer = { status: 418, reason: HOOK_REASON, detail: "No.", fields: [] };

export function hookOf(seed: number, id: number, route: string, index: number): HookPlan {
  if (route !== "hooked" && route !== "all") return ADMITS;
  const draw = new Draw(seedOf(seedOf(seed, -10 - index), id));
  if (draw.oneIn(2)) return ADMITS;
  return {
    verdict: draw.oneIn(3)
      ? "admits"
      : draw.pick("answers", "throws", "admits-late", "admits-late", "admits-late", "answers-late", "rejects", "never"),
    delayMs: draw.oneIn(10) ? draw.between(ADMISSION_MS_MAX - 100, DELAY_MS_MAX) : draw.size(2000),
    throwsIn: draw.oneIn(4) ? draw.pick("request", "response", "finish") : "none",
    asksSignal: draw.oneIn(3),
  };
}

/** What became of one request so far, as its hooks see it. */
interface Course {
  /** Verdicts that were asked for. */
  asked: number;
  /** Since when a verdict is awaited; null: none is. */
  awaitedSinceMs: number | null;
  /** It must not go on to an endpoint. */
  isRefused: boolean;
  signal: AbortSignal | null;
  readonly responses: number[];
  readonly finished: number[];
}

/** What hooks need of the run. */
export interface HookSurroundings {
  readonly seed: number;
  readonly clock: { readonly nowMs: number; after(ms: number, then: () => void): unknown };
  fail(message: string): void;
}

export class Hooks {
  /** Verdicts under way. */
  pending: number = 0;
  private readonly around: HookSurroundings;
  private readonly courses: Map<number, Course> = new Map();
  private readonly routes: WeakMap<Route, Route> = new WeakMap();
  /** What is left of each client's allowance on the route `limited`. */
  private readonly allowances: Map<string, { left: number; atMs: number }> = new Map();

  constructor(around: HookSurroundings) {
    this.around = around;
  }

  /** Puts them on the routes of that snapshot. */
  bind(snapshot: Snapshot): void {
    const find = snapshot.findRoute.bind(snapshot);
    snapshot.findRoute = (request) => {
      const route = find(request);
      return isFeatured(route.name) ? this.withHooks(route) : route;
    };
  }

  private withHooks(route: Route): Route {
    let bound = this.routes.get(route);
    if (bound === undefined) {
      const own = Array.from({ length: HOOKS }, (_, index) => this.middleware(route.name, index));
      const { onRequest, onUpstreamRequest, onResponse, onFinish } = route.hooks;
      const hooks = {
        ...route.hooks,
        onRequest: [...onRequest, ...own],
        onUpstreamRequest: [...onUpstreamRequest, ...own],
        onResponse: [...onResponse, ...own],
        onFinish: [...onFinish, ...own],
      };
      this.routes.set(route, (bound = { ...route, hooks }));
    }
    return bound;
  }

  private middleware(route: string, index: number): Middleware {
    const planOf = (exchange: ExchangeView): HookPlan => hookOf(this.around.seed, idOf(exchange.request.path), route, index);
    return {
      name: `simulation-${index}`,
      onRequest: (exchange) => this.onRequest(exchange, route, index, planOf(exchange)),
      onUpstreamRequest: (exchange, edits) => this.onUpstreamRequest(exchange, index, edits, planOf(exchange)),
      onResponse: (exchange, _, edits) => this.onResponse(exchange, index, edits, planOf(exchange)),
      onFinish: (exchange) => this.onFinish(exchange, index, planOf(exchange)),
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
    switch (plan.verdict) {
      case "admits":
        return null;
      case "answers":
        course.isRefused = true;
        return ANSWER;
      case "throws":
        course.isRefused = true;
        throw new Error("a hook throws");
      default:
        course.awaitedSinceMs = this.around.clock.nowMs;
        course.isRefused = plan.verdict !== "admits-late" || plan.delayMs > ADMISSION_MS_MAX + TICKS_MS;
        return this.later(plan);
    }
  }

  private later({ verdict, delayMs }: HookPlan): Promise<LocalAnswer | null> {
    if (verdict === "never") return new Promise(() => {});
    this.pending++;
    const verdictLater = new Promise<LocalAnswer | null>((resolve, reject) => {
      this.around.clock.after(delayMs, () => {
        if (verdict === "rejects") reject(new Error("a hook rejects"));
        else resolve(verdict === "admits-late" ? null : ANSWER);
      });
    });
    const done = (): void => void this.pending--;
    verdictLater.then(done, done);
    return verdictLater;
  }

  private onUpstreamRequest(exchange: ExchangeView, index: number, edits: FieldEdits, { throwsIn }: HookPlan): void {
    const id = idOf(exchange.request.path);
    const course = this.course(exchange);
    if (course.isRefused || course.asked !== HOOKS)
      this.fail(`request ${id} goes to an endpoint after ${course.asked} hooks, refused or not asked`);
    this.endWait(course, id);
    if (throwsIn === "request") {
      course.isRefused = true;
      throw new Error("a hook throws");
    }
    if (index === 0) edits.set("X-Hook", String(id));
    else edits.append("X-Hook-More", String(id));
    edits.remove(`x-remove-${index}`);
  }

  private onResponse(exchange: ExchangeView, index: number, edits: FieldEdits, { throwsIn }: HookPlan): void {
    const id = idOf(exchange.request.path);
    const course = this.course(exchange);
    course.responses[index] = (course.responses[index] ?? 0) + 1;
    if (course.responses[index] !== 1) this.fail(`hook ${index} of request ${id} edits ${course.responses[index]} responses`);
    if (throwsIn === "response") throw new Error("a hook throws");
    edits.set(`X-Seen-${index}`, String(id));
    edits.remove(`x-inner-${index}`);
  }

  private onFinish(exchange: ExchangeView, index: number, { throwsIn }: HookPlan): void {
    const id = idOf(exchange.request.path);
    const course = this.course(exchange);
    this.endWait(course, id);
    course.finished[index] = (course.finished[index] ?? 0) + 1;
    if (course.finished[index] !== 1) this.fail(`hook ${index} of request ${id} is told ${course.finished[index]} times that it is over`);
    if (course.signal?.aborted === false) this.fail(`request ${id} is over, and its signal not aborted`);
    if (throwsIn === "finish") throw new Error("a hook throws");
  }

  /** The exchange goes on, or is over: what it waited for may not have taken longer than allowed. */
  private endWait(course: Course, id: number): void {
    if (course.awaitedSinceMs === null) return;
    const tookMs = this.around.clock.nowMs - course.awaitedSinceMs;
    course.awaitedSinceMs = null;
    if (tookMs > ADMISSION_MS_MAX + TICKS_MS) this.fail(`request ${id} waits ${tookMs} ms for a verdict`);
  }

  /** The limiter has let a request of that client pass. */
  private spend(client: string, id: number): void {
    const left = this.leftOf(client);
    if (left < 1 - ROUNDING) this.fail(`the limiter lets request ${id} pass with ${left} left of the allowance of ${client}`);
    this.allowances.set(clientKey(client), { left: left - 1, atMs: this.around.clock.nowMs });
  }

  /** Requests that the client may make on the route `limited` at the moment. */
  leftOf(client: string): number {
    const { left, atMs } = this.allowances.get(clientKey(client)) ?? { left: RATE.burst, atMs: 0 };
    return Math.min(RATE.burst, left + ((this.around.clock.nowMs - atMs) * RATE.perSecond) / 1000);
  }

  /** That request was refused by the limiter. */
  limited(client: string, id: number): void {
    const left = this.leftOf(client);
    if (left >= 1 + ROUNDING) this.fail(`the limiter refuses request ${id} with ${left} left of the allowance of ${client}`);
  }

  /** A request has come to an endpoint. */
  arrived(id: number): void {
    if (this.courses.get(id)?.isRefused === true) this.fail(`request ${id} was refused, and comes to an endpoint`);
  }

  /** At the end, of a request that is logged with that route. */
  check(id: number, route: string): void {
    if (!isFeatured(route)) return;
    const { finished = [], awaitedSinceMs = null } = this.courses.get(id) ?? {};
    for (let index = 0; index < HOOKS; index++) {
      if (finished[index] !== 1) this.fail(`hook ${index} of request ${id} was told ${finished[index] ?? 0} times that it is over`);
    }
    if (awaitedSinceMs !== null) this.fail(`request ${id} still waits for a verdict`);
  }

  private course(exchange: ExchangeView): Course {
    const id = idOf(exchange.request.path);
    let course = this.courses.get(id);
    if (course === undefined) {
      this.courses.set(id, (course = { asked: 0, awaitedSinceMs: null, isRefused: false, signal: null, responses: [], finished: [] }));
    }
    return course;
  }

  private fail(message: string): void {
    this.around.fail(message);
  }
}

/** Whether the route has them. */
export function isFeatured(route: string): boolean {
  return FEATURED.has(route);
}

const FEATURED = new Set(["cors", "tokens", "limited", "hooked", "all"]);
