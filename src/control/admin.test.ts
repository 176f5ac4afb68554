import { test } from "node:test";
import type { TestContext } from "node:test";
import assert from "node:assert/strict";
import net from "node:net";
import { once } from "node:events";
import { startAdmin } from "./admin.ts";
import type { AdminPages } from "./admin.ts";

async function admin(t: TestContext, changes: Partial<AdminPages> = {}): Promise<string> {
  const server = await startAdmin("127.0.0.1:0", {
    notReady: () => [],
    status: () => ({ status: "ok", version: "1", uptime: 2, upstreams: {} }),
    metrics: () => "metric 1\n",
    onFault: (error) => assert.fail(String(error)),
    ...changes,
  });
  t.after(() => server.close());
  return server.url;
}

test("the four pages", async (t) => {
  const url = await admin(t);
  const expected = [
    ["/healthz", "text/plain; charset=utf-8", "ok\n"],
    ["/readyz", "text/plain; charset=utf-8", "ready\n"],
    ["/status", "application/json", '{"status":"ok","version":"1","uptime":2,"upstreams":{}}\n'],
    ["/metrics", "text/plain; version=0.0.4; charset=utf-8", "metric 1\n"],
    ["/healthz?verbose=1", "text/plain; charset=utf-8", "ok\n"],
  ] as const;
  for (const [path, type, body] of expected) {
    const response = await fetch(url + path);
    assert.deepEqual([response.status, response.headers.get("content-type"), await response.text()], [200, type, body], path);
    assert.equal(response.headers.get("cache-control"), "no-store");
    const head = await fetch(url + path, { method: "HEAD" });
    assert.deepEqual([head.status, head.headers.get("content-length"), await head.text()], [200, String(body.length), ""]);
  }
});

test("not ready: the reasons as plain lines", async (t) => {
  const response = await fetch(`${await admin(t, { notReady: () => ["draining", "upstream app has no usable endpoint"] })}/readyz`);
  assert.equal(response.status, 503);
  assert.equal(await response.text(), "draining\nupstream app has no usable endpoint\n");
});

test("other paths, other methods, faults", async (t) => {
  const faults: unknown[] = [];
  const url = await admin(t, {
    metrics: () => {
      throw new Error("secret detail");
    },
    onFault: (error) => faults.push(error),
  });
  for (const path of ["/", "/healthz/", "/__proto__", "/constructor", "/Healthz"])
    assert.equal((await fetch(url + path)).status, 404, path);
  const post = await fetch(`${url}/healthz`, { method: "POST", body: "x" });
  assert.deepEqual([post.status, post.headers.get("allow"), post.headers.get("connection")], [405, "GET, HEAD", "close"]);
  const broken = await fetch(`${url}/metrics`);
  assert.deepEqual([broken.status, await broken.text()], [500, "internal error\n"]);
  assert.equal(faults.length, 1);
});

test("a port in use, and addresses that are none", async (t) => {
  const server = net.createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address !== "string");
  const pages: AdminPages = { notReady: () => [], status: () => assert.fail(), metrics: () => "", onFault: () => {} };
  await assert.rejects(startAdmin(`127.0.0.1:${address.port}`, pages), {
    message: `admin: cannot listen on 127.0.0.1:${address.port}: the address is in use (EADDRINUSE)`,
  });
  await assert.rejects(startAdmin("nonsense", pages), /port is missing/);
  await assert.rejects(startAdmin("unix:/tmp/x.sock", pages), /admin address is host:port/);
});

test("a head that is too large, or garbage, ends the connection", async (t) => {
  const url = new URL(await admin(t));
  for (const bytes of [`GET /healthz HTTP/1.1\r\nhost: x\r\na: ${"x".repeat(9000)}\r\n\r\n`, "garbage\r\n\r\n"]) {
    const socket = net.connect(Number(url.port), url.hostname);
    socket.on("error", () => {});
    socket.write(bytes);
    await once(socket, "close");
  }
});
