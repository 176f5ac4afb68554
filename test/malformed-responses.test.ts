/** Of a response that is refused the client learns only that it was; the log says what is wrong with it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { startMillrace } from "./support/millrace.ts";
import { ask, get } from "./support/raw-client.ts";

test("what is wrong with a response is logged, once for many of them", async (t) => {
  const origin = net.createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"));
  });
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  t.after(() => origin.close());
  const address = origin.address();
  assert.ok(address !== null && typeof address !== "string");
  const proxy = await startMillrace(
    `listeners: [{ address: "127.0.0.1:0" }]\nworkers: 1\nupstreams: { app: { endpoints: ["http://127.0.0.1:${address.port}"], retries: 0 } }\nroutes: [{ upstream: app }]\n`,
  );
  for (let i = 0; i < 3; i++) {
    const response = await ask(proxy.port, get("/x"));
    assert.equal(response.status, 502);
    assert.doesNotMatch(response.body, /length/i);
  }
  await proxy.until(
    (output) => /"event":"endpoint_response_malformed".*"code":"content_length_repeated".*: content length repeated"/.test(output),
    "the fault",
  );
  assert.equal(await proxy.stop(), 0);
  assert.equal(proxy.output().split("endpoint_response_malformed").length - 1, 1);
});
