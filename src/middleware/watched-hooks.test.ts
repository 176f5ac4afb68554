import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { buildRequestHead } from "../http/build-head.ts";
import { LoneView } from "../proxy/feature/lone-view.ts";
import type { Middleware } from "../proxy/feature/middleware.ts";
import type { StageOutput } from "../proxy/feature/body-stage.ts";
import type { SourceResponse } from "../proxy/feature/response-source.ts";
import { answer } from "./answer.ts";
import { fakeHost } from "./host.fixture.ts";
import { watchedHooks } from "./watched-hooks.ts";

const view = new LoneView(buildRequestHead({ method: "GET", target: "/", authority: "a.test" }, []), "192.0.2.1");
const nothing = Buffer.alloc(0);
const unused = (): never => assert.fail("not used");
// A hook passes these on to nobody in these tests.
const REQUEST = null as never;

interface Watched {
  readonly middleware: Middleware;
  readonly ran: readonly string[];
  readonly running: () => string;
  readonly late: unknown[];
}

/** @param hooks of code without types: anything */
function watching(hooks: object): Watched {
  const { host, ran, running } = fakeHost();
  const late: unknown[] = [];
  const middleware = watchedHooks("stamp", hooks, host.idOf("stamp"), host.running, (error) => void late.push(error));
  return { middleware, ran, running, late };
}

/** What other libraries have in the place of a promise. */
function likePromise(then: (resolve: (value: unknown) => void) => void): object {
  const key = "then" as string;
  return { [key]: then };
}

function output(): { failed: unknown[]; to: StageOutput & SourceResponse } {
  const failed: unknown[] = [];
  const to = {
    respond: unused,
    answer: unused,
    write: unused,
    flush: unused,
    end: unused,
    resume: unused,
    fail: (error: unknown) => void failed.push(error),
  };
  return { failed, to };
}

test("only hooks that exist are there, each called on the object that setup returned", () => {
  class Hooks {
    readonly status: number = 403;
    onRequest(): ReturnType<typeof answer> {
      return answer(this.status);
    }
  }
  const { middleware } = watching(new Hooks());
  assert.deepEqual(Object.keys(middleware), ["name", "onRequest"]);
  assert.deepEqual(middleware.onRequest?.(view), answer(403));
});

test("while a hook runs its middleware is noted, also when it throws and within another one", () => {
  const inner = watching({ onRequest: () => null });
  const outer = watching({
    onRequest: () => {
      seen.push(outer.running());
      void inner.middleware.onRequest?.(view);
      throw new Error("wrong");
    },
  });
  const seen: string[] = [];
  assert.throws(() => outer.middleware.onRequest?.(view), /^Error: onRequest: wrong$/);
  assert.deepEqual([seen, outer.running(), outer.ran, inner.ran], [["stamp"], "", ["stamp", "-"], ["stamp", "-"]]);
});

test("a plain result costs no promise; promises and what looks like one are awaited", async () => {
  const given = answer(200);
  const thenable = likePromise((resolve) => resolve(given));
  for (const verdict of [null, undefined]) assert.equal(watching({ onRequest: () => verdict }).middleware.onRequest?.(view), null);
  assert.equal(watching({ onRequest: () => given }).middleware.onRequest?.(view), given);
  for (const verdict of [Promise.resolve(given), thenable]) {
    const result = watching({ onRequest: () => verdict }).middleware.onRequest?.(view);
    assert.ok(result instanceof Promise);
    assert.equal(await result, given);
  }
  const broken = likePromise(() => {
    throw new Error("no promise");
  });
  await assert.rejects(async () => watching({ onRequest: () => broken }).middleware.onRequest?.(view), /^Error: onRequest: no promise$/);
});

test("what is no answer is the middleware's error", async () => {
  const bad: readonly unknown[] = [
    true,
    "text",
    503,
    [],
    {},
    { ...answer(200), status: 99 },
    { ...answer(200), status: 600 },
    { ...answer(200), status: "200" },
    { ...answer(200), reason: null },
    { ...answer(200), fields: {} },
    { ...answer(200), body: "text" },
    { ...answer(200), body: { contentType: "text/plain" } },
    new Response("hi"),
  ];
  for (const verdict of bad) {
    assert.throws(
      () => watching({ onRequest: () => verdict }).middleware.onRequest?.(view),
      /^Error: onRequest: the hook returned neither null nor an answer/,
    );
    await assert.rejects(
      async () => watching({ onRequest: async () => Promise.resolve(verdict) }).middleware.onRequest?.(view),
      /^Error: onRequest: the hook returned neither null nor an answer/,
    );
  }
});

test("what is no stage is the middleware's error, a promise above all", async () => {
  const hooks = (result: unknown): Middleware[] => [
    watching({ onUpstreamRequest: () => result }).middleware,
    watching({ onResponse: () => result }).middleware,
  ];
  const call = ({ onUpstreamRequest, onResponse }: Middleware): unknown => (onUpstreamRequest ?? onResponse)?.(view, REQUEST);
  for (const verdict of [null, undefined]) for (const middleware of hooks(verdict)) assert.equal(call(middleware), null);
  for (const verdict of [{}, { start: unused }, { start: unused, data: unused, end: 1 }])
    for (const middleware of hooks(verdict))
      assert.throws(() => call(middleware), /^Error: on(?:UpstreamRequest|Response): the hook returned neither null nor a body stage/);
  for (const verdict of [true, "text", 7])
    for (const middleware of hooks(verdict))
      assert.throws(() => call(middleware), /^Error: on(?:UpstreamRequest|Response): the hook returned a /);
  for (const verdict of [Promise.resolve(null), Promise.reject(new Error("the test's")), likePromise(unused)])
    for (const middleware of hooks(verdict)) assert.throws(() => call(middleware), /only onRequest and source may be asynchronous/);
  // The rejection above would end the test if nobody had taken it.
  await turn();
});

test("what is no source is the middleware's error", async () => {
  for (const verdict of [{}, "text", { start: 1 }]) {
    assert.throws(() => watching({ source: () => verdict }).middleware.source?.(view), /^Error: source: the hook returned /);
    assert.throws(
      () => watching({ onUpstreamResponse: () => verdict }).middleware.onUpstreamResponse?.(view, REQUEST),
      /^Error: onUpstreamResponse: the hook returned /,
    );
    await assert.rejects(
      async () => watching({ source: async () => Promise.resolve(verdict) }).middleware.source?.(view),
      /^Error: source: the hook returned /,
    );
  }
  const late = (): unknown =>
    watching({ onUpstreamResponse: async () => Promise.resolve("retry") }).middleware.onUpstreamResponse?.(view, REQUEST);
  assert.throws(late, /only onRequest and source may be asynchronous/);
  assert.equal(watching({ onUpstreamResponse: () => "retry" }).middleware.onUpstreamResponse?.(view, REQUEST), "retry");
  assert.equal(watching({ onUpstreamResponse: () => undefined }).middleware.onUpstreamResponse?.(view, REQUEST), null);
});

test("callbacks of a stage: watched, on their object, and a rejection of one is a failure of the stage", async () => {
  class Stage {
    readonly length: number = -1;
    readonly calls: string[] = [];
    start(): void {
      this.calls.push("start");
    }
    async data(): Promise<void> {
      this.calls.push("data");
      return Promise.reject(new Error("in data"));
    }
    end(): void {
      this.calls.push("end");
    }
    flush(): boolean {
      return false;
    }
    async abort(): Promise<void> {
      return Promise.reject(new Error("in abort"));
    }
  }
  const stage = new Stage();
  const { middleware, ran, late } = watching({ onResponse: () => stage });
  const made = middleware.onResponse?.(view, REQUEST) ?? assert.fail();
  const { failed, to } = output();
  made.start(to);
  made.data(nothing, 0, 0);
  assert.equal(made.flush?.(), false);
  made.end(null);
  assert.equal(made.writable, undefined, "a callback that the stage does not have");
  assert.deepEqual(stage.calls, ["start", "data", "end"]);
  await turn();
  assert.deepEqual([failed.map(String), late], [["Error: onResponse: in data"], []]);
  made.abort?.();
  await turn();
  assert.deepEqual(late.map(String), ["Error: onResponse: in abort"]);
  assert.equal(ran.filter((name) => name === "stamp").length, 6);
});

test("a source may begin asynchronously or return nothing, and its callbacks are watched", async () => {
  const { failed, to } = output();
  for (const start of [async (): Promise<void> => Promise.reject(new Error("in start")), (): void => undefined]) {
    const made = watching({ source: () => ({ start }) }).middleware.source?.(view);
    assert.ok(made !== null && made !== undefined && !(made instanceof Promise));
    assert.deepEqual(made.start(REQUEST, to), {});
  }
  await turn();
  assert.deepEqual(failed.map(String), ["Error: source: in start"]);
  const input = { data: async (): Promise<void> => Promise.reject(new Error("in data")), end: (): void => undefined };
  const made = watching({ source: () => ({ start: () => input }) }).middleware.source?.(view);
  assert.ok(made !== null && made !== undefined && !(made instanceof Promise));
  const callbacks = made.start(REQUEST, to);
  assert.deepEqual(Object.keys(callbacks), ["data", "end"]);
  callbacks.data?.(nothing, 0, 0);
  callbacks.end?.(null);
  await turn();
  assert.deepEqual(failed.map(String), ["Error: source: in start", "Error: source: in data"]);
});

test("a rejection of onFinish is reported, for nobody waits for it", async () => {
  const { middleware, late } = watching({ onFinish: async () => Promise.reject(new Error("in onFinish")) });
  assert.equal(middleware.onFinish?.(view), undefined);
  await turn();
  assert.deepEqual(late.map(String), ["Error: onFinish: in onFinish"]);
});

test("a hook that is no function, or whose name has a slip, is refused", () => {
  assert.throws(() => watching({ onRequest: true }), /^TypeError: onRequest is no function$/);
  assert.throws(() => watching({ dispose: {} }), /^TypeError: dispose is no function$/);
  assert.throws(
    () => watching({ onReqest: () => null, onFinish: () => undefined }),
    /^TypeError: there is no hook onReqest; there are onRequest, source,/,
  );
  assert.deepEqual(Object.keys(watching({ helper: 7, once: true, dispose: () => undefined }).middleware), ["name"]);
});
