/**
 * The first phase of an exchange: finds the route, asks its middleware whether they admit the request, and then whether one of them has a
 * source that answers it. A hook may return a promise, collect the whole body, or send requests of its own; the exchange waits.
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
import { ExchangeFacts, exceedsBodyLimit } from "./exchange-facts.ts";
import { admitRequest } from "./forwarding.ts";
import { HOOK_MS_MAX, HookWait } from "./hook-wait.ts";
import { Phase } from "./phase.ts";

/** The 100 (Continue) that a client may wait for before it sends its body. */
const CONTINUE: ResponseHead = Object.assign(new ResponseHead(), { status: 100 });

export abstract class ExchangeAdmission extends ExchangeFacts implements FinishedExchange {
  /** Chooses an endpoint and begins an attempt. */
  protected abstract connect(): void;
  /** Lets the source answer. */
  protected abstract answerFrom(source: ResponseSource): void;
  /** Ends the exchange with an answer of the proxy's own. */
  abstract answer(answer: LocalAnswer): void;

  /** Begins the exchange of a client. */
  begin(): void {
    const { request } = this;
    const refused = admitRequest(request, this.connection, this.unsafeFieldNames);
    if (refused !== null) return this.answer(refused);
    const route = this.snapshot.findRoute(request);
    this.route = route;
    if (route.upstream !== null) this.set = route.upstream.set;
    this.admit(route, 0);
  }

  /** Begins a request of the proxy's own, for which there is no route and no middleware. */
  beginAt(set: EndpointSet): void {
    this.set = set;
    this.connect();
  }

  /** Calls the `onRequest` hooks from that index on, then goes on to the sources. */
  protected admit(route: Route, from: number): void {
    const hooks = route.hooks.onRequest;
    for (let index = from; index < hooks.length; index++) {
      let verdict: LocalAnswer | null | Promise<LocalAnswer | null>;
      try {
        verdict = hooks[index]?.onRequest?.(this) ?? null;
      } catch (error) {
        return this.hookFailed(error, hooks[index]?.name ?? "");
      }
      if (verdict instanceof Promise) {
        return this.awaits(verdict, hooks[index]?.name ?? "", (later) => {
          if (later === null) this.admit(route, index + 1);
          else this.answer(later);
        });
      }
      // By collecting the body a hook may have ended the exchange.
      if (this.finished) return;
      if (verdict !== null) return this.answer(verdict);
    }
    // Checked after the hooks, as it is for a body of unknown length: a client who is not admitted learns nothing about the limit.
    if (exceedsBodyLimit(this.requestLength, route)) return this.answer(this.tooLarge());
    if (route.local !== null) return this.answer(route.local());
    if (route.hooks.source.length > 0) this.findSource(route, 0);
    else this.connect();
  }

  /** Calls the `source` hooks from that index on. If none has a source, an endpoint is chosen. */
  protected findSource(route: Route, from: number): void {
    const hooks = route.hooks.source;
    for (let index = from; index < hooks.length; index++) {
      let source: ResponseSource | null | Promise<ResponseSource | null>;
      try {
        source = hooks[index]?.source?.(this) ?? null;
      } catch (error) {
        return this.hookFailed(error, hooks[index]?.name ?? "");
      }
      if (source instanceof Promise) {
        return this.awaits(source, hooks[index]?.name ?? "", (later) => {
          if (later === null) this.findSource(route, index + 1);
          else this.answerFrom(later);
        });
      }
      if (this.finished) return;
      if (source !== null) return this.answerFrom(source);
    }
    this.connect();
  }

  /** Calls `then` when the promise of a hook has settled. If that takes too long, or the exchange has finished, the result is ignored. */
  protected awaits<T>(promise: Promise<T | null>, middleware: string, then: (value: T | null) => void): void {
    const { deadlines, now } = this.thread;
    const pending = new HookWait(() => this.answer(answers.ADMISSION_TIMEOUT));
    // By collecting the body the hook may have ended the exchange.
    this.detour.pending = this.finished ? null : pending;
    if (!this.finished && !this.isCollecting) deadlines.set(pending, now + HOOK_MS_MAX);
    promise.then(
      (value) => {
        if (this.detours?.pending !== pending) return;
        this.thread.tick();
        this.endWait();
        then(value ?? null);
      },
      (error: unknown) => {
        this.thread.tick();
        if (this.detours?.pending === pending) this.hookFailed(error, middleware);
        else this.reportHook(error, middleware);
      },
    );
  }

  /** Ends the wait for a hook. A result that comes later has no effect. */
  protected endWait(): void {
    const { detours } = this;
    if (detours === null || detours.pending === null) return;
    this.thread.deadlines.remove(detours.pending);
    detours.pending = null;
  }

  /** A hook threw or rejected before the response: 500. */
  protected hookFailed(error: unknown, middleware: string): void {
    this.reportHook(error, middleware);
    if (!this.finished) this.answer(answers.INTERNAL_ERROR);
  }

  collectBody(bytesMax: number): Promise<Buffer | null> {
    if (this.phase !== Phase.admission || this.requestLength > bytesMax) return Promise.resolve(null);
    const { detour } = this;
    if (detour.collected === null) {
      detour.collected = new CollectedBody(this.thread);
      if (this.requestEnded) detour.collected.end();
    }
    const whole = detour.collected.ask(bytesMax);
    if (detour.collected.isOpen) this.collect();
    return whole;
  }

  fetch(upstream: string, request: FetchRequest, options: FetchOptions = {}): Promise<FetchResult> {
    const set = this.snapshot.endpointsOf(upstream);
    if (set === null) return Promise.resolve({ head: null, failure: "no_upstream" });
    return this.thread.fetch(set, request, { signal: this.signal, ...options });
  }

  /** Begins to collect the body. The hook's time stops until the body has come; meanwhile the client's own time limits hold. */
  protected collect(): void {
    const pending = this.detours?.pending ?? null;
    if (pending !== null) this.thread.deadlines.cancel(pending);
    this.bodyWanted();
    this.downstream.resumeRequest();
  }

  /** The body is complete, or too large: the hook's time begins again. */
  protected collectedEnough(): void {
    const { thread } = this;
    const pending = this.detours?.pending ?? null;
    if (pending !== null) thread.deadlines.set(pending, thread.now + HOOK_MS_MAX);
  }

  get signal(): AbortSignal {
    const { detour } = this;
    const controller = (detour.controller ??= new AbortController());
    if (this.finished) controller.abort();
    return controller.signal;
  }

  /**
   * Reports an error of a hook, which is a mistake in the proxy or in an extension. It affects this exchange, not the thread.
   * @param middleware whose hook; "": a stage or a source, of which that is not known
   */
  protected reportHook(error: unknown, middleware: string): void {
    const route = this.route?.name ?? "";
    this.thread.report("error", "middleware_failed", messageOf(error), middleware === "" ? { route } : { route, middleware });
  }

  /** Sends a 100 (Continue) if the client waits for one. */
  bodyWanted(): void {
    if (!this.awaitsContinue) return;
    this.continued = true;
    this.downstream.interim(CONTINUE);
  }

  /** Adds bytes to the collected body. */
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
