/** Logins in memory: what browsers and providers may send that they should not. The ordinary, against a real provider, is in `test/logins.test.ts`. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { otherCookies } from "./cookies/request-cookies.ts";
import { CLIENT, ISSUER } from "./fake-provider.fixture.ts";
import { OidcEngine } from "./oidc-engine.ts";
import { sharedByTwo } from "./session/session-state.fixture.ts";
import { NAVIGATION, OPTIONS, ORIGIN, Visit, failure } from "./visit.fixture.ts";

describe("a request without a session", () => {
  test("is sent to the provider with state, nonce and PKCE, other ones each time", async () => {
    const visit = new Visit({ authorizationParameters: { audience: "api", state: "fixed", code_challenge_method: "plain" } });
    const [first, second] = [await visit.begin("/a"), await visit.begin("/a")].map((location) => new URL(location));
    assert.equal(first?.origin, ISSUER);
    const asked = Object.fromEntries(first.searchParams);
    const { state, nonce, code_challenge, ...fixed } = asked;
    assert.deepEqual(fixed, {
      audience: "api",
      client_id: CLIENT,
      code_challenge_method: "S256",
      redirect_uri: `${ORIGIN}/callback`,
      response_type: "code",
      scope: "openid profile",
    });
    for (const [name, value] of Object.entries({ state, nonce, code_challenge })) {
      assert.match(value ?? "", /^[\w-]{43}$/, name);
      assert.notEqual(value, second?.searchParams.get(name), name);
    }
  });

  test("is refused and not redirected where a script asks", async () => {
    const visit = new Visit();
    const scripts = [
      { secFetchMode: "cors" },
      { secFetchMode: "no-cors" },
      { secFetchMode: null, accept: "application/json" },
      { secFetchMode: null, accept: null },
      { requestedWith: "XMLHttpRequest" },
      { secFetchMode: "cors", accept: "text/html" },
    ];
    for (const script of scripts) assert.equal((await visit.check("/", script)).kind, "unauthorized", JSON.stringify(script));
    assert.deepEqual(visit.provider.asked, []);
    assert.equal((await visit.check("/", { secFetchMode: null })).kind, "login");
  });

  test("comes back to where it was, and nowhere else", async () => {
    const visit = new Visit();
    const targets: readonly (readonly [target: string, location: string])[] = [
      ["/a?b=c", "/a?b=c"],
      ["//evil.example/", "/"],
      ["/\\evil.example", "/"],
      ["https://evil.example/", "/"],
      ["/\r\nSet-Cookie:a=b", "/"],
      ["/callback?code=1", "/"],
      ["/.//evil.example", "/.//evil.example"],
    ];
    for (const [target, location] of targets) {
      // Several logins in a row would be a loop.
      visit.nowMs += 60_000;
      assert.equal(await visit.login(target), ORIGIN + location);
      assert.equal((await visit.logout()).kind, "redirect");
    }
    visit.nowMs += 60_000;
    const post = await visit.check("/order", { method: "POST" });
    assert.equal(post.kind, "login");
    const answer = await visit.callback(visit.provider.answerTo(post.location));
    assert.equal(answer.kind === "redirect" && answer.location, `${ORIGIN}/`);
  });

  test("is not sent away for a host that is none", async () => {
    for (const origin of ["", "app.example", "https://", "https://app.example/a", "https://user@app.example", "ftp://app.example"]) {
      assert.equal(failure(await new Visit().check("/", { origin })).status, 400, origin);
    }
    const visit = new Visit();
    await visit.login();
    const withSession = { ...NAVIGATION, cookie: visit.browser.header(), origin: "https://" };
    assert.equal(failure(await visit.engine.login(withSession)).status, 400);
  });
});

describe("the provider's answer", () => {
  test("is taken once, in the browser that began the login, for the origin where it began", async () => {
    const visit = new Visit();
    const answer = visit.provider.answerTo(await visit.begin("/a"));
    const stranger = new Visit();
    assert.equal(failure(await visit.callback(answer, {}, stranger.browser)).code, "login_expired");
    assert.equal(failure(await visit.callback(answer, { origin: "https://other.example" })).code, "login_expired");
    assert.equal(failure(await visit.callback(answer, { method: "POST" })).code, "login_expired");
    assert.equal(visit.provider.count("/token"), 0);
    assert.equal((await visit.callback(answer)).kind, "redirect");
    assert.equal(failure(await visit.callback(answer)).code, "login_expired");
    assert.equal(visit.provider.count("/token"), 1);
  });

  test("is worth nothing after ten minutes", async () => {
    const visit = new Visit();
    const answer = visit.provider.answerTo(await visit.begin());
    visit.nowMs += 600_000;
    assert.equal(failure(await visit.callback(answer)).code, "login_expired");
  });

  test("must bring state and issuer, once each", async () => {
    const changes: readonly (readonly [code: string, change: (query: URLSearchParams) => void])[] = [
      ["login_expired", (query): void => query.delete("state")],
      ["login_expired", (query): void => query.set("state", "another")],
      ["login_expired", (query): void => query.append("state", "another")],
      ["login_invalid", (query): void => query.delete("iss")],
      ["login_invalid", (query): void => query.set("iss", "https://evil.example")],
      ["login_invalid", (query): void => query.append("iss", ISSUER)],
      ["login_invalid", (query): void => query.delete("code")],
      ["login_invalid", (query): void => query.append("code", "another")],
      ["login_invalid", (query): void => query.set("response", "a.b.c")],
      ["login_invalid", (query): void => query.set("id_token", "a.b.c")],
    ];
    for (const [code, change] of changes) {
      const visit = new Visit();
      const query = visit.provider.answerTo(await visit.begin());
      change(query);
      assert.equal(failure(await visit.callback(query)).code, code, String(change));
      assert.equal(visit.provider.count("/token"), 0, String(change));
      assert.equal((await visit.check()).kind, "login");
    }
  });

  test("that says no is shown as one line of text, to the browser that asked", async () => {
    const visit = new Visit();
    const { state } = Object.fromEntries(new URL(await visit.begin()).searchParams);
    const description = `<script>alert(1)</script>\u0000\r\n\u202e${"x".repeat(1_000)}`;
    const refused = new URLSearchParams({ error: "access_denied", error_description: description, state: state ?? "", iss: ISSUER });
    const stranger = await visit.callback(refused, {}, new Visit().browser);
    assert.equal(stranger.kind === "failed" && stranger.failure.text.includes("script"), false);
    const answer = await visit.callback(refused);
    assert.deepEqual([failure(answer).code, failure(answer).status], ["login_refused", 403]);
    const text = answer.kind === "failed" ? answer.failure.text : "";
    assert.match(text, /^The login was refused: <script>alert\(1\)<\/script> x+\.\.\.$/);
    assert.ok(text.length < 400);
  });

  test("that the provider is overloaded is no refusal", async () => {
    const visit = new Visit();
    const { state } = Object.fromEntries(new URL(await visit.begin()).searchParams);
    const query = new URLSearchParams({ error: "temporarily_unavailable", state: state ?? "", iss: ISSUER });
    assert.equal((await visit.callback(query)).kind, "unavailable");
  });
});

describe("an ID token", () => {
  const second = (): number => Math.floor(Date.now() / 1_000);
  const hostile: readonly (readonly [what: string, change: (visit: Visit) => void])[] = [
    ["of another issuer", ({ provider }): void => void (provider.claims = { iss: "https://evil.example" })],
    ["for another client", ({ provider }): void => void (provider.claims = { aud: "another" })],
    ["for several clients, of another", ({ provider }): void => void (provider.claims = { aud: [CLIENT, "another"], azp: "another" })],
    ["of another login", ({ provider }): void => void (provider.claims = { nonce: "another" })],
    ["of no login", ({ provider }): void => void (provider.claims = { nonce: undefined })],
    ["that is over", ({ provider }): void => void (provider.claims = { exp: second() - 60 })],
    [
      "of tomorrow",
      ({ provider }): void => void (provider.claims = { iat: second() + 86_400, exp: second() + 90_000, nbf: second() + 86_400 }),
    ],
    ["without a user", ({ provider }): void => void (provider.claims = { sub: undefined })],
    ["that nobody signed", ({ provider }): void => void (provider.signed = "not at all")],
    ["that somebody else signed", ({ provider }): void => void (provider.signed = "by another key")],
    ["signed with another algorithm", ({ provider }): void => void (provider.signed = "with another algorithm")],
    ["signed with the client's secret", ({ provider }): void => void (provider.signed = "with the client's secret")],
    ["of a key that does not exist", ({ provider }): void => void (provider.header = { kid: "none" })],
    ["that is missing", ({ provider }): void => void (provider.tokens = { id_token: undefined })],
    ["that is none", ({ provider }): void => void (provider.tokens = { id_token: "a.b.c" })],
  ];
  for (const [what, change] of hostile) {
    test(`${what} makes no session`, async () => {
      const visit = new Visit();
      change(visit);
      const answer = await visit.callback(visit.provider.answerTo(await visit.begin()));
      assert.deepEqual([failure(answer).code, failure(answer).status], ["login_invalid", 502]);
      assert.equal((await visit.check()).kind, "login");
    });
  }

  test("may be of a clock that is wrong by less than the tolerance", async () => {
    for (const [skewSeconds, kind] of [
      [-25, "redirect"],
      [25, "redirect"],
      [-45, "failed"],
    ] as const) {
      const visit = new Visit();
      const at = second() + skewSeconds;
      visit.provider.claims = { iat: at, nbf: at, exp: at + (skewSeconds < 0 ? 1 : 300) };
      assert.equal((await visit.callback(visit.provider.answerTo(await visit.begin()))).kind, kind, String(skewSeconds));
    }
  });

  test("says who it is, and user info only what it does not", async () => {
    const visit = new Visit({ userInfo: true });
    visit.provider.claims = { roles: ["admin"] };
    visit.provider.userInfo = { sub: "alice", nickname: "al", roles: ["none"] };
    await visit.login();
    const { session } = await visit.session();
    assert.equal(session.subject, "alice");
    assert.deepEqual(session.claims, { sub: "alice", iss: ISSUER, sid: "sid-1", roles: ["admin"], nickname: "al" });
    const other = new Visit({ userInfo: true });
    other.provider.userInfo = { sub: "mallory" };
    assert.equal(failure(await other.callback(other.provider.answerTo(await other.begin()))).code, "login_invalid");
  });

  test("gives way where a session is too large, and a session beyond four cookies is none", async () => {
    const visit = new Visit();
    visit.provider.claims = { groups: "g".repeat(6_000) };
    await visit.login();
    assert.equal((await visit.session()).session.idToken, null);
    const larger = new Visit();
    larger.provider.claims = { groups: "g".repeat(12_000) };
    const answer = await larger.callback(larger.provider.answerTo(await larger.begin()));
    assert.equal(failure(answer).code, "session_too_large");
  });
});

describe("a session", () => {
  test("is another one after each login, whatever the browser had before", async () => {
    const visit = new Visit();
    await visit.login();
    const { session: first } = await visit.session();
    const planted = visit.browser.copy();
    visit.browser.remove(visit.browser.names().find((name) => name.endsWith("-session")) ?? "");
    await visit.login();
    const { session: second } = await visit.session();
    assert.notEqual(first.id, second.id);
    // Somebody logs in over a session that another has planted: it is gone from the browser.
    visit.nowMs += 8 * 3_600_000;
    await visit.login("/", planted);
    assert.ok(![first.id, second.id].includes((await visit.session(planted)).session.id));
  });

  test("ends after its time, also for an engine that has it at hand", async () => {
    const visit = new Visit({ sessionMaxAgeMs: 60_000 });
    await visit.login();
    visit.nowMs += 59_999;
    await visit.session();
    visit.nowMs += 1;
    assert.equal((await visit.check()).kind, "login");
  });

  test("is none for another client, issuer or key, which have their own beside it", async () => {
    const visit = new Visit();
    await visit.login();
    const cookie = visit.browser.header();
    const [name = ""] = visit.browser.names().filter((one) => one.endsWith("-session"));
    const value = visit.browser.get(name);
    for (const options of [{ clientId: "other" }, { issuer: "https://id.example/other" }, { keys: [Buffer.alloc(32, 8)] }]) {
      const engine = visit.another(options);
      visit.engine = engine;
      assert.notEqual((await visit.check("/", { cookie, secFetchMode: "cors" })).kind, "session", JSON.stringify(options));
      // Also under the name that the other one's cookies have.
      const begun = await engine.check({ ...NAVIGATION, cookie: "" });
      assert.ok(begun.kind === "login" || begun.kind === "unavailable");
      const own = begun.kind === "login" ? (/^([\w-]+)-login-/.exec(begun.setCookies[0] ?? "")?.[1] ?? "") : name.replace(/-session$/, "");
      const swapped = `${own}-session=${value}`;
      assert.equal((await visit.check("/", { cookie: swapped, secFetchMode: "cors" })).kind, "unauthorized", JSON.stringify(options));
    }
    visit.engine = visit.another({ keys: [Buffer.alloc(32, 8), ...OPTIONS.keys] });
    assert.equal((await visit.check("/", { cookie })).kind, "session");
  });

  test("is no login's cookie, and no login is a session's", async () => {
    const visit = new Visit();
    const location = await visit.begin();
    const [login = ""] = visit.browser.names();
    const state = new URL(location).searchParams.get("state") ?? "";
    const session = login.replace(/-login-.*/, "-session");
    const swapped = `${session}=${visit.browser.get(login)}`;
    assert.equal((await visit.check("/", { cookie: swapped })).kind, "login");
    await visit.callback(visit.provider.answerTo(location));
    const cookie = `${login}=${visit.browser.get(session)}`;
    assert.equal(failure(await visit.callback(new URLSearchParams({ state, code: "1", iss: ISSUER }), { cookie })).code, "login_expired");
  });

  test("of HTTPS is none on plain HTTP, also for an engine that has it at hand", async () => {
    const visit = new Visit();
    await visit.login();
    await visit.session();
    const plain = visit.browser.header().replaceAll("__Host-", "");
    assert.equal((await visit.check("/", { cookie: plain, origin: ORIGIN.replace("https:", "http:") })).kind, "login");
  });

  test("does not reach origins", async () => {
    const visit = new Visit();
    await visit.begin();
    await visit.login();
    assert.ok(visit.browser.names().length >= 2);
    assert.equal(otherCookies(`a=1; ${visit.browser.header()}; b=2`), "a=1; b=2");
  });
});

describe("logins one after another", () => {
  test("end with an error when none lasts, and begin again a minute later", async () => {
    const visit = new Visit();
    const forget = (): void => visit.browser.remove(visit.browser.names().find((name) => name.endsWith("-session")) ?? "");
    let logins = 0;
    let last = await visit.check();
    while (last.kind === "login" && logins < 20) {
      assert.equal((await visit.callback(visit.provider.answerTo(last.location))).kind, "redirect");
      forget();
      logins++;
      last = await visit.check();
    }
    assert.equal(logins, 4);
    assert.deepEqual([failure(last).code, failure(last).status], ["login_loop", 400]);
    visit.nowMs += 60_000;
    assert.equal((await visit.check()).kind, "login");
  });

  test("are five at once in one browser, and each ends where it began", async () => {
    const visit = new Visit();
    const locations: string[] = [];
    for (let tab = 0; tab < 7; tab++) {
      locations.push(await visit.begin(`/${tab}`));
      visit.nowMs += 1;
    }
    assert.equal(visit.browser.names().length, 5);
    for (const [tab, location] of locations.entries()) {
      const answer = await visit.callback(visit.provider.answerTo(location));
      if (tab < 2) assert.equal(failure(answer).code, "login_expired", String(tab));
      else assert.equal(answer.kind === "redirect" && answer.location, `${ORIGIN}/${tab}`);
    }
  });

  test("beside hundreds of cookies that somebody has made up begin all the same, and are rid of some each time", async () => {
    const visit = new Visit();
    await visit.begin();
    const [own = ""] = visit.browser.names();
    const start = own.slice(0, own.indexOf("-login-"));
    for (let index = 0; index < 300; index++) {
      visit.browser.set(`${start}-login-${index}`, "1.AAAA");
      visit.browser.set(`${start}-session.${index}`, "AAAA");
    }
    const before = visit.browser.lines.length;
    await visit.login();
    assert.ok(visit.browser.lines.length - before < 60, String(visit.browser.lines.length - before));
    await visit.session();
  });
});

test("options that would be unsafe are refused", () => {
  const ports = { fetch, now: Date.now, ...sharedByTwo()[0] };
  const unsafe: readonly (readonly [Partial<typeof OPTIONS>, RegExp])[] = [
    [{ issuer: "http://id.example" }, /https URL/],
    [{ issuer: "http://127.0.0.1.evil.example" }, /https URL/],
    [{ issuer: "id.example" }, /https URL/],
    [{ idTokenAlgorithm: "none" }, /public key/],
    [{ idTokenAlgorithm: "HS256" }, /public key/],
    [{ redirectPath: "//evil.example" }, /local path/],
    [{ redirectPath: "/callback?a" }, /local path/],
    [{ postLogoutPath: "https://evil.example" }, /local path/],
    [{ keys: [] }, /key/],
    [{ keys: [Buffer.alloc(16)] }, /32 bytes/],
  ];
  for (const [options, why] of unsafe) assert.throws(() => new OidcEngine({ ...OPTIONS, ...options }, ports), why, JSON.stringify(options));
  for (const issuer of ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", ISSUER]) {
    assert.ok(new OidcEngine({ ...OPTIONS, issuer }, ports) instanceof OidcEngine);
  }
});
