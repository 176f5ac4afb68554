import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { resolveOwnName } from "../../src/modules/module-hooks.ts";
import type { OriginFunction, TestProxy } from "../../src/testing/test-proxy.ts";
import { recipe } from "../support/recipe.ts";

// The middleware of examples/ imports the package by its name.
resolveOwnName();

const streams =
  (usage: string): OriginFunction =>
  () =>
    new Response(`data: {"choices":[{"delta":{"content":"Hello"}}]}\n\ndata: {"usage":${usage}}\n\ndata: [DONE]\n\n`, {
      headers: { "Content-Type": "text/event-stream" },
    });
const keyOf = (id: string): string => `mr_${id}_${"k".repeat(40)}`;
const KEYS = ["team-a", "nightly"].map((id) => {
  const hash = createHash("sha256").update(keyOf(id)).digest("hex");
  return `  - { id: ${id}, prefix: ${keyOf(id).slice(0, 8)}, hash: "sha256:${hash}", roles: ${id === "nightly" ? "[batch]" : "[]"} }\n`;
});
const { start } = recipe("ai-gateway", {
  upstreams: {
    models: streams('{"prompt_tokens":25000,"completion_tokens":12000}'),
    second: streams('{"input_tokens":100,"output_tokens":50}'),
  },
  files: { "keys.yaml": `keys:\n${KEYS.join("")}` },
  environment: { MODELS_KEY: "key-of-the-account", SECOND_KEY: "key-of-the-second" },
});

async function ask(proxy: TestProxy, id: string): Promise<Response> {
  const headers = { Authorization: `Bearer ${keyOf(id)}`, Cookie: "session=1", "Content-Type": "application/json" };
  const response = await proxy.fetch("http://localhost:8080/v1/chat", { method: "POST", body: '{"model":"large-1"}', headers });
  if (response.status === 200) await response.text();
  return response;
}

test("the provider gets the key of the account and nothing about the client", async (t) => {
  const proxy = await start(t);
  assert.equal((await ask(proxy, "team-a")).status, 200);
  const [request] = proxy.requests("models");
  assert.equal(request?.headers.get("authorization"), "Bearer key-of-the-account");
  assert.equal(request?.headers.get("host"), "models.example");
  for (const name of ["cookie", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-api-key"])
    assert.equal(request?.headers.get(name), null, name);
  const access = proxy.log.find(({ event }) => event === "access");
  assert.deepEqual([access?.["input_tokens"], access?.["output_tokens"]], [25_000, 12_000]);
  assert.doesNotMatch(JSON.stringify(proxy.log), /key-of-the-account|kkkk/);
});

test("a program without a key is refused, and so is one above its tokens per minute or its budget", async (t) => {
  const proxy = await start(t);
  assert.equal((await ask(proxy, "nobody")).status, 401);
  assert.equal((await ask(proxy, "team-a")).status, 200);
  assert.equal((await ask(proxy, "team-a")).status, 200);
  const refused = await ask(proxy, "team-a");
  assert.deepEqual([refused.status, proxy.log.at(-1)?.["outcome"]], [429, "tokens_limited"]);
  for (let n = 0; n < 5; n++) assert.equal((await ask(proxy, "nightly")).status, 200);
  await proxy.advance(`${refused.headers.get("retry-after") ?? ""}s`);
  assert.equal((await ask(proxy, "team-a")).status, 200);
});

test("where the first provider is busy the second one answers, with its own key and model", async (t) => {
  const proxy = await start(t);
  for (const busy of [429, 500, 503]) {
    proxy.serve("models", () => new Response("busy", { status: busy, headers: { Connection: "close" } }));
    assert.equal((await ask(proxy, "team-a")).status, 200);
  }
  const [request] = proxy.requests("second");
  assert.equal(request?.headers.get("authorization"), "Bearer key-of-the-second");
  assert.equal(request?.headers.get("cookie"), null);
  assert.equal(request?.body, '{"model":"small-2"}');
  const access = proxy.log.filter(({ event }) => event === "access").at(-1);
  assert.deepEqual([access?.["input_tokens"], access?.["output_tokens"]], [100, 50]);
  assert.doesNotMatch(JSON.stringify(proxy.log), /key-of-the/);
});
