/** Logins through the whole proxy, at a provider in memory. How a real provider and a real browser take part is in test/e2e/logins.test.ts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Browser } from "../../oidc/cookies/browser.fixture.ts";
import { ISSUER, SECRET } from "../../oidc/fake-provider.fixture.ts";
import type { TestConfig } from "../../testing/test-proxy.ts";
import { KEY, NAVIGATION, OIDC, SCRIPT, configFor, locationOf, outcomes, sessionName, stage } from "./login-stage.fixture.ts";

/** Why a test may let the machine's own time pass: jose and WebCrypto work in threads of their own, and the kit's clock does not know of them. */
const TURNS_MAX = 2_000;

describe("a login", () => {
  test("leads to the provider and back, and the upstream learns who it is", async (t) => {
    const { proxy, provider, browser, open, logIn, seen } = await stage(t);
    const sent = await open("/app/report?year=2026");
    const asked = new URL(locationOf(sent));
    assert.equal(asked.origin + asked.pathname, `${ISSUER}/authorize`);
    assert.equal(asked.searchParams.get("redirect_uri"), "http://app.test/oauth2/callback");
    assert.deepEqual(asked.searchParams.get("scope")?.split(" "), ["openid", "profile", "email"]);
    provider.claims = { roles: ["reader", "writer"] };
    const back = await logIn("/app/report?year=2026");
    assert.deepEqual([back.status, locationOf(back)], [303, "http://app.test/app/report?year=2026"]);
    browser.set("theme", "dark");
    assert.equal(await (await open("/app/report?year=2026")).text(), "/app/report");
    assert.equal((await open("/app/data", SCRIPT)).status, 200);
    const { headers } = seen() ?? assert.fail();
    assert.deepEqual([headers.get("x-user"), headers.get("x-roles"), headers.get("cookie")], ["alice", "reader,writer", "theme=dark"]);
    assert.deepEqual(outcomes(proxy), ["login_needed", "login_needed", "logged_in", "completed", "completed"]);
  });

  test("is not seen by the upstreams of other routes, a copy of its requests included", async (t) => {
    const both = configFor();
    const config = {
      ...both,
      routes: both.routes.map((route) => ({ ...route, mirror: { upstream: "other", share: "100%" } })),
    } as TestConfig;
    const { proxy, browser, open, logIn } = await stage(t, config);
    await logIn();
    browser.set("theme", "dark");
    await open("/open/");
    await open("/app/");
    await proxy.advance(100);
    const seen = [...proxy.requests("app"), ...proxy.requests("other")].map(({ headers }) => headers.get("cookie"));
    assert.deepEqual(seen, ["theme=dark", "theme=dark", "theme=dark", "theme=dark"]);
    for (const name of browser.names().filter((each) => each === "theme")) browser.remove(name);
    await open("/open/");
    assert.equal(proxy.requests("app").at(-1)?.headers.get("cookie"), null);
  });

  test("is answered in a way that nobody stores", async (t) => {
    const { open, logIn, provider } = await stage(t);
    const answers = [await open("/app/"), await open("/app/", SCRIPT), await logIn(), await open("/oauth2/callback?state=x&code=y")];
    answers.push(await open("/oauth2/logout"), await open("/oauth2/login"), await open("/oauth2/back-channel-logout"));
    provider.instead = () => new Response("down", { status: 503 });
    answers.push(await open("/oauth2/logout", { ...NAVIGATION, "sec-fetch-site": "cross-site" }, new Browser()));
    assert.deepEqual(
      answers.map(({ status, headers }) => [status, headers.get("cache-control")]),
      [303, 401, 303, 400, 303, 303, 400, 200].map((status) => [status, "no-store"]),
    );
  });

  test("is none for a script, which gets 401", async (t) => {
    const { open, provider } = await stage(t);
    for (const headers of [SCRIPT, { accept: "application/json" }, { accept: "text/html", "x-requested-with": "XMLHttpRequest" }, {}]) {
      const { status, headers: given } = await open("/app/", headers);
      assert.deepEqual([status, given.get("location"), given.get("www-authenticate")], [401, null, 'Cookie realm="millrace"']);
    }
    assert.deepEqual(provider.asked, []);
  });

  test("over TLS is kept in cookies that no other site plants, and over plain HTTP in others", async (t) => {
    const secure = await stage(t, configFor(), true);
    await secure.logIn();
    assert.ok(secure.browser.lines.length > 3);
    for (const line of secure.browser.lines) assert.match(line, /^__Host-millrace-.*; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    assert.equal((await secure.open("/app/")).status, 200);
    const plain = await stage(t);
    await plain.logIn();
    for (const line of plain.browser.lines) assert.match(line, /^millrace-.*; Path=\/; HttpOnly; SameSite=Lax$/);
    // The cookies of plain HTTP are none over TLS.
    for (const name of plain.browser.names()) secure.browser.set(`__Host-${name}`, plain.browser.get(name));
    assert.equal((await secure.open("/app/")).status, 303);
  });

  test("ends where it began, whatever that path looks like to a browser", async (t) => {
    const { browser, logIn, open } = await stage(t);
    const paths = [
      "//evil.example/app",
      "/app/..%2f..//evil.example",
      "/app/\\evil.example",
      "/app/%0d%0aSet-Cookie:x=1",
      "/app/?next=//evil.example",
    ];
    for (const path of paths) {
      const sent = await open(path);
      if (sent.status !== 303) continue;
      const back = await logIn(path);
      const { origin } = new URL(locationOf(back));
      assert.equal(origin, "http://app.test", path);
      for (const name of browser.names()) browser.remove(name);
    }
  });
});

describe("without a session", () => {
  const optional = configFor({}, { optional: true });

  test("whoever is let in is nobody, and the provider is not asked", async (t) => {
    const { open, provider, seen } = await stage(t, optional);
    const response = await open("/app/");
    assert.equal(response.status, 200);
    assert.equal(seen()?.headers.get("x-user"), null);
    assert.deepEqual(provider.asked, []);
  });

  test("one may log in, and comes back to a page of this site only", async (t) => {
    const places: readonly (readonly [string, string])[] = [
      ["/oauth2/login?return_to=%2Fapp%2Freport%3Fyear%3D2026", "/app/report?year=2026"],
      ["/oauth2/login", "/"],
      ["/oauth2/login?return_to=https%3A%2F%2Fevil.example%2F", "/"],
      ["/oauth2/login?return_to=//evil.example", "/"],
      ["/oauth2/login?return_to=/%5Cevil.example", "/"],
      ["/oauth2/login?return_to=%09//evil.example", "/"],
      ["/oauth2/login?return_to=/oauth2/callback?code=x", "/"],
      ["/oauth2/login?return_to=/app/%0D%0ASet-Cookie:%20x=1", "/"],
    ];
    const { open, logIn, browser, seen } = await stage(t, optional);
    for (const [path, place] of places) {
      assert.equal(locationOf(await logIn(path)), `http://app.test${place}`, path);
      // With a session it leads there at once.
      assert.equal(locationOf(await open(path)), `http://app.test${place}`, path);
      for (const name of browser.names()) browser.remove(name);
    }
    await logIn("/oauth2/login");
    await open("/app/");
    assert.equal(seen()?.headers.get("x-user"), "alice");
  });

  test("other methods of the route are asked first", async (t) => {
    const { open } = await stage(t, configFor({}, { tokens: ["token"] }));
    assert.equal((await open("/app/", { authorization: "Bearer token" })).status, 200);
    const wrong = await open("/app/", { ...NAVIGATION, authorization: "Bearer other" });
    assert.equal(wrong.status, 401);
    assert.equal((await open("/app/")).status, 303);
    const script = await open("/app/", SCRIPT);
    assert.deepEqual([script.status, script.headers.get("www-authenticate")], [401, 'Bearer realm="millrace", Cookie realm="millrace"']);
  });
});

describe("a session", () => {
  test("of somebody who was let in is forged by no change of its cookie", async (t) => {
    const { open, logIn, browser, provider } = await stage(t);
    await logIn();
    const name = sessionName(browser);
    const good = browser.get(name);
    const flipped = (at: number): string => good.slice(0, at) + (good.charAt(at) === "A" ? "B" : "A") + good.slice(at + 1);
    const values = [
      "",
      "1.",
      "1.AAAA",
      good.slice(0, -4),
      `${good}A`,
      flipped(2),
      flipped(20),
      flipped(good.length >> 1),
      flipped(good.length - 5),
    ];
    const other = new Browser();
    provider.claims = { sub: "bob" };
    await logIn("/app/", other);
    const completed = browser.names().find((each) => each.endsWith("-logins"));
    for (const value of [...values, browser.get(completed ?? ""), `${good}; ${name}=${other.get(name)}`, `2.${good.slice(2)}`]) {
      browser.set(name, value);
      assert.equal((await open("/app/", SCRIPT)).status, 401, value.slice(0, 20));
      browser.set(name, good);
    }
    assert.equal((await open("/app/", SCRIPT)).status, 200);
  });

  test("in several cookies is none without one of them, and is one with all", async (t) => {
    const { open, logIn, browser, provider, seen } = await stage(t);
    provider.claims = { roles: Array.from({ length: 600 }, (_, index) => `role-${index}`) };
    await logIn();
    const name = sessionName(browser);
    const chunks = browser.names().filter((each) => each.startsWith(name));
    assert.ok(chunks.length >= 2, chunks.join());
    assert.equal((await open("/app/", SCRIPT)).status, 200);
    assert.equal(seen()?.headers.get("cookie"), null);
    for (const chunk of chunks) {
      const copy = browser.copy();
      copy.remove(chunk);
      assert.equal((await open("/app/", SCRIPT, copy)).status, 401, chunk);
    }
  });

  test("that somebody has planted in a browser is not the one after the login", async (t) => {
    const { open, logIn, provider, seen } = await stage(t);
    const mallory = new Browser();
    provider.claims = { sub: "mallory" };
    await logIn("/app/", mallory);
    const alice = mallory.copy();
    provider.claims = { sub: "alice" };
    // She is mallory until she logs in by herself.
    alice.remove(sessionName(alice));
    await logIn("/app/", alice);
    await open("/app/", NAVIGATION, alice);
    assert.equal(seen()?.headers.get("x-user"), "alice");
    await open("/app/", NAVIGATION, mallory);
    assert.equal(seen()?.headers.get("x-user"), "mallory");
  });

  test("gets new tokens by one request, and the browser the cookie that goes with them", async (t) => {
    const { proxy, open, logIn, browser, provider, seen } = await stage(t, configFor({ forward_access_token: true }));
    await logIn();
    await open("/app/");
    assert.equal(seen()?.headers.get("authorization"), "Bearer access-0");
    const before = browser.get(sessionName(browser));
    await proxy.advance(280_000);
    const responses = await Promise.all([1, 2, 3, 4].map((page) => open(`/app/${page}`, { ...SCRIPT, authorization: "Basic abc" })));
    assert.deepEqual(
      responses.map(({ status }) => status),
      [200, 200, 200, 200],
    );
    assert.equal(provider.count("/token"), 2);
    for (const { headers } of responses.filter((each) => each.headers.has("set-cookie")))
      assert.equal(headers.get("cache-control"), "no-store");
    assert.notEqual(browser.get(sessionName(browser)), before);
    await open("/app/");
    assert.equal(seen()?.headers.get("authorization"), "Bearer access-1");
  });

  test("of a user whom the provider has locked out ends at the next refresh", async (t) => {
    const { proxy, open, logIn, provider } = await stage(t);
    await logIn();
    provider.refreshToken = null;
    await proxy.advance(340_000);
    assert.equal((await open("/app/", SCRIPT)).status, 401);
  });

  test("ends after its time", async (t) => {
    const { proxy, open, logIn } = await stage(t, configFor({ session: { keys: [KEY], max_age: "1m" } }));
    await logIn();
    await proxy.advance(59_000);
    assert.equal((await open("/app/", SCRIPT)).status, 200);
    await proxy.advance(1_000);
    assert.equal((await open("/app/", SCRIPT)).status, 401);
  });

  test("lasts over a change of the key, and not over its loss", async (t) => {
    const { proxy, open, logIn } = await stage(t);
    await logIn();
    const other = "the second key of the sessions, which is long enough";
    await proxy.reload(configFor({ session: { keys: [other, KEY] } }));
    assert.equal((await open("/app/", SCRIPT)).status, 200);
    await proxy.reload(configFor({ session: { keys: [other] } }));
    assert.equal((await open("/app/", SCRIPT)).status, 401);
  });

  test("is one for all routes with the same login, and none for another client", async (t) => {
    const login = (oidc: object): object => ({ oidc: { ...OIDC, ...oidc } });
    const paths = { redirect_path: "/b/callback", login_path: "/b/login", logout_path: "/b/logout", back_channel_logout_path: "/b/out" };
    const config = {
      routes: [
        { match: { path: "/app/*" }, upstream: "app", authentication: login({}) },
        { match: { path: "/more/*" }, upstream: "app", authentication: login({ claims: { user: "name" } }) },
        { match: { path: "/other/*" }, upstream: "app", authentication: login({ client_id: "b", ...paths }) },
      ],
    } as TestConfig;
    const { open, logIn, provider } = await stage(t, config);
    await logIn();
    assert.equal((await open("/more/")).status, 200);
    const sent = await open("/other/");
    assert.equal(new URL(locationOf(sent)).searchParams.get("client_id"), "b");
    assert.equal(provider.count("/.well-known/openid-configuration"), 2);
  });
});

describe("the provider's answer", () => {
  test("is good once, and only in the browser that has begun the login", async (t) => {
    const { open, provider, browser, seen } = await stage(t);
    const answer = provider.answerTo(locationOf(await open("/app/"))).toString();
    const stolen = await open(`/oauth2/callback?${answer}`, NAVIGATION, new Browser());
    assert.deepEqual([stolen.status, stolen.headers.getSetCookie()], [400, []]);
    const kept = browser.copy();
    assert.equal((await open(`/oauth2/callback?${answer}`)).status, 303);
    assert.equal((await open(`/oauth2/callback?${answer}`)).status, 400);
    assert.equal((await open(`/oauth2/callback?${answer}`, NAVIGATION, kept)).status, 400);
    assert.equal(seen(), undefined);
  });

  test("is taken by no other method, and says why the user was refused", async (t) => {
    const { open, provider, proxy } = await stage(t);
    const state = provider.answerTo(locationOf(await open("/app/"))).get("state") ?? "";
    const query = new URLSearchParams({ state, iss: ISSUER, error: "access_denied", error_description: "<b>Not you</b>" });
    const posted = await open("/oauth2/callback", NAVIGATION, undefined, { method: "POST", body: query.toString() });
    assert.equal(posted.status, 400);
    const refused = await open(`/oauth2/callback?${query.toString()}`);
    assert.deepEqual([refused.status, refused.headers.get("content-type")], [403, "text/plain; charset=utf-8"]);
    assert.match(await refused.text(), /The login was refused: <b>Not you<\/b>/);
    assert.deepEqual(outcomes(proxy), ["login_needed", "login_expired", "login_refused"]);
  });

  test("that cannot be trusted is refused, and the log says why once a minute", async (t) => {
    const { logIn, provider, proxy } = await stage(t);
    provider.signed = "by another key";
    assert.equal((await logIn()).status, 502);
    assert.equal((await logIn()).status, 502);
    const told = proxy.log.filter(({ event }) => event === "login_failed");
    assert.equal(told.length, 1);
    assert.match(String(told[0]?.["message"]), /^a login at https:\/\/id\.example has failed: login_invalid: /);
    assert.doesNotMatch(JSON.stringify(proxy.log), new RegExp(SECRET));
  });
});

describe("a provider", () => {
  test("that is down keeps strangers out for a moment, and sessions in", async (t) => {
    const { proxy, open, logIn, provider } = await stage(t);
    await logIn();
    provider.instead = () => new Response("down", { status: 503 });
    const other = await stage(t);
    other.provider.instead = () => new Response("down", { status: 503 });
    const stranger = await other.open("/app/");
    assert.deepEqual([stranger.status, stranger.headers.get("retry-after")], [503, "1"]);
    assert.equal((await other.open("/app/", SCRIPT)).status, 401);
    assert.equal(other.proxy.log.filter(({ event }) => event === "login_unavailable").length, 1);
    await proxy.advance(3_600_000);
    assert.equal((await open("/app/")).status, 200);
    const told = proxy.log.filter(({ event }) => event === "login_unavailable");
    assert.match(String(told[0]?.["message"]), /gives sessions no new tokens, so they go on with the old ones: .*503/);
    assert.equal(told.length, 1);
  });

  test("that never answers costs a login nine seconds", async (t) => {
    const { proxy, open, provider } = await stage(t);
    provider.instead = () => new Promise(() => {});
    const pending = open("/app/");
    for (let turn = 0; provider.asked.length === 0 && turn < TURNS_MAX; turn++) await new Promise(setImmediate);
    await proxy.advance(9_100);
    const { status, headers } = await pending;
    assert.deepEqual([status, headers.get("retry-after")], [503, "5"]);
    assert.deepEqual(outcomes(proxy), ["login_unavailable"]);
  });

  test("that redirects, or answers without end, is not followed", async (t) => {
    const { open, provider } = await stage(t);
    provider.instead = () => Response.redirect("https://evil.example/", 302);
    assert.equal((await open("/app/")).status, 503);
    const { open: ask, provider: endless } = await stage(t);
    endless.instead = () => new Response("x".repeat(600 * 1024));
    assert.equal((await ask("/app/")).status, 503);
  });
});

test("a provider that names addresses without TLS is not asked there", async (t) => {
  const { open, provider, proxy } = await stage(t);
  const plain: string[] = [];
  proxy.serve("http://id.example", (request) => {
    plain.push(request.url);
    return Response.json({ keys: [] });
  });
  const token = await provider.logoutToken();
  provider.metadata = { jwks_uri: "http://id.example/keys", token_endpoint: "http://id.example/token" };
  const body = new URLSearchParams({ logout_token: token }).toString();
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const told = await open("/oauth2/back-channel-logout", headers, new Browser(), { method: "POST", body });
  assert.equal(told.status, 503);
  const answer = provider.answerTo(locationOf(await open("/app/"))).toString();
  assert.ok((await open(`/oauth2/callback?${answer}`)).status >= 500);
  assert.deepEqual(plain, []);
});

describe("the paths of a login", () => {
  test("lead nobody past a guard, in no spelling", async (t) => {
    const { open, logIn, seen, proxy, browser } = await stage(t);
    await logIn();
    const spellings = [
      "/oauth2/%63allback",
      "/oauth2/./callback",
      "//oauth2/callback",
      "/oauth2//callback",
      "/x/../oauth2/callback",
      "/oauth2/callback/",
    ];
    for (const path of [
      ...spellings,
      "/oauth2/callback/x",
      "/oauth2%2fcallback",
      "/oauth2/callback;x",
      "/oauth2/logout/../../secret",
      "/oauth2/callback%00",
    ]) {
      const connection = proxy.connect();
      connection.send(`GET ${path} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\nCookie: ${browser.header()}\r\n\r\n`);
      await connection.untilSent();
      await proxy.advance(0);
    }
    assert.equal(seen(), undefined);
    for (const path of spellings) assert.ok([303, 400, 404].includes((await open(path)).status), path);
    assert.equal(seen(), undefined);
  });

  test("are the route's on its hosts alone", async (t) => {
    const config = {
      routes: [
        { match: { host: "a.test", path: "/app/*" }, upstream: "app", authentication: { oidc: OIDC } },
        { match: { host: "b.test" }, upstream: "app" },
      ],
    };
    const { proxy } = await stage(t, config);
    assert.equal((await proxy.fetch("http://a.test/oauth2/callback")).status, 400);
    assert.equal((await proxy.fetch("http://a.test/other")).status, 404);
    assert.equal((await proxy.fetch("http://b.test/oauth2/callback")).status, 200);
  });
});

describe("a logout", () => {
  test("ends the session here and leads to the provider's", async (t) => {
    const { open, logIn, browser } = await stage(t, configFor({ post_logout_path: "/open/bye" }));
    await logIn();
    const copy = browser.copy();
    const out = await open("/oauth2/logout", { ...NAVIGATION, "sec-fetch-site": "same-origin" }, browser, { method: "POST" });
    const asked = new URL(locationOf(out));
    assert.equal(asked.origin + asked.pathname, `${ISSUER}/logout`);
    assert.equal(asked.searchParams.get("post_logout_redirect_uri"), "http://app.test/open/bye");
    assert.equal((await open("/app/", SCRIPT)).status, 401);
    assert.equal((await open("/app/", SCRIPT, copy)).status, 401);
  });

  test("is asked for by no other site's page", async (t) => {
    const { open, logIn } = await stage(t);
    await logIn();
    const foreign = { ...NAVIGATION, "sec-fetch-site": "cross-site" };
    assert.equal((await open("/oauth2/logout", foreign, undefined, { method: "POST" })).status, 403);
    const asked = await open("/oauth2/logout", foreign);
    assert.equal(asked.status, 200);
    assert.match(await asked.text(), /<form method="post" action="\/oauth2\/logout">/);
    assert.match(asked.headers.get("content-security-policy") ?? "", /frame-ancestors 'none'/);
    assert.equal((await open("/app/", SCRIPT)).status, 200);
  });

  const FORM = { "content-type": "application/x-www-form-urlencoded" };

  test("at the provider ends the sessions of before, once", async (t) => {
    const { open, logIn, provider, proxy } = await stage(t);
    await logIn();
    const body = new URLSearchParams({ logout_token: await provider.logoutToken() }).toString();
    const told = await open("/oauth2/back-channel-logout", FORM, new Browser(), { method: "POST", body });
    assert.deepEqual([told.status, await told.text()], [200, ""]);
    assert.equal((await open("/app/", SCRIPT)).status, 401);
    await proxy.advance(1_000);
    await logIn();
    const again = await open("/oauth2/back-channel-logout", FORM, new Browser(), { method: "POST", body });
    assert.equal(again.status, 400);
    const reload = configFor({ claims: { user: "name" } });
    await proxy.reload(reload);
    // What was revoked stays so over a reload.
    assert.equal((await open("/oauth2/back-channel-logout", FORM, new Browser(), { method: "POST", body })).status, 400);
  });

  test("of a user at the provider ends all sessions of before, whatever greatest age comes later, and none that begins then", async (t) => {
    const { open, logIn, provider, proxy, browser } = await stage(t, configFor({ session: { keys: [KEY], max_age: "1h" } }));
    await logIn();
    const before = browser.copy();
    await proxy.advance(1_000);
    const body = new URLSearchParams({ logout_token: await provider.logoutToken({ sid: undefined }) }).toString();
    assert.equal((await open("/oauth2/back-channel-logout", FORM, new Browser(), { method: "POST", body })).status, 200);
    assert.equal((await open("/app/", SCRIPT, before)).status, 401);
    await proxy.advance(1_000);
    provider.refreshToken = "another";
    await logIn();
    await proxy.reload(configFor({ session: { keys: [KEY], max_age: "720h" } }));
    await proxy.advance(2 * 3_600_000);
    assert.equal((await open("/app/", SCRIPT, before)).status, 401);
    assert.equal((await open("/app/", SCRIPT)).status, 200);
  });

  test("that somebody makes up ends nothing, however large", async (t) => {
    const { open, logIn, provider, proxy } = await stage(t);
    await logIn();
    const bodies = ["", "logout_token=", "logout_token=a.b.c", `logout_token=${"a".repeat(100_000)}`, "logout_token=a&logout_token=b"];
    provider.signed = "by another key";
    bodies.push(new URLSearchParams({ logout_token: await provider.logoutToken() }).toString());
    for (const body of bodies) {
      const response = await open("/oauth2/back-channel-logout", FORM, new Browser(), { method: "POST", body });
      assert.equal(response.status, 400, body.slice(0, 30));
    }
    assert.equal((await open("/oauth2/back-channel-logout", FORM, new Browser())).status, 400);
    assert.equal((await open("/app/", SCRIPT)).status, 200);
    assert.equal(proxy.log.filter(({ event }) => event === "logout_token_refused").length, 1);
  });
});
