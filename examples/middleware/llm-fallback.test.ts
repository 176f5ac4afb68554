import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { script, testProxy } from "millrace/testing";
import type { OriginFunction, OriginScript, TestProxy } from "millrace/testing";
import llmFallback from "./llm-fallback.ts";

type Origin = OriginFunction | OriginScript;

async function proxyFor(t: TestContext, first: Origin, second: Origin, third: Origin, bodyMax: number = 1000): Promise<TestProxy> {
  const fallback = llmFallback({
    fallbacks: [
      { upstream: "second", model: "small-2", path: "/messages", headers: { Authorization: "Bearer second-key" } },
      { upstream: "third" },
    ],
    body_bytes_max: bodyMax,
  });
  const proxy = await testProxy(
    {
      upstreams: { second: { endpoints: ["http://second.test"] }, third: { endpoints: ["http://third.test"] } },
      routes: [
        {
          name: "models",
          upstream: "first",
          token_limit: { tokens_per_minute: 100_000, key: "route" },
          request_headers: { set: { Authorization: "Bearer first-key" } },
          middleware: [fallback],
        },
      ],
    },
    { upstreams: { first, second, third } },
  );
  t.after(() => proxy.close());
  return proxy;
}

const ask = (proxy: TestProxy, body: string = '{"model":"large-1","stream":true}'): Promise<Response> =>
  proxy.fetch("http://a.test/v1/chat", {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: "Bearer of-the-client", "Accept-Encoding": "gzip", Cookie: "a=b" },
    body,
  });

const status = (code: number): OriginFunction => {
  return () => Response.json({ error: { code } }, { status: code });
};
const STREAM =
  'data: {"choices":[{"delta":{"content":"Hello"}}]}\n\ndata: {"choices":[],"usage":{"prompt_tokens":30,"completion_tokens":12}}\n\ndata: [DONE]\n\n';
const streams: OriginFunction = () => new Response(STREAM, { headers: { "Content-Type": "text/event-stream" } });

test("who is busy is passed over, and the answer of the next one streams, with its tokens counted", async (t) => {
  for (const busy of [status(429), status(500), status(529), script.refuse()]) {
    const proxy = await proxyFor(t, busy, streams, status(500));
    const response = await ask(proxy);
    assert.deepEqual([response.status, await response.text()], [200, STREAM]);
    const [asked] = proxy.requests("second");
    assert.equal(asked?.target, "/messages");
    assert.deepEqual(JSON.parse(asked?.body ?? ""), { model: "small-2", stream: true });
    assert.equal(asked?.headers.get("authorization"), "Bearer second-key");
    assert.equal(asked?.headers.get("cookie"), null);
    const access = proxy.log.find(({ event }) => event === "access");
    assert.deepEqual([access?.["input_tokens"], access?.["output_tokens"]], [30, 12]);
    assert.equal(proxy.requests("third").length, 0);
  }
});

test("one after the other is asked, and the last one's answer is the client's, whatever it is", async (t) => {
  const proxy = await proxyFor(t, status(503), status(429), status(500));
  const response = await ask(proxy, "no JSON");
  assert.deepEqual([response.status, await response.json()], [500, { error: { code: 500 } }]);
  assert.equal(proxy.requests("second")[0]?.body, "no JSON");
  assert.equal(proxy.requests("third")[0]?.target, "/v1/chat");
  assert.match(proxy.metrics.text, /middleware="llm-fallback",counter="fell_back"\} 2$/m);
  assert.doesNotMatch(JSON.stringify(proxy.log), /-key|of-the-client/);
});

test("an answer that is the client's own fault is passed on, and so is one to a request that is too large to keep", async (t) => {
  const wrong = await proxyFor(t, status(400), streams, streams);
  assert.equal((await ask(wrong)).status, 400);
  const large = await proxyFor(t, status(429), streams, streams, 10);
  assert.equal((await ask(large)).status, 429);
  const get = await large.fetch("http://a.test/v1/models");
  assert.equal(get.status, 429);
  assert.equal(large.requests("second").length + wrong.requests("second").length, 0);
});
