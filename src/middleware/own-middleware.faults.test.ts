/** What middleware of the user's own does wrong costs the exchange that it happens in, and nothing else. In a whole proxy in memory. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { answer, buildResponseHead, defineMiddleware } from "../millrace.ts";
import type { MiddlewareContext, MiddlewareHooks } from "../millrace.ts";
import { testProxy } from "../testing/test-proxy.ts";
import type { LogEntry, TestProxy } from "../testing/test-proxy.ts";

const upstreams = { app: () => new Response("hi"), auth: () => new Response("yes") };

/** A proxy with a middleware that only acts on `/bad`. */
async function proxyWith(t: TestContext, setup: (context: MiddlewareContext) => object): Promise<TestProxy> {
  const bad = defineMiddleware({ name: "bad", setup: (_options, context) => setup(context) as MiddlewareHooks });
  const config = { upstreams: { app: { endpoints: ["http://app:1"] }, auth: { endpoints: ["http://auth:1"] } } };
  const proxy = await testProxy(
    {
      ...config,
      routes: [
        { match: { path: "/bad" }, upstream: "app", middleware: [bad()] },
        { match: { path: "/auth" }, upstream: "auth" },
        { upstream: "app" },
      ],
    },
    { upstreams },
  );
  t.after(() => proxy.close());
  return proxy;
}

const failures = (proxy: TestProxy): readonly LogEntry[] => proxy.log.filter(({ event }) => event === "middleware_failed");

/** Sends a request to the middleware and one beside it, which must be served. Gives the status and what was logged. */
async function costs(proxy: TestProxy, init: RequestInit = {}): Promise<readonly [status: number, message: unknown, middleware: unknown]> {
  const before = failures(proxy).length;
  let status = 0;
  try {
    const response = await proxy.fetch("http://a.test/bad", init);
    status = response.status;
    await response.text();
  } catch {
    // The client was cut.
    status = status === 0 ? -1 : -status;
  }
  assert.equal((await proxy.fetch("http://a.test/good")).status, 200);
  const [failure, ...others] = failures(proxy).slice(before);
  // `onResponse` is called again for the proxy's own answer.
  for (const other of others) assert.equal(other["message"], failure?.["message"]);
  return [status, failure?.["message"], failure?.["middleware"]];
}

const unreadable = Object.defineProperty(new Error("hidden"), "message", {
  get: () => {
    throw new Error("no");
  },
});
const THROWN: readonly (readonly [thrown: unknown, message: string])[] = [
  [new Error("broken"), "broken"],
  [null, "null"],
  [undefined, "undefined"],
  [Symbol("s"), "Symbol(s)"],
  [{ toString: () => assert.fail("no") }, "something without a readable message"],
  [unreadable, "something without a readable message"],
  ["two\nlines", "two\nlines"],
];

test("whatever a hook throws or rejects with costs a 500, with the middleware's name in the log", async (t) => {
  let thrown: unknown;
  const fail = (): never => {
    throw thrown;
  };
  const failLater = async (): Promise<never> => Promise.reject(thrown);
  for (const hooks of [
    { onRequest: fail },
    { onRequest: failLater },
    { source: fail },
    { source: failLater },
    { onUpstreamRequest: fail },
    { onUpstreamResponse: fail },
    { onResponse: fail },
  ]) {
    const proxy = await proxyWith(t, () => hooks);
    for (const [each, message] of THROWN) {
      thrown = each;
      const [hook = ""] = Object.keys(hooks);
      assert.deepEqual(await costs(proxy), [500, `${hook}: ${message}`, "bad"]);
    }
    proxy.close();
  }
});

test("what onFinish throws or rejects with costs nothing but a line of the log", async (t) => {
  for (const onFinish of [() => assert.fail("broken"), async () => Promise.reject(new Error("broken"))]) {
    const proxy = await proxyWith(t, () => ({ onFinish }));
    assert.deepEqual(await costs(proxy), [200, "onFinish: broken", "bad"]);
    proxy.close();
  }
});

test("a hook that never settles costs a 504 after ten seconds", async (t) => {
  for (const hook of ["onRequest", "source"]) {
    const proxy = await proxyWith(t, () => ({ [hook]: async () => new Promise(() => undefined) }));
    const answered = costs(proxy);
    await proxy.advance("10s");
    assert.deepEqual(await answered, [504, "it has not settled within 10 s", "bad"]);
    proxy.close();
  }
});

test("hooks that return nonsense or are asynchronous where they may not be", async (t) => {
  const wrong: readonly (readonly [hooks: object, message: RegExp])[] = [
    [{ onRequest: () => true }, /returned neither null nor an answer/],
    [{ onRequest: () => answer(99) }, /returned neither null nor an answer/],
    [{ onRequest: () => answer(200, { headers: { "X-A": "a\r\nSet-Cookie: stolen=1" } }) }, /./],
    [{ onRequest: () => answer(200, { headers: { "bad name": "x" } }) }, /./],
    [{ onRequest: () => answer(200, { body: "x", contentType: "a/b\r\nSet-Cookie: stolen=1" }) }, /./],
    [{ onRequest: () => answer(200, { body: "hello", headers: { "Content-Length": "2" } }) }, /Content-Length is the proxy's to write/],
    [{ onRequest: () => ({ ...answer(200), fields: [1, null] }) }, /./],
    [{ source: () => 7 }, /the hook returned a number/],
    [{ source: () => ({ start: () => assert.fail("in start") }) }, /in start/],
    [{ source: () => ({ start: async () => Promise.reject(new Error("later")) }) }, /later/],
    [{ onUpstreamResponse: async () => Promise.resolve(null) }, /only onRequest and source may be asynchronous/],
    [{ onResponse: async () => Promise.reject(new Error("late")) }, /only onRequest and source may be asynchronous/],
    [{ onResponse: (_x: unknown, response: { set(name: string, value: string): void }) => response.set("X-A", "a\r\nb") }, /./],
    [{ onResponse: () => ({ length: NaN, start: () => {}, data: () => {}, end: () => {} }) }, /./],
    [{ onUpstreamRequest: (_x: unknown, request: { setTarget(target: string): void }) => request.setTarget("http://evil/") }, /./],
  ];
  for (const [hooks, message] of wrong) {
    const proxy = await proxyWith(t, () => hooks);
    const [status, said, middleware] = await costs(proxy);
    assert.equal(status, 500, String(said));
    assert.match(String(said), message);
    assert.equal(middleware, "bad");
    proxy.close();
  }
});

test("a response stage that fails, at once or later, before or after its output began", async (t) => {
  interface Out {
    write(bytes: unknown): void;
    end(trailers: null): void;
    flush(): boolean;
  }
  let out: Out = { write: () => {}, end: () => {}, flush: () => true };
  const stage = (callbacks: object): object => ({
    length: -1,
    start: (given: Out) => void (out = given),
    data: (bytes: Buffer, start: number, end: number) => out.write(Buffer.from(bytes.subarray(start, end))),
    end: () => out.end(null),
    ...callbacks,
  });
  const wrong: readonly (readonly [stage: object, message: RegExp])[] = [
    [stage({ start: () => assert.fail("in start") }), /in start/],
    [stage({ start: async () => Promise.reject(new Error("in start")) }), /in start/],
    [stage({ data: () => assert.fail("in data") }), /in data/],
    [stage({ data: async () => Promise.reject(new Error("in data")), end: () => undefined }), /in data/],
    [stage({ end: () => assert.fail("in end") }), /in end/],
    [stage({ data: () => out.write("a text") }), /writes something that is no Buffer/],
    [stage({ data: () => out.write(null) }), /writes something that is no Buffer/],
    [stage({ end: () => out.end("trailers" as never) }), /ends with something that is no trailers/],
    [stage({ length: 1 }), /writes more than the 1 bytes/],
    [stage({ length: 9 }), /writes 2 bytes instead of the 9/],
  ];
  for (const [made, message] of wrong) {
    const proxy = await proxyWith(t, () => ({ onResponse: () => made }));
    const [status, said, middleware] = await costs(proxy);
    assert.ok(status === 500 || status < 0, `${status} ${String(said)}`);
    assert.match(String(said), message);
    assert.equal(middleware, "bad");
    // Whatever it still calls has no effect.
    out.write(Buffer.from("late"));
    out.flush();
    out.end(null);
    assert.equal((await proxy.fetch("http://a.test/good")).status, 200);
    proxy.close();
  }
});

test("an answer to which no body belongs has none, whatever the middleware gives it", async (t) => {
  const proxy = await proxyWith(t, () => ({
    onRequest: () => answer(304, { detail: "not sent", body: "HTTP/1.1 200 OK", headers: { ETag: '"1"' } }),
  }));
  const connection = proxy.connect();
  connection.send("GET /bad HTTP/1.1\r\nHost: a.test\r\n\r\nGET /good HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await connection.until("hi");
  const received = connection.take();
  assert.match(received, /^HTTP\/1\.1 304 Not Modified\r\nDate: [^\r]+\r\nETag: "1"\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  assert.doesNotMatch(received, /not sent/);
});

test("a stage that never ends is silent for too long, and a source that never responds", async (t) => {
  const proxy = await proxyWith(t, () => ({ onResponse: () => ({ length: -1, start: () => {}, data: () => {}, end: () => {} }) }));
  const stuck = costs(proxy);
  await proxy.advance("61s");
  const [status, said, middleware] = await stuck;
  assert.ok(status === 500 || status < 0, String(status));
  assert.deepEqual([said, middleware], ["a body stage was silent for 60 s", "bad"]);
  const other = await proxyWith(t, () => ({ source: () => ({ start: () => undefined }) }));
  const silent = costs(other);
  await other.advance("61s");
  assert.deepEqual(await silent, [500, "a response source was silent for 60 s", "bad"]);
});

test("a stage that changes a buffer after it wrote it and flushed: nobody else's bytes change", async (t) => {
  const shared = Buffer.from("XY");
  let out: { write(bytes: Buffer): void; end(trailers: null): void } | null = null;
  const proxy = await proxyWith(t, () => ({
    onResponse: () => ({
      length: 1,
      start: (given: NonNullable<typeof out>) => void (out = given),
      data: () => {
        out?.write(shared.subarray(1));
      },
      end: () => out?.end(null),
    }),
  }));
  const bodies = [];
  for (let n = 0; n < 3; n++) bodies.push(await (await proxy.fetch("http://a.test/bad")).text());
  assert.deepEqual(bodies, ["Y", "Y", "Y"]);
  assert.equal(shared.toString(), "XY", "the proxy writes into nobody's buffer");
});

test("log fields and counters that nobody can send are the middleware's affair", async (t) => {
  const proxy = await proxyWith(t, (context) => ({
    onRequest: () => {
      context.log.warn("strange\nfields", { big: 10n, act: () => 1, circular: context } as never);
      for (let n = 0; n < 3; n++) context.counter("giant").add(Number.MAX_SAFE_INTEGER);
      return null;
    },
  }));
  assert.deepEqual(await costs(proxy), [200, undefined, undefined]);
  const [line] = proxy.log.filter(({ event }) => event === "middleware_log");
  assert.deepEqual([line?.["message"], line?.["big"], line?.["act"], line?.["middleware"]], ["strange\nfields", "10", "a function", "bad"]);
  assert.match(proxy.metrics.text, /^millrace_middleware_total\{middleware="bad",counter="giant"\} \d{17,}$/m);
});

test("fetch: unknown upstreams, requests that cannot be sent, and after the end", async (t) => {
  const given: { context?: MiddlewareContext } = {};
  const results: unknown[] = [];
  const proxy = await proxyWith(t, (context) => {
    given.context = context;
    void context.fetch("app", { path: "/" }).then(({ failure }) => results.push(failure));
    return {
      onRequest: async () => {
        for (const upstream of ["nope", "__proto__", "constructor", ""])
          results.push((await context.fetch(upstream, { path: "/" })).failure);
        const found = await context.fetch("auth", { path: "/auth", method: "POST", body: "x", headers: [["X-A", "1"]] });
        results.push(found.head?.status);
        const wrong: readonly unknown[] = [
          { path: "no slash" },
          { path: "/a b" },
          { path: "/\r\nX: y" },
          { path: 7 },
          {},
          null,
          undefined,
          "text",
          { path: "/", method: "GET\r\n" },
          { path: "/", headers: { "X-A": "a\r\nb" } },
          { path: "/", headers: null },
          { path: "/", headers: [["only one"]] },
          { path: "/", host: "a b" },
          { path: "/", body: 7 },
          { path: "/", body: new Uint8Array(3) },
          { path: "/", body: {} },
          { head: {} },
        ];
        for (const each of wrong)
          await assert.rejects(context.fetch("app", each as never), /^[A-Za-z]*: the request cannot be sent: /, JSON.stringify(each));
        for (const options of [null, { timeoutMs: NaN }, { timeoutMs: -1 }, { timeoutMs: "1" }, { bodyBytesMax: NaN }, { signal: {} }])
          if (options === null) results.push((await context.fetch("auth", { path: "/" }, options as never)).head?.status);
          else
            await assert.rejects(
              context.fetch("auth", { path: "/" }, options as never),
              /the request cannot be sent/,
              JSON.stringify(options),
            );
        return null;
      },
    };
  });
  assert.deepEqual(await costs(proxy), [200, undefined, undefined]);
  assert.deepEqual(results, ["no_upstream", "no_upstream", "no_upstream", "no_upstream", "no_upstream", 200, 200]);
  await proxy.reload({ routes: [{ upstream: "app" }] });
  assert.equal(given.context?.signal.aborted, true);
  assert.equal((await given.context?.fetch("app", { path: "/" }))?.failure, "fetch_aborted");
});

test("the whole body: limits that are none, and calls at the wrong time", async (t) => {
  const kept: { collect?: (max: number) => Promise<Buffer | null> } = {};
  const proxy = await proxyWith(t, () => ({
    onRequest: async (exchange: { collectBody(max: unknown): Promise<Buffer | null> }) => {
      kept.collect = (max) => exchange.collectBody(max);
      for (const max of [-1, NaN, "9", null, undefined])
        await assert.rejects(async () => exchange.collectBody(max), TypeError, String(max));
      assert.equal(await exchange.collectBody(1), null);
      assert.equal(String(await exchange.collectBody(Infinity)), "abc");
      assert.equal(String(await exchange.collectBody(3)), "abc", "twice");
      return null;
    },
  }));
  assert.deepEqual(await costs(proxy, { method: "POST", body: "abc" }), [200, undefined, undefined]);
  assert.equal(await kept.collect?.(100), null, "after the end");
});

test("state per exchange is kept for it alone, and only an exchange has one", async (t) => {
  const seen: unknown[] = [];
  const proxy = await proxyWith(t, (context) => {
    const state = context.state<string>();
    return {
      onRequest: (exchange: never) => {
        seen.push(state.of(exchange));
        state.keep(exchange, "mine");
        assert.throws(() => state.keep(null as never, "x"), TypeError);
        return null;
      },
      onFinish: (exchange: never) => void seen.push(state.of(exchange)),
    };
  });
  await costs(proxy);
  await costs(proxy);
  assert.deepEqual(seen, [undefined, "mine", undefined, "mine"]);
});

test("a source of the middleware answers, and one that answers wrongly does not reach the client", async (t) => {
  const good = {
    start: (
      _request: unknown,
      response: { respond(head: unknown, length: number): void; write(bytes: Buffer): void; end(trailers: null): void },
    ) => {
      response.respond(buildResponseHead({ status: 200 }, [["Content-Type", "text/plain"]]), 5);
      response.write(Buffer.from("hello"));
      response.end(null);
      return {};
    },
  };
  const proxy = await proxyWith(t, () => ({ source: async () => Promise.resolve(good) }));
  assert.equal(await (await proxy.fetch("http://a.test/bad")).text(), "hello");
  for (const head of [null, {}, { status: 200 }]) {
    const wrong = { start: (_request: unknown, response: { respond(head: unknown, length: number): void }) => response.respond(head, 5) };
    const other = await proxyWith(t, () => ({ source: () => wrong }));
    const [status, , middleware] = await costs(other);
    assert.deepEqual([status, middleware], [500, "bad"], JSON.stringify(head));
    other.close();
  }
});
