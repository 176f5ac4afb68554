import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, test } from "node:test";
import type { TestContext } from "node:test";
import type { Worker } from "node:worker_threads";
import { createProxy, defineMiddleware } from "../../src/millrace.ts";
import type { ConfiguredMiddleware, LogEntry, MillraceProxy, ProxyConfig, ProxyOptions } from "../../src/millrace.ts";
import { startHttpOrigin } from "../support/http-origin.ts";
import { RawClient } from "../support/raw-client.ts";

// The worker threads inherit it; their warm-up would take most of a test's time.
process.env["MILLRACE_WARM_UP"] = "off";

type FullConfig = Extract<ProxyConfig, { readonly routes: unknown }>;

const logged: LogEntry[] = [];
afterEach(() => void logged.splice(0));

/** A configuration with one listener on a free port and one route. */
function config(endpoint: string, changes: Partial<FullConfig> = {}): FullConfig {
  const upstreams = { app: { endpoints: [endpoint] } };
  return { listeners: [{ address: "127.0.0.1:0" }], upstreams, routes: [{ upstream: "app" }], ...changes };
}

function withoutListeners({ upstreams, routes, ...others }: FullConfig): FullConfig {
  return { upstreams, routes, ...(others.workers === undefined ? {} : { workers: others.workers }) };
}

/** Creates a proxy that is closed after the test. */
async function create(t: TestContext, given: ProxyConfig, options: ProxyOptions = {}): Promise<MillraceProxy> {
  const proxy = await createProxy(given, { onLog: (entry) => logged.push(entry), ...options });
  t.after(() => proxy.close());
  return proxy;
}

async function origin(t: TestContext): Promise<string> {
  return startHttpOrigin(t, (request, response) => response.end(`origin ${request.url}`));
}

/** The answer of the proxy's listener at that position, on a connection of its own. */
async function ask(proxy: MillraceProxy, target: string, listener: number = 0): Promise<{ status: number; body: string }> {
  const client = await RawClient.connect(proxy.openListeners[listener]?.port ?? 0);
  client.send(`GET ${target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`);
  const { status, body } = await client.response();
  client.destroy();
  return { status, body };
}

async function untilLogged(proxy: MillraceProxy, event: string): Promise<LogEntry> {
  for (;;) {
    const entry = logged.find((each) => each.event === event);
    if (entry !== undefined) return entry;
    await once(proxy, "log", { signal: AbortSignal.timeout(20_000) });
  }
}

async function refusedPort(port: number): Promise<boolean> {
  const socket = net.connect(port, "127.0.0.1");
  return new Promise((resolve) => {
    socket.once("error", () => resolve(true));
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
  });
}

for (const workers of [undefined, 2]) {
  describe(workers === undefined ? "in the program's own thread" : "with worker threads", () => {
    const given = (endpoint: string, changes: Partial<FullConfig> = {}): FullConfig =>
      config(endpoint, workers === undefined ? changes : { workers, ...changes });

    test("a proxy listens, answers, and closes", async (t) => {
      const proxy = await create(t, given(await origin(t)));
      assert.deepEqual(proxy.openListeners, []);
      const events: string[] = [];
      proxy.on("listening", (listeners) => events.push(`listening ${listeners.length}`)).on("closed", () => events.push("closed"));
      const [first, second] = await Promise.all([proxy.listen(), proxy.listen()]);
      assert.equal(first, second);
      const [listener = assert.fail()] = first;
      assert.deepEqual(listener, { address: "127.0.0.1:0", port: listener.port, url: `http://127.0.0.1:${listener.port}` });
      assert.deepEqual(await ask(proxy, "/a"), { status: 200, body: "origin /a" });
      await Promise.all([proxy.close(), proxy.close()]);
      assert.ok(await refusedPort(listener.port ?? 0));
      assert.deepEqual(events, ["listening 1", "closed"]);
      await assert.rejects(proxy.listen(), { message: "the proxy is closed" });
      await assert.rejects(proxy.reload(given("http://127.0.0.1:1")), { message: "the proxy is closed" });
    });

    test("a reload changes routes and listeners; a wrong one changes nothing and names every problem", async (t) => {
      const endpoint = await origin(t);
      const proxy = await create(t, given(endpoint));
      const [before = assert.fail()] = await proxy.listen();
      const routes = [{ match: { path: "/new" }, upstream: "app" }];
      const reloaded = once(proxy, "reloaded");
      const changes = await proxy.reload(given(endpoint, { routes, listeners: [{ address: "localhost:0" }, { address: "127.0.0.1:0" }] }));
      assert.deepEqual(await reloaded, [changes]);
      assert.deepEqual(changes, { opened: proxy.openListeners.slice(0, 1), closed: [], warnings: [] });
      assert.deepEqual(proxy.openListeners[1], before);
      for (const listener of [0, 1]) {
        assert.equal((await ask(proxy, "/new", listener)).status, 200);
        assert.equal((await ask(proxy, "/a", listener)).status, 404);
      }
      const wrong = { ...given(endpoint), routes: [{ upstream: "nowhere" }], colour: 1 };
      await assert.rejects(proxy.reload(wrong), (error: Error) => {
        assert.match(
          error.message,
          /^config:1:1: \(key #\d\): unknown key.*\n(.*\n)*config:1:1: routes\.#1\.upstream: no upstream has this name/,
        );
        return true;
      });
      const last = await proxy.reload(given(endpoint, { routes, listeners: [{ address: "localhost:0" }] }));
      assert.deepEqual([last.opened, last.closed], [[], ["127.0.0.1:0"]]);
      assert.ok(await refusedPort(before.port ?? 0));
      assert.equal((await ask(proxy, "/new")).status, 200);
    });

    test("a listener whose address is taken rejects, opens none, and can be tried again", async (t) => {
      const other = net.createServer().listen(0, "127.0.0.1");
      await once(other, "listening");
      const { port } = other.address() as net.AddressInfo;
      const listeners = [{ address: "127.0.0.1:0" }, { address: `127.0.0.1:${port}` }];
      const proxy = await create(t, given(await origin(t), { listeners }));
      await assert.rejects(proxy.listen(), { message: `cannot listen on 127.0.0.1:${port}: the address is in use (EADDRINUSE)` });
      assert.deepEqual(proxy.openListeners, []);
      other.close();
      await once(other, "close");
      assert.equal((await proxy.listen()).length, 2);
      assert.equal((await ask(proxy, "/a", 1)).status, 200);
    });

    test("a close lets exchanges that run end", async (t) => {
      const [asked, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const endpoint = await startHttpOrigin(t, (_, response) => {
        asked.resolve();
        void answer.promise.then(() => response.end("late"));
      });
      const proxy = await create(t, given(endpoint));
      await proxy.listen();
      const answered = ask(proxy, "/");
      await asked.promise;
      const closed = proxy.close();
      answer.resolve();
      assert.deepEqual(await answered, { status: 200, body: "late" });
      await closed;
    });

    test("a close in the middle of an opening or a reload ends both", async (t) => {
      const endpoint = await origin(t);
      const proxy = await create(t, given(endpoint));
      const listening = assert.rejects(proxy.listen(), { message: "the proxy is closed" });
      await proxy.close();
      await listening;
      const next = await create(t, given(endpoint));
      await next.listen();
      const outcome = next.reload(given(endpoint, { listeners: [{ address: "localhost:0" }] })).then(
        () => "reloaded",
        (error: unknown) => String(error),
      );
      await next.close();
      assert.equal(await outcome, "Error: the proxy is closed");
    });

    test("requests that a program hands over are answered with 503 after the close", async (t) => {
      const proxy = await create(t, withoutListeners(given(await origin(t))));
      await assert.rejects(proxy.listen(), /^Error: the configuration has no listeners/);
      const { fetch } = proxy;
      assert.notEqual((await fetch(new Request("http://a.test/"))).status, 503);
      await proxy.close();
      assert.equal((await fetch(new Request("http://a.test/"))).status, 503);
    });
  });
}

test("a worker thread that dies is replaced while the proxy goes on", async (t) => {
  const threads: Worker[] = [];
  const note = (worker: Worker): void => void threads.push(worker);
  process.on("worker", note);
  t.after(() => process.off("worker", note));
  const proxy = await create(t, config(await origin(t), { workers: 2 }));
  await proxy.listen();
  assert.equal(threads.length, 2);
  await threads[1]?.terminate();
  await untilLogged(proxy, "worker_replaced");
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(proxy, "/")));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(threads.length, 3);
});

test("two proxies of one program do not know each other", async (t) => {
  const endpoint = await origin(t);
  const limit = { rate_limit: { requests_per_minute: 1, burst: 1 } };
  const routes = [{ upstream: "app", ...limit }];
  const [one, two] = [await create(t, config(endpoint, { routes })), await create(t, config(endpoint, { routes }))];
  await Promise.all([one.listen(), two.listen()]);
  assert.deepEqual([(await ask(one, "/")).status, (await ask(one, "/")).status, (await ask(two, "/")).status], [200, 429, 200]);
  await one.close();
  assert.equal((await ask(two, "/")).status, 429);
});

test("a start is given up when its signal is aborted, or when no endpoint becomes healthy", async () => {
  const waiting = { ...config("http://127.0.0.1:1"), startup: { require_healthy: true, wait: "1h" } };
  const stop = new AbortController();
  const started = createProxy(waiting, { signal: stop.signal });
  stop.abort(new Error("changed my mind"));
  await assert.rejects(started, { message: "changed my mind" });
  const later = new AbortController();
  const waited = createProxy(waiting, { signal: later.signal, onLog: () => later.abort(new Error("in the middle")) });
  await assert.rejects(waited, { message: "in the middle" });
  await assert.rejects(createProxy(waiting, { signal: AbortSignal.abort(new Error("never mind")) }), { message: "never mind" });
  await assert.rejects(createProxy({ ...waiting, startup: { require_healthy: true, wait: "10ms" } }), {
    message: /^upstream app: http:\/\/127\.0\.0\.1:1 is not healthy/,
  });
});

test("middleware runs as it is given in the calling thread, and cannot cross to others", async (t) => {
  const endpoint = await origin(t);
  const disposed: string[] = [];
  const stamp = (value: string): ConfiguredMiddleware =>
    defineMiddleware({
      name: "stamp",
      setup: () => ({ onResponse: (_, response) => (response.set("X-Stamp", value), null), dispose: () => void disposed.push(value) }),
    })();
  const stamped = (value: string): FullConfig => config(endpoint, { middleware: [stamp(value)] });
  const proxy = await create(t, stamped("one"));
  const [{ url } = assert.fail()] = await proxy.listen();
  const seen = async (): Promise<string | null> => (await fetch(url)).headers.get("x-stamp");
  assert.equal(await seen(), "one");
  await proxy.reload(stamped("two"));
  assert.equal(await seen(), "two");
  assert.deepEqual((await proxy.explain({ url })).middleware, ["stamp"]);
  await proxy.close();
  assert.deepEqual(disposed, ["one", "two"]);
  await assert.rejects(createProxy({ ...stamped("three"), workers: 1 }), {
    message: /^workers: the middleware stamp is a value of this thread and cannot cross to others: name its module/,
  });
});

test("middleware that is named by its module runs in worker threads too", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-create-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const module = `
    import { defineMiddleware } from ${JSON.stringify(new URL("../../src/millrace.ts", import.meta.url).href)};
    const setup = (options) => ({ onResponse: (_, response) => (response.set("X-Stamp", "module"), null) });
    export default defineMiddleware({ name: "stamp", setup });
  `;
  writeFileSync(path.join(folder, "stamp.mjs"), module);
  const middleware = [{ use: "./stamp.mjs" }];
  for (const workers of [undefined, 1]) {
    const given = config(await origin(t), { middleware, ...(workers === undefined ? {} : { workers }) });
    const proxy = await create(t, given, { baseFolder: folder });
    const [{ url } = assert.fail()] = await proxy.listen();
    assert.equal((await fetch(url)).headers.get("x-stamp"), "module");
    // The main thread knows a middleware's own name only where it has checked the module.
    assert.deepEqual((await proxy.explain({ url })).middleware, [workers === undefined ? "./stamp.mjs" : "stamp"]);
    const wrong = { ...given, middleware: [{ use: "./nothing.mjs" }] };
    await assert.rejects(proxy.reload(wrong), /middleware\.#1/);
    assert.equal((await fetch(url)).headers.get("x-stamp"), "module");
  }
});

test("what is no configuration is refused", async () => {
  const upstreams = { app: { endpoints: ["http://127.0.0.1:1"] } };
  // @ts-expect-error: a function where there must be data
  await assert.rejects(createProxy({ upstreams, routes: [{ upstream: "app", max_body: () => 1 }] }), /routes\.#1\.max_body is a function/);
  // @ts-expect-error: nothing
  await assert.rejects(createProxy(undefined), /expected a configuration/);
});

test("a reload cannot change where the proxy runs", async (t) => {
  const proxy = await create(t, config("http://127.0.0.1:1"));
  await assert.rejects(proxy.reload(config("http://127.0.0.1:1", { workers: 1 })), /^Error: workers: it cannot be added by a reload/);
});

test("explain says which route takes a request, and why", async (t) => {
  const routes = [
    { match: { path: "/api/*" }, upstream: "app", rate_limit: { requests_per_minute: 60 } },
    { match: { headers: { "x-beta": "1" } }, upstream: "app" },
  ];
  const proxy = await create(t, config("http://127.0.0.1:1", { routes }));
  const found = await proxy.explain({ url: "http://a.test/api/x" });
  assert.deepEqual(
    [found.route?.index, found.middleware, found.upstream, found.endpoints, found.status],
    [0, ["rate-limit"], "app", [{ url: "http://127.0.0.1:1", weight: 1 }], null],
  );
  assert.deepEqual(
    found.routes.map(({ matched }) => matched),
    [true, false],
  );
  assert.ok(found.lines.includes("  GET /api/x HTTP/1.1"));
  const beta = await proxy.explain(new Request("http://a.test/", { method: "POST", headers: { "X-Beta": "1" } }));
  assert.equal(beta.route?.index, 1);
  const none = await proxy.explain({ method: "DELETE", url: "/", headers: { host: "a.test" } });
  assert.deepEqual([none.route, none.status], [null, 404]);
  await assert.rejects(proxy.explain({ url: "/", headers: { "X-A": "1\r\nX-Beta: 1" } }), TypeError);
  await assert.rejects(proxy.explain({ url: "no target" }), Error);
});

test("explain shows where a redirect leads", async (t) => {
  const routes = [{ redirect: { to: "https://{host}{uri}", status: 308 as const } }];
  const proxy = await create(t, config("http://127.0.0.1:1", { routes }));
  const { lines, status } = await proxy.explain({ url: "http://a.test/x?y=1&token=s3cret" });
  assert.equal(status, 308);
  assert.equal(lines.at(-1), "redirect: answered with 308, Location: https://a.test/x?y=1&token=(not shown)");
});

test("explain names middleware in the order in which it acts: what answers in the place of an upstream comes last", async (t) => {
  const stamp = defineMiddleware({ name: "stamp", setup: () => ({}) });
  const routes = [{ respond: { body: "x" }, access: { deny: [] }, middleware: [stamp()] }];
  const proxy = await create(t, config("http://127.0.0.1:1", { routes }));
  const { middleware, lines } = await proxy.explain({ url: "http://a.test/" });
  assert.deepEqual(middleware, ["access", "stamp", "respond"]);
  assert.ok(lines.includes("not run here, and may change what follows: stamp"));
});

test("explain judges conditions on addresses for the client that is given", async (t) => {
  const routes = [{ match: { client_ip: ["10.0.0.0/8"] }, upstream: "app" }];
  const proxy = await create(t, config("http://127.0.0.1:1", { routes }));
  const inside = await proxy.explain({ url: "http://a.test/", client: "10.1.2.3" });
  assert.equal(inside.route?.index, 0);
  assert.ok(inside.lines.includes("  X-Forwarded-For: 10.1.2.3"));
  assert.equal((await proxy.explain({ url: "http://a.test/", client: "11.1.2.3" })).status, 404);
  assert.equal((await proxy.explain({ url: "http://a.test/" })).status, 404);
  await assert.rejects(proxy.explain({ url: "http://a.test/", client: "app" }), /the client is no IP address/);
});

test("paths in the configuration are relative to the base folder, and a log is written where `logging.output` says", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-create-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(path.join(folder, "token"), "hunter2");
  const routes = [{ upstream: "app", authentication: { tokens: ["file:token"] } }];
  const quiet = config(await origin(t), { routes });
  const proxy = await create(t, { ...quiet, logging: { output: "proxy.log" } }, { baseFolder: folder });
  await proxy.listen();
  await proxy.reload({ ...quiet, logging: { output: "other.log" } });
  assert.equal((await ask(proxy, "/")).status, 401);
  await proxy.close();
  const events = (name: string): string[] =>
    readFileSync(path.join(folder, name), "utf8")
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as LogEntry).event);
  assert.deepEqual(events("proxy.log"), ["listening"]);
  assert.deepEqual(events("other.log").toSorted(), ["access", "config_reloaded", "drained", "draining"]);
  await assert.rejects(createProxy({ ...quiet, logging: { output: "no/folder" } }, { baseFolder: folder }), /logging\.output: cannot open/);
});

test("a program with a proxy writes nothing, has no handlers of the proxy's, and ends when the proxy is closed", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-create-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const endpoint = await origin(t);
  const program = `
    import { createProxy } from ${JSON.stringify(new URL("../../src/millrace.ts", import.meta.url).href)};
    const events = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "uncaughtException", "unhandledRejection"];
    for (const workers of [undefined, 1]) {
      await using proxy = await createProxy({ ...${JSON.stringify(config(endpoint))}, workers });
      const [{ url }] = await proxy.listen();
      if (await (await fetch(url + "/a")).text() !== "origin /a") process.exit(3);
      if (events.some((event) => process.listenerCount(event) > 0)) process.exit(4);
    }
  `;
  writeFileSync(path.join(folder, "program.mjs"), program);
  const child = spawn(process.execPath, [path.join(folder, "program.mjs")], { stdio: ["ignore", "pipe", "pipe"] });
  const overdue = setTimeout(() => child.kill("SIGKILL"), 30_000);
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (printed += data.toString()));
  const [code] = await once(child, "close");
  clearTimeout(overdue);
  assert.deepEqual({ code, printed }, { code: 0, printed: "" });
});

test("the environment that the options give is the one of all variables, in threads of its own too", async (t) => {
  for (const workers of [undefined, 1]) {
    const given = {
      listeners: [{ address: "127.0.0.1:0" }],
      upstreams: {},
      routes: [{ respond: { body: "{env.SITE} ${SITE} {env.PATH}" } }],
    };
    const proxy = await create(t, { ...given, workers }, { environment: { SITE: "here" } });
    await proxy.listen();
    assert.deepEqual(await ask(proxy, "/"), { status: 200, body: "here here " });
    assert.ok((await proxy.explain({ url: "http://a.test/" })).route?.matched);
  }
});
