/** Limits by who the client is and by several things together, through the whole proxy. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { RouteInput } from "../../config/input.ts";
import { checkConfig } from "../../config/load.ts";
import { readObject } from "../../config/document/read-object.ts";
import { formatProblem } from "../../config/problems/problem.ts";
import { isVocabulary } from "../../config/schema/foreign-keys.ts";
import { testProxy } from "../../testing/test-proxy.ts";

const KEYS = ["free", "pro", "both"] as const;
const ROLES = { free: "[]", pro: "[pro]", both: "[basic, pro]" };

function keyOf(id: string): string {
  return `mr_${id}_${id.repeat(12)}`.padEnd(40, "x");
}

const FILE = `keys:\n${KEYS.map((id) => {
  const hash = createHash("sha256").update(keyOf(id)).digest("hex");
  return `  - { id: ${id}, prefix: ${keyOf(id).slice(0, 8)}, hash: "sha256:${hash}", roles: ${ROLES[id]} }\n`;
}).join("")}`;

type LimitInput = Exclude<NonNullable<RouteInput["rate_limit"]>, readonly unknown[]>;

/** Asks from that address; gives the status. */
type Ask = (path: string, headers?: Readonly<Record<string, string>>, from?: string) => Promise<number>;

async function started(t: TestContext, route: Omit<RouteInput, "upstream">): Promise<Ask> {
  const routes = [{ ...route, upstream: "app" }];
  const proxy = await testProxy(
    { routes, trusted_proxies: ["0.0.0.0/0", "::/0"] },
    { files: { "keys.yaml": FILE }, upstreams: { app: () => new Response("in") } },
  );
  t.after(() => proxy.close());
  return async (path, headers = {}, from = "192.0.2.1") =>
    (await proxy.fetch(`http://a.test${path}`, { headers: { ...headers, "X-Forwarded-For": from } })).status;
}

/** How many of that many requests pass. */
async function passing(count: number, ask: () => Promise<number>): Promise<number> {
  let passed = 0;
  for (let n = 0; n < count; n++) if ((await ask()) === 200) passed++;
  return passed;
}

const authentication = { api_keys: { file: "keys.yaml" } } as const;

for (const key of ["user", "api_key"] as const)
  test(`by ${key}: a client has one allowance wherever it comes from, and no other client uses it up`, async (t) => {
    const ask = await started(t, { authentication, rate_limit: { requests_per_minute: 60, burst: 3, key } });
    const as = (id: string, from: string): Promise<number> => ask("/", { "X-API-Key": keyOf(id) }, from);
    assert.equal(await passing(2, () => as("free", "192.0.2.1")), 2);
    assert.equal(await passing(5, () => as("free", "192.0.2.2")), 1);
    assert.equal(await passing(5, () => as("pro", "192.0.2.1")), 3);
  });

test("roles have rates of their own; the first one of the list that the client has decides", async (t) => {
  const roles = { pro: { requests_per_minute: 60, burst: 4 }, basic: { requests_per_minute: 60, burst: 2 } };
  const ask = await started(t, { authentication, rate_limit: { requests_per_minute: 60, burst: 1, key: "user", roles } });
  for (const [id, burst] of [
    ["free", 1],
    ["pro", 4],
    ["both", 4],
  ] as const)
    assert.equal(await passing(6, () => ask("/", { "X-API-Key": keyOf(id) })), burst, id);
});

test("what authentication or require refuses uses up nothing of a limit by who it is, and all of one by address", async (t) => {
  const limits = [
    { requests_per_minute: 60, burst: 6, key: "client_ip" as const },
    { requests_per_minute: 60, burst: 2, key: "user" as const },
  ];
  const ask = await started(t, { authentication, require: { roles: ["pro"] }, rate_limit: limits });
  assert.deepEqual(
    [await ask("/", { "X-API-Key": "wrong" }), await ask("/"), await ask("/", { "X-API-Key": keyOf("free") })],
    [401, 401, 403],
  );
  assert.equal(await passing(3, () => ask("/", { "X-API-Key": keyOf("pro") })), 2);
  assert.equal(await ask("/", { "X-API-Key": "wrong" }), 429);
});

test("of several limits all hold, and a request that one refuses counts for none of them", async (t) => {
  const ask = await started(t, {
    rate_limit: [
      { requests_per_minute: 60, burst: 5, key: "route" },
      { requests_per_minute: 60, burst: 2, key: "client_ip" },
    ],
  });
  assert.equal(await passing(10, () => ask("/", {}, "192.0.2.1")), 2);
  assert.equal(await passing(10, () => ask("/", {}, "192.0.2.2")), 2);
  assert.equal(await passing(10, () => ask("/", {}, "192.0.2.3")), 1);
});

test("several things together: each combination has its allowance, and no two combinations are taken for one", async (t) => {
  const ask = await started(t, { rate_limit: { requests_per_minute: 60, burst: 1, key: ["header:A", "header:B"] } });
  const pairs = [
    ["x", "y"],
    ["xy", "z"],
    ["x", "yz"],
    ["1 h", "x"],
    ["1", "hx"],
  ] as const;
  for (const [a, b] of pairs) assert.equal(await ask("/", { A: a, B: b }), 200, `${a} ${b}`);
  for (const [a, b] of pairs) assert.equal(await ask("/", { A: a, B: b }), 429, `${a} ${b}`);
});

test("a path counts in its canonical form, and a cookie by its value", async (t) => {
  const ask = await started(t, { rate_limit: { requests_per_minute: 60, burst: 1, key: ["path", "cookie:s"] } });
  assert.equal(await ask("/a/b", { Cookie: "s=1" }), 200);
  for (const path of ["/a/b", "/a/%62", "/a//b", "/a/./b", "/a/b?c"]) assert.equal(await ask(path, { Cookie: "t=0; s=1" }), 429, path);
  assert.equal(await ask("/a/b", { Cookie: "s=2" }), 200);
  assert.equal(await ask("/a/c", { Cookie: "s=1" }), 200);
});

test("a client that is not known counts by its address, and cannot take a known one's allowance", async (t) => {
  const optional = { ...authentication, optional: true };
  const ask = await started(t, { authentication: optional, rate_limit: { requests_per_minute: 60, burst: 1, key: "user" } });
  assert.equal(await ask("/"), 200);
  assert.equal(await ask("/"), 429);
  assert.equal(await ask("/", {}, "192.0.2.2"), 200);
  assert.equal(await ask("/", { "X-API-Key": keyOf("free") }), 200);
});

test("a reload that adds, moves or takes away a limit leaves the counts of the others", async (t) => {
  const by = (key: string, burst: number): LimitInput => ({ requests_per_minute: 1, burst, key });
  const routes = (...limits: LimitInput[]): { routes: RouteInput[] } => ({ routes: [{ upstream: "app", rate_limit: limits }] });
  const proxy = await testProxy(routes(by("header:A", 3), by("header:B", 1)), { upstreams: { app: () => new Response("in") } });
  t.after(() => proxy.close());
  const ask = async (A: string, B: string): Promise<number> => (await proxy.fetch("http://a.test/", { headers: { A, B } })).status;
  assert.deepEqual([await ask("a", "b"), await ask("a", "b"), await ask("a", "c")], [200, 429, 200]);
  for (const limits of [
    [by("header:B", 1), by("header:A", 3)],
    [by("route", 100), by("header:B", 1), by("header:A", 3)],
    [by("header:B", 1)],
    [by("header:B", 1), by("header:A", 3), by("header:B", 50)],
  ]) {
    await proxy.reload(routes(...limits));
    assert.deepEqual([await ask("x", "b"), await ask("y", "c")], [429, 429]);
  }
  assert.deepEqual([await ask("a", "d"), await ask("a", "e")], [200, 429]);
});

test("what a configuration may not say", () => {
  const linesFor = (rateLimit: unknown, more: object = {}): string => {
    const file = {
      listeners: [{ address: ":8080" }],
      upstreams: { app: { endpoints: ["http://a:1"] } },
      routes: [{ upstream: "app", rate_limit: rateLimit, ...more }],
    };
    const result = checkConfig(readObject(file, isVocabulary), "f", {}, () => "");
    return ("problems" in result ? result.problems : result.warnings).map(formatProblem).join("\n");
  };
  for (const [value, message] of [
    [{ requests_per_minute: 1, key: "address" }, /expected client_ip, user, api_key, path, route, header:NAME, cookie:NAME or claim:NAME/],
    [{ requests_per_minute: 1, key: ["client_ip", "claim:"] }, /expected client_ip, user/],
    [{ requests_per_minute: 1, key: [] }, /key: expected at least/],
    [[], /expected at least one limit/],
    [[{ requests_per_minute: 1 }, { key: "user" }], /rate_limit\.#2: expected requests_per_minute or requests_per_second, found neither/],
    [{ requests_per_minute: 1, roles: { pro: { burst: 2 } } }, /roles\.pro: expected requests_per_minute or/],
    [{ requests_per_minute: 10, lease: 2 }, /rate_limit\.lease: it is about a store, and the limit has none/],
    [{ requests_per_minute: 10, lease: 6, store: "shared" }, /lease: it is more than half of the burst, which is 10/],
    [{ requests_per_minute: 10, store: "shared" }, /rate_limit\.store: no store has this name; there is none/],
    [{ requests_per_minute: 1, key: "user" }, /it is about clients that are known, and the route has no authentication/],
    [{ requests_per_minute: 1, roles: { pro: { requests_per_minute: 2 } } }, /it is about clients that are known/],
  ] as const)
    assert.match(linesFor(value), message);
  assert.match(
    linesFor({ requests_per_minute: 1, key: "user" }, { authentication: { tokens: ["t0ken"] } }),
    /rate_limit\.key: every client counts by its address: none of this route's methods \(tokens\) names a user/,
  );
  assert.equal(linesFor({ requests_per_minute: 1, key: "user" }, { authentication: { certificate: {} } }), "");
  const rate = { requests_per_minute: 1 };
  const withRoles = (...roles: readonly string[]): string =>
    linesFor(
      { ...rate, key: "user", roles: Object.fromEntries(roles.map((role) => [role, rate])) },
      { authentication: { certificate: {} } },
    );
  assert.deepEqual([withRoles("7"), withRoles("pro", "basic"), withRoles("pro", "7a", "07")], ["", "", ""]);
  assert.match(withRoles("pro", "7"), /rate_limit\.roles: roles that are whole numbers come before all others/);
});
