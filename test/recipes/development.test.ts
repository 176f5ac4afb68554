import assert from "node:assert/strict";
import { test } from "node:test";
import { script } from "../../src/testing/test-proxy.ts";
import { recipe, says } from "../support/recipe.ts";

const { start } = recipe("development", {
  upstreams: {
    pages: says("the pages"),
    api: (_request, { endpoint }) =>
      new Response(null, {
        status: 302,
        headers: { Location: `${endpoint}/welcome`, "Set-Cookie": "session=1; Domain=api.example; Path=/" },
      }),
  },
});

test("each server gets its own name, and the browser stays at one address", async (t) => {
  const proxy = await start(t);
  const response = await proxy.fetch("http://localhost:8080/api/login");
  assert.equal(response.headers.get("location"), "http://localhost:8080/api/welcome");
  assert.deepEqual(response.headers.getSetCookie(), ["session=1; Path=/"]);
  assert.equal(await (await proxy.fetch("http://localhost:8080/index.html")).text(), "the pages got GET /index.html\n");
  assert.equal(proxy.requests("api")[0]?.headers.get("host"), "localhost:4000");
  assert.equal(proxy.requests("api")[0]?.target, "/login");
  assert.equal(proxy.requests("pages")[0]?.headers.get("host"), "localhost:3000");
});

test("a request waits for a server that restarts", async (t) => {
  const proxy = await start(t, { upstreams: { pages: says("the pages"), api: script.refuse() } });
  const waiting = proxy.fetch("http://localhost:8080/api/users");
  await proxy.advance("2s");
  proxy.serve("api", says("the API"));
  await proxy.advance("1s");
  assert.equal(await (await waiting).text(), "the API got GET /users\n");
});
