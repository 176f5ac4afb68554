/** Names and passwords, through the whole proxy, verified in a real thread. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { buildRequestHead } from "../../http/build-head.ts";
import { LoneView } from "../../proxy/feature/lone-view.ts";
import { CredentialFiles } from "../../shared/credential-files.ts";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestProxy } from "../../testing/test-proxy.ts";
import { basicCredentials } from "./basic.ts";
import { isRefusal } from "./method.ts";

/** bcrypt of cost 4: "pässwörd". */
const HASH = "$2y$04$68bhQRMh2BtXvNm7LgBuJucKt4yUp7vybB0xhyDDjyrzqlfgCrNHO";
const PASSWORD = "p\u00e4ssw\u00f6rd";

async function started(t: TestContext, more: object = {}): Promise<{ readonly proxy: TestProxy; readonly files: Record<string, string> }> {
  const files: Record<string, string> = { users: `alice:${HASH}\nbob:${HASH}\n`, groups: "admin: alice\nstaff: alice bob\n" };
  const authentication = {
    basic: { users_file: "users", groups_file: "groups" },
    identity_headers: { user: "X-User", roles: "X-Roles" },
    ...more,
  };
  const proxy = await testProxy({ routes: [{ upstream: "app", authentication }] }, { files, upstreams: { app: () => new Response("in") } });
  t.after(() => proxy.close());
  return { proxy, files };
}

function basic(text: string | Buffer): { readonly Authorization: string } {
  return { Authorization: `Basic ${Buffer.from(text).toString("base64")}` };
}

async function status(proxy: TestProxy, headers: Record<string, string>): Promise<number> {
  return (await proxy.fetch("http://a.test/", { headers })).status;
}

test("a user of the file is let in with roles, the second time without a verification; the password goes no further", async (t) => {
  const { proxy } = await started(t);
  for (const [user, roles] of [
    ["alice", "admin,staff"],
    ["bob", "staff"],
    ["alice", "admin,staff"],
  ] as const) {
    assert.equal(await status(proxy, basic(`${user}:${PASSWORD}`)), 200);
    const seen = proxy.requests("app").at(-1)?.headers;
    assert.deepEqual([seen?.get("x-user"), seen?.get("x-roles"), seen?.get("authorization")], [user, roles, null]);
  }
});

test("wrong names and passwords, and what is malformed: 401 that asks again", async (t) => {
  const { proxy } = await started(t);
  for (const wrong of [
    `alice:x`,
    `mallory:${PASSWORD}`,
    `:${PASSWORD}`,
    "alice:",
    `Alice:${PASSWORD}`,
    `alice:${PASSWORD}\0`,
    "alice",
    "",
  ]) {
    const refused = await proxy.fetch("http://a.test/", { headers: basic(wrong) });
    assert.equal(refused.status, 401, wrong);
    assert.equal(refused.headers.get("www-authenticate"), 'Basic realm="millrace", charset="UTF-8"');
  }
  for (const malformed of ["Basic", "Basic !", "Basic YTpi=c", `Basic ${"a".repeat(5000)}`, "Basic YWxp Y2U6"])
    assert.equal(await status(proxy, { Authorization: malformed }), 401, malformed);
  // In latin1, as old browsers send it, it is another password.
  assert.equal(await status(proxy, basic(Buffer.from(`alice:${PASSWORD}`, "latin1"))), 401);
  assert.equal(await status(proxy, {}), 401);
});

test("a user who is taken out of the file, and a changed role, count within two seconds, though the login is remembered", async (t) => {
  const { proxy, files } = await started(t);
  assert.equal(await status(proxy, basic(`alice:${PASSWORD}`)), 200);
  files["groups"] = "guest: alice\n";
  await proxy.advance("2s");
  assert.equal(await status(proxy, basic(`alice:${PASSWORD}`)), 200);
  assert.equal(proxy.requests("app").at(-1)?.headers.get("x-roles"), "guest");
  files["users"] = `bob:${HASH}\n`;
  await proxy.advance("2s");
  assert.deepEqual([await status(proxy, basic(`alice:${PASSWORD}`)), await status(proxy, basic(`bob:${PASSWORD}`))], [401, 200]);
  files["users"] = "alice:secret\n";
  await proxy.advance("2s");
  assert.equal(await status(proxy, basic(`bob:${PASSWORD}`)), 200);
  const [said] = proxy.log.filter(({ event }) => event === "credentials_refused");
  assert.match(String(said?.["message"]), /line 1/);
  assert.doesNotMatch(String(said?.["message"]), /secret/);
});

test("a user who is taken out, or gets another role or hash, while the password is verified", async () => {
  const files = new CredentialFiles();
  const take = (version: number, users: string, groups: string): void =>
    files.take([
      { path: "users", version, text: users },
      { path: "groups", version, text: groups },
    ]);
  take(0, `alice:${HASH}\nbob:${HASH}\ncarol:${HASH}\n`, "admin: bob\n");
  const { promise, resolve } = Promise.withResolvers<"match">();
  const method = basicCredentials({ users_file: "users", groups_file: "groups", realm: "r" }, files, { check: () => promise });
  const judged = ["alice", "bob", "carol"].map(async (name) => {
    const request = buildRequestHead({ method: "GET", target: "/", authority: "a.test" }, Object.entries(basic(`${name}:${PASSWORD}`)));
    return method.judge(new LoneView(request, "192.0.2.1"));
  });
  take(1, `bob:${HASH}\ncarol:${HASH.replace("Kt4y", "Kt5y")}\n`, "guest: bob\n");
  resolve("match");
  const found = (await Promise.all(judged)).map((verdict) => (verdict === null || isRefusal(verdict) ? verdict?.status : verdict.roles));
  assert.deepEqual(found, [401, ["guest"], 401]);
});

test("of a flood of logins some get 401 and the others 503, and who is known goes on", async (t) => {
  const { proxy } = await started(t);
  assert.equal(await status(proxy, basic(`alice:${PASSWORD}`)), 200);
  const flood = Array.from({ length: 200 }, (_, index) => status(proxy, basic(`alice:guess ${index}`)));
  assert.equal(await status(proxy, basic(`alice:${PASSWORD}`)), 200);
  const counts = Map.groupBy(await Promise.all(flood), (each) => each);
  assert.deepEqual([...counts.keys()].toSorted(), [401, 503]);
  assert.ok((counts.get(401)?.length ?? 0) >= 64);
});

test("beside tokens: the scheme says what is brought, and both are named to who brings nothing", async (t) => {
  const { proxy } = await started(t, { tokens: ["secret"] });
  assert.deepEqual([await status(proxy, { Authorization: "Bearer secret" }), await status(proxy, basic(`bob:${PASSWORD}`))], [200, 200]);
  assert.deepEqual([await status(proxy, { Authorization: "Bearer wrong" }), await status(proxy, basic("bob:wrong"))], [401, 401]);
  const refused = await proxy.fetch("http://a.test/");
  assert.equal(refused.headers.get("www-authenticate"), 'Bearer realm="millrace", Basic realm="millrace", charset="UTF-8"');
});

test("whatever follows the scheme in the place of a space, nothing of it goes upstream unseen", async (t) => {
  const { proxy } = await started(t, { optional: true });
  const [name, right] = Object.entries(basic(`alice:${PASSWORD}`))[0] ?? ["", ""];
  const encoded = right.slice("Basic ".length);
  assert.equal(await status(proxy, { [name]: `basic  ${encoded}` }), 200);
  assert.equal(proxy.requests("app").at(-1)?.headers.get("x-user"), "alice");
  assert.equal(await status(proxy, { [name]: `Basic\t${encoded}` }), 200);
  const [last] = proxy.requests("app").slice(-1);
  assert.deepEqual([last?.headers.get("x-user"), last?.headers.get("authorization")], ["alice", null]);
  const before = proxy.requests("app").length;
  for (const wrong of ["Basic", `Basic,${encoded}`, `Basic=${encoded}`, `BASIC\u00a0${encoded}`, `Basic "${encoded}"`])
    assert.equal(await status(proxy, { [name]: wrong }), 401, wrong);
  assert.equal(proxy.requests("app").length, before);
});
