/**
 * Logins over OpenID Connect (authorization code with PKCE). Requests come in as plain values and answers go out as plain values: the engine knows
 * no exchange, no route and no socket. All that it remembers of a user lies in cookies, so any thread and any machine with the same keys may
 * serve any request.
 *
 * ```text
 *   check    no session, or one that is over ---> login: to the provider, with state, nonce and PKCE challenge
 *   callback from the provider ---> its answer checked, code for tokens, a new session ---> back to where the login began
 *   check    session ---> tokens that end are refreshed ---> the request passes
 *   logout   by the user: cookies removed, session revoked ---> the provider's logout ---> back
 *   backChannel  by the provider: sessions revoked
 * ```
 */
import { createHash } from "node:crypto";
import { COOKIES_BEGIN, RequestCookies, type CookieName } from "./cookies/request-cookies.ts";
import { LoginCookies, type PendingLogin } from "./login-cookies.ts";
import { fromOwnPages, isNavigation, pathOf, type LoginRequest } from "./login-request.ts";
import {
  expiredLogin,
  failureOf,
  isOverloaded,
  type BackChannelAnswer,
  type CallbackAnswer,
  type CheckAnswer,
  type Failed,
  type LoginFailure,
  type LogoutAnswer,
  type Otherwise,
  type Unavailable,
} from "./oidc-answers.ts";
import type { OidcOptions, OidcPorts } from "./oidc-options.ts";
import { readLogoutToken } from "./provider/logout-token.ts";
import { Provider, type KnownProvider } from "./provider/provider.ts";
import { faultOf, type ProviderFault } from "./provider/provider-fault.ts";
import { localPath, localUrl } from "./return-path.ts";
import { CLAIM_MS, Refreshes, type RefreshOutcome } from "./session/refreshes.ts";
import type { Revocation } from "./session/revocations.ts";
import { SessionCookies } from "./session/session-cookies.ts";
import type { Claims, OidcSession } from "./session/session.ts";
import { refreshedSession, startedSession } from "./session/tokens.ts";

const FORM = "application/x-www-form-urlencoded";

export class OidcEngine {
  readonly #options: OidcOptions;
  readonly #ports: OidcPorts;
  readonly #provider: Provider;
  readonly #name: CookieName;
  readonly #sessions: SessionCookies;
  readonly #logins: LoginCookies;
  readonly #refreshes: Refreshes;

  /** @throws a TypeError: an option is one that must not be used */
  constructor(options: OidcOptions, ports: OidcPorts) {
    for (const path of [options.redirectPath, options.postLogoutPath]) {
      if (localPath(path) === null || /[?#]/.test(path)) throw new TypeError(`not a local path: ${path}`);
    }
    this.#options = options;
    this.#ports = ports;
    this.#provider = new Provider({ ...options, timeoutMs: options.providerTimeoutMs, fetch: ports.fetch, now: ports.now });
    // Clients of one host have cookies of different names, so that one's login does not end another's.
    const context = [options.issuer, options.clientId];
    this.#name = `${COOKIES_BEGIN}${createHash("sha256").update(JSON.stringify(context)).digest("hex").slice(0, 8)}`;
    const { keys, sessionMaxAgeMs } = options;
    this.#sessions = new SessionCookies(`${this.#name}-session`, { keys, context, maxAgeMs: sessionMaxAgeMs });
    this.#logins = new LoginCookies(this.#name, { keys, context });
    this.#refreshes = new Refreshes(ports.marks, sessionMaxAgeMs, (session) => this.#requestRefresh(session));
  }

  /**
   * Whether a request may pass. A promise only where something must be waited for. Rejects if the revocations cannot be asked.
   * @param otherwise what becomes of a request without a session: the login, or an answer that says that there is none
   */
  check(request: LoginRequest, otherwise: Otherwise = "login"): CheckAnswer | Promise<CheckAnswer> {
    const nowMs = this.#ports.now();
    const cookies = this.#cookiesOf(request);
    const session = this.#sessions.open(cookies, nowMs);
    if (session === null) return this.#refuse(request, cookies, otherwise);
    const revoked = this.#ports.revocations.revoked(session, nowMs);
    if (revoked === true) return this.#refuse(request, cookies, otherwise);
    const due = session.refreshToken !== null && session.refreshAtMs !== null && nowMs >= session.refreshAtMs;
    if (revoked === false && (!due || this.#mayPassMeanwhile(session, nowMs))) return { kind: "session", session, setCookies: [] };
    return this.#checkLater(request, cookies, session, revoked, due, otherwise);
  }

  /** A request to the path where a login begins, for whoever is let in without one. It leads to the local path in `return_to` of its query. */
  async login(request: LoginRequest): Promise<CheckAnswer | CallbackAnswer> {
    const { target } = request;
    const wanted = new URLSearchParams(target.slice(pathOf(target).length)).get("return_to") ?? "/";
    const returning: LoginRequest = { ...request, method: "GET", target: wanted };
    const origin = originOf(request);
    if (origin === null) return nowhere();
    const answer = await this.check(returning);
    if (answer.kind !== "session") return answer;
    return { kind: "redirect", location: localUrl(origin, this.#returnTo(returning)), setCookies: answer.setCookies };
  }

  /**
   * A request to the path to which the provider sends back. Only GET.
   * @param mayAsk asked before the provider is: whoever has begun a login can bring answers to it that are made up, as many as it likes
   */
  async callback(request: LoginRequest, mayAsk: () => boolean = () => true): Promise<CallbackAnswer> {
    const nowMs = this.#ports.now();
    const cookies = this.#cookiesOf(request);
    const query = new URLSearchParams(request.target.slice(pathOf(request.target).length));
    const states = query.getAll("state");
    const state = states.length === 1 ? (states[0] ?? "") : "";
    const login = state === "" || request.method !== "GET" ? null : this.#logins.find(cookies, state, nowMs);
    if (login === null || login.origin !== originOf(request)) {
      return { kind: "failed", failure: expiredLogin("no login of this browser has that state"), setCookies: [] };
    }
    if (!mayAsk()) return { kind: "too_many" };
    // From here on the answer is one to this browser's own login. Whatever comes of it, it is used up.
    const ended = this.#logins.end(cookies, state);
    try {
      const session = await this.#redeem(login, query);
      if (session === null) return { kind: "failed", failure: noIdToken(), setCookies: ended };
      const setCookies = this.#sessions.seal(cookies, session, nowMs);
      if (setCookies === null) return { kind: "failed", failure: tooLarge(), setCookies: ended };
      const location = localUrl(login.origin, localPath(login.returnTo) ?? "/");
      return { kind: "redirect", location, setCookies: [...setCookies, ...ended, ...this.#logins.completed(cookies, nowMs)] };
    } catch (error) {
      const fault = faultOf(error);
      if (fault.kind === "unavailable" || isOverloaded(fault)) return this.#unavailable(fault.reason);
      return { kind: "failed", failure: failureOf(fault), setCookies: ended };
    }
  }

  /**
   * A request to the path where users log out. Another site's page can have a browser send it, so only a request of our own pages or of the user's hand
   * counts: as the browser says (`Sec-Fetch-Site`, `Origin`), or, where it says nothing, a POST.
   */
  async logout(request: LoginRequest): Promise<LogoutAnswer> {
    const own = fromOwnPages(request);
    const origin = originOf(request);
    if (own === false || origin === null) return request.method === "POST" ? { kind: "refused" } : { kind: "confirm" };
    // A picture of one of our own pages may have that address.
    if (request.method !== "POST" && (own === null || !isNavigation(request))) return { kind: "confirm" };
    const nowMs = this.#ports.now();
    const cookies = this.#cookiesOf(request);
    const session = this.#sessions.open(cookies, nowMs);
    const setCookies = this.#sessions.remove(cookies);
    const home = localUrl(origin, this.#options.postLogoutPath);
    if (session === null) return { kind: "redirect", location: home, setCookies };
    // Copies of the cookie end with it.
    await this.#ports.revocations.revoke({ issuer: this.#options.issuer, by: "session", value: session.id }, nowMs);
    return { kind: "redirect", location: (await this.#endSessionUrl(session, home)) ?? home, setCookies };
  }

  /**
   * A POST of the provider that says that a user has logged out there.
   * @param body the whole body; bound its size, a few kilobytes are enough
   */
  async backChannel(contentType: string | null, body: string): Promise<BackChannelAnswer> {
    if (contentType?.split(";")[0]?.trim().toLowerCase() !== FORM) return { kind: "refused", reason: "not a form" };
    const [token, ...more] = new URLSearchParams(body).getAll("logout_token");
    if (token === undefined || more.length > 0) return { kind: "refused", reason: "not one logout_token" };
    const { clockToleranceMs } = this.#options;
    try {
      const out = await readLogoutToken(this.#provider, token, clockToleranceMs);
      if (typeof out === "string") return { kind: "refused", reason: out };
      const nowMs = this.#ports.now();
      const first = await this.#ports.marks.set(`logout:${out.issuer}\n${out.jti}`, out.replayUntilMs, nowMs);
      if (!first) return { kind: "refused", reason: "this logout_token came before" };
      const { issuer } = this.#options;
      const revocation: Revocation = out.sid === null ? { issuer, by: "sub", value: out.sub ?? "" } : { issuer, by: "sid", value: out.sid };
      await this.#ports.revocations.revoke(revocation, nowMs);
      return { kind: "revoked" };
    } catch (error) {
      const fault = faultOf(error);
      return fault.kind === "unavailable" ? this.#unavailable(fault.reason) : { kind: "refused", reason: fault.reason };
    }
  }

  /** While the token is good and this thread refreshes it already, nobody else needs to wait. */
  #mayPassMeanwhile(session: OidcSession, nowMs: number): boolean {
    return this.#refreshes.isRunning(session) && session.tokenEndsAtMs !== null && nowMs < session.tokenEndsAtMs;
  }

  async #checkLater(
    request: LoginRequest,
    cookies: RequestCookies,
    session: OidcSession,
    revoked: boolean | Promise<boolean>,
    due: boolean,
    otherwise: Otherwise,
  ): Promise<CheckAnswer> {
    const nowMs = this.#ports.now();
    if (await revoked) return this.#refuse(request, cookies, otherwise);
    const same = { kind: "session", session, setCookies: [] } as const satisfies CheckAnswer;
    if (!due || this.#mayPassMeanwhile(session, nowMs)) return same;
    const outcome = await this.#refreshes.refresh(session, nowMs);
    if (outcome.kind === "refused") {
      // Perhaps another machine has refreshed it, and the browser has not sent the new cookie yet.
      const graceEndsMs = (session.tokenEndsAtMs ?? 0) + CLAIM_MS;
      return nowMs < graceEndsMs ? same : this.#refuse(request, cookies, otherwise);
    }
    // It may have been revoked meanwhile.
    const current = outcome.kind === "refreshed" ? outcome.session : session;
    if (await this.#ports.revocations.revoked(current, this.#ports.now())) return this.#refuse(request, cookies, otherwise);
    if (outcome.kind === "unavailable") return { ...same, outage: outcome.reason };
    if (outcome.kind !== "refreshed") return same;
    const setCookies = this.#sessions.seal(cookies, current, nowMs);
    return { kind: "session", session: current, setCookies: setCookies ?? [] };
  }

  /** The answer to a request without a session. */
  #refuse(request: LoginRequest, cookies: RequestCookies, otherwise: Otherwise): CheckAnswer | Promise<CheckAnswer> {
    if (otherwise === "unknown") return { kind: "unknown", setCookies: this.#sessions.remove(cookies) };
    if (isNavigation(request)) return this.#login(request, cookies);
    return { kind: "unauthorized", setCookies: this.#sessions.remove(cookies) };
  }

  async #login(request: LoginRequest, cookies: RequestCookies): Promise<CheckAnswer> {
    const nowMs = this.#ports.now();
    const origin = originOf(request);
    if (origin === null) return nowhere();
    if (this.#logins.isLoop(cookies, nowMs)) return { kind: "failed", failure: loop(), setCookies: [] };
    try {
      const { client, configuration } = await this.#provider.known();
      const login: PendingLogin = {
        state: client.randomState(),
        nonce: client.randomNonce(),
        codeVerifier: client.randomPKCECodeVerifier(),
        origin,
        returnTo: this.#returnTo(request),
      };
      const location = client.buildAuthorizationUrl(configuration, {
        ...this.#options.authorizationParameters,
        response_type: "code",
        redirect_uri: localUrl(origin, this.#options.redirectPath),
        scope: [...new Set(["openid", ...this.#options.scopes])].join(" "),
        state: login.state,
        nonce: login.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(login.codeVerifier),
        code_challenge_method: "S256",
      });
      const begun = this.#logins.begin(cookies, login, nowMs) ?? [];
      return { kind: "login", location: location.href, setCookies: [...begun, ...this.#sessions.remove(cookies)] };
    } catch (error) {
      return this.#unavailable(faultOf(error).reason);
    }
  }

  /** Where to go after the login: back, but for requests that mean something else the second time. */
  #returnTo(request: LoginRequest): string {
    const path = localPath(request.target);
    if (path === null || (request.method !== "GET" && request.method !== "HEAD")) return "/";
    return pathOf(path) === this.#options.redirectPath ? "/" : path;
  }

  /** The session for the provider's answer to `login`. Null: it gives no ID token. Throws what the library throws. */
  async #redeem(login: PendingLogin, query: URLSearchParams): Promise<OidcSession | null> {
    const known = await this.#provider.known();
    const url = new URL(`${localUrl(login.origin, this.#options.redirectPath)}?${query.toString()}`);
    const tokens = await known.client.authorizationCodeGrant(known.configuration, url, {
      expectedState: login.state,
      expectedNonce: login.nonce,
      pkceCodeVerifier: login.codeVerifier,
      idTokenExpected: true,
    });
    const subject = tokens.claims()?.sub;
    const userInfo = subject === undefined ? {} : await this.#userInfo(known, tokens.access_token, subject);
    const { issuer, keepAccessToken } = this.#options;
    return startedSession(tokens, issuer, userInfo, keepAccessToken, this.#ports.now());
  }

  async #userInfo({ client, configuration }: KnownProvider, accessToken: string, subject: string): Promise<Claims> {
    return this.#options.userInfo ? { ...(await client.fetchUserInfo(configuration, accessToken, subject)) } : {};
  }

  /** While the endpoint cannot answer, what it has said before holds: the new tokens must not be lost. */
  async #newestUserInfo(known: KnownProvider, accessToken: string, { subject, userInfo }: OidcSession): Promise<Claims> {
    try {
      return await this.#userInfo(known, accessToken, subject);
    } catch (error) {
      if (meansOutage(faultOf(error))) return userInfo;
      throw error;
    }
  }

  async #requestRefresh(session: OidcSession): Promise<RefreshOutcome> {
    try {
      const known = await this.#provider.known();
      const tokens = await known.client.refreshTokenGrant(known.configuration, session.refreshToken ?? "");
      const userInfo = await this.#newestUserInfo(known, tokens.access_token, session);
      const refreshed = refreshedSession(session, tokens, userInfo, this.#ports.now());
      return refreshed === null ? { kind: "refused", reason: "the tokens are another user's" } : { kind: "refreshed", session: refreshed };
    } catch (error) {
      const fault = faultOf(error);
      return { kind: meansOutage(fault) ? "unavailable" : "refused", reason: fault.reason };
    }
  }

  /** Null: the provider has no logout, or does not answer. */
  async #endSessionUrl(session: OidcSession, home: string): Promise<string | null> {
    try {
      const { client, configuration } = await this.#provider.known();
      if (configuration.serverMetadata().end_session_endpoint === undefined) return null;
      const hint = session.idToken === null ? {} : { id_token_hint: session.idToken };
      return client.buildEndSessionUrl(configuration, { ...hint, post_logout_redirect_uri: home }).href;
    } catch {
      return null;
    }
  }

  #unavailable(reason: string): Unavailable {
    return { kind: "unavailable", retryAfterMs: this.#provider.retryAfterMs(), reason };
  }

  #cookiesOf(request: LoginRequest): RequestCookies {
    return new RequestCookies(request.cookie, this.#name, request.origin.startsWith("https:"));
  }
}

/** Whether another attempt may help. */
function meansOutage(fault: ProviderFault): boolean {
  return fault.kind === "unavailable" || isOverloaded(fault);
}

/** The origin as browsers write it. Null: it is none. */
function originOf(request: LoginRequest): string | null {
  if (!URL.canParse(request.origin)) return null;
  const { origin, href } = new URL(request.origin);
  return href === `${origin}/` && /^https?:/.test(origin) ? origin : null;
}

function nowhere(): Failed {
  return { kind: "failed", failure: expiredLogin("the request names no host"), setCookies: [] };
}

function loop(): LoginFailure {
  const text = "Logins follow one another, and none lasts. Please check that the browser accepts cookies, and try again in a minute.";
  return { code: "login_loop", status: 400, text, reason: "several logins within a minute, and no session lasts" };
}

function noIdToken(): LoginFailure {
  return { code: "login_invalid", status: 502, text: "The login service gave an answer that cannot be trusted.", reason: "no ID token" };
}

function tooLarge(): LoginFailure {
  const text = "The login service says too much of this user for a session.";
  return { code: "session_too_large", status: 502, text, reason: "the session does not fit into four cookies" };
}
