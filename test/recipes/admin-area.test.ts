import assert from "node:assert/strict";
import { test } from "node:test";
import { recipe, says } from "../support/recipe.ts";

const { start } = recipe("admin-area", { upstreams: { app: says("the application") } });

test("the office gets in, and the sixth login in a minute is refused", async (t) => {
  const proxy = await start(t);
  assert.equal((await proxy.fetch("http://localhost:8080/admin/users", { from: "203.0.113.9" })).status, 200);
  const statuses = [];
  for (let request = 0; request < 6; request++)
    statuses.push((await proxy.fetch("http://localhost:8080/login", { method: "POST", body: "user=a" })).status);
  assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429]);
  assert.equal((await proxy.fetch("http://localhost:8080/login")).status, 200);
});

test("no spelling of the path leads around it", async (t) => {
  const proxy = await start(t);
  for (const path of ["/%61dmin/users", "/admin;a=b/users", "/x/../admin/users", "/admin%2fusers"]) {
    const client = proxy.connect();
    client.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    await client.untilEnded();
    assert.match(client.received, /^HTTP\/1\.1 (403|400) /, path);
  }
  assert.equal(proxy.requests("app").length, 0);
});
