import assert from "node:assert/strict";
import { test } from "node:test";
import type { OriginFunction } from "../../src/testing/test-proxy.ts";
import { recipe, says } from "../support/recipe.ts";

/** Two events with five minutes between them. */
const events: OriginFunction = (_request, { sleep }) => {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start: async (controller) => {
      controller.enqueue(encoder.encode("data: first\n\n"));
      await sleep(5 * 60_000);
      controller.enqueue(encoder.encode("data: second\n\n"));
      controller.close();
    },
  });
  return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
};

const { start } = recipe("server-sent-events", { upstreams: { app: says("the application"), events } });

test("an event arrives when it is sent, and a pause of five minutes ends nothing", async (t) => {
  const proxy = await start(t);
  const response = await proxy.fetch("http://localhost:8080/events");
  const reader = (response.body ?? assert.fail("no body")).pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await reader.read()).value, "data: first\n\n");
  const second = reader.read();
  await proxy.advance("6m");
  assert.equal((await second).value, "data: second\n\n");
});

test("a browser that leaves ends the stream at the application", async (t) => {
  let left = false;
  const proxy = await start(t, {
    upstreams: {
      app: says("the application"),
      events: (request, context) => {
        request.signal.addEventListener("abort", () => (left = true));
        return events(request, context);
      },
    },
  });
  const leave = new AbortController();
  const response = await proxy.fetch("http://localhost:8080/events", { signal: leave.signal });
  assert.equal(response.status, 200);
  leave.abort();
  await proxy.advance("10s");
  assert.ok(left);
});
