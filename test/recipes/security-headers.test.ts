import assert from "node:assert/strict";
import { test } from "node:test";
import { recipe, says } from "../support/recipe.ts";

const { start } = recipe("security-headers", {
  upstreams: {
    app: async (request, context) => {
      const { body } = await says("the application")(request, context);
      return new Response(body, { headers: { Server: "app/1.2.3", "X-Powered-By": "PHP", "Set-Cookie": "session=1; Path=/; HttpOnly" } });
    },
  },
});

test("versions are gone, and pages for frames of others stay as they are", async (t) => {
  const proxy = await start(t);
  const page = await proxy.fetch("http://localhost:8080/");
  for (const name of ["server", "x-powered-by", "strict-transport-security"]) assert.equal(page.headers.get(name), null, name);
  const embedded = await proxy.fetch("http://localhost:8080/embed/map");
  assert.equal(embedded.headers.get("x-frame-options"), null);
});

test("answers of the proxy's own have them too", async (t) => {
  const proxy = await start(t);
  const client = proxy.connect();
  client.send("TRACE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  await client.untilEnded();
  assert.match(client.received, /^HTTP\/1\.1 405 /);
});
