/** What is forwarded and what is not: the design's section 8, byte by byte. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { TestContext } from "node:test";
import { testProxy } from "../src/testing/test-proxy.ts";
import type { TestConnection } from "../src/testing/test-proxy.ts";
import { MemoryOrigin, ask, responses } from "./support/in-memory.ts";
import type { MemoryRequest } from "./support/in-memory.ts";
import { get } from "./support/raw-client.ts";
import type { RawResponse } from "./support/raw-client.ts";

const CLIENT = "192.0.2.1";
const ORIGIN = "http://origin.test:8080";

let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const origin = new MemoryOrigin({ onRequest: ({ connection }) => respond(connection) });

/** An answer of HTTP/1.0 ends with its connection. */
function respond(connection: TestConnection): void {
  connection.send(answer);
  if (answer.startsWith("HTTP/1.0")) connection.end();
}

function config(trusted: string): string {
  return `
listeners: [{ address: "127.0.0.1:0" }]
trusted_proxies: [${trusted}]
upstreams: { app: { endpoints: ["${ORIGIN}"] } }
routes: [{ upstream: app }]
`;
}

const proxy = await testProxy(config(""), { upstreams: { [ORIGIN]: origin.script } });
after(() => proxy.close());

/** Another configuration than the usual one, for the rest of a test. */
async function use(t: TestContext, other: string): Promise<void> {
  t.after(() => proxy.reload(config("")));
  await proxy.reload(other);
}

/** What the origin got of that request. */
async function forwarded(request: string): Promise<MemoryRequest> {
  const before = origin.requests.length;
  await ask(proxy, request);
  const got = origin.requests[before];
  assert.ok(got !== undefined, "the origin got a request");
  return got;
}

async function answered(response: string, request: string = get("/")): Promise<RawResponse> {
  return whileAnswering(response, () => ask(proxy, request));
}

/** The origin answers so meanwhile. */
async function whileAnswering<T>(response: string, run: () => Promise<T>): Promise<T> {
  const usual = answer;
  answer = response;
  try {
    return await run();
  } finally {
    answer = usual;
  }
}

describe("the request that goes upstream", () => {
  test("keeps method, target, and all end-to-end fields in order and spelling, and adds its own", async () => {
    const got = await forwarded(
      "PATCH /a/b;c?x=%20y&z HTTP/1.1\r\nhOsT: A.test:8080\r\nX-One: 1\r\nx-two:2\r\nX-One:   again \r\nCookie: a=1\r\nCookie: b=2\r\nContent-Length: 3\r\n\r\nabc",
    );
    assert.equal(
      got.head,
      "PATCH /a/b;c?x=%20y&z HTTP/1.1\r\nhOsT: A.test:8080\r\nX-One: 1\r\nx-two:2\r\nX-One:   again \r\nCookie: a=1\r\nCookie: b=2\r\nContent-Length: 3\r\n" +
        `X-Forwarded-For: ${CLIENT}\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: A.test:8080\r\nVia: 1.1 millrace\r\n\r\n`,
    );
    assert.equal(got.body, "abc");
  });

  test("has no hop-by-hop field and none that Connection names", async () => {
    const got = await forwarded(
      get("/", [
        "Connection: keep-alive, X-Hop",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "TE: gzip",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        "X-Hop: 1",
        "Proxy: http://evil.test",
        "Proxy-Authorization: Basic x",
        "X-Real-IP: 6.6.6.6",
        "X_Forwarded_For: 6.6.6.6",
        "X-Kept: 1",
      ]),
    );
    const names = got.head
      .split("\r\n")
      .slice(1, -2)
      .map((line) => line.slice(0, line.indexOf(":")));
    assert.deepEqual(names, ["Host", "X-Kept", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Via"]);
  });

  test("asks for at most as many ranges as anybody needs", async () => {
    const range = (count: number): string => `Range: bytes=${Array.from({ length: count }, (_, at) => `${at}-${at}`).join(",")}`;
    const some = await forwarded(get("/", [range(200), 'If-Range: "a"']));
    assert.match(some.head, /^Range: bytes=0-0,1-1,/m);
    const many = await forwarded(get("/", ["X-Kept: 1", range(201)]));
    assert.doesNotMatch(many.head, /^Range:/m);
    assert.match(many.head, /^X-Kept: 1/m);
  });

  test("is refused where Connection names what everybody on the way needs", async () => {
    for (const name of ["Host", "content-length", "X-Forwarded-For", "Authorization"]) {
      const before = origin.requests.length;
      const refused = await ask(
        proxy,
        `POST / HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, ${name}\r\nAuthorization: Basic x\r\nContent-Length: 2\r\n\r\nhi`,
      );
      assert.deepEqual([refused.status, refused.fields.get("connection")], [400, ["close"]], name);
      assert.equal(origin.requests.length, before);
    }
  });

  test("takes X-Forwarded-* of strangers away", async () => {
    const got = await forwarded(
      get("/", ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.test", "Forwarded: for=6.6.6.6"]),
    );
    assert.ok(!/6\.6\.6\.6|evil|https/.test(got.head), got.head);
  });

  test("appends to X-Forwarded-For of a trusted proxy and believes the rest", async (t) => {
    await use(t, config(CLIENT));
    const got = await forwarded(get("/", ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.test"]));
    assert.match(got.head, /\r\nX-Forwarded-For: 203\.0\.113\.9, 192\.0\.2\.1\r\n/);
    assert.match(got.head, /\r\nX-Forwarded-Proto: https\r\n/);
    assert.match(got.head, /\r\nX-Forwarded-Host: shop\.test\r\n/);
    assert.equal(got.head.match(/X-Forwarded-/gi)?.length, 3);
  });

  test("appends to Via", async () => {
    const got = await forwarded(get("/", ["Via: 1.0 fred"]));
    assert.match(got.head, /\r\nVia: 1\.0 fred\r\n[^]*\r\nVia: 1\.1 millrace\r\n/);
    const old = await forwarded("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n");
    assert.match(old.head, /^GET \/ HTTP\/1\.1\r\n[^]*\r\nVia: 1\.0 millrace\r\n/);
  });

  test("names the proxy in Via or not as the upstream has it, also where two share endpoint and client connection", async (t) => {
    const upstreams = `{ app: { endpoints: ["${ORIGIN}"] }, quiet: { via: false, endpoints: ["${ORIGIN}"] } }`;
    const routes = "[{ match: { path: /quiet }, upstream: quiet }, { upstream: app }]";
    for (const trusted of ["", CLIENT]) {
      await use(
        t,
        config(trusted)
          .replace(/^upstreams: .*/m, `upstreams: ${upstreams}`)
          .replace(/^routes: .*/m, `routes: ${routes}`),
      );
      const client = proxy.connect();
      t.after(() => client.close());
      const first = origin.requests.length;
      // Each head is repeated, because how a head was written is remembered for the next one like it.
      const paths = ["/quiet", "/quiet", "/quiet", "/", "/", "/", "/quiet", "/", "/quiet"];
      for (const [index, path] of paths.entries()) {
        client.send(get(path, ["Via: 1.0 fred"]));
        await responses(client, index + 1);
      }
      assert.deepEqual(
        origin.requests.slice(first).map(({ head }) => [head.split(" ")[1], ...(head.match(/^Via: .*/gim) ?? [])]),
        paths.map((path) => (path === "/" ? ["/", "Via: 1.0 fred", "Via: 1.1 millrace"] : ["/quiet", "Via: 1.0 fred"])),
      );
    }
  });

  test("says of the client what the upstream has it say, also where two share endpoint and client connection", async (t) => {
    const upstreams = `{ app: { endpoints: ["${ORIGIN}"] }, quiet: { x_forwarded: false, endpoints: ["${ORIGIN}"] } }`;
    const routes = "[{ match: { path: /quiet }, upstream: quiet }, { upstream: app }]";
    for (const trusted of ["", CLIENT]) {
      await use(
        t,
        config(trusted)
          .replace(/^upstreams: .*/m, `upstreams: ${upstreams}`)
          .replace(/^routes: .*/m, `routes: ${routes}`),
      );
      const client = proxy.connect();
      t.after(() => client.close());
      const first = origin.requests.length;
      // Each head is repeated, because how a head was written is remembered for the next one like it.
      const paths = ["/quiet", "/quiet", "/", "/", "/quiet", "/"];
      const said = ["X-Forwarded-For: 10.1.1.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: b.test", "Forwarded: for=10.1.1.1"];
      for (const [index, path] of paths.entries()) {
        client.send(get(path, said));
        await responses(client, index + 1);
      }
      assert.deepEqual(
        origin.requests.slice(first).map(({ head }) => (head.match(/^(?:X-)?Forwarded[^:]*/gim) ?? []).toSorted()),
        paths.map((path) => (path === "/" ? ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"] : [])),
      );
    }
  });

  test("is in origin-form for an absolute target, with the target's authority as Host", async () => {
    const got = await forwarded("GET http://A.test/x?y HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert.match(got.head, /^GET \/x\?y HTTP\/1\.1\r\n/);
    assert.equal(got.head.match(/host: a\.test\r\n/gi)?.length, 2);
    const port = await forwarded("GET http://a.test:80/p HTTP/1.1\r\nHost: A.TEST\r\n\r\n");
    assert.match(port.head, /\r\nHost: a\.test:80\r\n/);
    const bare = await forwarded("GET http://a.test HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert.match(bare.head, /^GET \/ HTTP\/1\.1\r\n/);
  });

  test("is OPTIONS * as it came, and Max-Forwards counts down", async () => {
    const got = await forwarded("OPTIONS * HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 3\r\n\r\n");
    assert.match(got.head, /^OPTIONS \* HTTP\/1\.1\r\n/);
    assert.match(got.head, /\r\nMax-Forwards: 2\r\n/);
    const here = await ask(proxy, "OPTIONS / HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 0\r\n\r\n");
    assert.equal(here.status, 204);
    assert.ok(here.fields.has("allow"));
  });

  test("has a Host even if an HTTP/1.0 client sent none", async () => {
    const got = await forwarded("GET / HTTP/1.0\r\n\r\n");
    assert.match(got.head, /\r\nHost: origin\.test:8080\r\n/);
  });

  test("asks for no 100 in the name of an HTTP/1.0 client, which knows none", async () => {
    const got = await forwarded("POST / HTTP/1.0\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc");
    assert.doesNotMatch(got.head, /^Expect:/im);
    assert.equal(got.body, "abc");
  });

  test("has its chunked body decoded and coded anew, without extensions, with trailers", async () => {
    const before = origin.received.length;
    await ask(
      proxy,
      "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;ext=1\r\nhello\r\n0\r\nX-Sum: 9\r\nContent-Length: 7\r\n\r\n",
    );
    const bytes = origin.received.slice(before);
    assert.ok(bytes.endsWith("\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 9\r\n\r\n"), bytes);
  });

  test("has what came together of its chunked body in one chunk", async () => {
    const before = origin.received.length;
    const chunks = ["5;a=b\r\nhello\r\n", "1\r\n \r\n", "0005\r\nworld\r\n"];
    await ask(proxy, `POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.join("")}0\r\n\r\n`);
    const bytes = origin.received.slice(before);
    assert.ok(bytes.endsWith("\r\n\r\nb\r\nhello world\r\n0\r\n\r\n"), bytes);
  });
});

describe("the response that goes downstream", () => {
  test("keeps status, reason, fields and every Set-Cookie, and gets a Date if it has none", async () => {
    const response = await answered("HTTP/1.1 299 Very Odd\r\nSet-Cookie: a=1\r\nX-A: 1\r\nset-cookie: b=2\r\nContent-Length: 2\r\n\r\nok");
    assert.match(
      response.head,
      /^HTTP\/1\.1 299 Very Odd\r\nSet-Cookie: a=1\r\nX-A: 1\r\nset-cookie: b=2\r\nContent-Length: 2\r\nDate: [^\r]+ GMT\r\n\r\n$/,
    );
    const dated = await answered("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n");
    assert.deepEqual(dated.fields.get("date"), ["Sun, 06 Nov 1994 08:49:37 GMT"]);
  });

  test("has no hop-by-hop field", async () => {
    const response = await answered(
      "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nUpgrade: h2\r\nContent-Length: 2\r\n\r\nok",
    );
    for (const name of ["connection", "keep-alive", "x-hop", "upgrade"]) assert.ok(!response.fields.has(name), name);
  });

  test("says with a 426 what to upgrade to, whether its connection goes on or not", async () => {
    const required = "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n";
    for (const [request, connection] of [
      [get("/"), "upgrade"],
      [get("/", ["Connection: close"]), "upgrade, close"],
    ] as const) {
      const { fields } = await answered(required, request);
      assert.deepEqual([fields.get("upgrade"), fields.get("connection")], [["h2c"], [connection]]);
    }
  });

  test("has what came together of a chunked body in one chunk", async () => {
    const chunks = ["5;a=b\r\nhello\r\n", "1\r\n \r\n", "0005\r\nworld\r\n"];
    const client = proxy.connect();
    await whileAnswering(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.join("")}0\r\n\r\n`, () => {
      client.send(get("/"));
      return responses(client, 1);
    });
    client.close();
    assert.ok(client.received.endsWith("\r\n\r\nb\r\nhello world\r\n0\r\n\r\n"), client.received);
  });

  test("keeps trailers and drops what may not be one", async () => {
    const response = await answered(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: grpc-status\r\n\r\n2\r\nok\r\n0\r\ngrpc-status: 0\r\nSet-Cookie: x=1\r\n\r\n",
    );
    assert.equal(response.trailers, "grpc-status: 0\r\n");
  });

  test("relays interim responses, but not to HTTP/1.0", async () => {
    const interim = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    const usual = answer;
    answer = interim;
    const client = proxy.connect();
    client.send(get("/"));
    const [early, final] = await responses(client, 2);
    assert.equal(early?.head, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
    assert.equal(final?.body, "ok");
    client.close();
    const old = proxy.connect();
    old.send("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n");
    await old.untilEnded();
    assert.match(old.received, /^HTTP\/1\.1 200 OK\r\n/);
    old.close();
    answer = usual;
  });

  for (const [name, response, request] of [
    ["HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n"],
    ["204", "HTTP/1.1 204 No Content\r\n\r\n", get("/")],
    ["304", 'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: "x"\r\n\r\n', get("/")],
  ] as const) {
    test(`has no body for ${name}, and the connection goes on`, async () => {
      const usual = answer;
      const client = proxy.connect();
      answer = response;
      client.send(request);
      const [first] = await responses(client, 1, { toHead: name === "HEAD" });
      if (name !== "204") assert.deepEqual(first?.fields.get("content-length"), ["99"], "the length is metadata and stays");
      const length = client.received.length;
      answer = usual;
      client.send(get("/second"));
      await client.until((received) => received.slice(length).endsWith("\r\n\r\nok"));
      assert.ok(client.received.slice(length).startsWith("HTTP/1.1 200 OK\r\n"), "nothing between the two");
      client.close();
    });
  }

  test("names no transfer coding to an HTTP/1.0 client, not even in a head alone", async () => {
    const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const head = await answered(chunked, "HEAD / HTTP/1.0\r\nHost: a.test\r\n\r\n");
    assert.deepEqual([head.status, head.fields.get("transfer-encoding"), head.fields.get("connection")], [200, undefined, ["close"]]);
    const unchanged = await answered(
      "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/1.0\r\nHost: a.test\r\n\r\n",
    );
    assert.deepEqual([unchanged.status, unchanged.fields.get("transfer-encoding")], [304, undefined]);
  });

  test("is framed anew when it ended with its connection: chunked for 1.1, by close for 1.0", async (t) => {
    const usual = answer;
    t.after(() => (answer = usual));
    answer = "HTTP/1.0 200 OK\r\nX-Old: 1\r\n\r\nuntil the end";
    const response = await ask(proxy, get("/"));
    assert.deepEqual(response.fields.get("transfer-encoding"), ["chunked"]);
    assert.equal(response.body, "until the end");
    const client = proxy.connect();
    client.send("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n");
    await client.untilEnded();
    assert.match(client.received, /\r\nConnection: close\r\n/);
    assert.ok(client.received.endsWith("\r\n\r\nuntil the end"));
    client.close();
  });
});
