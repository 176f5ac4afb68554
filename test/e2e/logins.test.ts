/**
 * Logins as headless Chromium sees them: the real command in front of an application, and a real OpenID provider. What no such provider does is
 * tested in memory, in src/features/authentication/oidc.test.ts and src/oidc.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, describe, test, type TestContext } from "node:test";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { SESSION_KEY, startSite, type ProtectedSite, type SiteOptions } from "../support/oidc/protected-site.ts";
import { CROWD } from "../support/oidc/provider.ts";

const EXECUTABLE = "/usr/bin/chromium";
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-sync",
];
/** Requests enough to reach both workers, each over a connection of its own. */
const MANY = 24;

describe(
  "a login in headless Chromium",
  { skip: existsSync(EXECUTABLE) ? false : "chromium is not installed: apt-get install chromium" },
  () => {
    let browser: Browser;

    before(async () => {
      browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS });
    });
    after(() => browser.close());

    interface Scene {
      readonly site: ProtectedSite;
      readonly context: BrowserContext;
      readonly page: Page;
    }

    async function scene(t: TestContext, options: SiteOptions = {}): Promise<Scene> {
      const site = await startSite(t, { workers: 2, ...options });
      const context = await browser.newContext();
      t.after(() => context.close());
      return { site, context, page: await context.newPage() };
    }

    async function logIn(page: Page, url: string, name: string): Promise<void> {
      await page.goto(url);
      await page.fill("input[name=login]", name);
      await page.fill("input[name=password]", "any");
      await page.click("button[type=submit]");
      await page.click("button[type=submit]");
      await page.waitForURL(url);
    }

    /** The status of a request that a script of the page makes. */
    function statusOf(page: Page, path: string): Promise<number> {
      return page.evaluate(async (path) => (await fetch(path)).status, path);
    }

    /** The status of requests with the browser's cookies, each over a connection of its own, which any worker may accept. */
    async function statuses(context: BrowserContext, { origin }: ProtectedSite): Promise<number[]> {
      const cookie = (await context.cookies(origin)).map(({ name, value }) => `${name}=${value}`).join("; ");
      const headers = { cookie, connection: "close", accept: "application/json" };
      return Promise.all(Array.from({ length: MANY }, async () => (await fetch(`${origin}/api/`, { headers })).status));
    }

    /** Waits, with a deadline, until a script's request gets that status. */
    async function untilStatus(page: Page, status: number): Promise<void> {
      for (const end = Date.now() + 20_000; (await statusOf(page, "/api/")) !== status;) {
        assert.ok(Date.now() < end, `no ${status}`);
        await page.waitForTimeout(100);
      }
    }

    function sessionCookies(context: BrowserContext, { origin }: ProtectedSite): Promise<{ name: string; value: string }[]> {
      return context.cookies(origin).then((cookies) => cookies.filter(({ name }) => /-session(?:\.\d)?$/.test(name)));
    }

    function outcomes({ proxy }: ProtectedSite): Set<unknown> {
      return new Set(proxy.access().map(({ outcome }) => outcome));
    }

    test("leads back, in cookies that no script sees, and that every worker knows", async (t) => {
      const { site, context, page } = await scene(t);
      await logIn(page, `${site.origin}/app/report?year=2026`, "alice");
      assert.match(await page.innerText("p"), /^\/app\/report\?year=2026 of alice$/);
      assert.equal(await statusOf(page, "/api/"), 200);
      assert.equal(await page.evaluate("document.cookie"), "");
      const cookies = (await context.cookies(site.origin)).map(({ httpOnly, sameSite, path }) => [httpOnly, sameSite, path].join());
      assert.deepEqual(new Set(cookies), new Set(["true,Lax,/"]));
      assert.deepEqual(new Set(await statuses(context, site)), new Set([200]));
      await site.proxy.until(() => new Set(site.proxy.access().map(({ worker }) => worker)).size === 2, "lines of both workers");
      assert.deepEqual(
        site.received.filter(({ headers }) => /millrace-/.test(String(headers.cookie))),
        [],
      );
      // The next page needs no login, and neither does the next tab.
      const tab = await context.newPage();
      await tab.goto(`${site.origin}/app/other`);
      assert.equal(tab.url(), `${site.origin}/app/other`);
    });

    test("is asked for by a script in vain: it gets 401", async (t) => {
      const { site, page } = await scene(t);
      await page.goto(`${site.origin}/bye`);
      assert.equal(await statusOf(page, "/api/"), 401);
      assert.deepEqual(site.received, []);
      assert.deepEqual(site.provider.asked, []);
    });

    test("with a large session fills several cookies, which are all gone after the logout", async (t) => {
      const { site, context, page } = await scene(t);
      await logIn(page, `${site.origin}/app/`, CROWD);
      assert.equal(await statusOf(page, "/api/"), 200);
      assert.match(String(site.received.at(-1)?.headers["x-roles"]), /role-499/);
      assert.ok((await sessionCookies(context, site)).length >= 2);
      await page.click("button");
      await page.waitForURL((url) => url.origin === site.provider.issuer);
      assert.deepEqual(await sessionCookies(context, site), []);
      await page.click("button");
      await page.waitForURL(`${site.origin}/bye`);
      assert.equal(await page.innerText("body"), "bye");
      assert.equal(await statusOf(page, "/api/"), 401);
    });

    test("ends when its time is over, and the provider need not ask again who it is", async (t) => {
      const { site, page } = await scene(t, { maxAge: "2s" });
      await logIn(page, `${site.origin}/app/`, "alice");
      await untilStatus(page, 401);
      await page.goto(`${site.origin}/app/`);
      assert.match(await page.innerText("body"), /authorize/i);
      await page.click("button[type=submit]");
      await page.waitForURL(`${site.origin}/app/`);
      assert.equal(await statusOf(page, "/api/"), 200);
    });

    test("gets new tokens by one request of all workers, and the browser keeps them", async (t) => {
      const { site, context, page } = await scene(t, { times: { accessToken: 5 } });
      await logIn(page, `${site.origin}/app/`, "alice");
      const [before] = await sessionCookies(context, site);
      const tokens = (): number => site.provider.asked.filter((path) => path === "/token").length;
      assert.equal(tokens(), 1);
      // A refresh is due after four fifths of the tokens' life. Browsers send several requests at once, over several connections.
      for (const end = Date.now() + 20_000; tokens() === 1;) {
        assert.ok(Date.now() < end, "no refresh");
        const found = await page.evaluate(async () => Promise.all([1, 2, 3, 4].map(async (n) => (await fetch(`/api/${n}`)).status)));
        assert.deepEqual(found, [200, 200, 200, 200]);
      }
      assert.equal(tokens(), 2);
      const [after] = await sessionCookies(context, site);
      assert.notEqual(after?.value, before?.value);
      assert.deepEqual(new Set(await statuses(context, site)), new Set([200]));
    });

    test("does not stand a change of its cookie", async (t) => {
      const { site, context, page } = await scene(t);
      await logIn(page, `${site.origin}/app/`, "alice");
      const [cookie] = await context.cookies(site.origin).then((cookies) => cookies.filter(({ name }) => name.endsWith("-session")));
      assert.ok(cookie !== undefined);
      const last = cookie.value.endsWith("A") ? "B" : "A";
      await context.addCookies([{ ...cookie, value: cookie.value.slice(0, -5) + last + cookie.value.slice(-4) }]);
      assert.equal(await statusOf(page, "/api/"), 401);
      await context.addCookies([cookie]);
      assert.equal(await statusOf(page, "/api/"), 200);
    });

    test("is not ended by a page of another site", async (t) => {
      const { site, context, page } = await scene(t);
      await logIn(page, `${site.origin}/app/`, "alice");
      const evil = await context.newPage();
      const out = `${site.origin}/oauth2/logout`;
      const forms = `<form method="post" action="${out}"><button>free money</button></form><a href="${out}">more</a><iframe src="${out}"></iframe>`;
      await context.route("http://evil.test/", (route) => route.fulfill({ contentType: "text/html", body: forms }));
      await evil.goto("http://evil.test/");
      // The question is not shown within that page.
      assert.equal(await evil.frameLocator("iframe").locator("button").count(), 0);
      const [answer] = await Promise.all([evil.waitForResponse(out), evil.click("button")]);
      assert.equal(answer.status(), 403);
      await evil.goto("http://evil.test/");
      await evil.click("a");
      await evil.waitForURL(out);
      assert.equal(await statusOf(page, "/api/"), 200);
      // A question; whoever says yes is logged out.
      await evil.click("button");
      await evil.waitForURL((url) => url.origin === site.provider.issuer);
      assert.equal(await statusOf(page, "/api/"), 401);
    });

    test("ends by a logout at the provider, in all workers, and stays ended over a reload and the death of a worker", async (t) => {
      const { site, context, page } = await scene(t, { fatal: true });
      await logIn(page, `${site.origin}/app/`, "alice");
      const tab = await context.newPage();
      await tab.goto(`${site.provider.issuer}/session/end`);
      await tab.click("button");
      await tab.waitForLoadState();
      await site.proxy.until(() => outcomes(site).has("session_revoked"), "the provider's logout token");
      assert.deepEqual(new Set(await statuses(context, site)), new Set([401]));
      await site.proxy.reload(site.config("user_info: true"));
      assert.deepEqual(new Set(await statuses(context, site)), new Set([401]));
      await fetch(`${site.origin}/die`).catch(() => {});
      await site.proxy.until(() => site.proxy.count("worker_replaced") > 0, "another worker");
      assert.deepEqual(new Set(await statuses(context, site)), new Set([401]));
    });

    test("lasts over a reload with another key before the old one", async (t) => {
      const { site, context, page } = await scene(t);
      await logIn(page, `${site.origin}/app/`, "alice");
      const other = "another key for sessions that is as long as it must be";
      await site.proxy.reload(site.config().replace(`["${SESSION_KEY}"]`, `["${other}", "${SESSION_KEY}"]`));
      assert.deepEqual(new Set(await statuses(context, site)), new Set([200]));
      await site.proxy.reload(site.config().replace(SESSION_KEY, other));
      assert.deepEqual(new Set(await statuses(context, site)), new Set([401]));
    });

    test("lasts while the provider is down, when others are told to come later", async (t) => {
      const { site, page } = await scene(t, { times: { accessToken: 2 } });
      await logIn(page, `${site.origin}/app/`, "alice");
      await site.provider.stop();
      // Past the end of the tokens too.
      for (const end = Date.now() + 2_500; Date.now() < end;) assert.equal((await page.goto(`${site.origin}/app/`))?.status(), 200);
      // The workers know the provider by now, and would send strangers to it: after a reload with another client they do not.
      await site.proxy.reload(site.config("user_info: true"));
      const stranger = await browser.newContext();
      t.after(() => stranger.close());
      const answer = await (await stranger.newPage()).goto(`${site.origin}/app/`);
      assert.equal(answer?.status(), 503);
      assert.equal(await answer.headerValue("retry-after"), "1");
      await site.proxy.until(
        () => outcomes(site).has("login_unavailable") && site.proxy.count("login_unavailable") > 0,
        "a line of the log",
      );
      await site.provider.start();
      // It is asked again after the wait that the answer has told.
      for (const end = Date.now() + 20_000; ;) {
        const again = await (await stranger.newPage()).goto(`${site.origin}/app/`);
        if (again?.status() === 200) break;
        assert.equal(again?.status(), 503);
        assert.ok(Date.now() < end, "the provider is not asked again");
      }
    });
  },
);
