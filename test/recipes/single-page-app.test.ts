import assert from "node:assert/strict";
import { test } from "node:test";
import { recipe, says } from "../support/recipe.ts";

const { start } = recipe("single-page-app", {
  upstreams: {
    pages: says("the pages"),
    api: (request, context) =>
      new URL(request.url).pathname === "/login"
        ? new Response(null, { status: 302, headers: { Location: "/welcome", "Set-Cookie": "session=1; Path=/" } })
        : says("the API")(request, context),
  },
});

test("the programs are told what was taken off", async (t) => {
  const proxy = await start(t);
  await proxy.fetch("http://localhost:8080/app/api/users");
  await proxy.fetch("http://localhost:8080/app/");
  assert.equal(proxy.requests("api")[0]?.headers.get("x-forwarded-prefix"), "/app/api");
  assert.equal(proxy.requests("pages")[0]?.headers.get("x-forwarded-prefix"), "/app");
});
