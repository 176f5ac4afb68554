import assert from "node:assert/strict";
import { test } from "node:test";
import { defineMiddleware } from "../../middleware/define-middleware.ts";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestConfig, TestProxy } from "../../testing/test-proxy.ts";

type Full = Extract<TestConfig, { routes: unknown }>;
type Edits = NonNullable<Full["request_headers"]>;

const answer = (): Response => new Response("here");

function withRoute(request_headers: Edits, environment: Readonly<Record<string, string>> = {}): Promise<TestProxy> {
  return testProxy({ routes: [{ name: "shop", upstream: "app", request_headers }] }, { upstreams: { app: answer }, environment });
}

/** The lines of the last request that the upstream got, without those that the proxy always adds. */
function lastLines(proxy: TestProxy): string[] {
  const [, ...lines] = (proxy.requests("app").at(-1)?.head ?? "").split("\r\n");
  return lines.filter((line) => line !== "" && !/^(?:Host|X-Forwarded-\w+|Via):/.test(line));
}

async function send(proxy: TestProxy, ...lines: string[]): Promise<string[]> {
  const client = proxy.connect();
  client.send(["GET /a?q=1 HTTP/1.1", "Host: a.test", ...lines, "", ""].join("\r\n"));
  await client.until("here");
  client.close();
  return lastLines(proxy);
}

test("removes, renames, sets and adds", async (t) => {
  const proxy = await withRoute({
    remove: ["X-Debug", "X-New"],
    rename: { "X-Old": "X-New" },
    set: { "X-Env": "prod", Accept: "text/plain" },
    add: { "X-Tag": ["a", "b"], "X-One": "{method}" },
  });
  t.after(() => proxy.close());
  const lines = await send(
    proxy,
    "x-debug: 1",
    "ACCEPT: */*",
    "X-Old: 1",
    "x-new: forged",
    "X-OLD: 2",
    "X-Tag: theirs",
    "Accept: text/html",
  );
  assert.deepEqual(lines, [
    "X-Tag: theirs",
    "X-New: 1",
    "X-New: 2",
    "X-Env: prod",
    "Accept: text/plain",
    "X-Tag: a",
    "X-Tag: b",
    "X-One: GET",
  ]);
});

test("a value without text sends no line, and takes the received lines away all the same", async (t) => {
  const proxy = await withRoute({ set: { "X-User": "{header.X-None}", "X-Empty": "", "X-Unset": "{env.NONE}" } });
  t.after(() => proxy.close());
  assert.deepEqual(await send(proxy, "X-User: forged", "X-Empty: 1", "X-Unset: 2"), []);
});

test("edits for all routes, of the upstream and of the route act in this order, and a reload brings new ones", async (t) => {
  const config = (region: string): Full => ({
    request_headers: { set: { "X-A": "all", "X-B": "all", "X-Region": region } },
    upstreams: {
      app: { endpoints: ["http://127.0.0.1:9001"], request_headers: { set: { "X-B": "upstream" }, add: { "X-C": "upstream" } } },
    },
    routes: [
      { match: { path: "/a" }, upstream: "app", request_headers: { remove: ["X-A"], add: { "X-C": "route" } } },
      { upstream: "app" },
    ],
  });
  const proxy = await testProxy(config("eu"), { upstreams: { app: answer } });
  t.after(() => proxy.close());
  assert.deepEqual(await send(proxy), ["X-B: upstream", "X-Region: eu", "X-C: upstream", "X-C: route"]);
  await proxy.fetch("http://a.test/other");
  assert.deepEqual(
    lastLines(proxy).filter((line) => line.startsWith("X-")),
    ["X-A: all", "X-B: upstream", "X-Region: eu", "X-C: upstream"],
  );
  await proxy.reload(config("us"));
  assert.ok((await send(proxy)).includes("X-Region: us"));
});

test("middleware of one's own acts later, and replaces what the configuration has set", async (t) => {
  const stamp = defineMiddleware({
    name: "stamp",
    setup: () => ({ onUpstreamRequest: (_exchange, request) => request.set("x-env", "own") }),
  });
  const route = { upstream: "app", request_headers: { set: { "X-Env": "prod", "X-A": "1" } }, middleware: [stamp()] };
  const proxy = await testProxy({ routes: [route] }, { upstreams: { app: answer } });
  t.after(() => proxy.close());
  assert.deepEqual(await send(proxy, "X-Env: client"), ["X-A: 1", "x-env: own"]);
});

test("what Connection names is not passed on under another name", async (t) => {
  const proxy = await withRoute({ rename: { "X-Hop": "X-End" } });
  t.after(() => proxy.close());
  assert.deepEqual(await send(proxy, "X-Hop: 1", "Connection: x-hop"), []);
  assert.deepEqual(await send(proxy, "X-Hop: 1"), ["X-End: 1"]);
});

const VARIABLES = "{method}|{scheme}|{host}|{path}|{query}|{uri}|{client_ip}|{route}|{header.X-A}|{cookie.c}|{query.q}|{env.E}";

test("no value of a variable brings a line of its own", async (t) => {
  // Cut to one octet, U+010D and U+010A would be CR and LF.
  const proxy = await withRoute(
    { set: { "X-All": VARIABLES }, add: { "X-More": ["{env.E}", "{header.X-A}"] } },
    { E: "e\r\nX-Evil: 1\u{10d}\u{10a}X-Evil: 2\0" },
  );
  t.after(() => proxy.close());
  const hostile = [
    "\t",
    "\x80\xff",
    "a\tb",
    "%0d%0aX-Evil:1",
    "\\r\\nX-Evil: 1",
    "{host}",
    "{{host}",
    "x".repeat(3000),
    "\x8a\x8d",
    '"',
    ",",
  ];
  for (const value of hostile) {
    const client = proxy.connect();
    const target = `/%0d%0aX-Evil:%201?q=%0D%0AX-Evil:1`;
    client.send(`GET ${target} HTTP/1.1\r\nHost: a.test\r\nX-A: ${value}\r\nCookie: c=${value}\r\n\r\n`);
    await client.until("here");
    client.close();
    const lines = lastLines(proxy);
    assert.deepEqual(
      lines.map((line) => line.slice(0, line.indexOf(":"))),
      ["X-A", "Cookie", "X-All", "X-More", "X-More"].slice(0, value === "\t" ? 4 : 5),
      value,
    );
    assert.ok(lines.every((line) => /^[\t -~\x80-\xff]*$/.test(line)));
    assert.match(lines[2] ?? "", /^X-All: GET\|http\|a\.test\|\/%0d%0aX-Evil:%201\|.*\|192\.0\.2\.1\|shop\|.*\|eX-Evil: 1X-Evil: 2$/);
  }
  assert.equal(proxy.log.filter(({ event }) => event === "middleware_failed").length, 0);
});

test("what a configuration may not say", async () => {
  const wrong: readonly (readonly [edits: Edits, problem: RegExp])[] = [
    [
      { set: { Host: "b.test" } },
      /routes\.#1\.request_headers\.set\.\(key #1\): the field Host is not for the configuration to write: it says whom/,
    ],
    [{ add: { "Content-Length": "3" } }, /it says where the message ends/],
    [
      { remove: ["X-Forwarded-For"] },
      /request_headers\.remove\.#1: the field X-Forwarded-For is not for the configuration to remove: the proxy writes it/,
    ],
    [{ rename: { "X-A": "Via" } }, /loops are recognised by it/],
    [{ rename: { Connection: "X-A" } }, /it is about one connection/],
    [{ set: { X_Forwarded_For: "1" } }, /`trusted_proxies` says whose word counts/],
    [{ set: { "X A": "1" } }, /expected a field name such as X-Env/],
    [{ set: { "X-A": "1\r\nX-B: 2" } }, /it holds a character that a field value must not/],
    [{ add: { "X-A": ["ok", "\0"] } }, /it holds a character that a field value must not/],
    [{ set: { "X-A": "{hots}" } }, /there is no variable \{hots\}/],
    [{ set: { "X-A": "1", "x-a": "2" } }, /the field stands there already/],
    [{ own_answers: true } as Edits, /unknown key/],
  ];
  for (const [edits, problem] of wrong) await assert.rejects(withRoute(edits), problem);
});

test("checks reach every place of the key", async () => {
  const wrong = { set: { "X-A": "1", "x-a": "2" } };
  const config = {
    request_headers: wrong,
    upstreams: { app: { endpoints: ["http://127.0.0.1:9001"], request_headers: wrong } },
    routes: [{ upstream: "app" }],
  };
  await assert.rejects(testProxy(config, { upstreams: { app: answer } }), (error: Error) => {
    assert.match(error.message, /: request_headers\.set\./);
    assert.match(error.message, /: upstreams\.app\.request_headers\.set\./);
    return true;
  });
});
