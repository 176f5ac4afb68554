/** Every row of the design's table of answers. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { script, testProxy } from "../src/testing/test-proxy.ts";
import { MemoryOrigin, ask, responses } from "./support/in-memory.ts";
import { get } from "./support/raw-client.ts";
import type { RawResponse } from "./support/raw-client.ts";

const origin = new MemoryOrigin({
  onHead: (head, connection) => {
    if (head.startsWith("GET /silent")) return true;
    if (head.startsWith("GET /reset")) {
      connection.reset();
      return true;
    }
    if (head.startsWith("GET /close")) {
      connection.end();
      return true;
    }
    if (head.startsWith("GET /garbage")) {
      connection.send("this is no HTTP\r\n\r\n");
      return true;
    }
    if (head.startsWith("GET /cut-length")) {
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
      connection.end();
      return true;
    }
    if (head.startsWith("GET /cut-chunked")) {
      connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
      connection.end();
      return true;
    }
    if (head.startsWith("GET /stall")) {
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
      return true;
    }
    return false;
  },
});

/** Longer than any limit of the configuration below. */
const OVERDUE_MS = 2000;

const proxy = await testProxy(
  `
listeners:
  - address: "127.0.0.1:0"
    timeouts: { request_head: 700ms, idle: 700ms, keep_alive: 5s }
    limits: { head_bytes: 4KiB, headers: 20, request_line: 1KiB }
upstreams:
  app:
    endpoints: ["http://origin.test"]
    timeouts: { connect: 1s, response_head: 600ms, idle: 600ms }
  refused:
    endpoints: ["http://refused.test"]
  unnamed:
    endpoints: ["http://name.invalid:80"]
  unanswered:
    endpoints: ["http://unanswered.test"]
    timeouts: { connect: 1s }
  down:
    endpoints: ["http://refused.test"]
    health_check: { interval: 100ms, timeout: 1s, unhealthy_threshold: 1 }
routes:
  - { match: { path: /refused }, upstream: refused }
  - { match: { path: /unnamed }, upstream: unnamed }
  - { match: { path: /unanswered }, upstream: unanswered }
  - { match: { path: /down }, upstream: down }
  - { match: { path: /secret/* }, upstream: app, authentication: { tokens: ["s3cret-token"] } }
  - { match: { path: /limited }, upstream: app, rate_limit: { requests_per_minute: 60, burst: 1 } }
  - { match: { path: /small }, upstream: app, max_body: 10 }
  - { match: { path: /small-secret }, upstream: app, max_body: 10, authentication: { tokens: ["s3cret-token"] } }
  - { match: { host: a.test }, upstream: app }
`,
  { upstreams: { app: origin.script, unnamed: script.unknownName(), unanswered: script.silent() } },
);
after(() => proxy.close());

/** All that was logged, as text. */
const logged = (): string => JSON.stringify(proxy.log);

/** Sends it and expects that answer, the connection closed where the table says so. */
async function expectAnswer(
  request: string,
  expected: {
    readonly status: number;
    readonly error?: string;
    readonly closed?: boolean;
    readonly fields?: readonly string[];
    /** Lets so much time pass. */
    readonly afterMs?: number;
  },
): Promise<RawResponse> {
  const client = proxy.connect();
  client.send(request);
  if (expected.afterMs !== undefined) await proxy.advance(expected.afterMs);
  const [response] = await responses(client, 1);
  assert.equal(response?.status, expected.status, client.received);
  const proxyStatus = response.fields.get("proxy-status")?.[0];
  assert.equal(proxyStatus, expected.error === undefined ? undefined : `millrace; error=${expected.error}`);
  for (const field of expected.fields ?? []) assert.ok(response.fields.has(field), `${field} is missing in ${response.head}`);
  if (expected.closed === true) {
    assert.deepEqual(response.fields.get("connection"), ["close"]);
    await client.untilEnded();
  }
  assert.ok(!/\d+\.\d+\.\d+\.\d+|node|at .*\.ts/i.test(response.body), `the body tells too much: ${response.body}`);
  client.close();
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
    const client = proxy.connect();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n");
    for (let drips = 0; drips < 6; drips++) {
      await proxy.advance(100);
      client.send("X-Drip: 1\r\n");
    }
    assert.equal(client.received, "");
    await proxy.advance(200);
    assert.equal((await responses(client, 1))[0]?.status, 408);
    await client.untilEnded();
    client.close();
  });
  test("408 and close for a body that stalls", async () => {
    await expectAnswer("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nabc", {
      status: 408,
      closed: true,
      afterMs: OVERDUE_MS,
    });
  });
  test("401 with WWW-Authenticate without a token and with a wrong one", async () => {
    await expectAnswer(get("/secret/x"), { status: 401, fields: ["www-authenticate"] });
    await expectAnswer(get("/secret/x", ["Authorization: Bearer wrong"]), { status: 401, fields: ["www-authenticate"] });
    const before = origin.requests.length;
    const response = await expectAnswer(get("/secret/x", ["Authorization: Bearer s3cret-token"]), { status: 200 });
    assert.equal(response.body, "ok");
    assert.ok(!origin.requests.slice(before).some(({ head }) => head.includes("s3cret-token")), "the token is not forwarded");
  });
  test("400 for a token given twice, and the connection goes on where the request was read whole", async () => {
    const client = proxy.connect();
    const twice = (name: string): string[] => [`${name}: Bearer s3cret-token`, `${name}: Bearer s3cret-token`];
    client.send(get("/secret/x", twice("Authorization")));
    client.send(get("/secret/x", twice("X-API-Key")));
    client.send(get("/", twice("Authorization")));
    client.send(get("/"));
    const all = await responses(client, 4);
    assert.deepEqual(
      all.map(({ status, fields }) => [status, fields.get("proxy-status"), fields.get("connection")]),
      [...Array.from({ length: 3 }, () => [400, ["millrace; error=http_request_error"], undefined]), [200, undefined, undefined]],
    );
    client.close();
    const framing = ["Content-Length: 100000", "Transfer-Encoding: chunked"];
    for (const line of framing) {
      const request = get("/secret/x", [...twice("Authorization"), line]).replace("GET", "POST");
      await expectAnswer(request, { status: 400, error: "http_request_error", closed: true });
    }
  });
  test("400 and close for a Connection field that names what everybody needs", async () => {
    await expectAnswer(get("/", ["Connection: cookie"]), { status: 400, error: "http_request_error", closed: true });
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
    await proxy.advance(OVERDUE_MS);
    assert.match(logged(), /endpoint_unhealthy/);
    await expectAnswer(get("/down"), { status: 503, error: "destination_unavailable", fields: ["retry-after"] });
  });
  test("502 for a refused connection", async () => {
    await expectAnswer(get("/refused"), { status: 502, error: "connection_refused" });
  });
  test("502 for a name that resolves to nothing", async () => {
    await expectAnswer(get("/unnamed"), { status: 502, error: "dns_error" });
  });
  test("504 for a connect that nothing comes of", async () => {
    await expectAnswer(get("/unanswered"), { status: 504, error: "connection_timeout", afterMs: 2 * OVERDUE_MS });
  });
  test("502 for a reset or a close before the response head", async () => {
    await expectAnswer(get("/reset"), { status: 502, error: "connection_terminated" });
    await expectAnswer(get("/close"), { status: 502, error: "connection_terminated" });
  });
  test("504 for a response head that does not come", async () => {
    await expectAnswer(get("/silent"), { status: 504, error: "http_response_timeout", afterMs: OVERDUE_MS });
  });
  test("502 for a malformed response", async () => {
    await expectAnswer(get("/garbage"), { status: 502, error: "http_protocol_error" });
  });
  for (const path of ["/cut-length", "/cut-chunked", "/stall"]) {
    test(`a failure behind the response head cuts the client: ${path}`, async () => {
      const client = proxy.connect();
      client.send(get(path));
      await proxy.advance(OVERDUE_MS);
      await client.untilEnded();
      const [response] = await responses(client, 1);
      assert.equal(response?.status, 200);
      assert.equal(response.complete, false, "it must not look complete");
      client.close();
    });
  }
  test("a body cut behind the head of an HTTP/1.0 client's answer ends in a reset, not in a FIN", async () => {
    const client = proxy.connect();
    client.send("GET /cut-chunked HTTP/1.0\r\nHost: a.test\r\n\r\n");
    await client.untilClosed();
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
    const weighted = await ask(proxy, "GET / HTTP/1.1\r\nHost: other.test\r\nAccept: text/html, application/json;q=0\r\n\r\n");
    assert.match(weighted.body, /^404 Not Found: /, "a weight of 0 is a refusal");
    const malformed = await ask(proxy, "GET / HTTP/1.1\r\nAccept: application/problem+json\r\n\r\n");
    assert.deepEqual(malformed.fields.get("content-type"), ["application/problem+json"]);
    const head = await ask(proxy, "HEAD / HTTP/1.1\r\nHost: other.test\r\n\r\n");
    assert.equal(head.status, 404);
    assert.equal(head.body, "");
  });

  test("the connection goes on after an answer whose request was read whole", async () => {
    const client = proxy.connect();
    client.send("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n");
    await responses(client, 1);
    client.send(`POST /small HTTP/1.1\r\nHost: a.test\r\nContent-Length: 20\r\n\r\n`);
    await responses(client, 2);
    client.send(`${"x".repeat(20)}${get("/")}`);
    assert.deepEqual(
      (await responses(client, 3)).map(({ status }) => status),
      [404, 413, 200],
    );
    client.close();
  });

  test("no query is in the log: relayed, answered or refused", async () => {
    const framing = "Content-Length: 1\r\nContent-Length: 2\r\n";
    for (const [target, status, fields] of [
      ["/q-relayed?key=s3cret-query", 200, ""],
      ["/secret/q-unauthorized?key=s3cret-query", 401, ""],
      ["/q-refused?key=s3cret-query", 400, framing],
      ["http://a.test/q-absolute?key=s3cret-query", 400, framing],
    ] as const) {
      const client = proxy.connect();
      client.send(`GET ${target} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`);
      assert.equal((await responses(client, 1))[0]?.status, status, target);
      client.close();
    }
    for (const path of ["/q-relayed", "/secret/q-unauthorized", "/q-refused", "/q-absolute"]) {
      assert.ok(logged().includes(path), `the line of ${path}`);
    }
    assert.ok(!logged().includes("s3cret-query"));
  });

  test("every refused exchange has its line in the access log, with the outcome", async () => {
    const outcomes = new Set(proxy.log.map((entry) => entry["outcome"]));
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
    assert.ok(!logged().includes("s3cret-token"), "the token is not in the log");
    const refused = proxy.log.find((record) => record["outcome"] === "length_repeated" || record["outcome"] === "content_length_repeated");
    assert.equal(refused?.["method"], "POST");
    assert.equal(refused?.["path"], "/");
    assert.ok(Number(refused?.["bytes_received"]) > 50 && Number(refused?.["bytes_sent"]) > 50, JSON.stringify(refused));
    const slow = proxy.log.find((record) => record["outcome"] === "request_timeout" && record["attempts"] === 0);
    assert.ok(Number(slow?.["duration_ms"]) >= 600, JSON.stringify(slow));
  });
});
