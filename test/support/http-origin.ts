/** An origin on Node's own HTTP server, for tests in which the exact bytes of responses do not matter. */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

/** Starts the origin and returns its URL. It is closed after the test. */
export async function startHttpOrigin(t: TestContext, onRequest: http.RequestListener): Promise<string> {
  const origin = http.createServer(onRequest);
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  t.after(() => origin.close());
  return `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
}
