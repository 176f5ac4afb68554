/**
 * Notes which middleware a thread is running. When a middleware blocks the event loop, the control plane ends the thread, and can then say
 * which one it was. Each hook, and each callback of a stage or a source, is wrapped in a function that stores a number in shared memory.
 */
import { messageOf } from "../base/errors.ts";
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

/** What surrounds the code of one hook, and of the stages and sources that it returns. */
interface Surrounding {
  /** Makes a function that notes that the middleware runs. An error that it throws is described. */
  readonly watch: <Arguments extends readonly unknown[], Result>(act: (...given: Arguments) => Result) => (...given: Arguments) => Result;
  readonly described: (error: unknown) => Error;
  /** Reports an error that comes when its exchange cannot be answered with a 500 any more. */
  readonly late: (error: unknown) => void;
}

/**
 * The hooks as a middleware for the exchange. Only hooks that exist are there. What code without types may return instead of what belongs
 * there is told apart, so that the error is the middleware's. Throws a TypeError for hooks that are no functions or that do not exist.
 * @param id number of the middleware within its thread
 * @param late reports an error that comes when its exchange cannot be answered with a 500 any more
 * @param placeOf the place in the user's files where an error arose; "" when that is not known
 */
export function watchedHooks(
  name: string,
  hooks: MiddlewareHooks,
  id: number,
  running: Running,
  late: (error: unknown) => void,
  placeOf: (error: unknown) => string = () => "",
): Middleware {
  checkHooks(hooks);
  const around = (hook: string): Surrounding => {
    const described = (error: unknown): Error => describedError(error, hook, placeOf);
    return {
      described,
      late: (error) => late(described(error)),
      watch:
        (act) =>
        (...given) => {
          const before = running.enter(id);
          try {
            return act(...given);
          } catch (error) {
            throw described(error);
          } finally {
            running.leave(before);
          }
        },
    };
  };
  const { onRequest, source, onUpstreamRequest, onUpstreamResponse, onResponse, onFinish } = hooks;
  const middleware: Middleware = { name };
  if (onRequest !== undefined) {
    const admit = onRequest.bind(hooks);
    const { watch, described } = around("onRequest");
    middleware.onRequest = watch((exchange) => settled(admit(exchange), checkedAnswer, described));
  }
  if (source !== undefined) {
    const find = source.bind(hooks);
    const surrounding = around("source");
    middleware.source = surrounding.watch((exchange) =>
      settled(find(exchange), (found) => watchedSource(found, surrounding), surrounding.described),
    );
  }
  if (onUpstreamRequest !== undefined) {
    const edit = onUpstreamRequest.bind(hooks);
    const surrounding = around("onUpstreamRequest");
    middleware.onUpstreamRequest = surrounding.watch((exchange, request) => watchedStage(edit(exchange, request), surrounding));
  }
  if (onUpstreamResponse !== undefined) {
    const decide = onUpstreamResponse.bind(hooks);
    const surrounding = around("onUpstreamResponse");
    middleware.onUpstreamResponse = surrounding.watch((exchange, result) => {
      const verdict = decide(exchange, result);
      return verdict === "retry" ? verdict : watchedSource(verdict, surrounding);
    });
  }
  if (onResponse !== undefined) {
    const edit = onResponse.bind(hooks);
    const surrounding = around("onResponse");
    middleware.onResponse = surrounding.watch((exchange, response) => watchedStage(edit(exchange, response), surrounding));
  }
  if (onFinish !== undefined) {
    const finish = onFinish.bind(hooks);
    const surrounding = around("onFinish");
    middleware.onFinish = surrounding.watch((exchange) => catchLater(finish(exchange), surrounding.late));
  }
  return middleware;
}

/** An error for the log: which hook it is of, what is wrong, and where that arose. */
function describedError(error: unknown, hook: string, placeOf: (error: unknown) => string): Error {
  const place = placeOf(error);
  return new Error(`${hook}: ${messageOf(error)}${place === "" ? "" : ` (${place})`}`);
}

/** What a hook has returned, checked at once, or when its promise has settled. */
function settled<Checked>(
  value: unknown,
  check: (value: unknown) => Checked,
  described: (error: unknown) => Error,
): Checked | Promise<Checked> {
  if (!isThenable(value)) return check(value);
  return Promise.resolve(value)
    .then(check)
    .catch((error: unknown) => {
      throw described(error);
    });
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
function watchedStage(stage: BodyStage | null | void, surrounding: Surrounding): BodyStage | null {
  if (stage === null || stage === undefined) return null;
  checkSynchronous(stage);
  if (typeof stage.start !== "function" || typeof stage.data !== "function" || typeof stage.end !== "function")
    throw new TypeError("the hook returned neither null nor a body stage, which has length, start, data and end");
  const { watch, described, late } = surrounding;
  let fail = late;
  const failLater = (error: unknown): void => fail(error);
  const start = watch(stage.start.bind(stage));
  const [data, end] = [watch(stage.data.bind(stage)), watch(stage.end.bind(stage))];
  return {
    ...watchedCallbacks(stage, surrounding, failLater),
    length: stage.length,
    start: (output) => {
      fail = (error) => output.fail(described(error));
      catchLater(start(output), failLater);
    },
    data: (bytes, from, to) => catchLater(data(bytes, from, to), failLater),
    end: (trailers) => catchLater(end(trailers), failLater),
  };
}

/** What is no source throws a TypeError. */
function watchedSource(source: unknown, surrounding: Surrounding): ResponseSource | null {
  if (source === null || source === undefined) return null;
  checkSynchronous(source);
  if (!isSource(source)) throw new TypeError("the hook returned neither null nor a response source, which has start");
  const start = surrounding.watch(source.start.bind(source));
  return {
    ...(source.hasOwnLimits === true ? { hasOwnLimits: true } : {}),
    start: (request, response) => {
      const input: unknown = start(request, response);
      const fail = (error: unknown): void => response.fail(surrounding.described(error));
      catchLater(input, fail);
      return typeof input === "object" && input !== null && !isThenable(input) ? watchedCallbacks(input, surrounding, fail) : NO_INPUT;
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
function watchedCallbacks(given: SourceInput, { watch, late }: Surrounding, fail: (error: unknown) => void): SourceInput {
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
