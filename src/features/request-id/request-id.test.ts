import assert from "node:assert/strict";
import { test } from "node:test";
import { script, testProxy } from "../../testing/test-proxy.ts";
import type { TestConfig, TestProxy } from "../../testing/test-proxy.ts";

type Full = Extract<TestConfig, { routes: unknown }>;
type Route = Full["routes"][number];

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const [TRUSTED, STRANGER] = ["192.0.2.9", "192.0.2.1"] as const;
const TOLD = "Root=1-67891233-abcdef012345678912345678";

function proxyOf(route: Route, top: Partial<Full> = {}, headers: Record<string, string> = {}): Promise<TestProxy> {
  const config = { trusted_proxies: [TRUSTED], routes: [{ upstream: "app", ...route }], ...top };
  return testProxy(config, { upstreams: { app: () => new Response("here", { headers }) } });
}

interface Seen {
  readonly sent: readonly string[];
  readonly answered: string | null;
  readonly logged: unknown;
}

/** Where the id of one request is seen, and what it is there. */
async function seen(proxy: TestProxy, from: string, told: readonly string[] = [], name: string = "X-Request-Id"): Promise<Seen> {
  const { headers } = await proxy.fetch("http://a.test/", { from, headers: told.map((id): [string, string] => [name, id]) });
  const { head } = proxy.requests("app").at(-1) ?? assert.fail("the origin saw nothing");
  const sent = [...head.matchAll(new RegExp(`^${name}: ([^\r\n]*)`, "gim"))].map(([, id = ""]) => id);
  return { sent, answered: headers.get(name), logged: proxy.log.findLast(({ event }) => event === "access")?.["request_id"] };
}

test("an id is made, and is the same for the origin, the client and the log; the next request has another", async (t) => {
  const proxy = await proxyOf({ request_id: true });
  t.after(() => proxy.close());
  const { sent, answered, logged } = await seen(proxy, STRANGER);
  assert.match(sent[0] ?? "", UUID);
  assert.deepEqual([sent, answered, logged], [[sent[0]], sent[0], sent[0]]);
  const next = await seen(proxy, STRANGER);
  assert.ok((next.sent[0] ?? "") > (sent[0] ?? ""), "ids rise");
});

test("trust says whose id is believed; every other one is replaced", async (t) => {
  for (const [trust, from, isBelieved] of [
    ["trusted_proxies", TRUSTED, true],
    ["trusted_proxies", STRANGER, false],
    ["none", TRUSTED, false],
    ["any", STRANGER, true],
  ] as const) {
    const proxy = await proxyOf({ request_id: { trust } });
    t.after(() => proxy.close());
    const { sent, answered, logged } = await seen(proxy, from, [TOLD]);
    assert.equal(sent.length, 1);
    assert.deepEqual([answered, logged], [sent[0], sent[0]]);
    assert.equal(sent[0] === TOLD, isBelieved, `${trust} from ${from}`);
    if (!isBelieved) assert.match(sent[0] ?? "", UUID);
  }
});

test("a believed peer's id that is none is replaced too", async (t) => {
  const proxy = await proxyOf({ request_id: true });
  t.after(() => proxy.close());
  for (const told of [["x".repeat(129)], ["a b"], ["<script>"], ['"'], ["\x80"], ["a", "b"], [""]]) {
    const { sent } = await seen(proxy, TRUSTED, told);
    assert.equal(sent.length, 1);
    assert.match(sent[0] ?? "", UUID);
  }
});

test("another field, and a response without it; the origin's own field is replaced where it is sent", async (t) => {
  const silent = await proxyOf({ request_id: { header: "X-Trace", response: false } }, {}, { "X-Trace": "the origin's" });
  t.after(() => silent.close());
  const { sent, answered } = await seen(silent, STRANGER, [], "X-Trace");
  assert.match(sent[0] ?? "", UUID);
  assert.equal(answered, "the origin's");
  const telling = await proxyOf({ request_id: true }, {}, { "X-Request-Id": "the origin's" });
  t.after(() => telling.close());
  assert.match((await seen(telling, STRANGER)).answered ?? "", UUID);
});

test("the proxy's own answers carry it: problem document, field, variables and log agree", async (t) => {
  const proxy = await testProxy(
    {
      request_id: { response: false },
      upstreams: { app: { endpoints: ["http://127.0.0.1:17001"] } },
      routes: [
        { match: { path: "/respond" }, respond: { body: "{request_id}", headers: { "X-Copy": "{request_id}" } } },
        { match: { path: "/denied" }, upstream: "app", access: { deny: [STRANGER] } },
        { match: { path: "/cors" }, upstream: "app", cors: { allowed_origins: ["*"] } },
        { match: { path: "/gone" }, upstream: "app" },
      ],
    },
    { upstreams: { app: () => new Response("here") } },
  );
  t.after(() => proxy.close());
  const ask = async (path: string, init: RequestInit = {}): Promise<{ id: string; body: string; logged: unknown; copy: string | null }> => {
    const response = await proxy.fetch(`http://a.test${path}`, {
      ...init,
      from: STRANGER,
      headers: { Accept: "application/json", ...(init.headers as Record<string, string>) },
    });
    const body = await response.text();
    const logged = proxy.log.findLast(({ event }) => event === "access")?.["request_id"];
    return { id: response.headers.get("x-request-id") ?? "", body, logged, copy: response.headers.get("x-copy") };
  };
  const responded = await ask("/respond");
  assert.match(responded.id, UUID);
  assert.deepEqual([responded.body, responded.copy, responded.logged], [responded.id, responded.id, responded.id]);
  for (const path of ["/denied", "/no-route", "/%zz"]) {
    const { id, body, logged } = await ask(path);
    assert.match(id, UUID, path);
    assert.deepEqual([JSON.parse(body).request_id, logged], [id, id], path);
  }
  const preflight = await ask("/cors", { method: "OPTIONS", headers: { Origin: "http://b.test", "Access-Control-Request-Method": "GET" } });
  assert.match(preflight.id, UUID);
});

test("further attempts carry the same id", async (t) => {
  const ids: (string | null)[] = [];
  const answer = (request: Request): Response => {
    ids.push(request.headers.get("x-request-id"));
    return new Response("second");
  };
  const broken = script.raw(async (connection) => {
    const head = await connection.until("\r\n\r\n");
    ids.push(/^x-request-id: (.*)\r$/im.exec(head)?.[1] ?? null);
    connection.close();
  });
  const proxy = await testProxy({ routes: [{ upstream: "app", request_id: true }] }, { upstreams: { app: [broken, answer] } });
  t.after(() => proxy.close());
  const response = await proxy.fetch("http://a.test/");
  assert.equal(await response.text(), "second");
  assert.deepEqual(ids, [response.headers.get("x-request-id"), response.headers.get("x-request-id")]);
});

test("without the key {request_id} has a value, and no field carries it", async (t) => {
  const proxy = await proxyOf({ request_headers: { set: { "X-Id": "{request_id}", "X-Again": "{request_id}" } } });
  t.after(() => proxy.close());
  const { answered, logged } = await seen(proxy, STRANGER, [TOLD]);
  assert.equal(answered, null);
  const { head } = proxy.requests("app").at(-1) ?? assert.fail();
  assert.deepEqual(
    [...head.matchAll(/^X-(?:Id|Again): (.*)\r$/gm)].map(([, id]) => id),
    [logged, logged],
  );
  assert.match(head, new RegExp(`^X-Request-Id: ${TOLD}\r$`, "im"), "a field that the configuration does not name passes");
});

test("the most particular place counts, and false takes it back", async (t) => {
  const off = await proxyOf({ request_id: false }, { request_id: true });
  t.after(() => off.close());
  assert.deepEqual(await seen(off, STRANGER), { sent: [], answered: null, logged: undefined });
  const other = await proxyOf({ request_id: { header: "X-Other" } }, { request_id: { trust: "any" } });
  t.after(() => other.close());
  assert.deepEqual((await seen(other, STRANGER)).sent, []);
  assert.match((await seen(other, STRANGER, [TOLD], "X-Other")).sent[0] ?? "", UUID);
});

test("what a configuration may not say", async () => {
  for (const [header, why] of [
    ["Host", /not for the configuration to write: it says whom the request is for/],
    ["X-Forwarded-For", /not for the configuration to write/],
    ["Date", /not for the configuration to write/],
    ["a b", /expected a field name/],
  ] as const)
    await assert.rejects(proxyOf({ request_id: { header } }), why);
  await assert.rejects(proxyOf({ request_id: { trust: "all" as "any" } }), /request_id\.trust: expected none, trusted_proxies or any/);
});
