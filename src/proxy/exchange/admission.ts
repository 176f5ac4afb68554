/**
 * The first phase of an exchange: which route takes the request, whether its middleware admit it, and whether one of them has a source that
 * answers it. A middleware may take its time, may want the whole body first, and may ask others.
 */
import type { Buffer } from "node:buffer";
import { messageOf } from "../../base/errors.ts";
import { ResponseHead } from "../../http/response-head.ts";
import { CounterId } from "../../shared/metric-table.ts";
import type { FetchOptions, FetchRequest, FetchResult } from "../feature/fetch.ts";
import type { FinishedExchange } from "../feature/middleware.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { ResponseSource } from "../feature/response-source.ts";
import type { Route } from "../snapshot.ts";
import type { EndpointSet } from "../upstream/endpoint-set.ts";
import * as answers from "./answers.ts";
import { CollectedBody } from "./collected-body.ts";
import { ExchangeFacts, isOver } from "./exchange-facts.ts";
import { admitRequest } from "./forwarding.ts";
import { ADMISSION_MS_MAX, PendingAdmission } from "./pending-admission.ts";
import { Phase } from "./phase.ts";

/** What a client may wait for before it sends its body. */
const CONTINUE: ResponseHead = Object.assign(new ResponseHead(), { status: 100 });

export abstract class Admission extends ExchangeFacts implements FinishedExchange {
  /** Asks an endpoint. */
  protected abstract connect(): void;
  /** That source answers. */
  protected abstract answerFrom(source: ResponseSource): void;
  /** Ends the exchange with an answer of the proxy's own. */
  abstract answer(answer: LocalAnswer): void;

  begin(): void {
    const { request } = this;
    const refused = admitRequest(request, this.connection, this.unsafeFieldNames);
    if (refused !== null) return this.answer(refused);
    const route = this.snapshot.findRoute(request);
    this.route = route;
    if (route.upstream !== null) this.set = route.upstream.set;
    this.admit(route, 0);
  }

  /** A request of the proxy's own, which no route and no middleware is asked about. */
  beginAt(set: EndpointSet): void {
    this.set = set;
    this.detour.isOwn = true;
    this.connect();
  }

  protected admit(route: Route, from: number): void {
    const hooks = route.hooks.onRequest;
    for (let index = from; index < hooks.length; index++) {
      let verdict: LocalAnswer | null | Promise<LocalAnswer | null>;
      try {
        verdict = hooks[index]?.onRequest?.(this) ?? null;
      } catch (error) {
        return this.hookFailed(error);
      }
      if (verdict instanceof Promise) {
        return this.awaits(verdict, (later) => {
          if (later === null) this.admit(route, index + 1);
          else this.answer(later);
        });
      }
      // What a hook collected of the body may have ended the exchange.
      if (this.finished) return;
      if (verdict !== null) return this.answer(verdict);
    }
    // After the hooks, as for a body that does not tell its length: whoever may not ask learns nothing, and is counted.
    if (isOver(this.requestLength, route)) return this.answer(this.tooLarge());
    if (route.local !== null) return this.answer(route.local());
    if (route.hooks.source.length > 0) this.findSource(route, 0);
    else this.connect();
  }

  /** Asks the middleware who answers; where nobody does, an endpoint is chosen. */
  protected findSource(route: Route, from: number): void {
    const hooks = route.hooks.source;
    for (let index = from; index < hooks.length; index++) {
      let source: ResponseSource | null | Promise<ResponseSource | null>;
      try {
        source = hooks[index]?.source?.(this) ?? null;
      } catch (error) {
        return this.hookFailed(error);
      }
      if (source instanceof Promise) {
        return this.awaits(source, (later) => {
          if (later === null) this.findSource(route, index + 1);
          else this.answerFrom(later);
        });
      }
      if (this.finished) return;
      if (source !== null) return this.answerFrom(source);
    }
    this.connect();
  }

  /** Goes on when the promise has settled, if it does in time. */
  protected awaits<T>(promise: Promise<T | null>, then: (value: T | null) => void): void {
    const { deadlines, now } = this.thread;
    const pending = new PendingAdmission(() => this.answer(answers.ADMISSION_TIMEOUT));
    // What the hook collected of the body may have ended the exchange.
    this.detour.pending = this.finished ? null : pending;
    if (!this.finished && !this.isCollecting) deadlines.set(pending, now + ADMISSION_MS_MAX);
    promise.then(
      (value) => {
        if (this.detours?.pending !== pending) return;
        this.thread.tick();
        this.endWait();
        then(value ?? null);
      },
      (error: unknown) => {
        this.thread.tick();
        if (this.detours?.pending === pending) this.hookFailed(error);
        else this.reportHook(error);
      },
    );
  }

  /** Nothing is awaited any more: what comes late has no effect. */
  protected endWait(): void {
    const { detours } = this;
    if (detours === null || detours.pending === null) return;
    this.thread.deadlines.remove(detours.pending);
    detours.pending = null;
  }

  protected hookFailed(error: unknown): void {
    this.reportHook(error);
    if (!this.finished) this.answer(answers.INTERNAL_ERROR);
  }

  collectBody(bytesMax: number): Promise<Buffer | null> {
    const { detour } = this;
    if (detour.collected !== null) return detour.collected.whole;
    const collected = new CollectedBody(this.thread, bytesMax);
    if (this.phase !== Phase.admission) collected.letGo();
    else {
      detour.collected = collected;
      if (this.requestEnded) collected.end();
      else if (this.requestLength > bytesMax) collected.refuse();
      else this.collect();
    }
    return collected.whole;
  }

  fetch(upstream: string, request: FetchRequest, options: FetchOptions = {}): Promise<FetchResult> {
    const set = this.snapshot.endpointsOf(upstream);
    if (set === null) return Promise.resolve({ head: null, failure: "no_upstream" });
    return this.thread.fetch(set, request, { signal: this.signal, ...options });
  }

  /** The client's time counts until its body has come. */
  protected collect(): void {
    const pending = this.detours?.pending ?? null;
    if (pending !== null) this.thread.deadlines.cancel(pending);
    this.bodyWanted();
    this.downstream.resumeRequest();
  }

  /** All of the body has come, or more than was wanted. */
  protected collectedEnough(): void {
    const { thread } = this;
    const pending = this.detours?.pending ?? null;
    if (pending !== null) thread.deadlines.set(pending, thread.now + ADMISSION_MS_MAX);
  }

  get signal(): AbortSignal {
    const { detour } = this;
    const controller = (detour.controller ??= new AbortController());
    if (this.finished) controller.abort();
    return controller.signal;
  }

  /** A middleware threw: a mistake of ours or of an extension. It costs this exchange, not the thread. */
  protected reportHook(error: unknown): void {
    this.thread.report("error", "middleware_failed", messageOf(error), {
      route: this.route?.name ?? "",
    });
  }

  /** A client that waits to be asked for its body is asked. */
  bodyWanted(): void {
    if (!this.awaitsContinue) return;
    this.continued = true;
    this.downstream.interim(CONTINUE);
  }

  protected collectData(bytes: Buffer, start: number, end: number): void {
    const collected = this.detours?.collected ?? null;
    collected?.add(bytes, start, end);
    if (!this.isCollecting) this.collectedEnough();
  }

  protected tooLarge(): LocalAnswer {
    this.thread.metrics.add(CounterId.malformed_requests, 1);
    return answers.BODY_TOO_LARGE;
  }
}
