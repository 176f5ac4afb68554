/** A browser, an engine and a provider in memory, for tests. */
import assert from "node:assert/strict";
import { Browser } from "./cookies/browser.fixture.ts";
import { CLIENT, FakeProvider, ISSUER, SECRET } from "./fake-provider.fixture.ts";
import type { LoginRequest } from "./login-request.ts";
import type { BackChannelAnswer, CallbackAnswer, CheckAnswer, LogoutAnswer } from "./oidc-answers.ts";
import { OidcEngine } from "./oidc-engine.ts";
import type { OidcOptions, OidcPorts } from "./oidc-options.ts";
import { LIFETIME_MS, sharedByTwo } from "./session/session-state.fixture.ts";

export const ORIGIN = "https://app.example";
export const FORM = "application/x-www-form-urlencoded";

export const OPTIONS: OidcOptions = {
  issuer: ISSUER,
  clientId: CLIENT,
  clientSecret: SECRET,
  scopes: ["profile"],
  clientAuthentication: "basic",
  redirectPath: "/callback",
  postLogoutPath: "/",
  authorizationParameters: {},
  keys: [Buffer.alloc(32, 7)],
  sessionMaxAgeMs: LIFETIME_MS,
  idTokenAlgorithm: "RS256",
  userInfo: false,
  keepAccessToken: false,
  clockToleranceMs: 30_000,
  providerTimeoutMs: 4_000,
};

/** A navigation, as browsers send one. */
export const NAVIGATION: LoginRequest = {
  method: "GET",
  origin: ORIGIN,
  target: "/",
  cookie: "",
  accept: "text/html,application/xhtml+xml,*/*;q=0.8",
  secFetchMode: "navigate",
  secFetchSite: "none",
  requestedWith: null,
  originField: null,
};

type Session = Extract<CheckAnswer, { kind: "session" }>;

export class Visit {
  /** The clock of the engine and of the provider's tokens, which the library compares with the machine's own. */
  nowMs: number = Date.now();
  readonly provider = new FakeProvider(() => this.nowMs);
  readonly #threads = sharedByTwo();
  readonly browser = new Browser();
  engine: OidcEngine;

  constructor(options: Partial<OidcOptions> = {}) {
    this.engine = this.#engine(options, this.#threads[0]);
  }

  /** Another engine for the same sessions, as another thread has one. */
  another(options: Partial<OidcOptions> = {}, ports: Partial<OidcPorts> = {}): OidcEngine {
    return this.#engine(options, { ...this.#threads[1], ...ports });
  }

  #engine(options: Partial<OidcOptions>, state: Pick<OidcPorts, "marks" | "revocations">): OidcEngine {
    return new OidcEngine({ ...OPTIONS, ...options }, { fetch: this.provider.fetch, now: () => this.nowMs, ...state });
  }

  async check(target = "/", request: Partial<LoginRequest> = {}, browser = this.browser): Promise<CheckAnswer> {
    const answer = await this.engine.check({ ...NAVIGATION, target, cookie: browser.header(), ...request });
    if ("setCookies" in answer) browser.take(answer.setCookies);
    return answer;
  }

  async callback(query: URLSearchParams | string, request: Partial<LoginRequest> = {}, browser = this.browser): Promise<CallbackAnswer> {
    const target = `/callback?${query.toString()}`;
    const answer = await this.engine.callback({ ...NAVIGATION, target, cookie: browser.header(), secFetchSite: "cross-site", ...request });
    if ("setCookies" in answer) browser.take(answer.setCookies);
    return answer;
  }

  async logout(request: Partial<LoginRequest> = {}): Promise<LogoutAnswer> {
    const own: LoginRequest = {
      ...NAVIGATION,
      method: "POST",
      target: "/logout",
      cookie: this.browser.header(),
      secFetchSite: "same-origin",
    };
    const answer = await this.engine.logout({ ...own, ...request });
    if ("setCookies" in answer) this.browser.take(answer.setCookies);
    return answer;
  }

  backChannel(token: string): Promise<BackChannelAnswer> {
    return this.engine.backChannel(FORM, new URLSearchParams({ logout_token: token }).toString());
  }

  /** Where the browser is sent for a login. */
  async begin(target = "/", browser = this.browser): Promise<string> {
    const answer = await this.check(target, {}, browser);
    assert.equal(answer.kind, "login", JSON.stringify(answer));
    return answer.location;
  }

  /** A whole login. @returns where it leads */
  async login(target = "/", browser = this.browser): Promise<string> {
    const answer = await this.callback(this.provider.answerTo(await this.begin(target, browser)), {}, browser);
    assert.equal(answer.kind, "redirect", JSON.stringify(answer));
    return answer.location;
  }

  async session(browser = this.browser): Promise<Session> {
    const answer = await this.check("/", {}, browser);
    assert.equal(answer.kind, "session", JSON.stringify(answer));
    return answer;
  }
}

/** Why a login failed. */
export function failure(answer: CallbackAnswer | CheckAnswer): { readonly code: string; readonly status: number; readonly reason: string } {
  assert.equal(answer.kind, "failed", JSON.stringify(answer));
  const { code, status, reason } = answer.failure;
  return { code, status, reason };
}
