import assert from "node:assert/strict";
import { test } from "node:test";
import { recipe } from "../support/recipe.ts";

const { start } = recipe("uploads", { upstreams: { app: async (request) => new Response(`${(await request.arrayBuffer()).byteLength}`) } });

test("the application gets the first bytes while the client still sends", async (t) => {
  const proxy = await start(t);
  const client = proxy.connect();
  client.send("POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n");
  client.send("x".repeat(1_000_000));
  await proxy.advance("1s");
  assert.ok((proxy.requests("app")[0]?.body.length ?? 0) > 500_000);
  client.send("x".repeat(1_000_000));
  await client.until("\r\n\r\n2000000");
});

test("a body in chunks is cut when it becomes too large", async (t) => {
  const proxy = await start(t);
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(100_000)),
  });
  const response = await proxy.fetch("http://localhost:8080/comment", { method: "POST", body, duplex: "half" });
  assert.equal(response.status, 413);
});

test("a client that sends a byte now and then gets 408", async (t) => {
  const proxy = await start(t);
  const client = proxy.connect();
  client.send("POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\nx");
  for (let second = 0; second < 200 && !client.received.includes("408"); second++) {
    await proxy.advance("1s");
    if (!client.isClosed) client.send("x");
  }
  assert.match(client.received, /^HTTP\/1\.1 408 /);
});
