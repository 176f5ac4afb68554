/** Tokens that end, and a provider that is down. The provider of `fake-provider.fixture.ts` gives tokens for 300 s; a refresh is due after 240 s. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Browser } from "./cookies/browser.fixture.ts";
import type { CheckAnswer } from "./oidc-answers.ts";
import type { OidcEngine } from "./oidc-engine.ts";
import { sharedByTwo } from "./session/session-state.fixture.ts";
import { ISSUER } from "./fake-provider.fixture.ts";
import { NAVIGATION, Visit, failure } from "./visit.fixture.ts";

const DUE_MS = 240_000;
const SCRIPT = { secFetchMode: "cors" };

/** A visit that has logged in, and whose tokens are to be refreshed. */
async function visitWithSession(options: ConstructorParameters<typeof Visit>[0] = {}): Promise<Visit> {
  const visit = new Visit({ keepAccessToken: true, ...options });
  await visit.login();
  visit.nowMs += DUE_MS;
  return visit;
}

/** A check with the cookies that the browser has now, whatever it gets meanwhile. */
function ask(visit: Visit, engine: OidcEngine = visit.engine): Promise<CheckAnswer> | CheckAnswer {
  return engine.check({ ...NAVIGATION, ...SCRIPT, cookie: visit.browser.header() });
}

function accessToken(answer: CheckAnswer): string | null {
  assert.equal(answer.kind, "session");
  return answer.session.accessToken;
}

/** Answers of the provider that wait until the test lets them go. */
function held(visit: Visit, path = "/token"): { readonly asked: Promise<void>; readonly go: () => void } {
  const [asked, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  visit.provider.instead = (at, init) => {
    if (at !== path) return null;
    visit.provider.instead = (): null => null;
    asked.resolve();
    return go.promise.then(() => visit.provider.answer(at, init));
  };
  return { asked: asked.promise, go: go.resolve };
}

describe("tokens that end", () => {
  test("are replaced before they end, and the session stays the same one", async () => {
    const visit = new Visit({ keepAccessToken: true });
    await visit.login();
    visit.nowMs += DUE_MS - 1;
    const before = await visit.session();
    assert.deepEqual([before.setCookies.length, before.session.accessToken], [0, "access-0"]);
    visit.nowMs += 1;
    const after = await visit.session();
    assert.deepEqual([after.setCookies.length, after.session.accessToken], [1, "access-1"]);
    assert.equal(after.session.id, before.session.id);
    assert.equal(after.session.startedAtMs, before.session.startedAtMs);
    assert.equal((await visit.session()).setCookies.length, 0);
    assert.equal(visit.provider.count("/token"), 2);
  });

  test("are asked for once by a thread, and every request with the old cookie gets the new one", async () => {
    const visit = await visitWithSession();
    visit.nowMs += 60_000;
    const answers = await Promise.all(Array.from({ length: 20 }, async () => ask(visit)));
    answers.push(await ask(visit));
    assert.deepEqual([...new Set(answers.map(accessToken))], ["access-1"]);
    for (const answer of answers) assert.equal(answer.kind === "session" && answer.setCookies.length, 1);
    assert.equal(visit.provider.count("/token"), 2);
  });

  test("delay one request only while they are good", async () => {
    const visit = await visitWithSession();
    const { asked, go } = held(visit);
    const first = ask(visit);
    await asked;
    assert.equal(accessToken(await ask(visit)), "access-0");
    go();
    assert.equal(accessToken(await first), "access-1");
  });

  test("are asked for once by several threads, while the others leave the old cookie good", async () => {
    const visit = await visitWithSession();
    visit.nowMs += 100_000;
    const other = visit.another({ keepAccessToken: true });
    const { asked, go } = held(visit);
    const first = ask(visit);
    await asked;
    assert.equal(accessToken(await ask(visit, other)), "access-0");
    go();
    assert.equal(accessToken(await first), "access-1");
    assert.equal(accessToken(await ask(visit, other)), "access-0");
    assert.equal(visit.provider.count("/token"), 2);
    // The browser never got the new cookie, and the provider would take the replaced token for a stolen one.
    visit.nowMs += 30_000;
    assert.equal((await ask(visit, other)).kind, "unauthorized");
    assert.equal((await ask(visit)).kind, "unauthorized");
    assert.equal(visit.provider.count("/token"), 2);
  });

  test("are asked for again with the old cookie where the provider keeps its refresh token", async () => {
    const visit = await visitWithSession();
    visit.provider.rotates = false;
    assert.equal(accessToken(await ask(visit)), "access-1");
    visit.nowMs += 30_000;
    assert.equal(accessToken(await ask(visit)), "access-2");
  });

  test("that another machine has refreshed leave the old cookie good for a while", async () => {
    const visit = await visitWithSession();
    // It shares no marks with this one.
    const elsewhere = visit.another({ keepAccessToken: true }, { marks: sharedByTwo()[0].marks });
    assert.equal(accessToken(await ask(visit, elsewhere)), "access-1");
    assert.equal(accessToken(await ask(visit)), "access-0");
    visit.nowMs += 60_000 + 29_999;
    assert.equal(accessToken(await ask(visit)), "access-0");
    visit.nowMs += 1;
    assert.equal((await ask(visit)).kind, "unauthorized");
    // Two requests: the second thread does not ask again once the first one was refused.
    assert.equal(visit.provider.count("/token"), 3);
    assert.equal((await visit.another().check({ ...NAVIGATION, ...SCRIPT, cookie: visit.browser.header() })).kind, "unauthorized");
    assert.equal(visit.provider.count("/token"), 3);
  });

  test("end the session when the provider gives none, on every thread at once", async () => {
    const visit = await visitWithSession();
    visit.nowMs += 100_000;
    visit.provider.refreshToken = null;
    const other = visit.another();
    assert.equal((await ask(visit)).kind, "unauthorized");
    for (let request = 0; request < 3; request++) {
      assert.equal((await ask(visit, other)).kind, "unauthorized");
      visit.nowMs += 31_000;
    }
    assert.equal(visit.provider.count("/token"), 2);
  });

  test("of another user, or with a bad signature, end the session", async () => {
    for (const change of [{ claims: { sub: "mallory" } }, { signed: "by another key" }, { claims: { aud: "another" } }] as const) {
      const visit = await visitWithSession();
      visit.nowMs += 100_000;
      Object.assign(visit.provider, change);
      assert.equal((await ask(visit)).kind, "unauthorized", JSON.stringify(change));
    }
  });

  test("keep the claims where no ID token comes, and take new ones where one does", async () => {
    const visit = await visitWithSession();
    visit.provider.claims = { roles: ["new"], nonce: undefined };
    assert.deepEqual((await visit.session()).session.claims["roles"], ["new"]);
    visit.nowMs += DUE_MS;
    visit.provider.tokens = { id_token: undefined };
    assert.deepEqual((await visit.session()).session.claims["roles"], ["new"]);
    assert.equal(visit.provider.count("/token"), 3);
  });

  test("leave nobody a claim that the provider does not make any more", async () => {
    const visit = new Visit();
    visit.provider.claims = { roles: ["admin"], groups: ["ops"] };
    await visit.login();
    visit.nowMs += DUE_MS;
    visit.provider.claims = { groups: ["ops"], nonce: undefined };
    assert.deepEqual((await visit.session()).session.claims, { sub: "alice", iss: ISSUER, sid: "sid-1", groups: ["ops"] });
    // The cookie says the same.
    assert.deepEqual((await visit.session()).session.claims["roles"], undefined);
  });

  test("come with user info anew, and with that of before while its endpoint is down", async () => {
    const visit = new Visit({ userInfo: true });
    visit.provider.userInfo = { sub: "alice", roles: ["admin"], nickname: "al" };
    await visit.login();
    const refreshed = async (): Promise<unknown> => {
      visit.nowMs += DUE_MS;
      const { session } = await visit.session();
      return [session.generation, session.claims["roles"], session.claims["nickname"]];
    };
    visit.provider.claims = { nonce: undefined };
    visit.provider.instead = (path) => (path === "/userinfo" ? new Response("down", { status: 503 }) : null);
    assert.deepEqual(await refreshed(), [1, ["admin"], "al"]);
    visit.provider.instead = (): null => null;
    visit.provider.userInfo = { sub: "alice", nickname: "al" };
    visit.provider.tokens = { id_token: undefined };
    assert.deepEqual(await refreshed(), [2, undefined, "al"]);
    visit.provider.userInfo = { sub: "mallory", roles: ["admin"] };
    visit.nowMs += DUE_MS + 100_000;
    assert.equal((await ask(visit)).kind, "unauthorized");
  });

  test("without a refresh token do not end the session", async () => {
    const visit = new Visit();
    visit.provider.refreshToken = null;
    await visit.login();
    visit.nowMs += 3_600_000;
    await visit.session();
  });

  test("are refreshed where the marks cannot be asked", async () => {
    const visit = await visitWithSession();
    const down = (): never => {
      throw new Error("the store is down");
    };
    const engine = visit.another({ keepAccessToken: true }, { marks: { set: down, has: down } });
    assert.equal(accessToken(await ask(visit, engine)), "access-1");
  });
});

describe("while the provider is down", () => {
  const down = (): never => {
    throw new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") });
  };

  test("sessions at hand stay good, and few requests are made for them", async () => {
    const visit = await visitWithSession();
    visit.provider.instead = down;
    // Far beyond the end of the tokens, and of what is known of the provider.
    for (let minute = 0; minute < 120; minute++) {
      assert.equal(accessToken(await ask(visit)), "access-0");
      assert.equal(accessToken(await ask(visit)), "access-0");
      visit.nowMs += 60_000;
    }
    assert.ok(visit.provider.count("/token") <= 121, String(visit.provider.count("/token")));
    visit.provider.instead = (): null => null;
    assert.equal(accessToken(await ask(visit)), "access-1");
  });

  test("many sessions do not make many requests", async () => {
    const visit = await visitWithSession();
    const browsers = [visit.browser];
    for (let user = 0; user < 20; user++) {
      const browser = new Browser();
      await visit.login("/", browser);
      browsers.push(browser);
    }
    visit.nowMs += 400_000;
    visit.provider.instead = down;
    visit.provider.asked.length = 0;
    for (const browser of browsers) await visit.session(browser);
    assert.equal(visit.provider.count("/token"), 1);
  });

  test("nobody logs in, with an answer that says so, and then somebody does", async () => {
    const visit = new Visit();
    visit.provider.instead = down;
    const first = await visit.check();
    assert.equal(first.kind, "unavailable");
    assert.match(first.reason, /^its settings cannot be read: id\.example: connect ECONNREFUSED$/);
    assert.equal(first.retryAfterMs, 1_000);
    // Whoever comes in the back-off gets the answer at once.
    for (let request = 0; request < 10; request++) assert.equal((await visit.check()).kind, "unavailable");
    assert.equal(visit.provider.asked.length, 1);
    visit.nowMs += 999;
    assert.equal((await visit.check()).kind, "unavailable");
    assert.equal(visit.provider.asked.length, 1);
    visit.nowMs += 1;
    const second = await visit.check();
    assert.equal(second.kind === "unavailable" && second.retryAfterMs, 2_000);
    visit.provider.instead = (): null => null;
    visit.nowMs += 2_000;
    await visit.login();
    await visit.session();
    assert.equal((await visit.check("/", SCRIPT)).kind, "session");
  });

  test("it is asked at most every 30 seconds for what it is", async () => {
    const visit = new Visit();
    visit.provider.instead = down;
    for (let second = 0; second < 3_600; second++) {
      await visit.check();
      visit.nowMs += 1_000;
    }
    assert.ok(visit.provider.asked.length <= 125, String(visit.provider.asked.length));
  });

  test("many who want to log in ask it once", async () => {
    const visit = new Visit();
    await Promise.all(Array.from({ length: 50 }, async () => visit.engine.check(NAVIGATION)));
    assert.equal(visit.provider.asked.length, 1);
  });

  test("a login that has come back may come back again", async () => {
    const visit = new Visit();
    const answer = visit.provider.answerTo(await visit.begin());
    visit.provider.instead = down;
    assert.equal((await visit.callback(answer)).kind, "unavailable");
    visit.provider.instead = (): Response => new Response("busy", { status: 503 });
    assert.equal((await visit.callback(answer)).kind, "unavailable");
    visit.provider.instead = (): null => null;
    assert.equal((await visit.callback(answer)).kind, "redirect");
  });
});

describe("a provider", () => {
  test("that redirects is not followed", async () => {
    const visit = new Visit();
    const there: string[] = [];
    visit.provider.instead = (path, init): Response => {
      there.push(`${path} ${String(init.redirect)}`);
      return new Response(null, { status: 302, headers: { location: `https://id.example${path}` } });
    };
    assert.equal((await visit.check()).kind, "unavailable");
    assert.deepEqual(there, ["/.well-known/openid-configuration manual"]);
  });

  test("that never answers is left after the time limit", async () => {
    const visit = new Visit({ providerTimeoutMs: 20 });
    visit.provider.instead = (_path, { signal }) =>
      new Promise<never>((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason as Error));
      });
    assert.equal((await visit.check()).kind, "unavailable");
  });

  test("whose answer never ends is left", async () => {
    const visit = new Visit();
    let sent = 0;
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller): void {
        sent++;
        controller.enqueue(new Uint8Array(64 * 1024));
      },
      cancel(): void {
        cancelled = true;
      },
    });
    visit.provider.instead = (): Response => new Response(endless, { headers: { "content-type": "application/json" } });
    assert.equal((await visit.check()).kind, "unavailable");
    assert.ok(cancelled && sent < 20, String(sent));
  });

  test("that says it is another one, or speaks no JSON, is not believed", async () => {
    for (const metadata of [{ issuer: "https://evil.example" }, { issuer: undefined }, { authorization_endpoint: "http://id.example/a" }]) {
      const visit = new Visit();
      visit.provider.metadata = metadata;
      assert.equal((await visit.check()).kind, "unavailable", JSON.stringify(metadata));
    }
    const visit = new Visit();
    visit.provider.instead = (): Response => new Response("<html>");
    assert.equal((await visit.check()).kind, "unavailable");
  });

  test("that does not know this client makes no session", async () => {
    const visit = new Visit();
    const answer = visit.provider.answerTo(await visit.begin());
    visit.provider.instead = (path): Response | null =>
      path === "/token"
        ? Response.json({ error: "invalid_client", error_description: "secret abc of app is over" }, { status: 401 })
        : null;
    const failed = await visit.callback(answer);
    assert.equal(failure(failed).code, "login_invalid");
    // The log has all of it, and the user what concerns nobody else.
    assert.equal(failure(failed).reason, "invalid_client: secret abc of app is over");
    assert.equal(failed.kind === "failed" && failed.failure.text, "The login service answers: invalid_client");
  });

  test("is known for an hour, and its old metadata serves until there is new", async () => {
    const visit = new Visit();
    await visit.begin();
    visit.nowMs += 3_599_999;
    await visit.begin();
    assert.equal(visit.provider.asked.length, 1);
    visit.nowMs += 1;
    visit.provider.instead = down500;
    await visit.begin();
    assert.equal(visit.provider.asked.length, 2);
    await visit.begin();
    assert.equal(visit.provider.asked.length, 2);
  });
});

function down500(): Response {
  return new Response("broken", { status: 500 });
}
