/** A proxy that has users log in at a provider in memory, and their browser, for tests. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { RouteAuthenticationOidcInput } from "../../config/input.ts";
import { Browser } from "../../oidc/cookies/browser.fixture.ts";
import { CLIENT, FakeProvider, ISSUER, SECRET } from "../../oidc/fake-provider.fixture.ts";
import { testProxy } from "../../testing/test-proxy.ts";
import type { ReceivedRequest, TestConfig, TestProxy, TestProxyOptions } from "../../testing/test-proxy.ts";

export const KEY = "the first key of the sessions, which is long enough";
export const NAVIGATION = { accept: "text/html", "sec-fetch-mode": "navigate", "sec-fetch-site": "none" };
export const SCRIPT = { accept: "*/*", "sec-fetch-mode": "cors", "sec-fetch-site": "same-origin" };
export const OIDC = { issuer: ISSUER, client_id: CLIENT, client_secret: SECRET, session: { keys: [KEY] } };
type Login = Partial<RouteAuthenticationOidcInput>;

export interface Stage {
  readonly proxy: TestProxy;
  readonly provider: FakeProvider;
  /** Sends a request as a browser does, and keeps its cookies. */
  open(path: string, headers?: Record<string, string>, browser?: Browser, init?: RequestInit): Promise<Response>;
  logIn(path?: string, browser?: Browser): Promise<Response>;
  readonly browser: Browser;
  seen(): ReceivedRequest | undefined;
}

export function configFor(login: Login = {}, more: object = {}): Extract<TestConfig, { readonly routes: unknown }> {
  return {
    routes: [
      { match: { path: "/open/*" }, upstream: "app" },
      {
        match: { path: "/app/*" },
        upstream: "app",
        authentication: { oidc: { ...OIDC, ...login }, identity_headers: { user: "X-User", roles: "X-Roles" }, ...more },
      },
    ],
  };
}

export async function stage(
  t: TestContext,
  config: TestConfig = configFor(),
  https = false,
  stores: TestProxyOptions["stores"] = {},
): Promise<Stage> {
  // The library compares the times of tokens with the machine's clock.
  const startsAt = Date.now();
  const provider = new FakeProvider(() => startsAt + passed);
  let passed = 0;
  const upstreams = {
    app: (request: Request) => new Response(new URL(request.url).pathname),
    ...(JSON.stringify(config).includes('"other"') ? { other: () => new Response("copied") } : {}),
    [ISSUER]: async (request: Request) => {
      const { pathname, search } = new URL(request.url);
      return provider.fetch(ISSUER + pathname + search, { method: request.method, body: await request.text() });
    },
  };
  const proxy = await testProxy(config, { upstreams, startsAt, stores });
  const advance = proxy.advance.bind(proxy);
  proxy.advance = async (time) => {
    assert.ok(typeof time === "number");
    passed += time;
    await advance(time);
  };
  t.after(() => proxy.close());
  const browser = new Browser("", https);
  const open: Stage["open"] = async (path, headers = NAVIGATION, own = browser, init = {}) => {
    const cookie = own.header();
    const response = await proxy.fetch(`${https ? "https" : "http"}://app.test${path}`, {
      ...init,
      headers: { ...headers, ...(cookie === "" ? {} : { cookie }) },
      ...(https ? { tls: {} } : {}),
    });
    own.take(response.headers.getSetCookie());
    return response;
  };
  const logIn: Stage["logIn"] = async (path = "/app/", own = browser) => {
    const sent = await open(path, NAVIGATION, own);
    assert.equal(sent.status, 303, await sent.text());
    return open(
      `/oauth2/callback?${provider.answerTo(locationOf(sent)).toString()}`,
      { ...NAVIGATION, "sec-fetch-site": "cross-site" },
      own,
    );
  };
  return { proxy, provider, browser, open, logIn, seen: () => proxy.requests("app").at(-1) };
}

export function locationOf(response: Response): string {
  return response.headers.get("location") ?? "";
}

/** The outcomes of the requests so far, from the access log. */
export function outcomes(proxy: TestProxy): unknown[] {
  return proxy.log.filter(({ event }) => event === "access").map(({ outcome }) => outcome);
}

export function sessionName(browser: Browser): string {
  const name = browser.names().find((each) => each.endsWith("-session"));
  assert.ok(name !== undefined, browser.names().join());
  return name;
}
