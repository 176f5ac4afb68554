/** Keys in a file, through the whole proxy. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import process from "node:process";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { CredentialFile } from "../../shared/credential-files.ts";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestProxy } from "../../testing/test-proxy.ts";
import { keysInFile } from "./api-keys.ts";
import type { FindToken } from "./presented-tokens.ts";
import { readApiKeys } from "./read-api-keys.ts";

const KEY = "mr_4f0a1b2c_SGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8gd29";
const OTHER = "mr_4f0a1b2c_T3RoZXIga2V5IG90aGVyIGtleSBvdGhlciBrZXkgb3RoZXI";

function entry(id: string, key: string, more: string = ""): string {
  const hash = createHash("sha256").update(key).digest("hex");
  return `  - { id: ${id}, prefix: ${key.slice(0, 11)}, hash: "sha256:${hash}"${more} }\n`;
}

async function started(t: TestContext, text: string): Promise<{ readonly proxy: TestProxy; readonly files: Record<string, string> }> {
  const files: Record<string, string> = { "keys.yaml": text };
  const authentication = {
    api_keys: { file: "keys.yaml" },
    identity_headers: { user: "X-User", roles: "X-Roles", scopes: "X-Scopes" },
  };
  const proxy = await testProxy({ routes: [{ upstream: "app", authentication }] }, { files, upstreams: { app: () => new Response("in") } });
  t.after(() => proxy.close());
  return { proxy, files };
}

async function status(proxy: TestProxy, headers: Record<string, string>): Promise<number> {
  return (await proxy.fetch("http://a.test/", { headers })).status;
}

test("a key in either field lets in, says whose it is, and goes no further", async (t) => {
  const { proxy } = await started(t, `keys:\n${entry("ci", KEY, ', roles: [deploy, "a,b"], scopes: [read]')}${entry("other", OTHER)}`);
  for (const headers of [{ Authorization: `Bearer ${KEY}` }, { "X-API-Key": KEY }]) {
    assert.equal(await status(proxy, headers), 200);
    const seen = proxy.requests("app").at(-1)?.headers;
    assert.deepEqual(
      ["x-user", "x-roles", "x-scopes", "authorization", "x-api-key"].map((name) => seen?.get(name) ?? null),
      ["ci", "deploy,a%2Cb", "read", null, null],
    );
  }
  assert.equal(await status(proxy, { "X-API-Key": OTHER }), 200);
  assert.equal(proxy.requests("app").at(-1)?.headers.get("x-user"), "other");
  for (const wrong of ["", KEY.slice(0, -1), `${KEY}a`, KEY.toLowerCase(), KEY.slice(0, 11), "mr_00000000_x", "x"])
    assert.equal(await status(proxy, { "X-API-Key": wrong }), 401, wrong);
  assert.equal(await status(proxy, { "X-API-Key": KEY, Authorization: "Bearer wrong" }), 401);
});

test("among thousands of keys that begin alike a wrong one takes no longer", () => {
  const file = (count: number): CredentialFile => {
    const keys = Array.from({ length: count }, (_, index) => {
      const hash = createHash("sha256").update(`mr_live_${index}`).digest("hex");
      return { id: `${index}`, prefix: "mr_live_", hash, roles: [], scopes: [], expiresMs: null, rate: null };
    });
    return new CredentialFile({ path: "keys.yaml", version: 1, text: JSON.stringify(keys) });
  };
  const [few, many] = [keysInFile(file(1)), keysInFile(file(20_000))];
  const timeOf = (find: FindToken): number => {
    assert.equal(find("mr_live_wrong", 0), null);
    const before = process.cpuUsage().user;
    for (let round = 0; round < 300; round++) find(`mr_live_wrong ${round}`, 0);
    return process.cpuUsage().user - before;
  };
  timeOf(few);
  // Compared with each of them it would take some thousand times as long.
  assert.ok(timeOf(many) < 100 * (timeOf(few) + 100));
  for (const index of [0, 19_999]) {
    const found = many(`mr_live_${index}`, 0);
    assert.equal(found !== null && "user" in found && found.user, `${index}`);
  }
});

test("a key ends when it says so", async (t) => {
  const { proxy } = await started(t, `keys:\n${entry("ci", KEY, ', expires: "2026-01-01T00:01:00Z"')}`);
  assert.equal(await status(proxy, { "X-API-Key": KEY }), 200);
  await proxy.advance("61s");
  const refused = await proxy.fetch("http://a.test/", { headers: { "X-API-Key": KEY } });
  assert.deepEqual([refused.status, await refused.text()], [401, "401 Unauthorized: The key has expired.\n"]);
});

test("a changed file counts within two seconds; one that cannot be used changes nothing, and is said without its content", async (t) => {
  const { proxy, files } = await started(t, `keys:\n${entry("ci", KEY)}`);
  files["keys.yaml"] = `keys:\n${entry("new", OTHER)}`;
  await proxy.advance("2s");
  assert.deepEqual([await status(proxy, { "X-API-Key": KEY }), await status(proxy, { "X-API-Key": OTHER })], [401, 200]);
  files["keys.yaml"] = `keys:\n  - { id: x, prefix: hunter2, hash: hunter2 }\n`;
  await proxy.advance("2s");
  assert.equal(await status(proxy, { "X-API-Key": OTHER }), 200);
  const [said, ...more] = proxy.log.filter(({ event }) => event === "credentials_refused");
  assert.equal(more.length, 0);
  assert.match(String(said?.["message"]), /keys\.yaml: keys\.#1\.hash: expected sha256:/);
  assert.doesNotMatch(String(said?.["message"]), /hunter2/);
  files["keys.yaml"] = "keys: []";
  await proxy.advance("2s");
  assert.equal(await status(proxy, { "X-API-Key": OTHER }), 401, "nobody is a list too");
});

test("what a file may not say, without a word of it", () => {
  const problems = (text: string): string => {
    const read = readApiKeys(text);
    return "problems" in read ? read.problems.join("\n") : "";
  };
  const hash = `sha256:${"0".repeat(64)}`;
  const expected = "expected `keys:`, and below it a list of the entries that `millrace new-key` prints";
  for (const other of ["", "alice:$2y$04$x", "- { id: a }", "[]", "7"]) assert.equal(problems(other), expected, other);
  for (const other of ["keys:", "keys: {}", "{}"]) assert.equal(problems(other), `keys: ${expected}`, other);
  assert.match(problems("keys:\n  - { id: a\n"), /^it is not valid YAML: line \d$/);
  assert.deepEqual(problems("keys: [{ id: a, role: [x], mr_0123abcd_secret: 1, roles: deploy, expires: 2027 }]").split("\n"), [
    "keys.#1.prefix: is missing: expected the first characters of the key",
    "keys.#1.hash: is missing: expected what millrace new-key prints",
    "keys.#1.roles: expected a list of texts, such as [deploy, read]",
    "keys.#1.expires: expected a date such as 2027-01-31, not another kind of value",
    'keys.#1: unknown key "role"; did you mean "roles"?',
    "keys.#1: a key that is not known; known are id, prefix, hash, roles, scopes, expires, limits",
  ]);
  assert.match(problems(`keys: [{ id: "", prefix: abcd, hash: "${hash}" }]`), /keys\.#1\.id/);
  assert.match(problems(`keys: [{ id: a, prefix: abc, hash: "${hash}" }]`), /keys\.#1\.prefix/);
  assert.match(problems(`keys: [{ id: a, prefix: abcd, hash: "${hash}", key: secret }]`), /key/);
  assert.match(problems(`keys: [{ id: a, prefix: abcd, hash: "${hash}", expires: soon }]`), /expires: expected a date/);
  assert.match(problems(`keys: [{ id: a, prefix: abcd, hash: "${hash}", expires: 11/12/2027 }]`), /expires: expected a date/);
  assert.match(
    problems(`keys: [{ id: a, prefix: abcd, hash: "${hash}" }, { id: a, prefix: abcd, hash: "${hash}" }]`),
    /another key has this id\n.*the same key stands there twice/,
  );
});

test("a key's own limits hold over all routes with the file, after require, and change with the file", async (t) => {
  const limited = entry("ci", KEY, ", roles: [deploy], limits: { requests_per_minute: 60, burst: 2 }");
  const files: Record<string, string> = { "keys.yaml": `keys:\n${limited}${entry("free", OTHER)}` };
  const authentication = { api_keys: { file: "keys.yaml" } };
  const routes = [
    { match: { path: "/admin" }, upstream: "app", authentication, require: { roles: ["admin"] } },
    { match: { path: "/a" }, upstream: "app", authentication },
    { upstream: "app", authentication },
  ];
  const proxy = await testProxy({ routes }, { files, upstreams: { app: () => new Response("in") } });
  t.after(() => proxy.close());
  const ask = async (path: string, key: string): Promise<number> =>
    (await proxy.fetch(`http://a.test${path}`, { headers: { "X-API-Key": key } })).status;
  // What `require` refuses uses up nothing.
  for (let count = 0; count < 5; count++) assert.equal(await ask("/admin", KEY), 403);
  assert.deepEqual([await ask("/a", KEY), await ask("/b", KEY), await ask("/a", KEY)], [200, 200, 429]);
  assert.equal(proxy.log.at(-1)?.["outcome"], "key_rate_limited");
  for (let count = 0; count < 5; count++) assert.equal(await ask("/a", OTHER), 200);
  await proxy.advance("1s");
  assert.deepEqual([await ask("/b", KEY), await ask("/a", KEY)], [200, 429]);
  files["keys.yaml"] = `keys:\n${entry("ci", KEY)}`;
  await proxy.advance("1s");
  for (let count = 0; count < 5; count++) assert.equal(await ask("/a", KEY), 200);
  assert.equal(proxy.metrics.value("millrace_key_rate_limited_total"), 2);
});

test("limits of a key that cannot be are refused, with their place", () => {
  for (const [limits, message] of [
    ["{ burst: 2 }", /^keys\.#1\.limits: expected requests_per_minute or requests_per_second, found neither$/],
    ["{ requests_per_minute: 1, requests_per_second: 1 }", /^keys\.#1\.limits: .* found both$/],
    ["{ requests_per_minute: 0 }", /^keys\.#1\.limits\.requests_per_minute: expected a whole number from 1 to 1000000/],
    ["{ per_hour: 5 }", /^keys\.#1\.limits: a key that is not known; known are requests_per_minute, requests_per_second, burst$/],
    ["5", /^keys\.#1\.limits: /],
  ] as const) {
    const read = readApiKeys(`keys:\n${entry("ci", KEY, `, limits: ${limits}`)}`);
    assert.ok("problems" in read);
    assert.match(read.problems[0] ?? "", message);
  }
});
