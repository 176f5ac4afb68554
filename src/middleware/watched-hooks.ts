/**
 * Notes which middleware a thread is running. When a middleware blocks the event loop, the control plane ends the thread, and can then say
 * which one it was. Each hook, and each callback of a stage or a source, is wrapped in a function that stores a number in shared memory.
 */
import type { BodyStage } from "../proxy/feature/body-stage.ts";
import type { Middleware } from "../proxy/feature/middleware.ts";
import { NO_INPUT } from "../proxy/feature/response-source.ts";
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
 * The hooks as a middleware for the exchange. Only hooks that exist are there. What code without types may return instead of what belongs
 * there is told apart, so that the error is the middleware's. Throws a TypeError for hooks that are no functions or that do not exist.
 * @param id number of the middleware within its thread
 * @param late reports an error that comes when its exchange cannot be answered with a 500 any more
 */
export function watchedHooks(
  name: string,
  hooks: MiddlewareHooks,
  id: number,
  running: Running,
  late: (error: unknown) => void,
): Middleware {
  checkHooks(hooks);
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
      return isThenable(verdict) ? Promise.resolve(verdict).then(checkedAnswer) : checkedAnswer(verdict);
    };
  }
  if (source !== undefined) {
    const find = watch(source.bind(hooks));
    middleware.source = (exchange) => {
      const found = find(exchange);
      return isThenable(found)
        ? Promise.resolve(found).then((later) => watchedSource(later, watch, late))
        : watchedSource(found, watch, late);
    };
  }
  if (onUpstreamRequest !== undefined) {
    const edit = watch(onUpstreamRequest.bind(hooks));
    middleware.onUpstreamRequest = (exchange, request) => watchedStage(edit(exchange, request), watch, late);
  }
  if (onUpstreamResponse !== undefined) {
    const decide = watch(onUpstreamResponse.bind(hooks));
    middleware.onUpstreamResponse = (exchange, result) => {
      const verdict = decide(exchange, result);
      return verdict === "retry" ? verdict : watchedSource(verdict, watch, late);
    };
  }
  if (onResponse !== undefined) {
    const edit = watch(onResponse.bind(hooks));
    middleware.onResponse = (exchange, response) => watchedStage(edit(exchange, response), watch, late);
  }
  if (onFinish !== undefined) {
    const finish = watch(onFinish.bind(hooks));
    middleware.onFinish = (exchange) => catchLater(finish(exchange), late);
  }
  return middleware;
}

const HOOKS = ["onRequest", "source", "onUpstreamRequest", "onUpstreamResponse", "onResponse", "onFinish", "dispose"] as const;

function checkHooks(hooks: MiddlewareHooks): void {
  for (const hook of HOOKS)
    if (hooks[hook] !== undefined && typeof hooks[hook] !== "function") throw new TypeError(`${hook} is no function`);
  // A hook with a slip in its name would silently do nothing, though it may be the one that refuses strangers.
  const unknown = Object.keys(hooks).find((key) => /^on[A-Z]/.test(key) && !HOOKS.some((hook) => hook === key));
  if (unknown !== undefined) throw new TypeError(`there is no hook ${unknown}; there are ${HOOKS.join(", ")}`);
}

/** Whether the value is a promise, or something like one of another library. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** If the value is a promise, its rejection is caught: otherwise it would be an error of the thread, and would name no middleware. */
function catchLater(value: unknown, failed: (error: unknown) => void): void {
  if (isThenable(value)) Promise.resolve(value).then(undefined, failed);
}

/** What is no answer throws a TypeError. */
function checkedAnswer(verdict: unknown): LocalAnswer | null {
  if (verdict === null || verdict === undefined) return null;
  if (!isAnswer(verdict)) throw new TypeError("the hook returned neither null nor an answer: make one with answer(status, {...})");
  return verdict;
}

function isAnswer(value: object): value is LocalAnswer {
  const { status, reason, detail, fields, body }: Partial<Record<keyof LocalAnswer, unknown>> = value;
  const isStatus = typeof status === "number" && Number.isInteger(status) && status >= 200 && status <= 599;
  if (!isStatus || typeof reason !== "string" || typeof detail !== "string" || !Array.isArray(fields)) return false;
  if (body === undefined) return true;
  const { contentType, text }: Partial<Record<string, unknown>> = Object(body);
  return typeof contentType === "string" && typeof text === "string";
}

/** What is no stage throws a TypeError. */
function watchedStage(stage: BodyStage | null | void, watch: Watch, late: (error: unknown) => void): BodyStage | null {
  if (stage === null || stage === undefined) return null;
  checkSynchronous(stage);
  if (typeof stage.start !== "function" || typeof stage.data !== "function" || typeof stage.end !== "function")
    throw new TypeError("the hook returned neither null nor a body stage, which has length, start, data and end");
  let fail = late;
  const failLater = (error: unknown): void => fail(error);
  const start = watch(stage.start.bind(stage));
  const [data, end] = [watch(stage.data.bind(stage)), watch(stage.end.bind(stage))];
  return {
    ...watchedCallbacks(stage, watch, failLater, late),
    length: stage.length,
    start: (output) => {
      fail = output.fail;
      catchLater(start(output), failLater);
    },
    data: (bytes, from, to) => catchLater(data(bytes, from, to), failLater),
    end: (trailers) => catchLater(end(trailers), failLater),
  };
}

/** What is no source throws a TypeError. */
function watchedSource(source: unknown, watch: Watch, late: (error: unknown) => void): ResponseSource | null {
  if (source === null || source === undefined) return null;
  checkSynchronous(source);
  if (!isSource(source)) throw new TypeError("the hook returned neither null nor a response source, which has start");
  const start = watch(source.start.bind(source));
  return {
    start: (request, response) => {
      const input: unknown = start(request, response);
      catchLater(input, response.fail);
      return typeof input === "object" && input !== null && !isThenable(input)
        ? watchedCallbacks(input, watch, response.fail, late)
        : NO_INPUT;
    },
  };
}

function isSource(value: object): value is ResponseSource {
  return "start" in value && typeof value.start === "function";
}

/** A promise in the place of a stage or a source throws a TypeError. */
function checkSynchronous(value: unknown): asserts value is object {
  if (typeof value !== "object" || value === null) throw new TypeError(`the hook returned a ${typeof value}`);
  if (!isThenable(value)) return;
  // This error is the one that counts.
  catchLater(value, () => undefined);
  throw new TypeError("the hook returned a promise; only onRequest and source may be asynchronous");
}

/**
 * The callbacks that are there, each watched.
 * @param fail takes the error of one that is asynchronous
 */
function watchedCallbacks(given: SourceInput, watch: Watch, fail: (error: unknown) => void, late: (error: unknown) => void): SourceInput {
  const { data, end, flush, writable, abort } = given;
  const caught = <Arguments extends readonly unknown[]>(
    act: (...given: Arguments) => unknown,
    failed: (error: unknown) => void,
  ): ((...given: Arguments) => void) => {
    const watched = watch(act.bind(given));
    return (...values) => catchLater(watched(...values), failed);
  };
  return {
    ...(data === undefined ? {} : { data: caught(data, fail) }),
    ...(end === undefined ? {} : { end: caught(end, fail) }),
    ...(flush === undefined ? {} : { flush: watch(flush.bind(given)) }),
    ...(writable === undefined ? {} : { writable: caught(writable, fail) }),
    ...(abort === undefined ? {} : { abort: caught(abort, late) }),
  };
}
