/**
 * Notes which middleware a thread is running. When a middleware blocks the event loop, the control plane ends the thread, and can then say
 * which one it was. Each hook, and each callback of a stage or a source, is wrapped in a function that stores a number in shared memory.
 */
import type { BodyStage } from "../proxy/feature/body-stage.ts";
import type { Middleware } from "../proxy/feature/middleware.ts";
import type { ResponseSource, SourceInput } from "../proxy/feature/response-source.ts";
import type { LocalAnswer } from "../proxy/local-answer.ts";
import type { MiddlewareHooks } from "./define-middleware.ts";

/** Stores which middleware runs. */
export interface Running {
  /** Call before code of middleware `id`. Returns what to pass to `leave`, because code of one middleware may run within that of another. */
  enter(id: number): number;
  leave(before: number): void;
}

type Watch = <Arguments extends readonly unknown[], Result>(act: (...given: Arguments) => Result) => (...given: Arguments) => Result;

/**
 * The hooks as a middleware for the exchange. Only hooks that exist are there.
 * @param id number of the middleware within its thread
 */
export function watchedHooks(name: string, hooks: MiddlewareHooks, id: number, running: Running): Middleware {
  const watch: Watch =
    (act) =>
    (...given) => {
      const before = running.enter(id);
      try {
        return act(...given);
      } finally {
        running.leave(before);
      }
    };
  const { onRequest, source, onUpstreamRequest, onUpstreamResponse, onResponse, onFinish } = hooks;
  const middleware: Middleware = { name };
  if (onRequest !== undefined) {
    const admit = watch(onRequest.bind(hooks));
    middleware.onRequest = (exchange) => {
      const verdict = admit(exchange);
      return verdict instanceof Promise ? verdict.then(checkedAnswer) : checkedAnswer(verdict);
    };
  }
  if (source !== undefined) {
    const find = watch(source.bind(hooks));
    middleware.source = (exchange) => {
      const found = find(exchange);
      return found instanceof Promise ? found.then((later) => watchedSource(later, watch)) : watchedSource(found, watch);
    };
  }
  if (onUpstreamRequest !== undefined) {
    const edit = watch(onUpstreamRequest.bind(hooks));
    middleware.onUpstreamRequest = (exchange, request) => watchedStage(edit(exchange, request), watch);
  }
  if (onUpstreamResponse !== undefined) {
    const decide = watch(onUpstreamResponse.bind(hooks));
    middleware.onUpstreamResponse = (exchange, result) => {
      const verdict = decide(exchange, result);
      return verdict === "retry" ? verdict : watchedSource(verdict, watch);
    };
  }
  if (onResponse !== undefined) {
    const edit = watch(onResponse.bind(hooks));
    middleware.onResponse = (exchange, response) => watchedStage(edit(exchange, response), watch);
  }
  if (onFinish !== undefined) middleware.onFinish = watch(onFinish.bind(hooks));
  return middleware;
}

/** What is no answer throws a TypeError. */
function checkedAnswer(verdict: LocalAnswer | null): LocalAnswer | null {
  if (verdict === null || verdict === undefined) return null;
  const { status, reason, detail, fields } = verdict;
  const isAnswer = Number.isInteger(status) && status >= 200 && status <= 599 && typeof reason === "string";
  if (!isAnswer || typeof detail !== "string" || !Array.isArray(fields))
    throw new TypeError("the hook returned neither null nor an answer: make one with answer(status, {...})");
  return verdict;
}

/** What is no stage throws a TypeError. */
function watchedStage(stage: BodyStage | null | void, watch: Watch): BodyStage | null {
  if (stage === null || stage === undefined) return null;
  if (stage instanceof Promise) {
    // Otherwise a rejection would end the thread.
    stage.catch(() => undefined);
    throw new TypeError("the hook returned a promise; only onRequest and source may be asynchronous");
  }
  if (typeof stage.start !== "function" || typeof stage.data !== "function" || typeof stage.end !== "function")
    throw new TypeError("the hook returned neither null nor a body stage, which has length, start, data and end");
  return {
    ...watchedCallbacks(stage, watch),
    length: stage.length,
    start: watch(stage.start.bind(stage)),
    data: watch(stage.data.bind(stage)),
    end: watch(stage.end.bind(stage)),
  };
}

/** What is no source throws a TypeError. */
function watchedSource(source: ResponseSource | null, watch: Watch): ResponseSource | null {
  if (source === null || source === undefined) return null;
  if (typeof source.start !== "function") throw new TypeError("the hook returned neither null nor a response source, which has start");
  const start = watch(source.start.bind(source));
  return { start: (request, response) => watchedCallbacks(start(request, response), watch) };
}

/** The callbacks that are there, each watched. */
function watchedCallbacks(given: SourceInput, watch: Watch): SourceInput {
  const { data, end, flush, writable, abort } = given;
  return {
    ...(data === undefined ? {} : { data: watch(data.bind(given)) }),
    ...(end === undefined ? {} : { end: watch(end.bind(given)) }),
    ...(flush === undefined ? {} : { flush: watch(flush.bind(given)) }),
    ...(writable === undefined ? {} : { writable: watch(writable.bind(given)) }),
    ...(abort === undefined ? {} : { abort: watch(abort.bind(given)) }),
  };
}
