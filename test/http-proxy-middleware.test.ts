/** `millrace/http-proxy-middleware` in a program of node:http. docs/http-proxy-middleware.md says what it does and where it differs. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type http from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { createProxyMiddleware, fixRequestBody, responseInterceptor } from "../src/http-proxy-middleware/create-proxy-middleware.ts";
import type { Options } from "../src/http-proxy-middleware/create-proxy-middleware.ts";
import { startHttpOrigin } from "./support/http-origin.ts";
import { answering, program, scene } from "./support/moved-program.ts";
import type { Before } from "./support/moved-program.ts";
import { RawClient, get } from "./support/raw-client.ts";
import { startRawOrigin } from "./support/raw-origin.ts";
import type { OriginOptions } from "./support/raw-origin.ts";

describe("the request that is sent", () => {
  test("is the client's, and nothing is said of the client that the program has not said", async (t) => {
    const { origin, client } = await scene(t);
    client.send(get("/a//b?x=1&y=%2f", ["X-Spelled-So: 1", "X-Two: a", "X-Two: b", "Cookie: a=1", "X-Forwarded-For: 10.1.1.1"]));
    assert.equal((await client.response()).body, "ok");
    assert.match(origin.received(), /^GET \/a\/\/b\?x=1&y=%2f HTTP\/1\.1\r\n/);
    assert.deepEqual(origin.received().trimEnd().split("\r\n").slice(1), [
      "Host: a.test",
      "X-Spelled-So: 1",
      "X-Two: a",
      "X-Two: b",
      "Cookie: a=1",
      "X-Forwarded-For: 10.1.1.1",
    ]);
  });

  test("does not say for a client that another path was asked for, but does for the program", async (t) => {
    const said = ["X-Original-URL: /admin", "X-Rewrite-Url: /admin", "X-Forwarded-Prefix: /x", "Client-Cert: :AAAA:", "Proxy: evil"];
    const { origin, client } = await scene(t, { headers: { "X-Forwarded-Prefix": "/api" } });
    client.send(get("/", said));
    await client.response();
    const lines = origin.received().trimEnd().split("\r\n").slice(1);
    assert.deepEqual(lines.toSorted(), ["Host: a.test", "X-Forwarded-Prefix: /api"]);
  });

  test("keeps a client from taking the place of another one's request", async (t) => {
    const { origin, url } = await scene(t, {
      on: { proxyReq: (proxyReq, req) => proxyReq.setHeader("X-Forwarded-For", String(req.headers["x-mine"])) },
    });
    const names = ["a", "b", "c", "d"];
    await Promise.all(names.map((name) => fetch(`${url}/${name}`, { headers: { "x-mine": name, "millrace-handed-over": "1" } })));
    for (const { head } of origin.requests) {
      assert.doesNotMatch(head, /millrace-handed-over/i);
      assert.match(head, new RegExp(`^GET /(.) [^]*\r\nX-Forwarded-For: \\1\r\n`, "i"));
    }
    assert.equal(origin.requests.length, names.length);
  });

  test("with xfwd names the client after those that were named before", async (t) => {
    const { origin, client, port } = await scene(t, { xfwd: true });
    client.send(`GET / HTTP/1.1\r\nHost: a.test:${port}\r\nX-Forwarded-For: 10.1.1.1\r\nX-Forwarded-Proto: https\r\n\r\n`);
    await client.response();
    const said = origin.received().match(/^X-Forwarded-.*(?=\r)/gim) ?? [];
    assert.deepEqual(said.toSorted(), [
      "X-Forwarded-For: 10.1.1.1,127.0.0.1",
      `X-Forwarded-Host: a.test:${port}`,
      `X-Forwarded-Port: ${port}`,
      "X-Forwarded-Proto: https,http",
    ]);
  });

  test("has path, host, method and credentials as the options say", async (t) => {
    const { origin, client } = await scene(t, {
      changeOrigin: true,
      auth: "user:pass",
      method: "POST",
      headers: { "x-env": "prod" },
      pathRewrite: { "^/api": "/rest" },
    });
    client.send(get("/api/users?page=2"));
    await client.response();
    assert.match(origin.received(), /^POST \/rest\/users\?page=2 HTTP\/1\.1\r\n/);
    assert.match(origin.received(), new RegExp(`\r\nHost: 127\\.0\\.0\\.1:${origin.port}\r\n`));
    assert.match(origin.received(), /\r\nAuthorization: Basic dXNlcjpwYXNz\r\n/);
    assert.match(origin.received(), /\r\nx-env: prod\r\n/);
  });

  test("is changed by listeners: fields, path and body", async (t) => {
    const { origin, client } = await scene(t, {
      on: {
        proxyReq: (proxyReq) => {
          proxyReq.setHeader("X-Added", "1");
          proxyReq.removeHeader("X-Removed");
          proxyReq.path = "/other";
          proxyReq.setHeader("Content-Length", 5);
          proxyReq.write("hello");
        },
      },
    });
    client.send(get("/", ["X-Removed: 1"]));
    await client.response();
    const [request] = origin.requests;
    assert.match(request?.head ?? "", /^GET \/other HTTP\/1\.1\r\n/);
    assert.match(request?.head ?? "", /\r\nX-Added: 1\r\n/);
    assert.doesNotMatch(request?.head ?? "", /X-Removed/);
    assert.equal(request?.body, "hello");
  });

  test("cannot be given a line of its own by what a listener takes from the client", async (t) => {
    const { origin, client } = await scene(t, {
      on: { proxyReq: (proxyReq, req) => proxyReq.setHeader("X-Name", decodeURIComponent(req.url ?? "")) },
    });
    client.send(get("/a%0d%0aX-Admin:%20yes"));
    assert.equal((await client.response()).status, 500);
    assert.equal(origin.received(), "");
  });

  test("is not sent when a listener gives it up, or answers", async (t) => {
    const codes: (string | undefined)[] = [];
    const { origin, url } = await scene(t, {
      on: {
        proxyReq: (proxyReq, req, res) => {
          if (req.url === "/answered") return void res.end("by the program");
          proxyReq.destroy(Object.assign(new Error("no"), { code: "ENO" }));
        },
        error: ({ code }, _req, res) => {
          codes.push(code);
          res.end("given up");
        },
      },
    });
    assert.equal(await (await fetch(`${url}/answered`)).text(), "by the program");
    assert.equal(await (await fetch(url)).text(), "given up");
    assert.deepEqual(codes, ["ENO"]);
    assert.equal(origin.received(), "");
  });

  const PARSED: Before = (req, _res, next) => {
    let text = "";
    req.on("data", (bytes: Buffer) => (text += bytes.toString()));
    req.on("end", () => {
      Object.assign(req, { body: JSON.parse(text) as unknown });
      next();
    });
  };
  for (const on of [{}, { proxyReq: fixRequestBody }]) {
    test(`has the body that a parser has read, ${"proxyReq" in on ? "with" : "without"} fixRequestBody`, async (t) => {
      const { origin, url } = await scene(t, { on }, {}, PARSED);
      const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: '{ "a": "文" }' });
      assert.equal(response.status, 200);
      assert.equal(origin.requests[0]?.body, Buffer.from('{"a":"文"}').toString("latin1"));
    });
  }

  test("and its response stream: a large body comes back as it was", async (t) => {
    const origin = await startHttpOrigin(t, (req, res) => void req.pipe(res));
    const { url } = await program(t, createProxyMiddleware({ target: origin }));
    const body = Buffer.alloc(8 * 1024 * 1024, "0123456789abcdef!");
    const response = await fetch(url, { method: "POST", body });
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(body));
  });
});

describe("where it goes", () => {
  test("a router chooses the target; what is not for the proxy goes on", async (t) => {
    const [one, two] = await Promise.all(["one", "two"].map((name) => startHttpOrigin(t, (_req, res) => void res.end(name))));
    const middleware = createProxyMiddleware({
      target: one,
      pathFilter: ["/api/**", "!**/private"],
      router: async ({ headers }) => (headers["x-two"] === undefined ? undefined : two),
    });
    const { url } = await program(t, middleware, { after: (_req, res) => void res.end("next") });
    assert.equal(await (await fetch(`${url}/api/x`)).text(), "one");
    assert.equal(await (await fetch(`${url}/api/x`, { headers: { "x-two": "1" } })).text(), "two");
    assert.equal(await (await fetch(`${url}/api/private`)).text(), "next");
    assert.equal(await (await fetch(`${url}/other`)).text(), "next");
  });

  test("a router may change the options for its request", async (t) => {
    const { origin, url } = await scene(t, {
      router: ({ url: path }, _res, options) => {
        if (path === "/marked") options.headers = { "x-marked": "1" };
        return undefined;
      },
    });
    for (const path of ["/marked", "/plain"]) await fetch(`${url}${path}`);
    assert.deepEqual(
      origin.requests.map(({ head }) => /x-marked/.test(head)),
      [true, false],
    );
  });

  test("requests of HTTP/2 are proxied, with and without a body", async (t) => {
    const origin = await startHttpOrigin(t, (req, res) => {
      res.setHeader("x-host", req.headers.host ?? "");
      req.pipe(res);
    });
    const middleware = createProxyMiddleware<http2.Http2ServerRequest, http2.Http2ServerResponse>({ target: origin });
    const server = http2.createServer((req, res) => void middleware(req, res));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const session = http2.connect(`http://127.0.0.1:${port}`);
    t.after(async () => {
      session.destroy();
      server.close();
      await middleware.close();
    });
    for (const [method, body] of [
      ["GET", ""],
      ["POST", "hello"],
    ] as const) {
      const stream = session.request({ ":method": method, ":path": "/", ":authority": "a.test" }).setEncoding("utf8");
      const headed = once(stream, "response");
      if (body !== "") stream.end(body);
      const [headers] = (await headed) as [http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader];
      assert.deepEqual([headers[":status"], headers["x-host"], (await stream.toArray()).join("")], [200, "a.test", body]);
    }
  });

  test("without a next, what is not for the proxy is 404, and no target is an error", async (t) => {
    const { url } = await program(t, createProxyMiddleware({ pathFilter: "/api", router: {} }));
    assert.equal((await fetch(`${url}/other`)).status, 404);
    assert.equal((await fetch(`${url}/api`)).status, 500);
  });

  test("a router that rejects, or names no URL, passes the error on", async (t) => {
    const router = async ({ url }: http.IncomingMessage): Promise<string> => {
      if (url === "/url") return "ftp://user:secret@a.test";
      throw new Error("not found");
    };
    const messages: string[] = [];
    const after: Before = (_req, res, error) => {
      messages.push(String(error()));
      res.end();
    };
    const { url } = await program(t, createProxyMiddleware({ router }), { after });
    await fetch(url);
    await fetch(`${url}/url`);
    assert.deepEqual(messages, ["Error: not found", "TypeError: target: expected a URL such as http://127.0.0.1:3000"]);
  });
});

describe("the response", () => {
  test("comes with its fields; listeners of proxyRes change them", async (t) => {
    const { client } = await scene(
      t,
      {
        preserveHeaderKeyCase: true,
        on: {
          proxyRes: ({ headers }) => {
            headers["x-added"] = "1";
            delete headers["x-removed"];
          },
        },
      },
      answering("201 Made So\r\nX-Spelled: 1\r\nX-Removed: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nKeep-Alive: timeout=9", "hi"),
    );
    client.send(get("/"));
    const { status, head, fields, body } = await client.response();
    assert.deepEqual([status, body], [201, "hi"]);
    assert.match(head, /^HTTP\/1\.1 201 Made So\r\nX-Spelled: 1\r\n/);
    assert.deepEqual(fields.get("set-cookie"), ["a=1", "b=2"]);
    assert.deepEqual([fields.get("x-added"), fields.get("x-removed")], [["1"], undefined]);
    assert.notDeepEqual(fields.get("keep-alive"), ["timeout=9"]);
  });

  test("has its cookies and its redirects to the target rewritten", async (t) => {
    const { url, origin } = await scene(
      t,
      { autoRewrite: true, protocolRewrite: "https", cookieDomainRewrite: { "*": "b.test" }, cookiePathRewrite: "" },
      {
        onRequest: ({ socket }) =>
          socket.write(
            `HTTP/1.1 302 Found\r\nLocation: ${origin.url}/login?a=1#b\r\nSet-Cookie: a=1; Domain=a.test; Path=/x; Secure\r\nContent-Length: 0\r\n\r\n`,
          ),
      },
    );
    const { headers } = await fetch(url, { redirect: "manual" });
    assert.equal(headers.get("location"), `${url.replace("http:", "https:")}/login?a=1#b`);
    assert.equal(headers.get("set-cookie"), "a=1; Domain=b.test; Secure");
  });

  test("begins before its body does", async (t) => {
    const { client } = await scene(
      t,
      {},
      { onRequest: ({ socket }) => socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n") },
    );
    client.send(get("/"));
    await client.until(({ received }) => received.includes("text/event-stream"), "the head");
  });

  test("is made by an interceptor, which gets it without its compression", async (t) => {
    const zipped = gzipSync("Hello").toString("latin1");
    const { url } = await scene(
      t,
      {
        selfHandleResponse: true,
        on: {
          proxyRes: responseInterceptor(async (buffer, _proxyRes, req) => {
            if (req.url === "/throws") throw new Error("secret");
            return buffer.toString().replace("Hello", "Goodbye 文");
          }),
        },
      },
      answering("200 OK\r\nContent-Encoding: gzip\r\nX-Kept: 1", zipped),
    );
    const response = await fetch(url);
    assert.equal(await response.text(), "Goodbye 文");
    assert.deepEqual([response.headers.get("content-encoding"), response.headers.get("x-kept")], [null, "1"]);
    const warned = once(process, "warning");
    const failed = await fetch(`${url}/throws`);
    assert.deepEqual([failed.status, failed.headers.get("x-kept")], [500, null]);
    assert.doesNotMatch(await failed.text(), /secret/);
    await warned;
  });

  test("without a body stays without one, whatever its fields say of it", async (t) => {
    const proxyRes = responseInterceptor(async () => "more");
    const { url } = await scene(
      t,
      { selfHandleResponse: true, on: { proxyRes } },
      {
        onRequest: ({ socket, head }) => {
          const status = head.startsWith("HEAD") ? "200 OK\r\nContent-Length: 9" : "204 No Content";
          socket.write(`HTTP/1.1 ${status}\r\nContent-Encoding: gzip\r\n\r\n`);
        },
      },
    );
    for (const method of ["GET", "HEAD"]) {
      const response = await fetch(url, { method });
      assert.deepEqual([response.status, await response.text()], [method === "GET" ? 204 : 200, ""]);
    }
  });

  test("with trailers passes, and an interceptor tells its length", async (t) => {
    const onRequest: OriginOptions["onRequest"] = ({ socket }) =>
      socket.write("HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n");
    const passed = await scene(t, {}, { onRequest });
    assert.equal(await (await fetch(passed.url)).text(), "hi");
    const proxyRes = responseInterceptor(async (buffer) => buffer);
    const { url } = await scene(t, { selfHandleResponse: true, on: { proxyRes } }, { onRequest });
    const response = await fetch(url);
    assert.deepEqual([await response.text(), response.headers.get("content-length")], ["hi", "2"]);
  });

  test("that breaks off is cut for the client, and an interceptor answers 502", async (t) => {
    const onRequest: OriginOptions["onRequest"] = ({ socket }) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
      socket.end();
    };
    const passed = await scene(t, {}, { onRequest });
    passed.client.send(get("/"));
    await passed.client.end();
    assert.equal((await passed.client.response()).complete, false);
    const proxyRes = responseInterceptor(async (buffer) => buffer);
    const { url } = await scene(t, { selfHandleResponse: true, on: { proxyRes } }, { onRequest });
    assert.equal((await fetch(url)).status, 502);
  });

  test("of a client that has left is given up, before its head and after it", async (t) => {
    const events: string[] = [];
    const { promise: left, resolve } = Promise.withResolvers<void>();
    const onRequest: OriginOptions["onRequest"] = ({ socket, head }) => {
      if (head.startsWith("GET /begun ")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
      socket.once("close", () => events.push("closed"));
    };
    const on: Options["on"] = {
      econnreset: ({ code }) => {
        events.push(`econnreset ${code ?? ""}`);
        resolve();
      },
    };
    const { client, origin, port } = await scene(t, { on }, { onRequest });
    client.send(get("/silent"));
    while (origin.requests.length === 0) await new Promise((turn) => setImmediate(turn));
    client.destroy();
    await left;
    const second = await RawClient.connect(port);
    second.send(get("/begun"));
    await second.until(({ received }) => received.endsWith("abc"), "the first bytes");
    second.destroy();
    while (events.filter((event) => event === "closed").length < 2) await new Promise((turn) => setImmediate(turn));
    assert.deepEqual(events.toSorted(), ["closed", "closed", "econnreset ECONNRESET"]);
  });
});

describe("errors", () => {
  test("a target that refuses: 504, or what on.error says, with Node's code", async (t) => {
    const closed = await startRawOrigin({});
    await closed.close();
    const plain = await program(t, createProxyMiddleware({ target: closed.url }));
    const response = await fetch(`${plain.url}/<script>`);
    assert.equal(response.status, 504);
    assert.match(await response.text(), /^Error occurred while trying to proxy: 127\.0\.0\.1:\d+\/%3Cscript%3E$/);
    const codes: (string | undefined)[] = [];
    const error: NonNullable<Options["on"]>["error"] = ({ code }, _req, res) => {
      codes.push(code);
      res.end("mine");
    };
    const own = await program(t, createProxyMiddleware({ target: closed.url, on: { error } }));
    assert.equal(await (await fetch(own.url)).text(), "mine");
    assert.deepEqual(codes, ["ECONNREFUSED"]);
  });

  for (const [what, head, code, status] of [
    ["malformed", "HTTP/1.1 wrong\r\n\r\n", "HPE_INVALID_RESPONSE", 502],
    ["none", null, "ECONNRESET", 504],
  ] as const) {
    test(`a response that is ${what}: ${status}`, async (t) => {
      const logged: unknown[] = [];
      const logger = { info: () => {}, warn: () => {}, error: (...values: unknown[]) => void logged.push(...values) };
      const { url } = await scene(t, { logger }, { onRequest: ({ socket }) => (head === null ? socket.destroy() : socket.end(head)) });
      assert.equal((await fetch(url)).status, status);
      assert.match(String(logged[0]), new RegExp(`\\[${code}\\]$`));
    });
  }

  test("a target that is too slow for proxyTimeout: 504", async (t) => {
    const { url } = await scene(t, { proxyTimeout: 40 }, { onRequest: () => {} });
    assert.equal((await fetch(url)).status, 504);
  });

  test("a listener that throws costs one request, whichever it is", async (t) => {
    const fails = (): never => {
      throw new Error("a bug");
    };
    const logger = { info: () => {}, warn: () => {}, error: () => {} };
    for (const on of [{ proxyReq: fails }, { proxyRes: fails }, { start: fails }]) {
      const { url } = await scene(t, { on, logger });
      assert.equal((await fetch(url)).status, 500, Object.keys(on).join());
    }
    const { url } = await scene(t, { on: { proxyRes: fails, error: fails }, logger });
    await assert.rejects(fetch(url));
  });
});

test("connections to targets end when the server is closed, and begin again with another server", async (t) => {
  const { origin, client, server, middleware } = await scene(t);
  client.send(get("/"));
  await client.response();
  assert.equal(origin.connections.size, 1);
  client.destroy();
  server.close();
  while (origin.connections.size > 0) await new Promise((turn) => setImmediate(turn));
  const again = await program(t, middleware);
  assert.equal((await fetch(again.url)).status, 200);
});
