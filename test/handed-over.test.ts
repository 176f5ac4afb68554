/** Requests that a program hands to its proxy: `handler`, `upgrade` and `fetch` of createProxy, as a program passes them on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { createProxy } from "../src/millrace.ts";
import type { MillraceProxy, ProxyConfig } from "../src/millrace.ts";
import { startHttpOrigin } from "./support/http-origin.ts";
import { RawClient } from "./support/raw-client.ts";

// The worker threads inherit it; their warm-up would take most of a test's time.
process.env["MILLRACE_WARM_UP"] = "off";

/** A server of the program. It is closed after the test, with its connections. */
async function serve(t: TestContext, server: http.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

async function ask(port: number, target: string, body: string | null = null): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${target}`, body === null ? {} : { method: "POST", body });
  return { status: response.status, body: await response.text() };
}

for (const workers of [undefined, 1]) {
  const config = (endpoint: string): ProxyConfig => ({
    upstreams: { app: { endpoints: [endpoint] } },
    routes: [
      { match: { path: "/limited" }, upstream: "app", rate_limit: { requests_per_minute: 1, burst: 1 } },
      { match: { path: "/api/*" }, upstream: "app" },
    ],
    ...(workers === undefined ? {} : { workers, listeners: [{ address: "127.0.0.1:0" }] }),
  });
  const create = async (t: TestContext, endpoint: string): Promise<MillraceProxy> => {
    const proxy = await createProxy(config(endpoint));
    t.after(() => proxy.close());
    return proxy;
  };

  describe(workers === undefined ? "without threads and listeners" : "beside worker threads", () => {
    test("handler answers what a route takes, leaves the rest to the program, and follows reloads", async (t) => {
      const endpoint = await startHttpOrigin(t, (request, response) => request.pipe(response));
      const proxy = await create(t, endpoint);
      const { handler } = proxy;
      const port = await serve(
        t,
        http.createServer((request, response) => handler(request, response, () => response.writeHead(299).end("mine"))),
      );
      assert.deepEqual(await ask(port, "/api/x", "sent"), { status: 200, body: "sent" });
      assert.deepEqual(await ask(port, "/other"), { status: 299, body: "mine" });
      await proxy.reload({ ...config(endpoint), routes: [{ match: { path: "/other" }, upstream: "app" }] } as ProxyConfig);
      assert.deepEqual(await ask(port, "/other", "sent"), { status: 200, body: "sent" });
      assert.deepEqual(await ask(port, "/api/x"), { status: 299, body: "mine" });
      const plain = await serve(t, http.createServer(handler));
      assert.equal((await ask(plain, "/api/x")).status, 404);
      await proxy.close();
      assert.deepEqual(await ask(plain, "/other"), { status: 503, body: "503 Service Unavailable\n" });
    });

    test("fetch shares its limits with what comes through listeners", async (t) => {
      const endpoint = await startHttpOrigin(t, (_, response) => response.end("ok"));
      const proxy = await create(t, endpoint);
      const limited = (): Promise<Response> => proxy.fetch(new Request("http://a.test/limited"), { client: "127.0.0.1" });
      assert.equal(await (await limited()).text(), "ok");
      assert.equal((await limited()).status, 429);
      if (workers === undefined) return;
      const [{ port } = assert.fail()] = await proxy.listen();
      assert.equal((await ask(port ?? 0, "/limited")).status, 429);
    });

    test("a close lets requests that were handed over end", async (t) => {
      const [asked, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const endpoint = await startHttpOrigin(t, (_, response) => {
        response.write("begun ");
        asked.resolve();
        void answer.promise.then(() => response.end("ended"));
      });
      const proxy = await create(t, endpoint);
      const port = await serve(t, http.createServer(proxy.handler));
      const [running, fetched] = [ask(port, "/api/x"), proxy.fetch(new Request("http://a.test/api/y"))];
      await asked.promise;
      const response = await fetched;
      const closed = proxy.close();
      assert.equal((await ask(port, "/api/late")).status, 503);
      answer.resolve();
      assert.deepEqual(await running, { status: 200, body: "begun ended" });
      assert.equal(await response.text(), "begun ended");
      await closed;
    });

    test("upgrade hands the connection over, and a close refuses it", async (t) => {
      const origin = net.createServer((socket) => {
        socket.once("data", () => {
          socket.write(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
          );
          socket.pipe(socket);
        });
        socket.on("error", () => {});
      });
      origin.listen(0, "127.0.0.1");
      await once(origin, "listening");
      t.after(() => origin.close());
      const proxy = await create(t, `http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
      const port = await serve(t, http.createServer(proxy.handler).on("upgrade", proxy.upgrade));
      const request =
        "GET /api/ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
      const client = await RawClient.connect(port);
      t.after(() => client.destroy());
      client.send(request);
      await client.until(({ received }) => received.includes("\r\n\r\n"), "the switch");
      assert.match(client.received, /^HTTP\/1\.1 101 /);
      client.send("hello");
      await client.until(({ received }) => received.endsWith("hello"), "the echo");
      client.socket.end();
      await client.until(({ ended }) => ended, "the end");
      await proxy.close();
      const late = await RawClient.connect(port);
      t.after(() => late.destroy());
      late.send(request);
      assert.equal((await late.response()).status, 503);
    });
  });
}
