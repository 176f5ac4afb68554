import assert from "node:assert/strict";
import { test } from "node:test";
import { script } from "../../src/testing/test-proxy.ts";
import { recipe, says } from "../support/recipe.ts";

const { start } = recipe("request-ids", { upstreams: { app: says("the application") } });
const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

test("application, client and log know the same id, and what a client sends is replaced", async (t) => {
  const proxy = await start(t);
  const response = await proxy.fetch("http://localhost:8080/", { headers: { "X-Request-Id": "mine", traceparent: TRACE } });
  const id = response.headers.get("x-request-id") ?? "";
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  const [request] = proxy.requests("app");
  assert.equal(request?.headers.get("x-request-id"), id);
  assert.equal(request?.headers.get("traceparent"), TRACE);
  await response.text();
  const line = proxy.log.find(({ event }) => event === "access");
  assert.equal(line?.["request_id"], id);
  assert.match(JSON.stringify(line), /4bf92f3577b34da6a3ce929d0e0e4736/);
});

test("a trusted proxy's id is believed, and answers of the proxy's own have one", async (t) => {
  const proxy = await start(t, { upstreams: { app: script.refuse() } });
  const response = await proxy.fetch("http://localhost:8080/", { from: "10.1.2.3", headers: { "X-Request-Id": "abc-123" } });
  assert.deepEqual([response.status, response.headers.get("x-request-id")], [502, "abc-123"]);
});
