import { test } from "node:test";
import type { TestContext } from "node:test";
import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { once } from "node:events";
import { startAdmin } from "./admin.ts";
import type { AdminPages } from "./admin.ts";
import type { AdminAccess } from "./admin-access.ts";

async function admin(t: TestContext, changes: Partial<AdminPages> = {}): Promise<string> {
  return adminOn("127.0.0.1:0", t, changes);
}

async function adminOn(address: string, t: TestContext, changes: Partial<AdminPages>, answerMs?: number): Promise<string> {
  const pages: AdminPages = {
    access: () => ({ token: undefined, hosts: [] }),
    notReady: () => [],
    status: () => ({ status: "ok", version: "1", uptime: 2, upstreams: {} }),
    metrics: () => "metric 1\n",
    onFault: (error) => assert.fail(String(error)),
    ...changes,
  };
  const server = await startAdmin(address, pages, answerMs);
  t.after(() => server.close());
  return server.url;
}

type Fields = Readonly<Record<string, string | string[]>>;

interface Got {
  readonly status: number;
  readonly fields: http.IncomingHttpHeaders;
  readonly body: string;
}

/** Sends a request. Unlike `fetch` it can send any Host, Origin and Sec-Fetch-Site. */
async function ask(url: string, path: string, headers: Fields = {}, method: string = "GET"): Promise<Got> {
  const request = http.request(url + path, { method, headers, agent: false });
  request.end();
  const [response]: http.IncomingMessage[] = await once(request, "response");
  assert.ok(response);
  let body = "";
  for await (const chunk of response.setEncoding("latin1")) body += String(chunk);
  return { status: response.statusCode ?? 0, fields: response.headers, body };
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

test("a port in use and malformed addresses are refused", async (t) => {
  const server = net.createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address !== "string");
  const access = (): AdminAccess => ({ token: undefined, hosts: [] });
  const pages: AdminPages = { access, notReady: () => [], status: () => assert.fail(), metrics: () => "", onFault: () => {} };
  await assert.rejects(startAdmin(`127.0.0.1:${address.port}`, pages), {
    message: `admin: cannot listen on 127.0.0.1:${address.port}: the address is in use (EADDRINUSE)`,
  });
  await assert.rejects(startAdmin("nonsense", pages), /port is missing/);
  await assert.rejects(startAdmin("unix:/tmp/x.sock", pages), /admin address is host:port/);
});

test("a server that retires answers the requests under way and accepts no more connections", async (t) => {
  const access = (): AdminAccess => ({ token: undefined, hosts: [] });
  const pages: AdminPages = { access, notReady: () => [], status: () => assert.fail(), metrics: () => "", onFault: () => {} };
  const server = await startAdmin("127.0.0.1:0", pages);
  t.after(() => server.close());
  const port = Number(new URL(server.url).port);
  const socket = net.connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  let received = "";
  socket.setEncoding("latin1").on("data", (text: string) => (received += text));
  socket.write("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /healthz HTTP/1.1\r\n");
  while (!received.includes("ok\n")) await once(socket, "data");
  const retired = server.retire();
  const late = net.connect(port, "127.0.0.1");
  const [error]: NodeJS.ErrnoException[] = await once(late, "error");
  assert.equal(error?.code, "ECONNREFUSED");
  received = "";
  socket.write("Host: 127.0.0.1\r\n\r\n");
  while (!received.includes("ok\n")) await once(socket, "data");
  socket.destroy();
  await retired;
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

test("a client that does not read its answers is reset", async (t) => {
  const url = new URL(await adminOn("127.0.0.1:0", t, { metrics: () => "metric 1\n".repeat(1024 * 1024) }, 200));
  const socket = net.connect(Number(url.port), url.hostname);
  await once(socket, "connect");
  socket.pause();
  socket.write("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  // A client that does not read notices a reset only when it writes.
  const more = setInterval(() => socket.write("\r\n"), 20);
  t.after(() => clearInterval(more));
  const [error]: NodeJS.ErrnoException[] = await once(socket, "error", { signal: AbortSignal.timeout(10_000) });
  assert.match(String(error?.code), /ECONNRESET|EPIPE/);
});

test("a page of a rebound DNS name reads nothing: Host must be an address, localhost or one of admin.hosts", async (t) => {
  const url = await admin(t, { access: () => ({ token: undefined, hosts: ["ops.internal"] }) });
  const { port } = new URL(url);
  const admitted = [
    `127.0.0.1:${port}`,
    "127.0.0.1",
    "10.1.2.3:80",
    "[::1]",
    `[2001:db8::1]:${port}`,
    "localhost",
    "LocalHost.:1",
    "OPS.internal:1",
  ];
  for (const host of admitted) assert.equal((await ask(url, "/status", { host })).status, 200, host);
  const refused = [
    "evil.test",
    `evil.test:${port}`,
    "localhost.evil.test",
    "127.0.0.1.evil.test",
    "x.ops.internal",
    "0177.0.0.1",
    "2130706433",
  ];
  for (const host of refused) {
    for (const path of ["/status", "/metrics", "/nothing"]) {
      const got = await ask(url, path, { host });
      assert.equal(got.status, 403, `${host} ${path}`);
      assert.equal(got.fields["cache-control"], "no-store");
      assert.ok(!got.body.includes("metric"), got.body);
    }
    for (const path of ["/healthz", "/readyz"]) assert.equal((await ask(url, path, { host })).status, 200, `${host} ${path}`);
    assert.equal((await ask(url, "/status", { host }, "HEAD")).status, 403);
    assert.equal((await ask(url, "/status", { host }, "POST")).status, 403);
  }
  for (const host of ["a b", "user@127.0.0.1", "127.0.0.1:99999", "[::1"])
    assert.equal((await ask(url, "/status", { host })).status, 400, host);
});

test("two Host fields, and none in HTTP/1.0", async (t) => {
  const { port } = new URL(await admin(t));
  for (const [request, status] of [
    ["GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n", 400],
    ["GET /status HTTP/1.1\r\nHost: evil.test\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", 400],
    ["GET /status HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", 400],
    ["GET /status HTTP/1.0\r\n\r\n", 403],
    ["GET /healthz HTTP/1.0\r\n\r\n", 200],
    ["GET http://127.0.0.1/status HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n", 403],
  ] as const) {
    const socket = net.connect(Number(port), "127.0.0.1");
    socket.write(request);
    let received = "";
    for await (const chunk of socket.setEncoding("latin1")) received += String(chunk);
    assert.ok(received.startsWith(`HTTP/1.1 ${status} `), `${request}${received}`);
  }
});

test("pages of other origins read nothing, and no answer has CORS fields", async (t) => {
  const url = await admin(t);
  const { port, host } = new URL(url);
  const foreign: Fields[] = [
    { origin: "https://evil.test" },
    { origin: "null" },
    { origin: "" },
    { origin: `https://${host}` },
    { origin: "http://127.0.0.1" },
    { origin: `http://localhost:${port}` },
    { origin: [url, "https://evil.test"] },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": ["none", "cross-site"] },
    { origin: url, "sec-fetch-site": "cross-site" },
  ];
  for (const headers of foreign) {
    for (const method of ["GET", "HEAD", "OPTIONS", "POST"]) {
      const got = await ask(url, "/status", headers, method);
      assert.equal(got.status, 403, `${method} ${JSON.stringify(headers)}`);
      assert.deepEqual(
        Object.keys(got.fields).filter((name) => name.startsWith("access-control")),
        [],
      );
      assert.equal(got.fields["cross-origin-resource-policy"], "same-origin");
    }
    assert.equal((await ask(url, "/readyz", headers)).status, 200, "probes and pages alike");
  }
  const own: Fields[] = [
    { origin: url },
    { origin: "http://localhost", host: "localhost:80" },
    { "sec-fetch-site": "same-origin" },
    { "sec-fetch-site": "none" },
    { "sec-fetch-site": "of-tomorrow" },
  ];
  for (const headers of own) assert.equal((await ask(url, "/status", headers)).status, 200, JSON.stringify(headers));
  assert.equal((await ask(url, "/status", { origin: url }, "OPTIONS")).status, 405);
});

test("beyond loopback /status and /metrics need the token, where one is set; a reload sets another", async (t) => {
  let access: AdminAccess = { token: "s3cret-é", hosts: [] };
  const url = (await adminOn("0.0.0.0:0", t, { access: () => access })).replace("0.0.0.0", "127.0.0.1");
  const sent = Buffer.from("s3cret-é").toString("latin1");
  for (const path of ["/status", "/metrics"]) {
    for (const headers of [{ authorization: `Bearer ${sent}` }, { authorization: `bearer  ${sent}` }, { "x-api-key": sent }])
      assert.equal((await ask(url, path, headers)).status, 200, JSON.stringify(headers));
    const missing = await ask(url, path);
    assert.deepEqual([missing.status, missing.fields["www-authenticate"]], [401, 'Bearer realm="millrace admin"']);
    for (const headers of [
      { authorization: "Bearer s3cret" },
      { authorization: "Bearer" },
      { "x-api-key": "" },
      { authorization: `Bearer ${sent}`, "x-api-key": "other" },
    ]) {
      const wrong = await ask(url, path, headers);
      const said = [wrong.status, wrong.fields["www-authenticate"], wrong.fields["cache-control"]];
      assert.deepEqual(said, [401, 'Bearer realm="millrace admin", error="invalid_token"', "no-store"], JSON.stringify(headers));
    }
    assert.equal((await ask(url, path, { authorization: `Basic ${btoa("a:b")}` })).status, 401);
    assert.equal((await ask(`${url}${path}?token=s3cret`, "")).status, 401);
    const head = await ask(url, path, {}, "HEAD");
    assert.deepEqual([head.status, head.body], [401, ""]);
    assert.equal((await ask(url, path, { authorization: [`Bearer ${sent}`, `Bearer ${sent}`] })).status, 400);
    assert.equal((await ask(url, path, { authorization: `Bearer ${sent}`, host: "evil.test" })).status, 403);
  }
  for (const path of ["/healthz", "/readyz"]) assert.equal((await ask(url, path)).status, 200);
  access = { token: "another", hosts: [] };
  assert.equal((await ask(url, "/status", { "x-api-key": sent })).status, 401);
  assert.equal((await ask(url, "/status", { "x-api-key": "another" })).status, 200);
  access = { token: undefined, hosts: [] };
  assert.equal((await ask(url, "/status")).status, 200);
});

test("on loopback nobody needs the token", async (t) => {
  const access = (): AdminAccess => ({ token: "s3cret", hosts: [] });
  for (const address of ["127.0.0.1:0", "localhost:0", "[::1]:0"])
    assert.equal((await ask(await adminOn(address, t, { access }), "/status")).status, 200, address);
});
