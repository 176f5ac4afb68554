/** A response of another upstream, as a source (`ExchangeView.relay`), through the whole proxy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { ExchangeView, RelayOptions, ResponseSource, UpstreamResult } from "../../millrace.ts";
import { defineMiddleware } from "../../middleware/define-middleware.ts";
import { script, testProxy } from "../../testing/test-proxy.ts";
import type { OriginFunction, OriginScript, TestProxy } from "../../testing/test-proxy.ts";

type Verdict = (exchange: ExchangeView, result: UpstreamResult) => "retry" | ResponseSource | null;

/** A proxy whose upstream `app` is busy, and a middleware that does something about it. */
async function proxyWith(
  t: TestContext,
  verdict: Verdict,
  other: OriginFunction | OriginScript,
  more: { readonly timeouts?: { readonly response_head: "100s" } } = {},
): Promise<TestProxy> {
  const middleware = defineMiddleware({ name: "fallback", setup: () => ({ onUpstreamResponse: verdict }) });
  const busy = (): Response => new Response("busy", { status: 429 });
  const proxy = await testProxy(
    { upstreams: { other: { endpoints: ["http://other.test"], ...more } }, routes: [{ upstream: "app", middleware: [middleware()] }] },
    { upstreams: { app: busy, other, third: () => new Response("third") } },
  );
  t.after(() => proxy.close());
  return proxy;
}

const relayed =
  (options?: RelayOptions): Verdict =>
  (exchange, { head }) =>
    head?.status === 200
      ? null
      : exchange.relay("other", { method: "POST", path: "/else", headers: { "X-Own": "1" }, body: "again" }, options);

const ask = (proxy: TestProxy): Promise<Response> => proxy.fetch("http://a.test/", { method: "POST", body: "first" });

test("the response streams to the client as it comes, with its status and fields", async (t) => {
  let controller: ReadableStreamDefaultController | null = null;
  const stream = (): Response => {
    const body = new ReadableStream({ start: (given) => void (controller = given) });
    return new Response(body, { status: 201, headers: { "X-From": "other", "Content-Type": "text/event-stream" } });
  };
  const proxy = await proxyWith(t, relayed(), stream);
  const client = proxy.connect();
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nfirst");
  await client.until("\r\n\r\n");
  assert.match(client.received, /^HTTP\/1\.1 201 Created\r\n/);
  assert.match(client.received, /x-from: other\r\n/i);
  for (const part of ["one", "two"]) {
    (controller as ReadableStreamDefaultController | null)?.enqueue(Buffer.from(part));
    await client.until(part);
  }
  (controller as ReadableStreamDefaultController | null)?.close();
  await client.until("0\r\n\r\n");
  const [request] = proxy.requests("other");
  assert.deepEqual([request?.method, request?.target, request?.body, request?.headers.get("x-own")], ["POST", "/else", "again", "1"]);
  assert.equal(request?.headers.get("x-forwarded-for"), null);
  assert.deepEqual(
    proxy.log.filter(({ event }) => event === "access").map(({ status, outcome }) => [status, outcome]),
    [[201, "completed"]],
  );
});

test("a client that does not read holds the endpoint back, and one that leaves ends the request", async (t) => {
  let sent = 0;
  let isCancelled = false;
  const endless = (): Response =>
    new Response(
      new ReadableStream({
        pull: (controller) => {
          sent += 65_536;
          controller.enqueue(new Uint8Array(65_536));
        },
        cancel: () => void (isCancelled = true),
      }),
    );
  const proxy = await proxyWith(t, relayed(), endless);
  const client = proxy.connect();
  client.pause();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await proxy.advance("1s");
  const before = sent;
  await proxy.advance("1s");
  assert.ok(before > 0 && sent === before, `${sent} bytes were taken`);
  client.resume();
  await client.until(() => client.received.length > 3_000_000);
  assert.ok(sent > before);
  client.reset();
  await proxy.advance("1s");
  assert.ok(isCancelled);
  assert.equal(proxy.metrics.value("millrace_exchanges_in_flight"), 0);
});

test("time limits are those of the upstream", async (t) => {
  let seconds = 90;
  const slow: OriginFunction = async (_request, { sleep }) => {
    await sleep(seconds * 1000);
    return new Response("at last");
  };
  const proxy = await proxyWith(t, relayed(), slow, { timeouts: { response_head: "100s" } });
  const pending = ask(proxy);
  await proxy.advance("95s");
  assert.equal(await (await pending).text(), "at last");
  seconds = 110;
  const late = ask(proxy);
  await proxy.advance("101s");
  assert.equal((await late).status, 504);
  assert.equal(proxy.log.at(-1)?.["outcome"], "response_timeout");
});

test("an endpoint that does not answer, or cuts its response, is told as it would be without a relay", async (t) => {
  const proxy = await proxyWith(t, relayed(), script.refuse());
  assert.equal((await ask(proxy)).status, 502);
  assert.equal(proxy.log.at(-1)?.["outcome"], "connection_refused");
  proxy.serve(
    "other",
    script.resetAfter(200, () => new Response("x".repeat(1000))),
  );
  await assert.rejects((await ask(proxy)).text());
  assert.equal(proxy.log.at(-1)?.["outcome"], "connection_terminated");
  assert.ok(!proxy.log.some(({ event }) => event === "middleware_failed"));
});

test("another source may answer in the place of a response that will not do, and of none", async (t) => {
  const statuses: unknown[] = [];
  const third: Verdict = (exchange, result) =>
    relayed({
      otherwise: (head) => {
        statuses.push(head?.status ?? null);
        return head?.status === 200 ? null : exchange.relay("third", { method: "POST", path: "/" });
      },
    })(exchange, result);
  const proxy = await proxyWith(t, third, () => new Response("busy too", { status: 503 }));
  assert.equal(await (await ask(proxy)).text(), "third");
  proxy.serve("other", script.refuse());
  await proxy.advance("1m");
  assert.equal(await (await ask(proxy)).text(), "third");
  proxy.serve("other", () => new Response("fine"));
  assert.equal(await (await ask(proxy)).text(), "fine");
  assert.deepEqual(statuses, [503, null, 200]);
  assert.equal(proxy.metrics.value("millrace_exchanges_in_flight"), 0);
});

test("what cannot be relayed is a fault of the middleware", async (t) => {
  const wrong: readonly Verdict[] = [
    (exchange) => exchange.relay("nobody", { path: "/" }),
    (exchange) => exchange.relay("other", { path: "no path" }),
    (exchange) => exchange.relay("other", { path: "/", method: "HEAD" }),
    (exchange) => exchange.relay("other", { path: "/" }, { otherwise: () => exchange.relay("nobody", { path: "/" }) }),
    (exchange) =>
      exchange.relay(
        "other",
        { path: "/" },
        {
          otherwise: () => {
            throw new Error("otherwise");
          },
        },
      ),
  ];
  for (const verdict of wrong) {
    const proxy = await proxyWith(t, verdict, () => new Response("fine"));
    assert.equal((await ask(proxy)).status, 500);
    assert.equal(proxy.log.find(({ event }) => event === "middleware_failed")?.["middleware"], "fallback");
    assert.equal(proxy.metrics.value("millrace_exchanges_in_flight"), 0);
  }
});
