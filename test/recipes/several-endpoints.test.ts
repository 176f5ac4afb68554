import assert from "node:assert/strict";
import { test } from "node:test";
import { script } from "../../src/testing/test-proxy.ts";
import type { OriginFunction } from "../../src/testing/test-proxy.ts";
import { recipe } from "../support/recipe.ts";

const named: OriginFunction = (_request, { endpoint }) => new Response(endpoint.at(-6) ?? "");
const { config, start } = recipe("several-endpoints", { upstreams: { app: [named, named, named] } });

test("the third machine gets half of the requests", async (t) => {
  const proxy = await start(t);
  // Until each has passed its first probe.
  await proxy.advance("10s");
  const counts = new Map<string, number>();
  for (let request = 0; request < 40; request++) {
    const machine = await (await proxy.fetch("http://localhost:8080/")).text();
    counts.set(machine, (counts.get(machine) ?? 0) + 1);
  }
  assert.deepEqual([counts.get("1"), counts.get("2"), counts.get("3")], [10, 10, 20]);
});

test("one that refuses connections costs nobody anything, and a POST that was acted on is not repeated", async (t) => {
  let executed = 0;
  const dies = script.resetAfter(0, () => {
    executed += 1;
    return new Response("never");
  });
  const proxy = await start(t, { upstreams: { app: [script.refuse(), named, named] } });
  for (let request = 0; request < 12; request++)
    assert.equal((await proxy.fetch("http://localhost:8080/", { method: "POST" })).status, 200);
  proxy.serve("app", [dies, dies, dies]);
  await proxy.reload(config.replaceAll("10.0.0.", "10.0.1."), { upstreams: { app: [dies, dies, dies] } });
  assert.equal((await proxy.fetch("http://localhost:8080/", { method: "POST", body: "pay" })).status, 502);
  assert.equal(executed, 1);
});

test("one that fails its health check twice gets nothing until it has passed two", async (t) => {
  let isWell = true;
  const first: OriginFunction = (request, context) =>
    new URL(request.url).pathname === "/health" && !isWell ? new Response(null, { status: 503 }) : named(request, context);
  const proxy = await start(t, { upstreams: { app: [first, named, named] } });
  const seen = async (): Promise<string> => {
    const machines = [];
    for (let request = 0; request < 8; request++) machines.push(await (await proxy.fetch("http://localhost:8080/")).text());
    return [...new Set(machines)].sort().join("");
  };
  await proxy.advance("10s");
  assert.equal(await seen(), "123");
  isWell = false;
  await proxy.advance("20s");
  assert.equal(await seen(), "23");
  isWell = true;
  await proxy.advance("20s");
  assert.equal(await seen(), "123");
});
