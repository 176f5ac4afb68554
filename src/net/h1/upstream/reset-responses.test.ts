import assert from "node:assert/strict";
import { test } from "node:test";
import { script, testProxy } from "../../../testing/test-proxy.ts";
import type { TestConnection } from "../../../testing/test-proxy.ts";

test("a body without a length is cut, not completed, if the end of its connection may come from a reset", async (t) => {
  const origins: TestConnection[] = [];
  const proxy = await testProxy(
    { routes: [{ upstream: "app" }] },
    {
      upstreams: {
        app: script.raw(async (connection) => {
          origins.push(connection);
          await connection.until("\r\n\r\n");
          connection.send(`HTTP/1.1 200 OK\r\n\r\n${"x".repeat(500_000)}`);
        }),
      },
    },
  );
  t.after(() => proxy.close());
  const client = proxy.connect();
  client.pause();
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  await proxy.advance(100);
  // While the client does not read, the proxy does not either. It learns of the reset from a failed write, and then reads an orderly end.
  origins[0]?.reset();
  for (const chunk of ["def", "ghi"]) {
    client.send(`3\r\n${chunk}\r\n`);
    await proxy.advance(100);
  }
  client.resume();
  await proxy.advance("10s");
  assert.equal(proxy.log.at(-1)?.["outcome"], "connection_terminated");
  assert.ok(!client.received.endsWith("0\r\n\r\n"), "the body looks whole");
});
