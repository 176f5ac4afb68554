/** What of a login goes no further than the proxy, beside what other methods and keys do to the same fields. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SignJWT } from "jose";
import { Browser } from "../../oidc/cookies/browser.fixture.ts";
import type { TestConfig } from "../../testing/test-proxy.ts";
import { NAVIGATION, OIDC, configFor, stage } from "./login-stage.fixture.ts";

function tokenOf(secret: string): Promise<string> {
  return new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setAudience("a").setExpirationTime("1h").sign(Buffer.from(secret));
}

describe("the cookies of a login", () => {
  test("are not seen by a service that is asked about the clients of another route", async (t) => {
    for (const send of [["Cookie"], "all"] as const) {
      const asked = { match: { path: "/asked/*" }, upstream: "app", authentication: { forward: { upstream: "other", send } } };
      const { proxy, browser, open, logIn } = await stage(t, { routes: [asked, ...configFor().routes] } as TestConfig);
      await logIn();
      await open("/asked/");
      assert.equal(proxy.requests("other").at(-1)?.headers.get("cookie"), null);
      browser.set("theme", "dark");
      await open("/asked/");
      assert.equal(proxy.requests("other").at(-1)?.headers.get("cookie"), "theme=dark");
    }
  });

  test("undo nothing that happens to other cookies, whoever makes one up", async (t) => {
    const secret = "the secret of the tokens, which is long enough";
    const token = await tokenOf(secret);
    const inCookie = { secret, audience: "a", from: "cookie:token" };
    const asked = { forward: { upstream: "other", copy: ["Cookie"] } };
    const routes = [
      { match: { path: "/taken" }, authentication: { jwt: inCookie } },
      { match: { path: "/kept" }, authentication: { jwt: { ...inCookie, forward: true } } },
      { match: { path: "/both" }, authentication: { jwt: inCookie, oidc: OIDC } },
      { match: { path: "/asked" }, authentication: asked },
      { match: { path: "/removed" }, request_headers: { remove: ["Cookie"] } },
      { match: { path: "/set" }, request_headers: { set: { Cookie: "set=1" } } },
      { match: { path: "/added" }, request_headers: { add: { Cookie: "added=1" } } },
    ].map((route) => ({ ...route, upstream: "app" }));
    const { proxy, seen } = await stage(t, { routes: [...routes, ...configFor().routes] });
    proxy.serve("other", () => new Response(null, { headers: { cookie: "user=alice" } }));
    for (const [path, upstreamGets] of [
      ["/taken", "user=admin"],
      ["/kept", `user=admin; token=${token}`],
      ["/both", "user=admin"],
      ["/asked", "user=alice"],
      ["/removed", null],
      ["/set", "set=1"],
      ["/added", `user=admin; token=${token}; token=forged; added=1`],
    ] as const) {
      for (const madeUp of ["; millrace-x=1", "; __Host-millrace-x-session=1"]) {
        const cookie = `user=admin; token=${token}; token=forged${madeUp}`;
        assert.equal((await proxy.fetch(`http://app.test${path}`, { headers: { cookie } })).status, 200, path);
        assert.equal(seen()?.headers.get("cookie"), upstreamGets, path);
      }
    }
  });
});

test("a session that has no access token leaves nobody's own in its place", async (t) => {
  const optional = { optional: true, tokens: ["token"] };
  const { proxy, open, logIn, seen } = await stage(t, configFor({}, optional));
  await logIn("/oauth2/login");
  await proxy.reload(configFor({ forward_access_token: true }, optional));
  for (const [own, key] of [[undefined], [new Browser()], [undefined, { "x-api-key": "token" }]] as const) {
    await open("/app/", { ...NAVIGATION, authorization: "Negotiate abc", ...key }, own);
    assert.equal(seen()?.headers.get("authorization"), null);
  }
});

test("where Authorization is what the provider or a service says, clients of jwt alone bring their own, if it was verified", async (t) => {
  const secret = "the secret of the tokens, which is long enough";
  const token = await tokenOf(secret);
  const jwt = { secret, audience: "a", forward: true };
  const inCookie = { ...jwt, from: "cookie:token" };
  const oidc = { ...OIDC, forward_access_token: true };
  const forward = { upstream: "other", copy: ["Authorization"] };
  const methods = { "/a": { oidc, jwt }, "/b": { forward, jwt }, "/c": { oidc, jwt: inCookie }, "/d": { forward, jwt: inCookie } };
  const routes = Object.entries(methods).map(([path, authentication]) => ({ match: { path }, upstream: "app", authentication }));
  const { proxy, seen } = await stage(t, { routes });
  for (const path of ["/a", "/b"]) {
    assert.equal((await proxy.fetch(`http://app.test${path}`, { headers: { authorization: `Bearer ${token}` } })).status, 200);
    assert.equal(seen()?.headers.get("authorization"), `Bearer ${token}`, path);
  }
  for (const path of ["/c", "/d"]) {
    const headers = { authorization: "Bearer made.up.token", cookie: `token=${token}` };
    assert.equal((await proxy.fetch(`http://app.test${path}`, { headers })).status, 200);
    assert.deepEqual([seen()?.headers.get("authorization"), seen()?.headers.get("cookie")], [null, `token=${token}`], path);
  }
});
