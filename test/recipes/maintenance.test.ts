import assert from "node:assert/strict";
import { test } from "node:test";
import { recipe, says } from "../support/recipe.ts";

const { start } = recipe("maintenance", { upstreams: { app: says("the application") } });

test("the office still gets in, and nobody can put a script into the page", async (t) => {
  const proxy = await start(t);
  for (const from of ["203.0.113.7", "2001:db8:7::1"])
    assert.equal((await proxy.fetch("http://localhost:8080/", { from })).status, 200, from);
  const client = proxy.connect();
  client.send("GET / HTTP/1.1\r\nHost: <script>alert(1)</script>\r\n\r\n");
  await client.untilEnded();
  assert.doesNotMatch(client.received, /<script>/);
});
