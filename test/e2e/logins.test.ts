/** Logins as headless Chromium sees them, against a real OpenID provider: its cookies, its redirects, and what it says of where a request comes from. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, describe, test, type TestContext } from "node:test";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { startApplication, type Application } from "../support/oidc/application.ts";
import { CROWD, startProvider, type LiveProvider } from "../support/oidc/provider.ts";

const EXECUTABLE = "/usr/bin/chromium";
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-sync",
];

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
      readonly app: Application;
      readonly provider: LiveProvider;
      readonly context: BrowserContext;
      readonly page: Page;
    }

    async function scene(t: TestContext): Promise<Scene> {
      const app = await startApplication(t);
      const provider = await startProvider(t, app.origin);
      app.engines.push(app.engine(provider.issuer), app.engine(provider.issuer));
      const context = await browser.newContext();
      t.after(() => context.close());
      return { app, provider, context, page: await context.newPage() };
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

    function sessionCookies(context: BrowserContext, app: Application): Promise<{ name: string; value: string }[]> {
      return context.cookies(app.origin).then((cookies) => cookies.filter(({ name }) => /-session(?:\.\d)?$/.test(name)));
    }

    test("leads back, in cookies that no script sees", async (t) => {
      const { app, context, page } = await scene(t);
      await logIn(page, `${app.origin}/report?year=2026`, "alice");
      assert.match(await page.innerText("body"), /"sub":"alice"/);
      assert.equal(await statusOf(page, "/api"), 200);
      assert.equal(await page.evaluate("document.cookie"), "");
      const cookies = (await context.cookies(app.origin)).map(({ httpOnly, sameSite, path }) => [httpOnly, sameSite, path].join());
      assert.deepEqual(new Set(cookies), new Set(["true,Lax,/"]));
      // The next page needs no login, and neither does the next tab.
      const tab = await context.newPage();
      await tab.goto(`${app.origin}/other`);
      assert.equal(tab.url(), `${app.origin}/other`);
    });

    test("with a large session fills several cookies, which are all gone after the logout", async (t) => {
      const { app, provider, context, page } = await scene(t);
      await logIn(page, `${app.origin}/`, CROWD);
      assert.match(await page.innerText("body"), /"role-499"/);
      assert.equal(await statusOf(page, "/api"), 200);
      assert.ok((await sessionCookies(context, app)).length >= 2);
      await page.setContent(`<form method="post" action="${app.origin}/logout"><button>log out</button></form>`);
      await page.click("button");
      await page.waitForURL((url) => url.origin === provider.issuer);
      assert.deepEqual(await sessionCookies(context, app), []);
      await page.click("button");
      await page.waitForURL((url) => url.origin === app.origin);
      assert.equal(await page.innerText("body"), "bye");
      assert.equal(await statusOf(page, "/api"), 401);
    });

    test("ends when its time is over, and the provider need not ask again who it is", async (t) => {
      const { app, page } = await scene(t);
      await logIn(page, `${app.origin}/`, "alice");
      app.aheadMs = 8 * 3_600_000;
      assert.equal(await statusOf(page, "/api"), 401);
      await page.goto(`${app.origin}/`);
      assert.match(await page.innerText("body"), /authorize/i);
      await page.click("button[type=submit]");
      await page.waitForURL(`${app.origin}/`);
      assert.equal(await statusOf(page, "/api"), 200);
    });

    test("gets new tokens between two requests, and the browser keeps them", async (t) => {
      const { app, provider, context, page } = await scene(t);
      await logIn(page, `${app.origin}/`, "alice");
      const [before] = await sessionCookies(context, app);
      app.aheadMs = 290_000;
      const statuses = await page.evaluate(async () => Promise.all([1, 2, 3, 4].map(async (n) => (await fetch(`/${n}`)).status)));
      assert.deepEqual(statuses, [200, 200, 200, 200]);
      const [after] = await sessionCookies(context, app);
      assert.notEqual(after?.value, before?.value);
      assert.equal(provider.asked.filter((path) => path === "/token").length, 2);
    });

    test("does not stand a change of its cookie", async (t) => {
      const { app, context, page } = await scene(t);
      await logIn(page, `${app.origin}/`, "alice");
      const [cookie] = await context.cookies(app.origin).then((cookies) => cookies.filter(({ name }) => name.endsWith("-session")));
      assert.ok(cookie !== undefined);
      const last = cookie.value.endsWith("A") ? "B" : "A";
      await context.addCookies([{ ...cookie, value: cookie.value.slice(0, -5) + last + cookie.value.slice(-4) }]);
      assert.equal(await statusOf(page, "/api"), 401);
      await context.addCookies([cookie]);
      assert.equal(await statusOf(page, "/api"), 200);
    });

    test("is not ended by a page of another site", async (t) => {
      const { app, context, page } = await scene(t);
      await logIn(page, `${app.origin}/`, "alice");
      const evil = await context.newPage();
      const forms = `<form method="post" action="${app.origin}/logout"><button>free money</button></form><a href="${app.origin}/logout">more</a>`;
      await context.route("http://evil.test/", (route) => route.fulfill({ contentType: "text/html", body: forms }));
      await evil.goto("http://evil.test/");
      const [answer] = await Promise.all([evil.waitForResponse(`${app.origin}/logout`), evil.click("button")]);
      assert.equal(answer.status(), 403);
      await evil.goto("http://evil.test/");
      await evil.click("a");
      await evil.waitForURL(`${app.origin}/logout`);
      // A question, and nothing more.
      assert.equal(await evil.innerText("button"), "log out");
      assert.equal(await statusOf(page, "/api"), 200);
    });

    test("ends by a logout at the provider", async (t) => {
      const { app, provider, context, page } = await scene(t);
      await logIn(page, `${app.origin}/`, "alice");
      const tab = await context.newPage();
      await tab.goto(`${provider.issuer}/session/end`);
      await tab.click("button");
      await tab.waitForLoadState();
      assert.ok(app.answers.includes("revoked"), app.reasons.join("\n"));
      assert.equal(await statusOf(page, "/api"), 401);
    });

    test("lasts while the provider is down, when others are told to come later", async (t) => {
      const { app, provider, page } = await scene(t);
      await logIn(page, `${app.origin}/`, "alice");
      await provider.stop();
      app.engines.splice(0, 2, app.engine(provider.issuer));
      app.aheadMs = 3_600_000;
      assert.equal((await page.goto(`${app.origin}/`))?.status(), 200);
      const stranger = await browser.newContext();
      t.after(() => stranger.close());
      const answer = await (await stranger.newPage()).goto(`${app.origin}/`);
      assert.deepEqual([answer?.status(), await answer?.text()], [503, "try again later"]);
    });
  },
);
