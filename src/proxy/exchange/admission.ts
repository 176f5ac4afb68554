/**
 * The first phase of an exchange: asks the middleware of its route whether they admit the request, and then whether one of them has a source
 * that answers it. A hook may return a promise, collect the whole body, or send requests of its own; the exchange waits. Last, a route may hold
 * the body until it has come, so that a slow client does not keep an endpoint waiting (`buffer.request`).
 */
import type { Buffer } from "node:buffer";
import { CallersMistake } from "../../base/errors.ts";
import type { ResponseSource } from "../feature/response-source.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { Route } from "../snapshot.ts";
import * as answers from "./answers.ts";
import { CollectedBody } from "./collected-body.ts";
import { exceedsBodyLimit } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import { HOOK_MS_MAX, HookWait } from "./hook-wait.ts";
import { Phase } from "./phase.ts";

/** Calls the `onRequest` hooks from that index on, then goes on to the sources. */
export function admit(exchange: Exchange, route: Route, from: number): void {
  const hooks = route.hooks.onRequest;
  for (let index = from; index < hooks.length; index++) {
    let verdict: LocalAnswer | null | Promise<LocalAnswer | null>;
    try {
      verdict = hooks[index]?.onRequest?.(exchange) ?? null;
    } catch (error) {
      return exchange.hookFailed(error, hooks[index]?.name ?? "");
    }
    if (verdict instanceof Promise) {
      return awaitHook(exchange, verdict, hooks[index]?.name ?? "", (later) => {
        if (later === null) admit(exchange, route, index + 1);
        else exchange.answer(later, hooks[index]?.name);
      });
    }
    // By collecting the body a hook may have ended the exchange.
    if (exchange.finished) return;
    if (verdict !== null) return exchange.answer(verdict, hooks[index]?.name);
  }
  // Checked after the hooks, as it is for a body of unknown length: a client who is not admitted learns nothing about the limit.
  if (exceedsBodyLimit(exchange.requestLength, route)) return exchange.answer(exchange.tooLarge());
  if (route.local !== null) return exchange.answer(route.local());
  if (route.hooks.source.length > 0) findSource(exchange, route, 0);
  else reachOut(exchange, route);
}

/** Calls the `source` hooks from that index on. If none has a source, an endpoint is chosen. */
function findSource(exchange: Exchange, route: Route, from: number): void {
  const hooks = route.hooks.source;
  for (let index = from; index < hooks.length; index++) {
    let source: ResponseSource | null | Promise<ResponseSource | null>;
    try {
      source = hooks[index]?.source?.(exchange) ?? null;
    } catch (error) {
      return exchange.hookFailed(error, hooks[index]?.name ?? "");
    }
    if (source instanceof Promise) {
      return awaitHook(exchange, source, hooks[index]?.name ?? "", (later) => {
        if (later === null) findSource(exchange, route, index + 1);
        else exchange.answerFrom(later, hooks[index]?.name ?? "");
      });
    }
    if (exchange.finished) return;
    if (source !== null) return exchange.answerFrom(source, hooks[index]?.name ?? "");
  }
  reachOut(exchange, route);
}

/** Chooses an endpoint, after the request's body has come if the route holds bodies. */
function reachOut(exchange: Exchange, { requestBufferBytes: bytesMax }: Route): void {
  // A body that is known to be larger would keep the endpoint waiting anyway. After an upgrade's head, bytes belong to the new protocol.
  if (bytesMax === 0 || exchange.requestEnded || exchange.requestLength > bytesMax || exchange.upgrade !== "") return exchange.connect();
  const body = collectedBody(exchange);
  body.wait(bytesMax, () => {
    // Also called when the exchange ends.
    if (exchange.phase === Phase.admission) exchange.connect();
  });
  if (body.isOpen) collect(exchange);
}

/** Calls `then` when the promise of a hook has settled. If that takes too long, or the exchange has finished, the result is ignored. */
function awaitHook<T>(exchange: Exchange, promise: Promise<T | null>, middleware: string, then: (value: T | null) => void): void {
  const { deadlines, now } = exchange.thread;
  const pending = new HookWait(() => {
    exchange.reportHook(new Error(`it has not settled within ${HOOK_MS_MAX / 1000} s`), middleware);
    exchange.answer(answers.ADMISSION_TIMEOUT);
  });
  // By collecting the body the hook may have ended the exchange.
  exchange.detour.pending = exchange.finished ? null : pending;
  if (!exchange.finished && !exchange.isCollecting) deadlines.set(pending, now + HOOK_MS_MAX);
  promise.then(
    (value) => {
      if (exchange.detours?.pending !== pending) return;
      exchange.thread.tick();
      exchange.endWait();
      then(value ?? null);
    },
    (error: unknown) => {
      exchange.thread.tick();
      if (exchange.detours?.pending === pending) exchange.hookFailed(error, middleware);
      else exchange.reportHook(error, middleware);
    },
  );
}

export function collectBody(exchange: Exchange, bytesMax: number): Promise<Buffer | null> {
  // Compared with something that is no number, no body would be too large.
  if (typeof bytesMax !== "number" || !(bytesMax >= 0))
    return Promise.reject(new CallersMistake("the limit of a body is a number of bytes"));
  if (exchange.phase !== Phase.admission || exchange.requestLength > bytesMax) return Promise.resolve(null);
  const body = collectedBody(exchange);
  const whole = body.ask(bytesMax);
  if (body.isOpen) collect(exchange);
  return whole;
}

/** The collected body, made at first use. */
function collectedBody({ detour, thread, requestEnded }: Exchange): CollectedBody {
  if (detour.collected === null) {
    detour.collected = new CollectedBody(thread);
    if (requestEnded) detour.collected.end();
  }
  return detour.collected;
}

/** Begins to collect the body. The hook's time stops until the body has come; meanwhile the client's own time limits hold. */
function collect(exchange: Exchange): void {
  const pending = exchange.detours?.pending ?? null;
  if (pending !== null) exchange.thread.deadlines.cancel(pending);
  exchange.bodyWanted();
  exchange.downstream.resumeRequest();
}

/** Adds bytes to the collected body. */
export function collectData(exchange: Exchange, bytes: Buffer, start: number, end: number): void {
  const collected = exchange.detours?.collected ?? null;
  collected?.add(bytes, start, end);
  if (!exchange.isCollecting) collectedEnough(exchange);
}

/** The body is complete, or too large: the hook's time begins again. */
export function collectedEnough(exchange: Exchange): void {
  const { thread } = exchange;
  const pending = exchange.detours?.pending ?? null;
  if (pending !== null) thread.deadlines.set(pending, thread.now + HOOK_MS_MAX);
}
