import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testProxy } from "millrace/testing";
import type { TestProxy } from "millrace/testing";
import graphqlDepth from "./graphql-depth.ts";

async function proxyFor(t: TestContext, options: Parameters<typeof graphqlDepth>[0] = {}): Promise<TestProxy> {
  const middleware = [graphqlDepth({ depth_max: 3, ...options })];
  const upstreams = { app: () => Response.json({ data: {} }) };
  const proxy = await testProxy({ routes: [{ upstream: "app", middleware }] }, { upstreams });
  t.after(() => proxy.close());
  return proxy;
}

function post(proxy: TestProxy, body: unknown, type = "application/json", more: Record<string, string> = {}): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return proxy.fetch("http://a.test/graphql", { method: "POST", body: text, headers: { "Content-Type": type, ...more } });
}

/** The statuses of these queries, in a proxy that allows depth 3. */
async function statuses(t: TestContext, queries: readonly string[], operationName?: string): Promise<number[]> {
  const proxy = await proxyFor(t);
  const found: number[] = [];
  for (const query of queries) found.push((await post(proxy, { query, operationName })).status);
  return found;
}

test("depth is fields within fields; nothing else that has braces counts", async (t) => {
  const shallow = [
    "{ a { b { c } } }",
    'query Q($f: [In!]! = [{a: {b: {c: {d: 1}}}}], $n: Int = -1.5e3) @dir(x: {y: {z: {}}}) { a(f: $f, g: {h: [{i: "}"}]}) @skip(if: true) { b { c } } }',
    'mutation { a(t: "{ { { \\" # ") { b(t: """{ " \\""" { \n # """) { c # { { { \n } } }',
    "\uFEFF{ d: a, e: b { on: c { query } } }",
    "{ a { ... { ... on T { ... @include(if: true) { b { c } } } } } }",
    "subscription { fragment { type } }",
    '"describes it" query { a }',
    "{ a { ...F } } fragment F on T { b { c } }",
  ];
  assert.deepEqual(
    await statuses(t, shallow),
    shallow.map(() => 200),
  );
  const deep = [
    "{ a { b { c { d } } } }",
    "query Q { x a { b { ... on T { c { ... { d } } } } } }",
    "{ a { ...F } } fragment F on T { b { ...G } } fragment G on T { c { d } }",
    '{ a { b { c(x: """""") { d } } } }',
  ];
  assert.deepEqual(
    await statuses(t, deep),
    deep.map(() => 400),
  );
});

test("fragments that contain themselves, and ones that grow", async (t) => {
  const doubling = Array.from({ length: 60 }, (_, n) => `fragment F${n} on T { ...F${n + 1} ...F${n + 1} }`).join(" ");
  const cases = [
    "{ ...F } fragment F on T { a ...G } fragment G on T { ...F }",
    `{ ...F0 } ${doubling} fragment F60 on T { a { b { c { d } } } }`,
  ];
  assert.deepEqual(await statuses(t, [...cases, `{ ...F0 } ${doubling} fragment F60 on T { a }`, "{ ...Unknown }"]), [400, 400, 200, 200]);
  const chain = Array.from({ length: 5000 }, (_, n) => `fragment F${n} on T { ...F${n + 1} }`).join(" ");
  assert.deepEqual(await statuses(t, [`{ ...F0 } ${chain}`]), [400]);
});

test("operationName says which operation is run; unknown, all count", async (t) => {
  const query = "query Low { a } query High { a { b { c { d } } } }";
  assert.deepEqual(await statuses(t, [query], "Low"), [200]);
  assert.deepEqual(await statuses(t, [query], "High"), [400]);
  assert.deepEqual(await statuses(t, [query], "Other"), [400]);
  assert.deepEqual(await statuses(t, [query]), [400]);
  assert.deepEqual(await statuses(t, ["query Low { a } query Low { a { b { c { d } } } }"], "Low"), [400]);
});

test("what is no GraphQL is refused", async (t) => {
  const unbalanced = [
    "{",
    "{}",
    "{ a",
    "a",
    "",
    "query",
    "{ a { } }",
    "{ a } }",
    "{ a(b: [1}) }",
    "{ a(b: 1 }",
    "{ a: }",
    "{ ... on }",
    "{ a @ }",
  ];
  const fragments = [
    "fragment F on T { a }",
    "fragment on on T { a } { b }",
    "fragment F { a } { b }",
    '{ a(b: "x\n") }',
    '{ a(b: """x) }',
    '{ a(b: "\\x") }',
  ];
  const tokens = [
    "{ a\u00a0b }",
    "{ a(b: 01) }",
    "{ a(b: 1x) }",
    "{ ü }",
    "{ a; b }",
    `${"{a".repeat(300)}${"}".repeat(300)}`,
    "type T { a: Int }",
  ];
  const wrong = [...unbalanced, ...fragments, ...tokens];
  assert.deepEqual(
    await statuses(t, wrong),
    wrong.map(() => 400),
  );
});

test("introspection has a limit of its own", async (t) => {
  const query = "{ __schema { types { fields { type { name } } } } a { __typename } }";
  assert.equal((await post(await proxyFor(t), { query })).status, 200);
  assert.equal((await post(await proxyFor(t, { introspection_depth_max: 4 }), { query })).status, 400);
  assert.equal((await post(await proxyFor(t, { introspection_depth_max: 0 }), { query: "{ a { __typename } }" })).status, 200);
});

test("GET is checked as POST is, and both together", async (t) => {
  const proxy = await proxyFor(t);
  const ask = async (parameters: string, init = {}): Promise<number> =>
    (await proxy.fetch(`http://a.test/graphql${parameters}`, init)).status;
  const deep = encodeURIComponent("{ a { b { c { d } } } }");
  assert.equal(await ask(""), 200);
  assert.equal(await ask("?query=%7Ba%7D"), 200);
  assert.equal(await ask(`?query=${deep}`), 400);
  assert.equal(await ask(`?query=%7Ba%7D&query=${deep}`), 400);
  assert.equal(await ask(`?query=query+A%7Ba%7Dquery+B${deep}&operationName=A`), 200);
  const body = { method: "POST", body: '{"query":"{a}"}', headers: { "Content-Type": "application/json" } };
  assert.equal(await ask(`?query=${deep}`, body), 400);
  assert.equal(await ask("", { method: "OPTIONS" }), 200);
});

test("bodies: batches, persisted queries, and what cannot be read", async (t) => {
  const proxy = await proxyFor(t, { batch_max: 2, body_bytes_max: 1000 });
  const deep = "{ a { b { c { d } } } }";
  const cases: [body: unknown, status: number, type?: string, more?: Record<string, string>][] = [
    [[{ query: "{a}" }, { query: "{b}" }], 200],
    [[{ query: "{a}" }, { query: deep }], 400],
    [[{ query: "{a}" }, { query: "{b}" }, { query: "{c}" }], 400],
    [{ extensions: { persistedQuery: { version: 1, sha256Hash: "0" } } }, 200],
    [{ query: null, id: "known" }, 200],
    [{ query: ["{a}"] }, 400],
    [[[{ query: "{a}" }]], 400],
    ["null", 400],
    ["{", 400],
    [deep, 400, "application/graphql"],
    ["{a}", 200, "application/graphql"],
    ["query=%7Ba%7D", 415, "application/x-www-form-urlencoded"],
    [{ query: "{a}" }, 415, "application/json", { "Content-Encoding": "gzip" }],
    [{ query: `{a(b:"${"x".repeat(1000)}")}` }, 413],
  ];
  for (const [body, status, type, more] of cases) assert.equal((await post(proxy, body, type, more)).status, status, JSON.stringify(body));
  assert.equal(proxy.requests("app").length, 4);
  const bytes = await proxy.fetch("http://a.test/", {
    method: "POST",
    body: Buffer.from([0x22, 0xff, 0x22]),
    headers: { "Content-Type": "application/json" },
  });
  assert.equal(bytes.status, 400);
});

test("the answer is one that GraphQL clients read, and the body still goes upstream", async (t) => {
  const proxy = await proxyFor(t);
  const refused = await post(proxy, { query: "{ a { b { c { d } } } }" }, "application/json", {
    Accept: "application/graphql-response+json",
  });
  assert.equal(refused.headers.get("content-type"), "application/graphql-response+json");
  assert.deepEqual(await refused.json(), { errors: [{ message: "Fields are nested deeper than 3 levels." }] });
  assert.equal(proxy.log.at(-1)?.["outcome"], "graphql_refused");
  await post(proxy, { query: "{ a }" });
  assert.equal(proxy.requests("app")[0]?.body, '{"query":"{ a }"}');
});
