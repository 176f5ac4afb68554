/** The proxy as a handler of a program's own node:http, over sockets. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { handleNodeRequest } from "../src/embed/handle-node-request.ts";
import { embedded, embeddingProgram } from "./support/embedded.ts";
import { startHttpOrigin } from "./support/http-origin.ts";
import { RawClient, ask, get } from "./support/raw-client.ts";
import { answerOk, startRawOrigin } from "./support/raw-origin.ts";
import type { OriginOptions, RawOrigin } from "./support/raw-origin.ts";
import type { TestContext } from "node:test";

async function rawOrigin(t: TestContext, options: OriginOptions = {}): Promise<RawOrigin> {
  const origin = await startRawOrigin(options);
  t.after(() => origin.close());
  return origin;
}

/** A request with a body. */
function post(body: string, fields: readonly string[] = [`Content-Length: ${body.length}`]): string {
  return `POST /p HTTP/1.1\r\nHost: a.test\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n${body}`;
}

test("a request is forwarded by the proxy's rules, and its response comes back by them", async (t) => {
  const origin = await rawOrigin(t, {
    onRequest: ({ socket }) =>
      socket.write(
        "HTTP/1.1 203 Fine By Me\r\nSet-Cookie: a=1\r\nX-One: 1\r\nSet-Cookie: b=2\r\nConnection: X-Gone\r\nX-Gone: 1\r\nKeep-Alive: timeout=9\r\n" +
          "Content-Length: 2\r\n\r\nok",
      ),
  });
  const proxy = embedded(t, origin.url);
  const port = await embeddingProgram(t, proxy);
  const response = await ask(
    port,
    get("/x?y=%20", [
      "X-Mixed-Case: 1",
      "Connection: X-Drop, close",
      "X-Drop: 1",
      "X-Forwarded-For: 10.9.9.9",
      "Proxy-Authorization: secret",
    ]),
  );
  assert.equal(
    origin.requests[0]?.head,
    "GET /x?y=%20 HTTP/1.1\r\nHost: a.test\r\nX-Mixed-Case: 1\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.test\r\n" +
      "Via: 1.1 millrace\r\n\r\n",
  );
  assert.match(response.head, /^HTTP\/1\.1 203 Fine By Me\r\n/);
  assert.deepEqual(response.fields.get("set-cookie"), ["a=1", "b=2"]);
  assert.equal(response.fields.has("x-gone"), false);
  assert.deepEqual(response.fields.get("x-one"), ["1"]);
  assert.equal(response.fields.get("date")?.length, 1);
  assert.equal(response.body, "ok");
  const [record] = await proxy.logged(1);
  assert.deepEqual(
    [record?.client, record?.method, record?.path, record?.status, record?.outcome],
    ["127.0.0.1", "GET", "/x", 203, "completed"],
  );
});

test("a connection stays open after a response, an answer and a refused body", async (t) => {
  const origin = await rawOrigin(t);
  const proxy = embedded(t, origin.url, { route: "max_body: 10" });
  const client = await RawClient.connect(await embeddingProgram(t, proxy));
  client.send(get("/1"));
  await client.responses(1);
  client.send(post("x".repeat(20)));
  await client.responses(2);
  client.send(post("chunked", ["Transfer-Encoding: chunked"]).replace(/chunked$/, "3\r\nabc\r\n0\r\n\r\n"));
  const responses = await client.responses(3);
  assert.deepEqual(
    responses.map(({ status, complete }) => [status, complete]),
    [
      [200, true],
      [413, true],
      [200, true],
    ],
  );
  assert.equal(origin.requests.at(-1)?.body, "abc");
  client.destroy();
});

test("a client that goes on sending a refused body gets its answer, and its connection ends", async (t) => {
  const origin = await rawOrigin(t);
  const proxy = embedded(t, origin.url, { route: "max_body: 10" });
  const client = await RawClient.connect(await embeddingProgram(t, proxy));
  client.send(post("", ["Content-Length: 5000000"]));
  for (let sent = 0; sent < 4; sent++) client.send("x".repeat(1_000_000));
  const response = await client.response();
  assert.deepEqual([response.status, response.complete, response.fields.get("connection")], [413, true, ["close"]]);
  client.send("x".repeat(1_000_000));
  await client.end();
  assert.equal(client.error, "");
});

test("pipelined requests are answered in order", async (t) => {
  const origin = await startHttpOrigin(t, (request, response) => {
    if (request.url === "/slow") setTimeout(() => response.end("slow"), 30);
    else response.end("fast");
  });
  const proxy = embedded(t, origin);
  const client = await RawClient.connect(await embeddingProgram(t, proxy));
  client.send(get("/slow") + get("/fast") + get("/fast"));
  assert.deepEqual(
    (await client.responses(3)).map(({ body }) => body),
    ["slow", "fast", "fast"],
  );
  client.destroy();
});

test("large bodies pass both ways, with and without a length", async (t) => {
  const origin = await startHttpOrigin(t, (request, response) => void request.pipe(response));
  const proxy = embedded(t, origin);
  const port = await embeddingProgram(t, proxy);
  const body = Buffer.alloc(8 * 1024 * 1024, "0123456789abcdef");
  for (const sent of [body, new Blob([body]).stream()]) {
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: sent, duplex: "half" });
    assert.equal(Buffer.compare(Buffer.from(await response.arrayBuffer()), body), 0);
  }
});

test("a client that reads slowly holds the origin back, and gets everything", async (t) => {
  const size = 64 * 1024 * 1024;
  let written = 0;
  const origin = await startHttpOrigin(t, (_request, response) => {
    response.writeHead(200, { "Content-Length": size });
    const piece = Buffer.alloc(1024 * 1024, "x");
    const more = (): void => {
      while (written < size) {
        written += piece.length;
        if (!response.write(piece)) return void response.once("drain", more);
      }
      response.end();
    };
    more();
  });
  const proxy = embedded(t, origin);
  const client = await RawClient.connect(await embeddingProgram(t, proxy));
  client.socket.removeAllListeners("data");
  let got = 0;
  let ahead = 0;
  client.socket.on("data", (bytes: Buffer) => {
    got += bytes.length;
    ahead = Math.max(ahead, written - got);
    // Reads one piece a turn.
    client.socket.pause();
    setImmediate(() => client.socket.resume());
  });
  client.send(get("/"));
  while (got < size) await once(client.socket, "data");
  assert.ok(ahead < size / 2, `the origin was ${ahead} bytes ahead of the client`);
  client.destroy();
});

test("a client that takes nothing is cut", async (t) => {
  const origin = await startHttpOrigin(t, (_request, response) => void response.end(Buffer.alloc(32 * 1024 * 1024)));
  const proxy = embedded(t, origin, { listener: "timeouts: { idle: 200ms }" });
  const client = await RawClient.connect(await embeddingProgram(t, proxy));
  client.socket.pause();
  client.send(get("/"));
  const [record] = await proxy.logged(1);
  assert.equal(record?.outcome, "client_stalled");
  assert.equal(proxy.host.connections.size, 0);
});

test("a body that stalls is 408", async (t) => {
  const origin = await rawOrigin(t);
  const proxy = embedded(t, origin.url, { listener: "timeouts: { idle: 200ms }" });
  const client = await RawClient.connect(await embeddingProgram(t, proxy));
  client.send(post("01", ["Content-Length: 10"]));
  const response = await client.response();
  assert.deepEqual([response.status, response.fields.get("connection")], [408, ["close"]]);
  await client.end();
});

test("a client that leaves aborts the exchange", async (t) => {
  let left = 0;
  const gone = Promise.withResolvers<void>();
  const origin = await startHttpOrigin(t, (_request, response) => {
    response.write("some");
    response.on("close", () => (++left === 2 ? gone.resolve() : undefined));
  });
  const proxy = embedded(t, origin);
  const port = await embeddingProgram(t, proxy);
  for (const request of [get("/"), post("12", ["Content-Length: 10"])]) {
    const client = await RawClient.connect(port);
    client.send(request);
    await client.until(({ received }) => received.includes("some"), "a part of the response");
    client.destroy();
  }
  await gone.promise;
  assert.deepEqual(
    (await proxy.logged(2)).map(({ outcome }) => outcome),
    ["client_gone", "client_gone"],
  );
  assert.equal(proxy.host.connections.size, 0);
});

test("an origin that dies after the head cuts the client", async (t) => {
  const origin = await rawOrigin(t, {
    onRequest: ({ socket, head }) => {
      socket.write(
        `HTTP/1.1 200 OK\r\n${head.includes("/chunked") ? "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n" : "Content-Length: 10\r\n\r\npart"}`,
      );
      setTimeout(() => socket.destroy(), 20);
    },
  });
  const proxy = embedded(t, origin.url);
  const port = await embeddingProgram(t, proxy);
  for (const path of ["/length", "/chunked"]) {
    const client = await RawClient.connect(port);
    client.send(get(path));
    await client.end();
    const response = await client.response();
    assert.deepEqual([response.status, response.body.replace(/^4\r\n|\r\n$/g, ""), response.complete], [200, "part", false]);
  }
});

test("what Node lets through and the proxy's rules do not is 400", async (t) => {
  const origin = await rawOrigin(t);
  const proxy = embedded(t, origin.url);
  const port = await embeddingProgram(t, proxy);
  const refused = [
    "GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Authorization\r\n\r\n",
  ];
  for (const request of refused) {
    const response = await ask(port, request);
    assert.deepEqual([response.status, request], [400, request]);
  }
  const absolute = await ask(port, "GET http://A.test:80/x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  assert.equal(absolute.status, 200);
  assert.match(origin.requests[0]?.head ?? "", /^GET \/x HTTP\/1\.1\r\nHost: A\.test:80\r\n/);
  assert.equal(origin.requests.length, 1);
});

test("bytes that come one by one make the same request", async (t) => {
  const origin = await rawOrigin(t);
  const proxy = embedded(t, origin.url);
  const port = await embeddingProgram(t, proxy);
  const request = post("3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n", ["Transfer-Encoding: chunked", "Trailer: X-Sum"]);
  for (let at = request.indexOf("\r\n\r\n"); at <= request.length; at++) {
    const client = await RawClient.connect(port);
    client.send(request.slice(0, at));
    await new Promise((resolve) => setImmediate(resolve));
    client.send(request.slice(at));
    assert.equal((await client.response()).status, 200);
    client.destroy();
  }
  assert.equal(new Set(origin.requests.map(({ body }) => body)).size, 1);
  assert.equal(origin.requests[0]?.body, "abcde");
  assert.match(origin.received(), /\r\n0\r\nX-Sum: 5\r\n\r\n/);
});

test("`next` is called without an argument where no route takes the request, and only there", async (t) => {
  const origin = await rawOrigin(t);
  const proxy = embedded(t, origin.url, { route: "match: { path: /api/* }, max_body: 1" });
  const nexts: unknown[][] = [];
  const program = (request: IncomingMessage, response: ServerResponse): void =>
    handleNodeRequest(proxy.host, request, response, (...values: unknown[]) => {
      nexts.push(values);
      request.setEncoding("utf8");
      let body = "";
      request.on("data", (text: string) => (body += text));
      request.on("end", () => response.end(`own: ${body}`));
    });
  const port = await embeddingProgram(t, proxy, program);
  assert.equal((await ask(port, get("/other"))).body, "own: ");
  assert.equal((await ask(port, post("text"))).body, "own: text");
  assert.equal((await ask(port, get("/api/x"))).body, "ok");
  assert.equal((await ask(port, post("long").replace("/p", "/api/p"))).status, 413);
  assert.equal((await ask(port, get("/api/x", [], "a b"))).status, 400);
  assert.deepEqual(nexts, [[], []]);
  const without = await embeddingProgram(t, proxy);
  assert.equal((await ask(without, get("/other"))).status, 404);
});

test("a body that was read before is used if it is left, and else a clear error", async (t) => {
  const origin = await rawOrigin(t);
  const proxy = embedded(t, origin.url);
  const json = '{ "a" : 1 }';
  const form = "a=1&a=2&b%5Bc%5D=x+y";
  const cases: readonly { type: string; body: string; left: object; sent: string | null; isSame?: boolean }[] = [
    { type: "application/octet-stream", body: "bytes", left: { body: Buffer.from("bytes") }, sent: "bytes", isSame: true },
    { type: "text/plain", body: "text", left: { body: "text" }, sent: "text", isSame: true },
    { type: "application/json", body: json, left: { body: { a: 1 } }, sent: '{"a":1}' },
    { type: "application/json", body: json, left: { body: { a: 1 }, rawBody: Buffer.from(json) }, sent: json, isSame: true },
    { type: "application/json", body: json, left: { body: json }, sent: json, isSame: true },
    { type: "application/x-www-form-urlencoded", body: form, left: { body: { a: ["1", "2"], b: { c: "x y" } } }, sent: form },
    { type: "multipart/form-data; boundary=x", body: "--x--", left: { body: { a: 1 } }, sent: null },
    { type: "text/plain; charset=koi8-r", body: "text", left: { body: "text" }, sent: null },
    { type: "text/plain", body: "text", left: {}, sent: null },
  ];
  let kept = {};
  const port = await embeddingProgram(t, proxy, (request, response) => {
    request.resume();
    request.on("end", () => handleNodeRequest(proxy.host, Object.assign(request, kept), response));
  });
  for (const { type, body, left, sent, isSame = false } of cases) {
    kept = left;
    const before = origin.requests.length;
    const response = await ask(port, post(body, [`Content-Type: ${type}`, `Content-Length: ${body.length}`, "Content-MD5: x"]));
    if (sent === null) {
      assert.equal(response.status, 500);
      assert.equal(origin.requests.length, before);
      assert.match(proxy.events.at(-1)?.message ?? "", /mount the proxy before the body parser/);
    } else {
      assert.equal(response.status, 200);
      const got = origin.requests.at(-1);
      assert.equal(got?.body, sent);
      assert.match(got?.head ?? "", new RegExp(`Content-Length: ${sent.length}\r\n`));
      assert.equal(/content-md5/i.test(got?.head ?? ""), isSame);
    }
  }
});

test("a body of which a part was read is an error, and no wait", async (t) => {
  const origin = await rawOrigin(t);
  const proxy = embedded(t, origin.url);
  const port = await embeddingProgram(t, proxy, (request, response) =>
    request.once("data", () => handleNodeRequest(proxy.host, request, response)),
  );
  const client = await RawClient.connect(port);
  client.send(post("part", ["Content-Length: 10"]));
  assert.equal((await client.response()).status, 500);
  client.destroy();
});

test("a response that somebody else has begun or ended is left alone", async (t) => {
  const origin = await rawOrigin(t);
  const proxy = embedded(t, origin.url);
  const port = await embeddingProgram(t, proxy, (request, response) => {
    response.end("mine");
    handleNodeRequest(proxy.host, request, response);
  });
  assert.equal((await ask(port, get("/"))).body, "mine");
  assert.equal(origin.requests.length, 0);
  assert.equal(proxy.events.at(-1)?.event, "request_unusable");
});

test("a program that answers while the exchange runs ends the exchange", async (t) => {
  const origin = await rawOrigin(t, { onRequest: () => {} });
  const proxy = embedded(t, origin.url);
  const port = await embeddingProgram(t, proxy, (request, response) => {
    handleNodeRequest(proxy.host, request, response);
    setTimeout(() => response.writeHead(503).end("too late"), 50);
  });
  const response = await ask(port, get("/"));
  assert.deepEqual([response.status, response.body], [503, "too late"]);
  const [record] = await proxy.logged(1);
  assert.equal(record?.outcome, "client_gone");
  assert.equal(proxy.host.connections.size, 0);
});

test("events that come twice or late change nothing", async (t) => {
  const origin = await rawOrigin(t);
  const proxy = embedded(t, origin.url);
  const port = await embeddingProgram(t, proxy, (request, response) => {
    handleNodeRequest(proxy.host, request, response);
    response.on("finish", () => {
      request.emit("end");
      request.emit("data", Buffer.from("late"));
      response.emit("drain");
      response.emit("error", new Error("late"));
      request.emit("error", new Error("late"));
      response.emit("close");
      response.emit("close");
    });
  });
  const client = await RawClient.connect(port);
  client.send(post("body"));
  assert.equal((await client.response()).status, 200);
  client.send(get("/again"));
  assert.equal((await client.responses(2))[1]?.status, 200);
  assert.equal(proxy.records.length, 2);
  assert.equal(origin.requests[0]?.body, "body");
  client.destroy();
});

test("HEAD, 204 and 304 have no body, and interim responses pass", async (t) => {
  const origin = await rawOrigin(t, {
    onRequest: ({ head, socket }) => {
      if (head.startsWith("HEAD")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nTrailer: X\r\n\r\n");
      else if (head.includes("/204")) socket.write("HTTP/1.1 204 No Content\r\n\r\n");
      else if (head.includes("/304")) socket.write("HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 9\r\n\r\n");
      else
        socket.write(
          "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 2\r\n\r\n",
        );
    },
  });
  const proxy = embedded(t, origin.url);
  const client = await RawClient.connect(await embeddingProgram(t, proxy));
  client.send("HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  const [head] = await client.responses(1, { toHead: true });
  assert.deepEqual([head?.status, head?.fields.get("content-length")], [200, ["100"]]);
  client.received = "";
  client.send(get("/204") + get("/304") + get("/hints"));
  const responses = await client.responses(4);
  assert.deepEqual(
    responses.map(({ status, body, trailers }) => [status, body, trailers]),
    [
      [204, "", ""],
      [304, "", ""],
      [103, "", ""],
      [200, "ok", "X-Sum: 2\r\n"],
    ],
  );
  assert.deepEqual(responses[2]?.fields.get("link"), ["</a.css>"]);
  client.destroy();
});

test("a client that waits for 100 (Continue) gets one", async (t) => {
  const origin = await rawOrigin(t, {
    onHead: (head, socket) => {
      if (/expect/i.test(head)) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
      return false;
    },
  });
  const proxy = embedded(t, origin.url);
  const client = await RawClient.connect(await embeddingProgram(t, proxy));
  client.send(post("", ["Content-Length: 4", "Expect: 100-continue"]));
  await client.until(({ received }) => received.includes("100 Continue"), "a 100");
  client.send("body");
  assert.deepEqual(
    (await client.responses(2)).map(({ status }) => status),
    [100, 200],
  );
  assert.equal(origin.requests[0]?.body, "body");
  client.destroy();
});

test("what the program has set for the response stays, but for what says where the body ends", async (t) => {
  const origin = await rawOrigin(t, { onRequest: answerOk });
  const proxy = embedded(t, origin.url);
  const port = await embeddingProgram(t, proxy, (request, response) => {
    response.setHeader("X-Powered-By", "a test");
    response.setHeader("Content-Length", "99");
    response.setHeader("Trailer", "X");
    handleNodeRequest(proxy.host, request, response);
  });
  const response = await ask(port, get("/"));
  assert.deepEqual([response.status, response.body, response.fields.get("x-powered-by")], [200, "ok", ["a test"]]);
});

test("cookies of the program and what it varies by stay beside the endpoint's", async (t) => {
  const origin = await rawOrigin(t, {
    onRequest: ({ socket }) =>
      socket.write(
        "HTTP/1.1 200 OK\r\nVary: Accept-Encoding\r\nSet-Cookie: b=2\r\nSet-Cookie: c=3\r\nX-One: origin\r\nContent-Length: 2\r\n\r\nok",
      ),
  });
  const proxy = embedded(t, origin.url);
  const port = await embeddingProgram(t, proxy, (request, response) => {
    response.setHeader("Vary", "Origin").setHeader("Set-Cookie", "a=1").setHeader("X-One", "program");
    handleNodeRequest(proxy.host, request, response);
  });
  const { fields } = await ask(port, get("/"));
  assert.equal(fields.get("vary")?.join(", "), "Origin, Accept-Encoding");
  assert.deepEqual(fields.get("set-cookie"), ["a=1", "b=2", "c=3"]);
  assert.deepEqual(fields.get("x-one"), ["origin"]);
});

test("trusted proxies are believed, and a draining host takes nothing new", async (t) => {
  const origin = await rawOrigin(t);
  const proxy = embedded(t, origin.url, { rest: "trusted_proxies: [127.0.0.1]" });
  const port = await embeddingProgram(t, proxy);
  await ask(port, get("/", ["X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https"]));
  assert.match(origin.requests[0]?.head ?? "", /X-Forwarded-For: 192\.0\.2\.7, 127\.0\.0\.1\r\n/);
  assert.equal((await proxy.logged(1))[0]?.client, "192.0.2.7");
  proxy.host.drain();
  assert.equal((await ask(port, get("/"))).status, 503);
});
