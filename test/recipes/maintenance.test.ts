import assert from "node:assert/strict";
import { test } from "node:test";
import { recipe, says } from "../support/recipe.ts";

const { start } = recipe("maintenance", { upstreams: { app: says("the application") }, files: { closed: "" } });

test("the file closes and opens, the office still gets in, and nobody can put a script into the page", async (t) => {
  const files: Record<string, string> = {};
  const proxy = await start(t, { files });
  const status = async (from: string): Promise<number> => (await proxy.fetch("http://localhost:8080/", { from })).status;
  assert.equal(await status("192.0.2.1"), 200);
  files["closed"] = "";
  await proxy.advance("1s");
  assert.deepEqual([await status("192.0.2.1"), await status("203.0.113.7"), await status("2001:db8:7::1")], [503, 200, 200]);
  assert.equal((await proxy.fetch("http://localhost:8080/health")).status, 503);
  const client = proxy.connect();
  client.send("GET / HTTP/1.1\r\nHost: <script>alert(1)</script>\r\n\r\n");
  await client.untilEnded();
  assert.doesNotMatch(client.received, /<script>/);
  delete files["closed"];
  await proxy.advance("1s");
  assert.equal(await status("192.0.2.1"), 200);
});
