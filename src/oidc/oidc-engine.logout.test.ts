/** Logouts, at both sides. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Browser } from "./cookies/browser.fixture.ts";
import { CLIENT, ISSUER } from "./fake-provider.fixture.ts";
import { FORM, NAVIGATION, ORIGIN, Visit } from "./visit.fixture.ts";

async function visitWithSession(options: ConstructorParameters<typeof Visit>[0] = {}): Promise<Visit> {
  const visit = new Visit(options);
  await visit.login();
  await visit.session();
  return visit;
}

describe("a user who logs out", () => {
  test("is logged out here, at the provider, and wherever the cookie was copied to", async () => {
    const visit = await visitWithSession({ postLogoutPath: "/bye" });
    const { session } = await visit.session();
    const copy = visit.browser.copy();
    const answer = await visit.logout();
    assert.equal(answer.kind, "redirect");
    const there = new URL(answer.location);
    assert.equal(there.origin + there.pathname, `${ISSUER}/logout`);
    assert.deepEqual(Object.fromEntries(there.searchParams), {
      client_id: CLIENT,
      id_token_hint: session.idToken,
      post_logout_redirect_uri: `${ORIGIN}/bye`,
    });
    assert.deepEqual(
      visit.browser.names().filter((name) => name.endsWith("-session")),
      [],
    );
    assert.equal((await visit.check("/", {}, copy)).kind, "login");
    // The same user may log in again.
    await visit.login();
    await visit.session();
  });

  test("comes home at once where the provider has no logout, is down, or nobody was logged in", async () => {
    const without = new Visit();
    without.provider.metadata = { end_session_endpoint: undefined };
    await without.login();
    assert.deepEqual(await without.logout().then((answer) => answer.kind === "redirect" && answer.location), `${ORIGIN}/`);
    const visit = await visitWithSession();
    visit.engine = visit.another();
    visit.provider.instead = (): Response => new Response("", { status: 500 });
    assert.deepEqual(await visit.logout().then((answer) => answer.kind === "redirect" && answer.location), `${ORIGIN}/`);
    assert.deepEqual(await visit.logout().then((answer) => answer.kind === "redirect" && answer.location), `${ORIGIN}/`);
  });

  test("is not logged out by another site's page", async () => {
    const visit = await visitWithSession();
    const forged = [
      { method: "POST", secFetchSite: "cross-site" },
      { method: "POST", secFetchSite: "same-site" },
      { method: "POST", secFetchSite: null, originField: "https://evil.example" },
      { method: "POST", secFetchSite: null, originField: "null" },
      { method: "GET", secFetchSite: "cross-site" },
      { method: "GET", secFetchSite: "same-site" },
      { method: "GET", secFetchSite: null, secFetchMode: null },
      // A picture in a page of our own that somebody else has written.
      { method: "GET", secFetchSite: "same-origin", secFetchMode: "no-cors", accept: "image/*" },
    ];
    for (const request of forged) {
      const answer = await visit.logout(request);
      assert.equal(answer.kind, request.method === "POST" ? "refused" : "confirm", JSON.stringify(request));
    }
    await visit.session();
    for (const request of [
      { method: "GET", secFetchSite: "none" },
      { method: "GET", secFetchSite: "same-origin" },
      { method: "POST", secFetchSite: null, originField: ORIGIN },
      { method: "POST", secFetchSite: null },
    ]) {
      const own = await visitWithSession();
      assert.equal((await own.logout(request)).kind, "redirect", JSON.stringify(request));
      assert.equal((await own.check()).kind, "login");
    }
  });
});

describe("a logout token", () => {
  test("ends the session that it names, on all threads, and no other", async () => {
    const visit = await visitWithSession();
    visit.provider.claims = { sid: "sid-2" };
    const other = visit.browser.copy();
    for (const name of other.names()) other.remove(name);
    await visit.login("/", other);
    assert.equal((await visit.backChannel(await visit.provider.logoutToken())).kind, "revoked");
    const thread = visit.another();
    assert.equal((await thread.check({ ...NAVIGATION, cookie: visit.browser.header(), secFetchMode: "cors" })).kind, "unauthorized");
    assert.equal((await visit.check()).kind, "login");
    await visit.session(other);
  });

  test("ends all sessions of a user, and none that begins later", async () => {
    const visit = await visitWithSession();
    const token = await visit.provider.logoutToken({ sid: undefined });
    assert.equal((await visit.backChannel(token)).kind, "revoked");
    assert.equal((await visit.check()).kind, "login");
    visit.nowMs += 1;
    await visit.login();
    await visit.session();
  });

  test("ends a session whose login or refresh is under way", async () => {
    const visit = new Visit();
    const query = visit.provider.answerTo(await visit.begin());
    assert.equal((await visit.backChannel(await visit.provider.logoutToken())).kind, "revoked");
    visit.nowMs += 1_000;
    assert.equal((await visit.callback(query)).kind, "redirect");
    assert.equal((await visit.check()).kind, "login");

    const second = await visitWithSession();
    second.nowMs += 240_000;
    const [asked, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    second.provider.instead = (path): Promise<Response> | null => {
      if (path !== "/token") return null;
      asked.resolve();
      return go.promise.then(() => Response.json({ access_token: "a", token_type: "bearer", expires_in: 300, refresh_token: "r" }));
    };
    const check = second.check("/", { secFetchMode: "cors" });
    await asked.promise;
    await second.backChannel(await second.provider.logoutToken());
    go.resolve();
    assert.equal((await check).kind, "unauthorized");
  });

  test("is good once", async () => {
    const visit = await visitWithSession();
    const token = await visit.provider.logoutToken();
    assert.equal((await visit.backChannel(token)).kind, "revoked");
    assert.deepEqual(await visit.backChannel(token), { kind: "refused", reason: "this logout_token came before" });
  });

  test("is refused when anything is wrong with it", async () => {
    const visit = await visitWithSession();
    const { provider } = visit;
    const second = Math.floor(visit.nowMs / 1_000);
    const events = { "http://schemas.openid.net/event/backchannel-logout": {} };
    const tokens: readonly (readonly [what: string, token: Promise<string> | string])[] = [
      ["another issuer", provider.logoutToken({ iss: "https://evil.example" })],
      ["another audience", provider.logoutToken({ aud: "another" })],
      ["no audience", provider.logoutToken({ aud: undefined })],
      ["no time", provider.logoutToken({ iat: undefined })],
      ["old", provider.logoutToken({ iat: second - 400, exp: undefined })],
      ["over", provider.logoutToken({ exp: second - 60 })],
      ["of tomorrow", provider.logoutToken({ iat: second + 86_400, exp: second + 90_000 })],
      ["no jti", provider.logoutToken({ jti: undefined })],
      ["no events", provider.logoutToken({ events: undefined })],
      ["other events", provider.logoutToken({ events: { other: {} } })],
      ["an event that is none", provider.logoutToken({ events: { [Object.keys(events)[0] ?? ""]: "yes" } })],
      ["a nonce", provider.logoutToken({ nonce: "n" })],
      ["nobody", provider.logoutToken({ sid: undefined, sub: undefined })],
      ["a user that is no text", provider.logoutToken({ sub: { a: 1 } })],
      ["a session that is empty", provider.logoutToken({ sid: "" })],
      ["another type", provider.logoutToken({}, { typ: "at+jwt" })],
      ["too long", "a".repeat(20_000)],
      ["no token", "a.b.c"],
    ];
    for (const [what, token] of tokens) assert.equal((await visit.backChannel(await token)).kind, "refused", what);
    for (const signed of ["not at all", "by another key", "with another algorithm", "with the client's secret"] as const) {
      provider.signed = signed;
      assert.equal((await visit.backChannel(await provider.logoutToken())).kind, "refused", signed);
    }
    await visit.session();
    provider.signed = "properly";
    assert.equal((await visit.backChannel(await provider.logoutToken({}, {}))).kind, "revoked");
  });

  test("comes in a form, once", async () => {
    const visit = await visitWithSession();
    const form = new URLSearchParams({ logout_token: await visit.provider.logoutToken() }).toString();
    for (const [type, body] of [
      [null, form],
      ["application/json", form],
      [FORM, ""],
      [FORM, `${form}&${form}`],
    ] as const) {
      assert.equal((await visit.engine.backChannel(type, body)).kind, "refused", `${type}: ${body.slice(0, 20)}`);
    }
    assert.equal((await visit.engine.backChannel(`${FORM}; charset=UTF-8`, form)).kind, "revoked");
  });

  test("of whoever makes one up does not make the provider busy", async () => {
    const visit = await visitWithSession();
    visit.provider.asked.length = 0;
    for (let token = 0; token < 50; token++) {
      assert.equal((await visit.backChannel(await visit.provider.logoutToken({}, { kid: `made up ${token}` }))).kind, "refused");
    }
    assert.equal(visit.provider.asked.length, 1);
    visit.engine = visit.another();
    await visit.begin("/", new Browser());
    visit.provider.asked.length = 0;
    visit.provider.instead = (): Response => new Response("", { status: 500 });
    for (let token = 0; token < 50; token++) {
      assert.equal((await visit.backChannel(await visit.provider.logoutToken())).kind, "unavailable");
    }
    assert.equal(visit.provider.asked.length, 1);
  });
});

test("revocations that cannot be asked admit nobody", async () => {
  const visit = await visitWithSession();
  const failing = visit.another(
    {},
    { revocations: { revoke: (): void => {}, revoked: () => Promise.reject(new Error("the store is down")) } },
  );
  await assert.rejects(async () => failing.check({ ...NAVIGATION, cookie: visit.browser.header() }), /the store is down/);
});
