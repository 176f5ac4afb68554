import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveOwnName } from "../../src/modules/module-hooks.ts";
import { recipe } from "../support/recipe.ts";

// The middleware of examples/ imports the package by its name.
resolveOwnName();
const { start } = recipe("ai-gateway", {
  upstreams: {
    models: () =>
      new Response('data: {"usage":{"prompt_tokens":150000,"completion_tokens":60000}}\n\ndata: [DONE]\n\n', {
        headers: { "Content-Type": "text/event-stream" },
      }),
  },
  environment: { TEAM_A_TOKEN: "team-a-token", TEAM_B_TOKEN: "team-b-token", MODELS_KEY: "key-of-the-account" },
});
const URL_OF_CHAT = "http://localhost:8080/v1/chat";

function asked(token: string): RequestInit {
  const headers = { Authorization: `Bearer ${token}`, Cookie: "session=1", "Content-Type": "application/json" };
  return { method: "POST", body: "{}", headers };
}

test("the provider gets the key of the account and nothing about the client", async (t) => {
  const proxy = await start(t);
  const response = await proxy.fetch(URL_OF_CHAT, asked("team-a-token"));
  assert.equal(response.status, 200);
  await response.text();
  const [request] = proxy.requests("models");
  assert.equal(request?.headers.get("authorization"), "Bearer key-of-the-account");
  assert.equal(request?.headers.get("host"), "models.example");
  for (const name of ["cookie", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"])
    assert.equal(request?.headers.get(name), null, name);
  assert.doesNotMatch(JSON.stringify(proxy.log), /key-of-the-account|team-a-token/);
});

test("a program without a token is refused, and so is one whose budget is used up", async (t) => {
  const proxy = await start(t);
  assert.equal((await proxy.fetch(URL_OF_CHAT, asked("nobody"))).status, 401);
  await (await proxy.fetch(URL_OF_CHAT, asked("team-a-token"))).text();
  await proxy.advance("1s");
  assert.equal((await proxy.fetch(URL_OF_CHAT, asked("team-a-token"))).status, 429);
  assert.equal((await proxy.fetch(URL_OF_CHAT, asked("team-b-token"))).status, 200);
  await proxy.advance("1h");
  assert.equal((await proxy.fetch(URL_OF_CHAT, asked("team-a-token"))).status, 200);
});
