/** Every row of the design's table of answers, over real sockets against the real command. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { freePort } from "./support/free-port.ts";
import { startMillrace } from "./support/millrace.ts";
import type { Millrace } from "./support/millrace.ts";
import { RawClient, ask, get } from "./support/raw-client.ts";
import type { RawResponse } from "./support/raw-client.ts";
import { answerOk, startRawOrigin } from "./support/raw-origin.ts";
import type { RawOrigin } from "./support/raw-origin.ts";

let origin: RawOrigin;
let proxy: Millrace;
let refusedPort = 0;

before(async () => {
  refusedPort = await freePort();
  origin = await startRawOrigin({
    onHead: (head, socket) => {
      if (head.startsWith("GET /silent")) return true;
      if (head.startsWith("GET /reset")) {
        socket.resetAndDestroy();
        return true;
      }
      if (head.startsWith("GET /close")) {
        socket.end();
        return true;
      }
      if (head.startsWith("GET /garbage")) {
        socket.write("this is no HTTP\r\n\r\n");
        return true;
      }
      if (head.startsWith("GET /cut-length")) {
        socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
        return true;
      }
      if (head.startsWith("GET /cut-chunked")) {
        socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        return true;
      }
      if (head.startsWith("GET /stall")) {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
        return true;
      }
      return false;
    },
    onRequest: answerOk,
  });
  proxy = await startMillrace(`
listeners:
  - address: "127.0.0.1:0"
    timeouts: { request_head: 700ms, idle: 700ms, keep_alive: 5s }
    limits: { head_bytes: 4KiB, headers: 20, request_line: 1KiB }
workers: 1
upstreams:
  app:
    endpoints: ["${origin.url}"]
    timeouts: { connect: 1s, response_head: 600ms, idle: 600ms }
  refused:
    endpoints: ["http://127.0.0.1:${refusedPort}"]
  unnamed:
    endpoints: ["http://name.invalid:80"]
  down:
    endpoints: ["http://127.0.0.1:${refusedPort}"]
    health_check: { interval: 100ms, timeout: 1s, unhealthy_threshold: 1 }
routes:
  - { match: { path: /refused }, upstream: refused }
  - { match: { path: /unnamed }, upstream: unnamed }
  - { match: { path: /down }, upstream: down }
  - { match: { path: /secret/* }, upstream: app, authentication: { tokens: ["s3cret-token"] } }
  - { match: { path: /limited }, upstream: app, rate_limit: { requests_per_minute: 60, burst: 1 } }
  - { match: { path: /small }, upstream: app, max_body: 10 }
  - { match: { path: /small-secret }, upstream: app, max_body: 10, authentication: { tokens: ["s3cret-token"] } }
  - { match: { host: a.test }, upstream: app }
logging: { level: info, access: true }
`);
});

after(async () => {
  assert.equal(await proxy.stop(), 0);
  await origin.close();
});

/** Sends it and expects that answer, the connection closed where the table says so. */
async function expectAnswer(
  request: string,
  expected: { readonly status: number; readonly error?: string; readonly closed?: boolean; readonly fields?: readonly string[] },
): Promise<RawResponse> {
  const client = await RawClient.connect(proxy.port);
  client.send(request);
  const response = await client.response();
  assert.equal(response.status, expected.status, client.received);
  const proxyStatus = response.fields.get("proxy-status")?.[0];
  assert.equal(proxyStatus, expected.error === undefined ? undefined : `millrace; error=${expected.error}`);
  for (const field of expected.fields ?? []) assert.ok(response.fields.has(field), `${field} is missing in ${response.head}`);
  if (expected.closed === true) {
    assert.deepEqual(response.fields.get("connection"), ["close"]);
    await client.end();
  }
  assert.ok(!/\d+\.\d+\.\d+\.\d+|node|at .*\.ts/i.test(response.body), `the body tells too much: ${response.body}`);
  client.destroy();
  return response;
}

describe("answers of the proxy's own", () => {
  for (const [name, request] of [
    ["a malformed request line", "GET  / HTTP/1.1\r\nHost: a.test\r\n\r\n"],
    ["two lengths", "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na"],
    ["length and coding", "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["an unknown coding", "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
    ["no Host", "GET / HTTP/1.1\r\n\r\n"],
    ["a broken chunk", "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
  ] as const) {
    test(`400 and close for ${name}`, async () => {
      const before = origin.requests.length;
      await expectAnswer(request, { status: 400, error: "http_request_error", closed: true });
      assert.equal(origin.requests.length, before, "nothing of it reached the origin as a request");
    });
  }

  test("431 and close for a head too large", async () => {
    await expectAnswer(get("/", [`X-Large: ${"a".repeat(5000)}`]), { status: 431, closed: true });
  });
  test("414 and close for a request line too long", async () => {
    await expectAnswer(get(`/${"a".repeat(1500)}`), { status: 414, closed: true });
  });
  test("431 and close for too many fields", async () => {
    await expectAnswer(
      get(
        "/",
        Array.from({ length: 30 }, (_, index) => `X-${index}: 1`),
      ),
      { status: 431, closed: true },
    );
  });
  test("505 and close for another version", async () => {
    for (const version of ["2.0", "1.2", "0.9"]) {
      await expectAnswer(`GET / HTTP/${version}\r\nHost: a.test\r\n\r\n`, { status: 505, closed: true });
    }
  });
  test("408 and close for a head that does not end, however steadily it drips", async () => {
    const client = await RawClient.connect(proxy.port);
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n");
    const drip = setInterval(() => client.send("X-Drip: 1\r\n"), 100);
    const response = await client.response();
    clearInterval(drip);
    assert.equal(response.status, 408);
    await client.end();
    client.destroy();
  });
  test("408 and close for a body that stalls", async () => {
    await expectAnswer("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nabc", { status: 408, closed: true });
  });
  test("401 with WWW-Authenticate without a token and with a wrong one", async () => {
    await expectAnswer(get("/secret/x"), { status: 401, fields: ["www-authenticate"] });
    await expectAnswer(get("/secret/x", ["Authorization: Bearer wrong"]), { status: 401, fields: ["www-authenticate"] });
    const before = origin.requests.length;
    const response = await expectAnswer(get("/secret/x", ["Authorization: Bearer s3cret-token"]), { status: 200 });
    assert.equal(response.body, "ok");
    assert.ok(!origin.requests.slice(before).some(({ head }) => head.includes("s3cret-token")), "the token is not forwarded");
  });
  test("429 with Retry-After and the RateLimit fields", async () => {
    await expectAnswer(get("/limited"), { status: 200 });
    await expectAnswer(get("/limited"), { status: 429, fields: ["retry-after", "ratelimit", "ratelimit-policy"] });
  });
  test("413 for a body over the limit, announced or not", async () => {
    await expectAnswer("POST /small HTTP/1.1\r\nHost: a.test\r\nContent-Length: 11\r\n\r\n01234567890", { status: 413 });
    await expectAnswer("POST /small HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n", {
      status: 413,
    });
    await expectAnswer("POST /small HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n0123456789", { status: 200 });
  });
  test("401 and not 413 for whoever may not ask, whether the body announces its length or not", async () => {
    await expectAnswer("POST /small-secret HTTP/1.1\r\nHost: a.test\r\nContent-Length: 11\r\n\r\n01234567890", { status: 401 });
    await expectAnswer("POST /small-secret HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n", {
      status: 401,
    });
    const admitted =
      "POST /small-secret HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer s3cret-token\r\nContent-Length: 11\r\n\r\n01234567890";
    await expectAnswer(admitted, { status: 413 });
  });
  test("404 without a route", async () => {
    await expectAnswer("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n", { status: 404 });
  });
  test("503 with Retry-After when no endpoint is healthy, at once", async () => {
    await proxy.until((output) => /endpoint_unhealthy/.test(output), "the endpoint to be found unhealthy");
    await expectAnswer(get("/down"), { status: 503, error: "destination_unavailable", fields: ["retry-after"] });
  });
  test("502 for a refused connection", async () => {
    await expectAnswer(get("/refused"), { status: 502, error: "connection_refused" });
  });
  test("502 for a name that resolves to nothing", async () => {
    await expectAnswer(get("/unnamed"), { status: 502, error: "dns_error" });
  });
  test("502 for a reset or a close before the response head", async () => {
    await expectAnswer(get("/reset"), { status: 502, error: "connection_terminated" });
    await expectAnswer(get("/close"), { status: 502, error: "connection_terminated" });
  });
  test("504 for a response head that does not come", async () => {
    await expectAnswer(get("/silent"), { status: 504, error: "http_response_timeout" });
  });
  test("502 for a malformed response", async () => {
    await expectAnswer(get("/garbage"), { status: 502, error: "http_protocol_error" });
  });
  for (const path of ["/cut-length", "/cut-chunked", "/stall"]) {
    test(`a failure behind the response head cuts the client: ${path}`, async () => {
      const client = await RawClient.connect(proxy.port);
      client.send(get(path));
      await client.end();
      const response = await client.response();
      assert.equal(response.status, 200);
      assert.equal(response.complete, false, "it must not look complete");
      client.destroy();
    });
  }
  test("a body cut behind the head of an HTTP/1.0 client's answer ends in a reset, not in a FIN", async () => {
    const client = await RawClient.connect(proxy.port);
    client.send("GET /cut-chunked HTTP/1.0\r\nHost: a.test\r\n\r\n");
    await client.until((each) => each.closed, "the connection's end");
    assert.equal(client.error, "ECONNRESET");
  });
  test("405 for TRACE and CONNECT", async () => {
    await expectAnswer("TRACE / HTTP/1.1\r\nHost: a.test\r\n\r\n", { status: 405, fields: ["allow"] });
    await expectAnswer("CONNECT a.test:22 HTTP/1.1\r\nHost: a.test:22\r\n\r\n", { status: 405, fields: ["allow"] });
  });

  test("a problem document for clients that accept JSON, one plain line for the others", async () => {
    const json = await expectAnswer("GET / HTTP/1.1\r\nHost: other.test\r\nAccept: application/json\r\n\r\n", { status: 404 });
    assert.deepEqual(json.fields.get("content-type"), ["application/problem+json"]);
    assert.deepEqual(JSON.parse(json.body), {
      type: "about:blank",
      title: "Not Found",
      status: 404,
      detail: "No route takes this request.",
    });
    const plain = await expectAnswer("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n", { status: 404 });
    assert.match(plain.body, /^404 Not Found: [^\n]+\n$/);
    assert.deepEqual(plain.fields.get("cache-control"), ["no-store"], "a 404 could be kept by a cache (RFC 9111 section 4.2.2)");
    const weighted = await ask(proxy.port, "GET / HTTP/1.1\r\nHost: other.test\r\nAccept: text/html, application/json;q=0\r\n\r\n");
    assert.match(weighted.body, /^404 Not Found: /, "a weight of 0 is a refusal");
    const malformed = await ask(proxy.port, "GET / HTTP/1.1\r\nAccept: application/problem+json\r\n\r\n");
    assert.deepEqual(malformed.fields.get("content-type"), ["application/problem+json"]);
    const head = await ask(proxy.port, "HEAD / HTTP/1.1\r\nHost: other.test\r\n\r\n");
    assert.equal(head.status, 404);
    assert.equal(head.body, "");
  });

  test("the connection goes on after an answer whose request was read whole", async () => {
    const client = await RawClient.connect(proxy.port);
    client.send("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n");
    await client.responses(1);
    client.send(`POST /small HTTP/1.1\r\nHost: a.test\r\nContent-Length: 20\r\n\r\n`);
    await client.responses(2);
    client.send(`${"x".repeat(20)}${get("/")}`);
    const responses = await client.responses(3);
    assert.deepEqual(
      responses.map(({ status }) => status),
      [404, 413, 200],
    );
    client.destroy();
  });

  test("no query is in the log: relayed, answered or refused", async () => {
    const framing = "Content-Length: 1\r\nContent-Length: 2\r\n";
    for (const [target, status, fields] of [
      ["/q-relayed?key=s3cret-query", 200, ""],
      ["/secret/q-unauthorized?key=s3cret-query", 401, ""],
      ["/q-refused?key=s3cret-query", 400, framing],
      ["http://a.test/q-absolute?key=s3cret-query", 400, framing],
    ] as const) {
      const client = await RawClient.connect(proxy.port);
      client.send(`GET ${target} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`);
      assert.equal((await client.response()).status, status, target);
      client.destroy();
    }
    for (const path of ["/q-relayed", "/secret/q-unauthorized", "/q-refused", "/q-absolute"]) {
      await proxy.until((output) => output.includes(path), `the line of ${path}`);
    }
    assert.ok(!proxy.output().includes("s3cret-query"));
  });

  test("every refused exchange has its line in the access log, with the outcome", async () => {
    await proxy.until((output) => output.includes('"outcome":"connection_refused"'), "the log line");
    const outcomes = new Set(proxy.access().map((record) => record["outcome"]));
    for (const outcome of [
      "completed",
      "unauthorized",
      "rate_limited",
      "no_route",
      "connection_refused",
      "response_timeout",
      "request_timeout",
    ]) {
      assert.ok(outcomes.has(outcome), `no line with outcome ${outcome}: ${[...outcomes].join(", ")}`);
    }
    assert.ok(!proxy.output().includes("s3cret-token"), "the token is not in the log");
    const refused = proxy
      .access()
      .find((record) => record["outcome"] === "length_repeated" || record["outcome"] === "content_length_repeated");
    assert.equal(refused?.["method"], "POST");
    assert.equal(refused?.["path"], "/");
    assert.ok(Number(refused?.["bytes_received"]) > 50 && Number(refused?.["bytes_sent"]) > 50, JSON.stringify(refused));
    const slow = proxy.access().find((record) => record["outcome"] === "request_timeout" && record["attempts"] === 0);
    assert.ok(Number(slow?.["duration_ms"]) >= 600, JSON.stringify(slow));
  });
});
