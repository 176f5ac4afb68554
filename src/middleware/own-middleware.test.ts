/** Middleware of the user's own, in a whole proxy in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { answer, defineMiddleware } from "../millrace.ts";
import { testProxy } from "../testing/test-proxy.ts";

const stamp = defineMiddleware({
  name: "stamp",
  options: z.strictObject({ header: z.string().default("X-Stamp"), value: z.string() }),
  setup: ({ header, value }, context) => {
    const stamped = context.counter("stamped");
    return {
      onResponse: (_exchange, response) => {
        stamped.add();
        response.set(header, value);
      },
    };
  },
});
const closed = defineMiddleware({
  name: "closed",
  setup: () => ({
    onRequest: ({ request }) => (request.path.startsWith("/shop") ? answer(503, { detail: "The shop opens at nine." }) : null),
  }),
});
const upstreams = { app: () => new Response("hi") };

test("middleware of all routes acts before that of the route, each with its options", async (t) => {
  const proxy = await testProxy(
    {
      middleware: [closed(), stamp({ value: "all" })],
      routes: [{ upstream: "app", middleware: [stamp({ header: "X-Route", value: "one" })] }],
    },
    { upstreams },
  );
  t.after(() => proxy.close());
  const response = await proxy.fetch("http://a.test/");
  assert.deepEqual([response.headers.get("x-stamp"), response.headers.get("x-route"), await response.text()], ["all", "one", "hi"]);
  const refused = await proxy.fetch("http://a.test/shop/1");
  assert.deepEqual(
    [refused.status, refused.headers.get("x-stamp"), await refused.text()],
    [503, "all", "503 Service Unavailable: The shop opens at nine.\n"],
  );
  assert.match(proxy.metrics.text, /^millrace_middleware_total\{middleware="stamp",counter="stamped"\} 4$/m);
});

test("options that the schema refuses: the proxy does not start", async () => {
  await assert.rejects(
    // @ts-expect-error: the value is missing
    testProxy({ routes: [{ upstream: "app", middleware: [stamp({ header: "X-A" })] }] }, { upstreams }),
    /^Error: routes\.#1\.middleware\.#1: stamp: its options are refused: /,
  );
});

test("an upstream that only middleware asks needs no entry in the configuration of a test", async (t) => {
  const ask = defineMiddleware({
    name: "ask",
    setup: (_options, context) => ({
      onRequest: async () => answer((await context.fetch("auth", { path: "/" })).head?.status ?? 500),
    }),
  });
  const routes = [{ upstream: "app", middleware: [ask()] }];
  const proxy = await testProxy({ routes }, { upstreams: { ...upstreams, auth: () => new Response("", { status: 418 }) } });
  t.after(() => proxy.close());
  assert.equal((await proxy.fetch("http://a.test/")).status, 418);
  assert.equal(proxy.requests("auth").length, 1);
});
