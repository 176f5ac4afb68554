/** Requests of the control plane to services that it need not trust: what such a service cannot do to it. */
import assert from "node:assert/strict";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { after, describe, test } from "node:test";
import { boundedRequests } from "../src/control/outside/bounded-requests.ts";
import type { BoundedResponse } from "../src/control/outside/bounded-requests.ts";
import { TestAuthority } from "./support/certificates.ts";

const authority = await TestAuthority.create();
const { chain, key } = await authority.issue(["localhost"]);
const [secure, plain] = [https.createServer({ cert: chain, key }, answer), http.createServer(answer)];
await Promise.all([secure, plain].map((server) => new Promise<void>((resolve) => server.listen(0, "localhost", resolve))));
after(() => {
  for (const server of [secure, plain]) server.closeAllConnections();
  for (const server of [secure, plain]) server.close();
});
const at = (server: http.Server | https.Server, path: string): string =>
  `${server === secure ? "https" : "http"}://localhost:${(server.address() as AddressInfo).port}${path}`;

function answer(request: http.IncomingMessage, response: http.ServerResponse): void {
  if (request.url === "/redirect") response.writeHead(302, { location: "http://169.254.169.254/" }).end("elsewhere");
  else if (request.url === "/huge") for (let count = 0; count < 100; count++) response.write("x".repeat(1000));
  else if (request.url === "/long-head") response.writeHead(200, { "x-long": "x".repeat(30_000) }).end();
  else if (request.url === "/cut") response.writeHead(200, { "content-length": 100 }).write("cut", () => response.destroy());
  else if (request.url === "/drip") response.write("a");
  else if (request.url !== "/silent") {
    request.setEncoding("utf8").on("data", (body) => response.end(`${request.method} ${body} ${request.headers["user-agent"]}`));
    if (request.method !== "POST") response.setHeader("x-a", "1").end(request.method);
  }
}

const bounds = { userAgent: "test/1", ca: (): string | null => authority.certificate, timeoutMs: 5000, bodyBytesMax: 10_000 };
const none = new AbortController().signal;
const get = (url: string, change: Partial<typeof bounds> = {}, signal: AbortSignal = none): Promise<BoundedResponse> => {
  const { ask, close } = boundedRequests({ ...bounds, ...change });
  return ask({ method: "GET", url, signal }).finally(close);
};

describe("a bounded request", () => {
  for (const server of [secure, plain]) {
    test(`brings the answer over ${server === secure ? "https" : "http"}`, async () => {
      const response = await get(at(server, "/"));
      assert.deepEqual([response.status, response.body, response.field("x-a"), response.field("x-b")], [200, "GET", "1", null]);
    });
  }

  test("sends a body, and says who asks", async () => {
    const { ask, close } = boundedRequests(bounds);
    const { body } = await ask({ method: "POST", url: at(secure, "/"), body: "é", contentType: "text/plain", signal: none });
    close();
    assert.equal(body, "POST é test/1");
  });

  test("follows no redirect", async () => {
    const { status, body } = await get(at(plain, "/redirect"));
    assert.deepEqual([status, body], [302, "elsewhere"]);
  });

  test("ends at an answer that is too large", async () => {
    await assert.rejects(get(at(plain, "/huge")), /^Error: localhost:\d+ answers with more than 10000 bytes$/);
    await assert.rejects(get(at(plain, "/long-head")), /cannot be asked: .*header/i);
  });

  test("ends when its time is over, though bytes may come", async () => {
    for (const path of ["/silent", "/drip"]) {
      await assert.rejects(get(at(plain, path), { timeoutMs: 50 }), /^Error: localhost:\d+ has not answered within 0.05 s$/);
    }
  });

  test("fails when the connection is cut", async () => {
    await assert.rejects(get(at(plain, "/cut")), /broke off/);
  });

  test("fails where the certificate is of another authority, or for another name", async () => {
    const other = await TestAuthority.create();
    await assert.rejects(get(at(secure, "/"), { ca: () => other.certificate }), /cannot be asked: /);
    await assert.rejects(get(at(secure, "/").replace("localhost", "127.0.0.1")), /cannot be asked: /);
  });

  test("is judged by whom is trusted now, and reuses no connection of another trust", async () => {
    const other = await TestAuthority.create();
    let trusted = authority.certificate;
    const { ask, close } = boundedRequests({ ...bounds, ca: () => trusted });
    const asked = { method: "GET", url: at(secure, "/"), signal: none } as const;
    assert.equal((await ask(asked)).status, 200);
    trusted = other.certificate;
    await assert.rejects(ask(asked), /cannot be asked: /);
    trusted = authority.certificate;
    assert.equal((await ask(asked).finally(close)).status, 200);
  });

  test("ends when it is given up", async () => {
    const abort = new AbortController();
    const asked = get(at(plain, "/silent"), {}, abort.signal);
    abort.abort();
    await assert.rejects(asked, /aborted/);
  });
});
