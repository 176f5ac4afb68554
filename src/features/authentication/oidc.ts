/**
 * A login at an identity provider (OpenID Connect). Who brings a good session is known; who brings none is sent to the provider if a person waits for a page,
 * and gets 401 otherwise. The paths of the login itself are answered here, whoever asks.
 */
import type { LoginRequest } from "../../oidc/login-request.ts";
import type { BackChannelAnswer, CallbackAnswer, CheckAnswer } from "../../oidc/oidc-answers.ts";
import type { OidcSession } from "../../oidc/session/session.ts";
import type { RequestChanges, ResponseChanges } from "../../http/head-edits.ts";
import { clientKey } from "../../base/client-key.ts";
import { normalizePath } from "../../policy/route/normalize-path.ts";
import type { Rate } from "../../policy/rate-limit/rate.ts";
import { ExchangeState } from "../../proxy/feature/exchange-state.ts";
import type { FeatureContext } from "../../proxy/feature/feature.ts";
import { Limiter } from "../../proxy/feature/limiter.ts";
import type { LimiterThread } from "../../proxy/feature/limiter.ts";
import type { ExchangeView } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { Identity } from "../../proxy/ports/identity.ts";
import { identityOf } from "./claims-identity.ts";
import * as answers from "./login-answers.ts";
import { takeLoginCookies } from "./login-cookies.ts";
import { loginFor } from "./login.ts";
import type { Login, OidcConfig } from "./login.ts";
import { REALM } from "./method.ts";
import type { Method, Verdict } from "./method.ts";

/** A logout token has a few kilobytes. */
const FORM_BYTES_MAX = 32 * 1024;
/** Logins of one address that may fail: the provider must not be asked without end in the name of this client. */
const FAILED_LOGINS: Rate = { requests: 30, windowSeconds: 60, burst: 30 };

export class OidcMethod implements Method {
  readonly challenge: string = `Cookie ${REALM}`;
  private readonly config: OidcConfig;
  private readonly isOptional: boolean;
  private readonly report: FeatureContext["report"];
  private readonly login: Login;
  private readonly failures: Limiter;
  private readonly now: () => number;
  /** A session is the same object for as long as a browser brings the same cookie. */
  private readonly identities: WeakMap<OidcSession, Identity> = new WeakMap();
  /** Cookies for the browser, and the access token for the upstream, of exchanges under way. */
  private readonly setCookies: ExchangeState<readonly string[]> = new ExchangeState();
  private readonly tokens: ExchangeState<string> = new ExchangeState();
  private readonly ownPaths: ReadonlyMap<string, (exchange: ExchangeView) => Promise<LocalAnswer>>;
  /** Values of WWW-Authenticate for scripts. */
  private readonly challenges: readonly string[];
  /** Whether clients of the route's other methods may bring the upstream a token of their own in `Authorization`, which `jwt` has verified. */
  private readonly leavesTokens: boolean;

  /**
   * @param isOptional whether who has no session is let in
   * @param others the challenges of the route's other methods, and the field in which `jwt` leaves a token
   */
  constructor(
    config: OidcConfig,
    isOptional: boolean,
    others: { readonly challenges: readonly string[]; readonly ownToken: string | null },
    { logins, stores, report, ...thread }: Pick<FeatureContext, "logins" | "stores" | "report"> & LimiterThread,
  ) {
    this.config = config;
    this.isOptional = isOptional;
    this.challenges = [...others.challenges, this.challenge];
    this.leavesTokens = others.ownToken === "authorization";
    this.report = report;
    this.login = loginFor(config, logins, stores, thread.workerIndex);
    this.failures = new Limiter(FAILED_LOGINS, thread, { id: JSON.stringify(["failed logins", config.issuer, config.client_id]) });
    this.now = thread.now;
    this.ownPaths = new Map([
      [config.redirect_path, (exchange) => this.callback(exchange)],
      [
        config.login_path,
        async (exchange) => this.answerOf(await this.login.ask((engine) => engine.login(requestOf(exchange))), "logged_in"),
      ],
      [config.logout_path, (exchange) => this.logOut(exchange)],
      [config.back_channel_logout_path, (exchange) => this.backChannel(exchange)],
    ]);
  }

  /** The answer to a request to a path of the login itself; null: it is for another one. */
  ownAnswer(exchange: ExchangeView): Promise<LocalAnswer> | null {
    const { path } = exchange.request;
    // As the path was compared when the route was chosen: no other spelling goes upstream.
    return this.ownPaths.get(normalizePath(path) ?? path)?.(exchange) ?? null;
  }

  judge(exchange: ExchangeView): Verdict | null | Promise<Verdict | null> {
    const found = this.login.ask((engine) => engine.check(requestOf(exchange), this.isOptional ? "unknown" : "login"));
    return found instanceof Promise ? found.then((answer) => this.verdict(exchange, answer)) : this.verdict(exchange, found);
  }

  editRequest(exchange: ExchangeView, edits: RequestChanges): void {
    takeLoginCookies(exchange, edits);
    if (!this.config.forward_access_token) return;
    const token = this.tokens.of(exchange);
    if (token !== undefined) edits.set("Authorization", `Bearer ${token}`);
    // What the upstream takes for a user's token comes from the provider, or was verified by `jwt`.
    else if (!this.leavesTokens || exchange.identity?.method !== "jwt") edits.remove("authorization");
  }

  /** Gives the browser the cookies of a session that has new tokens. */
  editResponse(exchange: ExchangeView, response: ResponseChanges): void {
    const lines = this.setCookies.of(exchange);
    if (lines === undefined) return;
    for (const line of lines) response.append("Set-Cookie", line);
    // The session must not lie in anybody's cache.
    response.set("Cache-Control", "no-store");
  }

  private verdict(exchange: ExchangeView, answer: CheckAnswer): Verdict | null {
    if (answer.kind !== "session" && answer.kind !== "unknown") return this.answerOf(answer, "login_needed");
    if (answer.setCookies.length > 0) this.setCookies.keep(exchange, answer.setCookies);
    if (answer.kind === "unknown") return null;
    const { session, outage } = answer;
    if (outage !== undefined && this.login.mayTell("unavailable")) {
      const { issuer } = this.config;
      const message = `${issuer} gives sessions no new tokens, so they go on with the old ones: ${outage}`;
      this.report("warn", "login_unavailable", message, { issuer });
    }
    if (session.accessToken !== null && this.config.forward_access_token) this.tokens.keep(exchange, session.accessToken);
    let identity = this.identities.get(session);
    if (identity === undefined) {
      identity = identityOf("oidc", session.claims, this.config.claims);
      this.identities.set(session, identity);
    }
    return identity;
  }

  /** The answer to a request that is not let in, or that a login has ended with. @param reason of a redirect that is not to the provider */
  private answerOf(answer: CheckAnswer | CallbackAnswer, reason: string): LocalAnswer {
    this.tell(answer);
    switch (answer.kind) {
      case "login":
        return answers.redirect(
          "login_needed",
          answer.location,
          answer.setCookies,
          "no session; the provider's own settings say where its login is",
        );
      case "redirect":
        return answers.redirect(reason, answer.location, answer.setCookies);
      case "unavailable":
        return answers.unavailable(answer);
      case "failed":
        return answers.failed(answer.failure, answer.setCookies);
      case "unauthorized":
        return answers.unauthorized(this.challenges, answer.setCookies);
      default:
        throw new Error(`the engine has no ${answer.kind} for this`);
    }
  }

  /** Each login counts against its address until it has succeeded. */
  private async callback(exchange: ExchangeView): Promise<LocalAnswer> {
    const address = clientKey(exchange.client);
    const refused: LocalAnswer[] = [];
    const mayAsk = (): boolean => {
      if (this.failures.take(address, this.now())) return true;
      refused.push(this.failures.refusal("login_rate_limited"));
      return false;
    };
    const answer = await this.login.ask((engine) => engine.callback(requestOf(exchange), mayAsk));
    if (answer.kind === "redirect") this.failures.settle(address, this.now(), -1);
    return refused[0] ?? this.answerOf(answer, "logged_in");
  }

  private async logOut(exchange: ExchangeView): Promise<LocalAnswer> {
    const answer = await this.login.ask((engine) => engine.logout(requestOf(exchange)));
    return answer.kind === "unavailable" ? answers.unavailable(answer) : answers.loggedOut(answer, this.config.logout_path);
  }

  private async backChannel(exchange: ExchangeView): Promise<LocalAnswer> {
    const { request } = exchange;
    const body = request.method === "POST" ? await exchange.collectBody(FORM_BYTES_MAX) : null;
    const answer = await this.login.ask((engine) => engine.backChannel(request.get("content-type") ?? null, body?.toString("utf8") ?? ""));
    this.tell(answer);
    if (answer.kind === "refused" && this.login.mayTell("logout_token_refused"))
      this.report("warn", "logout_token_refused", `a logout token was refused: ${answer.reason}`, { issuer: this.config.issuer });
    return answers.backChannel(answer);
  }

  private tell(answer: CheckAnswer | CallbackAnswer | BackChannelAnswer): void {
    const fault = answers.providersFault(answer);
    if (fault === null || !this.login.mayTell(answer.kind)) return;
    const { issuer } = this.config;
    if (answer.kind === "unavailable") this.report("warn", "login_unavailable", `nobody can log in at ${issuer}: ${fault}`, { issuer });
    else this.report("warn", "login_failed", `a login at ${issuer} has failed: ${fault}`, { issuer });
  }
}

/** What the engine reads of a request. */
function requestOf({ request, scheme }: ExchangeView): LoginRequest {
  const field = (name: string): string | null => request.get(name) ?? null;
  return {
    method: request.method,
    origin: `${scheme}://${request.authority}`,
    target: request.forwardTarget,
    cookie: request.values("cookie").join("; "),
    accept: field("accept"),
    secFetchMode: field("sec-fetch-mode"),
    secFetchSite: field("sec-fetch-site"),
    requestedWith: field("x-requested-with"),
    originField: field("origin"),
  };
}
