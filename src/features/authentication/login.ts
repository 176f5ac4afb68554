/** One login at an identity provider, as a thread has it: the engine (src/oidc), loaded when a configuration has a login, and its time limit. */
import { hash } from "node:crypto";
import type { OidcEngine } from "../../oidc/oidc-engine.ts";
import type { OidcOptions } from "../../oidc/oidc-options.ts";
import type { LoginPorts } from "../../proxy/feature/login-ports.ts";
import { providerFetch } from "./provider-fetch.ts";
import type { AuthenticationConfig } from "./schema.ts";
import { SESSION_AGE_MAX_MS } from "../../policy/authentication/session-age.ts";

export type OidcConfig = NonNullable<AuthenticationConfig["oidc"]>;

/** For each single request to the provider. */
const PROVIDER_TIMEOUT_MS = 4_000;
/**
 * For all requests to the provider that one exchange waits for: discovery, code, keys, user information. Below the ten seconds of a hook, after which the client
 * would get a 504.
 */
const PATIENCE_MS = 9_000;
const SELDOM_MS = 60_000;

/** What the engine says when its time is over. */
export const OUT_OF_TIME = { kind: "unavailable", retryAfterMs: 5_000, reason: "the provider takes too long" } as const;

export class Login {
  private readonly ports: LoginPorts;
  private readonly loading: Promise<OidcEngine>;
  private engine: OidcEngine | null = null;
  /** When each event was logged last. */
  private readonly toldAt: Map<string, number> = new Map();

  constructor(options: OidcOptions, ports: LoginPorts, worker: number) {
    this.ports = ports;
    this.loading = engineFor(options, ports, worker).then((engine) => (this.engine = engine));
    this.loading.catch(() => {});
  }

  /** Asks the engine, at once if it has been loaded. What takes it too long is given up. */
  ask<T>(question: (engine: OidcEngine) => T | Promise<T>): T | Promise<T | typeof OUT_OF_TIME> {
    const { engine } = this;
    const answer = engine === null ? this.loading.then(question) : question(engine);
    return answer instanceof Promise ? this.inTime(answer) : answer;
  }

  /** Whether this event may be logged now: clients can cause them as often as they like. */
  mayTell(event: string): boolean {
    const now = this.ports.epochMs();
    if (now - (this.toldAt.get(event) ?? -Infinity) < SELDOM_MS) return false;
    this.toldAt.set(event, now);
    return true;
  }

  private inTime<T>(answer: Promise<T>): Promise<T | typeof OUT_OF_TIME> {
    return new Promise((resolve, reject) => {
      const cancel = this.ports.after(PATIENCE_MS, () => resolve(OUT_OF_TIME));
      answer.then(resolve, reject).finally(cancel);
    });
  }
}

/** The login of that configuration. Two routes with the same one share it. */
export function loginFor(config: OidcConfig, ports: LoginPorts, worker: number): Login {
  const options = optionsOf(config);
  const key = hash("sha256", JSON.stringify({ ...options, keys: config.session.keys }), "base64");
  // Nobody else keeps anything there.
  return ports.known.get(key, () => new Login(options, ports, worker)) as Login;
}

async function engineFor(options: OidcOptions, { ask, table, epochMs }: LoginPorts, worker: number): Promise<OidcEngine> {
  const [{ OidcEngine }, { SharedMarks, SharedRevocations }] = await Promise.all([
    import("../../oidc/oidc-engine.ts"),
    import("../../oidc/session/shared-session-state.ts"),
  ]);
  // A store that several machines share would stand here.
  const state = { marks: new SharedMarks(table, worker), revocations: new SharedRevocations(table, worker, SESSION_AGE_MAX_MS) };
  return new OidcEngine(options, { fetch: providerFetch(ask, options.issuer), now: epochMs, ...state });
}

function optionsOf(config: OidcConfig): OidcOptions {
  return {
    issuer: config.issuer,
    clientId: config.client_id,
    clientSecret: config.client_secret ?? null,
    clientAuthentication: config.client_authentication,
    scopes: config.scopes,
    redirectPath: config.redirect_path,
    postLogoutPath: config.post_logout_path,
    authorizationParameters: config.parameters,
    keys: config.session.keys.map((key) => Buffer.from(key, "utf8")),
    sessionMaxAgeMs: config.session.max_age,
    idTokenAlgorithm: config.algorithm,
    userInfo: config.user_info,
    keepAccessToken: config.forward_access_token,
    clockToleranceMs: config.clock_skew,
    providerTimeoutMs: PROVIDER_TIMEOUT_MS,
  };
}
