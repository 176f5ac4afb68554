/** An origin on Node's own HTTP server, for tests that are not about what it sends. */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

/** Its URL. It ends with the test. */
export async function startHttpOrigin(t: TestContext, onRequest: http.RequestListener): Promise<string> {
  const origin = http.createServer(onRequest);
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  t.after(() => origin.close());
  return `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
}
