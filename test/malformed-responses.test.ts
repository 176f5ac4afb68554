/** Of a response that is refused the client learns only that it was; the log says what is wrong with it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { script, testProxy } from "../src/testing/test-proxy.ts";

test("what is wrong with a response is logged, once for many of them", async (t) => {
  const proxy = await testProxy(
    { routes: [{ upstream: "app" }], upstreams: { app: { endpoints: ["http://app.test"], retries: 0 } } },
    {
      upstreams: {
        app: script.raw(async (connection) => {
          await connection.until("\r\n\r\n");
          connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx");
          connection.end();
        }),
      },
    },
  );
  t.after(() => proxy.close());
  for (let count = 0; count < 3; count++) {
    const response = await proxy.fetch("http://a.test/x");
    assert.equal(response.status, 502);
    assert.doesNotMatch(await response.text(), /length/i);
  }
  const faults = proxy.log.filter(({ event }) => event === "endpoint_response_malformed");
  assert.equal(faults.length, 1);
  assert.equal(faults[0]?.["code"], "content_length_repeated");
  assert.match(String(faults[0]?.["message"]), /: content length repeated/);
});
