import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { script, testProxy } from "../../testing/test-proxy.ts";
import type { TestProxy } from "../../testing/test-proxy.ts";

const TRUSTED = "192.0.2.99";
type Rewrite = Readonly<Partial<Record<"strip_prefix" | "add_prefix" | "host", string>>> & {
  readonly path_regex?: { readonly from: string; readonly to: string };
};

async function proxyWith(rewrite: Rewrite, more: object = {}): Promise<TestProxy> {
  return await testProxy(
    { upstreams: {}, trusted_proxies: [TRUSTED], routes: [{ name: "rewritten", rewrite, upstream: "app", ...more }] },
    { upstreams: { app: () => new Response("here") } },
  );
}

interface Sent {
  readonly target: string;
  readonly head: string;
}

/** Sends raw requests on one connection, and gives what the endpoint received of each. */
async function send(proxy: TestProxy, heads: readonly string[], from: string = "192.0.2.1"): Promise<readonly Sent[]> {
  const before = proxy.requests("app").length;
  const client = proxy.connect({ from });
  for (const head of heads) {
    client.send(`${head}\r\n\r\n`);
    assert.match(await client.until("here"), /^HTTP\/1.1 200 /, head);
    // The end of a chunked body comes with its only chunk.
    client.take();
  }
  client.close();
  await proxy.advance(0);
  return proxy.requests("app").slice(before);
}

/** The values of a field that the endpoint received. */
function values({ head }: Sent, name: string): string[] {
  return [...head.matchAll(new RegExp(`^${name}: *(.*?)\\r?$`, "gim"))].map(([, value = ""]) => value);
}

describe("the path", () => {
  test("less a prefix, in whatever spelling it came; the rest and the query keep theirs", async (t) => {
    const proxy = await proxyWith({ strip_prefix: "/api" });
    t.after(() => proxy.close());
    const targets = [
      ["/api/x%2Fy?q=/api/%7e", "/x%2Fy?q=/api/%7e"],
      ["/%61pi/x", "/x"],
      ["//api/x", "/x"],
      ["/api;v=1/x;w=2", "/x;w=2"],
      ["/api", "/"],
      ["/api?q", "/?q"],
      ["/api/", "/"],
      ["/api/?", "/?"],
      ["/other/../api/x", "/x"],
      ["/api//evil.test/x", "/evil.test/x"],
      ["/api/\\evil.test/x", "/%5Cevil.test/x"],
      ["/apis/x", "/apis/x"],
      ["/other?/api", "/other?/api"],
      ["//other", "//other"],
      ["http://a.test/api/x?q", "/x?q"],
      ["http://a.test", "/"],
    ] as const;
    const sent = await send(
      proxy,
      targets.map(([target]) => `GET ${target} HTTP/1.1\r\nHost: a.test`),
    );
    assert.deepEqual(
      sent.map(({ target }) => target),
      targets.map(([, target]) => target),
    );
    for (const [index, [received, rest]] of targets.entries()) {
      const isBelow = rest !== received && received !== "http://a.test";
      assert.deepEqual(values(sent[index] as Sent, "X-Forwarded-Prefix"), isBelow ? ["/api"] : [], received);
    }
    assert.deepEqual(proxy.log.filter(({ event }) => event === "access").map(({ path }) => path)[1], "/%61pi/x");
  });

  test("with a prefix, after another one was taken off", async (t) => {
    const proxy = await proxyWith({ strip_prefix: "/api/", add_prefix: "/v1" });
    t.after(() => proxy.close());
    const paths = ["/api/x?q", "/api", "/api/", "/other", "//other", "/", "/?q", "/api//evil.test"];
    const sent = await send(
      proxy,
      paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a.test`),
    );
    assert.deepEqual(
      sent.map(({ target }) => target),
      ["/v1/x?q", "/v1", "/v1/", "/v1/other", "/v1//other", "/v1/", "/v1/?q", "/v1/evil.test"],
    );
  });

  test("of an OPTIONS for the whole server stays a star", async (t) => {
    const proxy = await proxyWith({ strip_prefix: "/api", add_prefix: "/v1", host: "upstream" });
    t.after(() => proxy.close());
    const [sent] = await send(proxy, ["OPTIONS * HTTP/1.1\r\nHost: a.test"]);
    assert.equal(sent?.target, "*");
  });

  test("is matched and guarded as it was received", async (t) => {
    const proxy = await testProxy(
      {
        upstreams: {},
        routes: [
          { match: { path: ["/admin/*"] }, authentication: { tokens: ["t"] }, upstream: "app" },
          { match: { path: ["/api/*"] }, rewrite: { strip_prefix: "/api" }, upstream: "app" },
        ],
      },
      { upstreams: { app: () => new Response("here") } },
    );
    t.after(() => proxy.close());
    const statuses: number[] = [];
    for (const path of [
      "/api/../admin/x",
      "/api/%2e%2e/admin/x",
      "/api/..%2fadmin/x",
      "/api/x/../../admin",
      "/%61dmin",
      "/api%2f..%2fadmin",
    ]) {
      const client = proxy.connect();
      client.send(`GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
      statuses.push(Number((await client.until("\r\n\r\n")).slice(9, 12)));
      client.close();
    }
    assert.deepEqual(statuses, [400, 400, 400, 400, 401, 400]);
    assert.equal(proxy.requests("app").length, 0);
  });
});

describe("the host", () => {
  const HEAD = "GET /x HTTP/1.1\r\nHost: shop.test";

  test("is the client's, the endpoint's or another one; X-Forwarded-Host names the client's", async (t) => {
    for (const [host, expected] of [
      ["preserve", "shop.test"],
      ["upstream", "app-1.test"],
      ["internal.test:8080", "internal.test:8080"],
    ] as const) {
      const proxy = await proxyWith({ host });
      t.after(() => proxy.close());
      // Several on one connection: what was written for one is remembered for the next.
      for (const sent of await send(proxy, [HEAD, HEAD, HEAD, HEAD])) {
        assert.deepEqual([values(sent, "Host"), values(sent, "X-Forwarded-Host")], [[expected], ["shop.test"]]);
        assert.match(sent.head, /^GET \/x HTTP\/1\.1\r\nHost: /);
      }
      const [old] = await send(proxy, ["GET /x HTTP/1.0\r\nConnection: keep-alive"]);
      assert.ok(old !== undefined);
      assert.deepEqual(values(old, "Host"), [host === "preserve" ? "app-1.test" : expected]);
    }
  });

  test("is that of the endpoint that an attempt goes to", async (t) => {
    const endpoints = ["http://one.test", "http://two.test:8080", "https://three.test", "http://[2001:db8::1]:81"];
    const proxy = await testProxy(
      { upstreams: { app: { endpoints } }, routes: [{ rewrite: { host: "upstream" }, upstream: "app" }] },
      { upstreams: { app: [script.refuse(), ...endpoints.slice(1).map(() => () => new Response("here"))] } },
    );
    t.after(() => proxy.close());
    const sent = await send(
      proxy,
      Array.from({ length: 12 }, () => HEAD),
    );
    assert.deepEqual([...new Set(sent.flatMap((each) => values(each, "Host")))].toSorted(), [
      "[2001:db8::1]:81",
      "three.test",
      "two.test:8080",
    ]);
    for (const each of proxy.requests("app")) assert.equal(each.headers.get("host"), new URL(each.endpoint).host);
  });
});

describe("X-Forwarded-Prefix", () => {
  const prefixes = async (from: string, lines: readonly string[], rewrite: Rewrite = { strip_prefix: "/api" }): Promise<string[][]> => {
    const proxy = await proxyWith(rewrite);
    const head = ["GET /api/x HTTP/1.1", "Host: a.test", ...lines].join("\r\n");
    const sent = await send(proxy, [head, head, head, head.replace("/1.1", "/1.0").concat("\r\nConnection: keep-alive")], from);
    proxy.close();
    return sent.map((each) => values(each, "X-Forwarded-Prefix"));
  };
  const always = (value: string): string[][] => Array.from({ length: 4 }, () => [value]);

  test("says what was taken, in canonical form", async () => {
    assert.deepEqual(await prefixes("192.0.2.1", [], { strip_prefix: "/%61pi" }), always("/api"));
  });

  test("of a client is dropped", async () => {
    for (const lines of [
      ["X-Forwarded-Prefix: /evil"],
      ["x-forwarded-prefix: /a", "X-Forwarded-Prefix: /b"],
      ["X_Forwarded_Prefix: /evil"],
    ]) {
      assert.deepEqual(await prefixes("192.0.2.1", lines), always("/api"), lines.join());
    }
  });

  test("of a trusted proxy comes before what is taken here, where it is well formed", async () => {
    assert.deepEqual(await prefixes(TRUSTED, ["X-Forwarded-Prefix: /outer"]), always("/outer/api"));
    assert.deepEqual(await prefixes(TRUSTED, ["X-Forwarded-Prefix: /a, /b/", "X-Forwarded-Prefix: /c"]), always("/a/b/c/api"));
    assert.deepEqual(await prefixes(TRUSTED, ["X-Forwarded-Prefix: //evil.test"]), always("/api"));
    assert.deepEqual(await prefixes(TRUSTED, ["X-Forwarded-Prefix: /outer"], { strip_prefix: "/other" }), always("/outer"));
  });
});

test("a tunnel is opened with the rewritten request", async (t) => {
  let head = "";
  const proxy = await testProxy(
    { upstreams: {}, routes: [{ rewrite: { strip_prefix: "/ws", host: "upstream" }, upstream: "app" }] },
    {
      upstreams: {
        app: script.raw(async (connection) => {
          head = await connection.until("\r\n\r\n");
          const [, key = ""] = /sec-websocket-key: (\S+)/i.exec(head) ?? [];
          const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
          connection.send(
            `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\nhello`,
          );
          await connection.untilEnded();
          connection.end();
        }),
      },
    },
  );
  t.after(() => proxy.close());
  const client = proxy.connect();
  client.send("GET /ws/chat?room=1 HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n");
  client.send("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  await client.until("hello");
  client.end();
  await client.untilEnded();
  assert.match(head, /^GET \/chat\?room=1 HTTP\/1\.1\r\nHost: app-1\.test\r\n/);
  assert.match(head, /^X-Forwarded-Prefix: \/ws\r$/m);
});

test("prefixes and hosts that cannot be meant are refused", async () => {
  for (const [rewrite, message] of [
    [{ strip_prefix: "api" }, /strip_prefix: expected a path such as \/api/],
    [{ strip_prefix: "/" }, /strip_prefix: expected a path such as \/api.*; \/ alone changes nothing/],
    [{ strip_prefix: "/api/*" }, /strip_prefix: expected a path/],
    [{ strip_prefix: "/a/../b/%2e%2e" }, /strip_prefix: expected a path/],
    [{ add_prefix: "//evil.test" }, /add_prefix: expected a path/],
    [{ add_prefix: "/\\evil.test" }, /add_prefix: expected a path/],
    [{ add_prefix: "/v1?x" }, /add_prefix: expected a path/],
    [{ add_prefix: "/{header.x}/", host: "{host}" }, /host: expected a host/],
    [{ host: "http://a.test" }, /host: expected a host/],
  ] as const) {
    await assert.rejects(proxyWith(rewrite), message);
  }
});

describe("path_regex", () => {
  const targetsOf = async (rewrite: object, targets: readonly string[]): Promise<readonly string[]> => {
    const proxy = await testProxy(
      { upstreams: {}, routes: [{ rewrite, upstream: "app" }] },
      { upstreams: { app: () => new Response("here") } },
    );
    try {
      const sent = await send(
        proxy,
        targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: a.test`),
      );
      return sent.map(({ target }) => target);
    } finally {
      proxy.close();
    }
  };

  test("replaces every match in the canonical form; other paths keep their spelling, and the query stays", async () => {
    const rewrite = { path_regex: { from: "^/u/(?<id>[0-9]+)(/.*)?$", to: "/users/$<id>$2$$" } };
    assert.deepEqual(await targetsOf(rewrite, ["/u/12?q=/u/1", "/u/12/x%2Fy", "/%75/1%32/%7e", "//u/7", "/u/x", "/%75x/y"]), [
      "/users/12$?q=/u/1",
      "/users/12/x%2Fy$",
      "/users/12/~$",
      "/users/7$",
      "/u/x",
      "/%75x/y",
    ]);
  });

  test("comes after the prefixes, replaces several matches, and never leads to another host", async () => {
    assert.deepEqual(
      await targetsOf({ strip_prefix: "/api", add_prefix: "/v1", path_regex: { from: "[.]php", to: "" } }, ["/api/a.php/b.php"]),
      ["/v1/a/b"],
    );
    assert.deepEqual(await targetsOf({ path_regex: { from: "^/go/(.*)$", to: "$1" } }, ["/go/x", "/go/", "/go//evil.test"]), [
      "/x",
      "/",
      "/evil.test",
    ]);
    assert.deepEqual(await targetsOf({ path_regex: { from: "^/go", to: "/" } }, ["/go/evil.test", "/go"]), ["/evil.test", "/"]);
  });

  test("OPTIONS * stays, and what is no pattern or no path is refused", async () => {
    const proxy = await testProxy(
      { upstreams: {}, routes: [{ rewrite: { path_regex: { from: ".*", to: "/x" } }, upstream: "app" }] },
      { upstreams: { app: () => new Response("here") } },
    );
    const [star] = await send(proxy, ["OPTIONS * HTTP/1.1\r\nHost: a.test"]);
    proxy.close();
    assert.equal(star?.target, "*");
    const wrong = async (path_regex: { from: string; to: string }): Promise<unknown> =>
      testProxy({ routes: [{ rewrite: { path_regex }, upstream: "app" }] }, { upstreams: { app: () => new Response() } });
    await assert.rejects(wrong({ from: "(a", to: "/" }), /rewrite\.path_regex\.from: it is no regular expression in the syntax of RE2/);
    await assert.rejects(wrong({ from: "a", to: "/a?b" }), /rewrite\.path_regex\.to: expected the text of a path/);
  });
});

test("no path leads out of the folder that a pattern puts it into, and none is split", async () => {
  for (const [from, to, path, expected] of [
    ["^/img(.*)", "/data/$1", "/img../secret", null],
    ["^/img(.*)", "/data/$1", "/img..;x/secret", null],
    ["^/img(.*)", "/data/$1", "/img../", null],
    ["^/img(.*)", "/data/$1", "/img..", null],
    ["-", "", "/a/.-./secret", null],
    ["_", "%", "/a/_2e_2e/secret", null],
    ["a", "b", `/${"a".repeat(300)}`, null],
    ["^/img(.*)", "/data/$1", "/img/x.png", "/data//x.png"],
    ["^/img(.*)", "/data$1", "/img/..x/y..", "/data/..x/y.."],
    ["^/x(.*)", "$1", "/x/a%20b%22%0d%0aX%3f%23?c%20d", "/a%20b%22%0D%0AX%3F%23?c%20d"],
  ] as const) {
    const proxy = await proxyWith({ path_regex: { from, to } });
    const client = proxy.connect();
    client.send(`GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
    assert.match(await client.until("\r\n\r\n"), expected === null ? /^HTTP\/1.1 400 / : /^HTTP\/1.1 200 /, path);
    assert.deepEqual(
      proxy.requests("app").map(({ target }) => target),
      expected === null ? [] : [expected],
    );
    if (expected === null) assert.equal(proxy.log.at(-1)?.["outcome"], "bad_rewritten_path");
    proxy.close();
  }
});
