/** Embedded clients at the end of the proxy, before the program that it is embedded in ends. */
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { handleNodeRequest } from "../src/embed/handle-node-request.ts";
import { embedded, embeddingProgram } from "./support/embedded.ts";
import { RawClient } from "./support/raw-client.ts";
import { startRawOrigin } from "./support/raw-origin.ts";

test("the end of the proxy does not wait for the rest of a request, because no time limit is left to end the wait", async (t) => {
  const reached = Promise.withResolvers<null>();
  const origin = await startRawOrigin({
    onHead: () => {
      reached.resolve(null);
      return true;
    },
  });
  t.after(() => origin.close());
  const proxy = embedded(t, origin.url);
  const responses: ServerResponse[] = [];
  const port = await embeddingProgram(t, proxy, (request, response) => {
    responses.push(response);
    handleNodeRequest(proxy.host, request, response);
  });
  const client = await RawClient.connect(port);
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nhello");
  await reached.promise;
  proxy.host.cut();
  assert.equal(responses[0]?.writableEnded, true);
  await client.end();
  assert.match(client.received, /^HTTP\/1\.1 503 .*\r\nConnection: close\r\n/s);
});
