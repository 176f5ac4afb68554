/** However exchanges end, what was taken from a budget in the end is what the log says of them, and nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { testProxy } from "../../testing/test-proxy.ts";
import type { OriginFunction, TestConfig } from "../../testing/test-proxy.ts";

const TOKENS = 1_000_000;
const ESTIMATE = 700;

function config(estimate: number): TestConfig {
  const token_limit = { key: "route" as const, budget: { tokens: TOKENS, per: "day" as const }, tokens_per_minute: 10_000_000, estimate };
  return { routes: [{ name: "llm", token_limit, retry: { attempts: 2, on: [503] }, upstream: "app" }] };
}

/** Numbers from 0 up to `below`, the same for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A model that answers in one of many ways, some of them broken, a while later. */
function model(draw: (below: number) => number): OriginFunction {
  return async (_request, { sleep }) => {
    const [tokens, words, pause] = [1 + draw(3000), draw(4000), draw(50)];
    await sleep(draw(20));
    const usage = draw(3) === 0 ? {} : { usage: { prompt_tokens: 5, completion_tokens: tokens } };
    if (draw(5) === 0) return Response.json({ error: {} }, { status: [400, 429, 500, 503][draw(4)] ?? 500 });
    if (draw(3) === 0) return Response.json({ choices: [{ message: { content: "x".repeat(words) } }], ...usage });
    const parts = [
      { message: { usage: { input_tokens: 5, output_tokens: 1 } } },
      { delta: { text: "x".repeat(words) } },
      { choices: [], ...usage },
    ].map((event) => `data: ${JSON.stringify(event)}\n\n`);
    const breaksAt = draw(4) === 0 ? draw(3) : 3;
    const body = new ReadableStream({
      async pull(controller) {
        const at = 3 - parts.length;
        await sleep(pause);
        if (at === breaksAt) return controller.error(new Error("broken off"));
        controller.enqueue(new TextEncoder().encode(parts.shift()));
        if (parts.length === 0) controller.close();
      },
    });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  };
}

test("what is spent is what the log says, whatever breaks", async (t) => {
  for (const seed of [1, 2, 3]) {
    const draw = numbers(seed);
    const proxy = await testProxy(config(ESTIMATE), { upstreams: { app: model(draw) }, startsAt: Date.parse("2026-11-30T10:00:00Z") });
    t.after(() => proxy.close());
    for (let n = 0; n < 60; n++) {
      const client = proxy.connect();
      const length = draw(5000);
      const method = draw(6) === 0 ? "GET" : "POST";
      client.send(
        `${method} /v1 HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${length}\r\n\r\n${"y".repeat(draw(8) === 0 ? length / 2 : length)}`,
      );
      await proxy.advance(draw(30));
      if (draw(4) === 0) client.reset();
    }
    await proxy.advance("2m");
    const lines = proxy.log.filter(({ event }) => event === "access");
    assert.equal(lines.length, 60);
    let spent = 0;
    const ways = new Set<unknown>();
    for (const line of lines) {
      const from = line["tokens_from"];
      const tokens = from === undefined ? 0 : Number(line["input_tokens"]) + Number(line["output_tokens"]);
      spent += from === "estimate" ? Math.max(ESTIMATE, tokens) : tokens;
      ways.add(`${String(line["outcome"])} ${String(from)}`);
    }
    assert.ok(ways.size >= 6, [...ways].join(", "));
    await proxy.reload(config(TOKENS));
    const refused = await proxy.fetch("http://a.test/v1", { method: "POST" });
    assert.equal(refused.headers.get("ratelimit")?.replace(/;t=.*/, ""), `"tokens-budget";r=${TOKENS - spent}`, [...ways].join(", "));
  }
});
