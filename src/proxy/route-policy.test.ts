/** `retry`, `hold` and `timeouts` through the whole proxy in memory, with endpoints that fail in every way and count what they carried out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { script, testProxy } from "../testing/test-proxy.ts";
import type { TestConnection } from "../testing/test-proxy.ts";

/** What an endpoint does with a request: ends the connection before it has read it, acts on it and ends, or acts on it and answers so. */
const DEEDS = ["refuses", "ends at once", "acts and ends", "acts and is silent", "503", "200"] as const;
type Deed = (typeof DEEDS)[number];

class Endpoint {
  acted: number = 0;
  private readonly deed: Deed;

  constructor(deed: Deed) {
    this.deed = deed;
  }

  get script(): ReturnType<typeof script.raw> {
    return this.deed === "refuses" ? script.refuse() : script.raw((connection) => this.serve(connection));
  }

  private async serve(connection: TestConnection): Promise<void> {
    if (this.deed === "ends at once") return connection.end();
    await connection.until("payload");
    this.acted++;
    if (this.deed === "acts and ends") connection.reset();
    else if (this.deed === "503") connection.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    else if (this.deed === "200") connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  }
}

test("what is not safe to repeat is carried out once at most, unless the route says otherwise", async () => {
  const deeds = fc.array(fc.constantFrom(...DEEDS), { minLength: 1, maxLength: 4 });
  const cases = fc.record({ deeds, method: fc.constantFrom("POST", "PUT"), nonIdempotent: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(cases, async ({ deeds: each, method, nonIdempotent }) => {
      const endpoints = each.map((deed) => new Endpoint(deed));
      const on = ["connect", "reset", "timeout", 503] as const;
      const proxy = await testProxy(
        {
          routes: [
            { upstream: "app", retry: { attempts: 5, on: [...on], non_idempotent: nonIdempotent }, timeouts: { response_head: "1s" } },
          ],
        },
        { upstreams: { app: endpoints.map((endpoint) => endpoint.script) } },
      );
      const pending = proxy.fetch("http://a.test/", { method, body: "payload" });
      await proxy.advance("30s");
      const { status } = await pending;
      proxy.close();
      const acted = endpoints.reduce((sum, endpoint) => sum + endpoint.acted, 0);
      const mayRepeat = method === "PUT" || nonIdempotent;
      assert.ok(acted <= (mayRepeat ? endpoints.length : 1), `${acted} times`);
      // An endpoint that can answer is found: no endpoint before it has acted on the request, or acting twice does no harm.
      const good = each.indexOf("200");
      const isReachable = good >= 0 && (mayRepeat || each.slice(0, good).every((deed) => deed === "refuses"));
      if (isReachable) assert.equal(status, 200);
    }),
    { numRuns: 60, seed: 20261130 },
  );
});

test("a held request is answered by the endpoint that comes up meanwhile", async () => {
  const proxy = await testProxy({ routes: [{ upstream: "app", hold: "5s" }] }, { upstreams: { app: script.refuse() } });
  const many = Array.from({ length: 20 }, (_, index) => proxy.fetch(`http://a.test/${index}`, { method: "POST", body: `${index}` }));
  await proxy.advance("2s");
  proxy.serve("app", async (request) => new Response(await request.text()));
  await proxy.advance("1s");
  const texts = await Promise.all(many.map(async (each) => (await each).text()));
  assert.deepEqual(
    texts,
    many.map((_, index) => `${index}`),
  );
  assert.equal(proxy.metrics.value("millrace_requests_held_total"), 20);
  proxy.close();
});

test("held to the end: the error of the last attempt", async () => {
  const proxy = await testProxy({ routes: [{ upstream: "app", hold: "5s" }] }, { upstreams: { app: script.refuse() } });
  const pending = proxy.fetch("http://a.test/");
  await proxy.advance("4900ms");
  assert.equal(proxy.log.length, 0);
  await proxy.advance("300ms");
  assert.deepEqual([(await pending).status, proxy.log.at(-1)?.["outcome"]], [502, "connection_refused"]);
  proxy.close();
});

test("a large upload is sent again whole", async () => {
  const body = "0123456789".repeat(50_000);
  const proxy = await testProxy(
    { routes: [{ upstream: "app", retry: { on: [502], replay: "1MiB" } }] },
    {
      upstreams: {
        app: [
          async (request) => {
            await request.text();
            return new Response("", { status: 502 });
          },
          async (request) => new Response(String((await request.text()) === body)),
        ],
      },
    },
  );
  const pending = proxy.fetch("http://a.test/", { method: "PUT", body });
  await proxy.advance("1s");
  assert.equal(await (await pending).text(), "true");
  proxy.close();
});

test("time limits of the route hold in place of those of the upstream, and the next route has the upstream's again", async () => {
  const proxy = await testProxy(
    {
      upstreams: { app: { endpoints: ["http://app.test"], timeouts: { response_head: "10s" }, keep_alive: { max_idle: 1 } } },
      routes: [
        { match: { path: "/fast" }, upstream: "app", timeouts: { response_head: "1s" } },
        { match: { path: "/whole" }, upstream: "app", timeouts: { request: "2s" } },
        { upstream: "app" },
      ],
    },
    { upstreams: { app: script.stall() } },
  );
  for (const [path, afterMs, outcome] of [
    ["/fast", 1000, "response_timeout"],
    ["/whole", 2000, "exchange_timeout"],
    ["/other", 10_000, "response_timeout"],
  ] as const) {
    const pending = proxy.fetch(`http://a.test${path}`);
    await proxy.advance(`${afterMs + 100}ms`);
    assert.equal((await pending).status, 504, path);
    const { outcome: logged, duration_ms: took } = proxy.log.at(-1) ?? {};
    assert.equal(logged, outcome);
    assert.ok(Math.abs(Number(took) - afterMs) <= 50, `${path}: ${String(took)} ms`);
  }
  proxy.close();
});
