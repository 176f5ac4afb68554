/**
 * Logins against a real, certified OpenID provider (oidc-provider), over loopback. What no such provider does is tested in memory, in
 * `src/oidc/oidc-engine*.test.ts`.
 */
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { startApplication, type Application } from "./support/oidc/application.ts";
import { Person, type Page } from "./support/oidc/person.ts";
import { startProvider, type LiveProvider } from "./support/oidc/provider.ts";
import type { OidcOptions } from "../src/oidc/oidc-options.ts";
import { sharedByTwo } from "../src/oidc/session/session-state.fixture.ts";

interface Scene {
  readonly app: Application;
  readonly provider: LiveProvider;
  readonly person: Person;
}

/** @param threads how many engines serve requests in turn */
async function scene(t: TestContext, threads = 1, options: Partial<OidcOptions> = {}): Promise<Scene> {
  const app = await startApplication(t);
  const provider = await startProvider(t, app.origin);
  for (let thread = 0; thread < threads; thread++) app.engines.push(app.engine(provider.issuer, options));
  return { app, provider, person: new Person() };
}

async function logIn({ app, person }: Scene, path = "/", name = "alice"): Promise<Page> {
  return person.logIn(await person.get(app.origin + path), name);
}

function sessionCookie(person: Person, app: Application): string {
  const name = [...person.jar(app.origin).keys()].find((one) => one.endsWith("-session"));
  assert.ok(name !== undefined, [...person.jar(app.origin).keys()].join());
  return name;
}

describe("a login", () => {
  test("comes back to the page that was asked, as the user that the provider knows", async (t) => {
    const stage = await scene(t, 2);
    const page = await logIn(stage, "/report?year=2026");
    assert.equal(page.url.href, `${stage.app.origin}/report?year=2026`);
    assert.equal(page.status, 200);
    const claims = JSON.parse(page.text.replaceAll("&#34;", '"')) as Record<string, unknown>;
    assert.deepEqual([claims["sub"], claims["name"], claims["roles"]], ["alice", "ALICE", ["reader"]]);
    // What was needed for the login alone is gone.
    const names = [...stage.person.jar(stage.app.origin).keys()].map((name) => name.replace(/^millrace-[0-9a-f]{8}-/, ""));
    assert.deepEqual(names.toSorted(), ["logins", "session"]);
    const script = await stage.person.get(`${stage.app.origin}/api`, { "sec-fetch-mode": "cors" });
    assert.equal(script.status, 200);
  });

  test("that the user refuses shows why", async (t) => {
    const { app, person } = await scene(t);
    const asked = await person.get(app.origin);
    const page = await person.get(`${asked.url.href}/abort`);
    assert.equal(page.status, 403);
    assert.match(page.text, /^login_refused: The login was refused: End-User aborted interaction/);
    assert.equal((await person.get(app.origin, { "sec-fetch-mode": "cors" })).status, 401);
  });

  test("in each of two tabs ends where that tab began", async (t) => {
    const { app, person, provider } = await scene(t, 2);
    const first = await person.get(`${app.origin}/first`, {}, `${provider.issuer}/auth`);
    const second = await person.get(`${app.origin}/second`);
    assert.equal((await person.logIn(second, "alice")).url.pathname, "/second");
    assert.equal((await person.logIn(await person.get(first.url.href), "alice")).url.pathname, "/first");
  });

  test("cannot be finished in another browser", async (t) => {
    const stage = await scene(t);
    const callback = await stage.person.logIn(await stage.person.get(stage.app.origin), "mallory", `${stage.app.origin}/callback`);
    assert.equal(callback.url.pathname, "/callback");
    // Mallory's link would log Alice in as Mallory.
    const alice = new Person();
    const page = await alice.get(callback.url.href);
    assert.deepEqual([page.status, page.text.split(":")[0]], [400, "login_expired"]);
    // Nor in a browser that has begun a login of its own.
    await alice.get(stage.app.origin);
    assert.equal((await alice.get(callback.url.href)).status, 400);
    assert.equal((await stage.person.get(callback.url.href)).status, 200);
  });

  test("cannot be finished twice, also not with the cookie of the login kept", async (t) => {
    const { app, person, provider } = await scene(t);
    const callback = await person.logIn(await person.get(app.origin), "alice", `${app.origin}/callback`);
    const kept = new Map(person.jar(app.origin));
    assert.equal((await person.get(callback.url.href)).status, 200);
    assert.equal((await person.get(callback.url.href)).status, 400);
    const thief = new Person();
    for (const [name, value] of kept) thief.jar(app.origin).set(name, value);
    const asked = provider.asked.filter((path) => path === "/token").length;
    const page = await thief.get(callback.url.href);
    assert.deepEqual([page.status, page.text.split(":")[0]], [400, "login_expired"]);
    // It was the provider who refused the code.
    assert.equal(provider.asked.filter((path) => path === "/token").length, asked + 1);
    assert.match(app.reasons.at(-1) ?? "", /invalid_grant/);
  });

  test("with a code of another login is refused", async (t) => {
    const { app, person } = await scene(t);
    const other = new Person();
    const stolen = await other.logIn(await other.get(app.origin), "mallory", `${app.origin}/callback`);
    const own = await person.logIn(await person.get(app.origin), "alice", `${app.origin}/callback`);
    own.url.searchParams.set("code", stolen.url.searchParams.get("code") ?? "");
    const page = await person.get(own.url.href);
    assert.equal(page.status, 400);
    // PKCE: the code belongs to another verifier.
    assert.match(app.reasons.at(-1) ?? "", /invalid_grant/);
  });

  test("takes no answer of another issuer", async (t) => {
    const { app, person, provider } = await scene(t);
    const callback = await person.logIn(await person.get(app.origin), "alice", `${app.origin}/callback`);
    assert.equal(callback.url.searchParams.get("iss"), provider.issuer);
    callback.url.searchParams.set("iss", "https://evil.example");
    const page = await person.get(callback.url.href);
    assert.deepEqual([page.status, page.text.split(":")[0]], [502, "login_invalid"]);
    assert.ok(!provider.asked.includes("/token"));
  });
});

describe("a session", () => {
  test("ends after its time, and the next login is another session", async (t) => {
    const stage = await scene(t, 1, { sessionMaxAgeMs: 3_600_000 });
    const { app, person } = stage;
    await logIn(stage);
    const before = person.jar(app.origin).get(sessionCookie(person, app));
    app.aheadMs = 3_600_000;
    assert.equal((await person.get(app.origin, { "sec-fetch-mode": "cors" })).status, 401);
    assert.equal((await logIn(stage)).status, 200);
    assert.notEqual(person.jar(app.origin).get(sessionCookie(person, app)), before);
  });

  test("is none after a change of its cookie, and in the place of another one", async (t) => {
    const stage = await scene(t, 2);
    const { app, person } = stage;
    await logIn(stage);
    const script = { "sec-fetch-mode": "cors" };
    const name = sessionCookie(person, app);
    const value = person.jar(app.origin).get(name) ?? "";
    const middle = Math.floor(value.length / 2);
    for (const tampered of [
      value.slice(0, -1),
      `${value}A`,
      value.slice(0, middle) + (value[middle] === "A" ? "B" : "A") + value.slice(middle + 1),
    ]) {
      person.jar(app.origin).set(name, tampered);
      assert.equal((await person.get(app.origin, script)).status, 401);
    }
    // Of the client's other cookies, none is a session.
    for (const [other, swapped] of person.jar(app.origin)) {
      if (other === name) continue;
      const copy = new Person();
      copy.jar(app.origin).set(name, swapped);
      assert.equal((await copy.get(app.origin, script)).status, 401, other);
    }
    person.jar(app.origin).set(name, value);
    assert.equal((await person.get(app.origin, script)).status, 200);
  });

  test("gets new tokens once, however many threads and requests there are", async (t) => {
    const stage = await scene(t, 2, { keepAccessToken: true });
    const { app, person, provider } = stage;
    await logIn(stage);
    const before = person.jar(app.origin).get(sessionCookie(person, app));
    const tokens = (): number => provider.asked.filter((path) => path === "/token").length;
    assert.equal(tokens(), 1);
    app.aheadMs = 290_000;
    const script = { "sec-fetch-mode": "cors" };
    const pages = await Promise.all(Array.from({ length: 10 }, () => person.get(app.origin, script)));
    assert.deepEqual(new Set(pages.map((page) => page.status)), new Set([200]));
    assert.equal(tokens(), 2);
    assert.notEqual(person.jar(app.origin).get(sessionCookie(person, app)), before);
    // The provider has replaced the refresh token, and takes the new one.
    app.aheadMs += 290_000;
    assert.equal((await person.get(app.origin, script)).status, 200);
    assert.equal(tokens(), 3);
  });

  test("stays good while the provider is down, when nobody logs in, and is refreshed when it is back", async (t) => {
    const stage = await scene(t, 1);
    const { app, person, provider } = stage;
    await logIn(stage);
    await provider.stop();
    app.engines.splice(0, 1, app.engine(provider.issuer));
    app.aheadMs = 400_000;
    assert.equal((await person.get(app.origin)).status, 200);
    const stranger = new Person();
    const page = await stranger.get(app.origin);
    assert.deepEqual([page.status, page.text], [503, "try again later"]);
    assert.match(app.reasons.at(-1) ?? "", /ECONNREFUSED|shortly before/);
    await provider.start();
    app.aheadMs += 31_000;
    const asked = provider.asked.length;
    assert.equal((await person.get(app.origin)).status, 200);
    assert.deepEqual(provider.asked.slice(asked), ["/.well-known/openid-configuration", "/token", "/jwks"]);
    assert.equal((await stranger.logIn(await stranger.get(app.origin), "bob")).status, 200);
  });

  test("that another machine has refreshed is good for a while, and then over", async (t) => {
    const stage = await scene(t, 1);
    const { app, person, provider } = stage;
    await logIn(stage);
    const late = new Person();
    for (const [name, value] of person.jar(app.origin)) late.jar(app.origin).set(name, value);
    app.aheadMs = 290_000;
    assert.equal((await person.get(app.origin)).status, 200);
    // It does not know that its refresh token was replaced, and the provider refuses it.
    app.engines.splice(0, 1, app.engine(provider.issuer, {}, { marks: sharedByTwo()[0].marks }));
    const script = { "sec-fetch-mode": "cors" };
    assert.equal((await late.get(app.origin, script)).status, 200);
    app.aheadMs += 60_000;
    assert.equal((await late.get(app.origin, script)).status, 401);
    assert.equal(provider.asked.filter((path) => path === "/token").length, 3);
  });
});

describe("a logout", () => {
  test("ends the session here and at the provider, and comes back", async (t) => {
    const stage = await scene(t, 2);
    const { app, person, provider } = stage;
    await logIn(stage);
    const copy = new Person();
    for (const [name, value] of person.jar(app.origin)) copy.jar(app.origin).set(name, value);
    const question = await person.post(`${app.origin}/logout`, "");
    assert.equal(question.url.origin, provider.issuer);
    const bye = await person.submit(question, { logout: "yes" });
    assert.deepEqual([bye.url.href.split("?")[0], bye.text], [`${app.origin}/bye`, "bye"]);
    assert.equal((await copy.get(app.origin, { "sec-fetch-mode": "cors" })).status, 401);
    // The provider asks who it is again.
    assert.match((await person.get(app.origin)).text, /name="login"/);
  });

  test("at the provider ends the session here, on every thread", async (t) => {
    const stage = await scene(t, 2);
    const { app, person, provider } = stage;
    await logIn(stage);
    const bystander = new Person();
    await bystander.logIn(await bystander.get(app.origin), "bob");
    await person.submit(await person.get(`${provider.issuer}/session/end`), { logout: "yes" });
    assert.equal(app.answers.at(-1), "revoked", app.reasons.join("\n"));
    for (let thread = 0; thread < 2; thread++) {
      assert.equal((await person.get(app.origin, { "sec-fetch-mode": "cors" })).status, 401);
      assert.equal((await bystander.get(app.origin, { "sec-fetch-mode": "cors" })).status, 200);
    }
  });

  test("that another site's page asks for does nothing", async (t) => {
    const stage = await scene(t);
    const { app, person } = stage;
    await logIn(stage);
    assert.equal((await person.post(`${app.origin}/logout`, "", { "sec-fetch-site": "cross-site" })).status, 403);
    const link = await person.get(`${app.origin}/logout`, { "sec-fetch-site": "cross-site" });
    assert.match(link.text, /^<form method="post"/);
    assert.equal((await person.get(app.origin)).status, 200);
  });
});
