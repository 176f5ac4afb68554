/** One login at an identity provider, as a thread has it: the engine (src/oidc), loaded when a configuration has a login, and its time limit. */
import { hash } from "node:crypto";
import type { OidcEngine } from "../../oidc/oidc-engine.ts";
import type { OidcOptions } from "../../oidc/oidc-options.ts";
import type { Revocations } from "../../oidc/session/revocations.ts";
import type { LoginPorts } from "../../proxy/feature/login-ports.ts";
import type { SharedStore, Stores } from "../../proxy/feature/shared-store.ts";
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
/** Of the store. */
const TOPIC = "revocations";

/** What the engine says when its time is over. */
export const OUT_OF_TIME = { kind: "unavailable", retryAfterMs: 5_000, reason: "the provider takes too long" } as const;

export class Login {
  private readonly ports: LoginPorts;
  private readonly loading: Promise<OidcEngine>;
  private engine: OidcEngine | null = null;
  /** When each event was logged last. */
  private readonly toldAt: Map<string, number> = new Map();

  /** @param store by which machines tell each other of logouts; null: they do not */
  constructor(options: OidcOptions, ports: LoginPorts, store: SharedStore | null, worker: number) {
    this.ports = ports;
    this.loading = engineFor(options, ports, store, worker).then((engine) => (this.engine = engine));
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
export function loginFor(config: OidcConfig, ports: LoginPorts, stores: Stores, worker: number): Login {
  const options = optionsOf(config);
  const { keys, store } = config.session;
  const key = hash("sha256", JSON.stringify({ ...options, keys, store }), "base64");
  // Nobody else keeps anything there.
  return ports.known.get(key, () => new Login(options, ports, store === undefined ? null : stores.get(store), worker)) as Login;
}

async function engineFor(options: OidcOptions, ports: LoginPorts, store: SharedStore | null, worker: number): Promise<OidcEngine> {
  const { ask, table, epochMs } = ports;
  const [{ OidcEngine }, { SharedMarks }, revocations] = await Promise.all([
    import("../../oidc/oidc-engine.ts"),
    import("../../oidc/session/shared-session-state.ts"),
    revocationsFor(ports, store, worker),
  ]);
  return new OidcEngine(options, {
    fetch: providerFetch(ask, options.issuer),
    now: epochMs,
    marks: new SharedMarks(table, worker),
    revocations,
  });
}

async function revocationsFor({ table, epochMs, followed }: LoginPorts, store: SharedStore | null, worker: number): Promise<Revocations> {
  const { SharedRevocations } = await import("../../oidc/session/shared-session-state.ts");
  if (store === null) return new SharedRevocations(table, worker, SESSION_AGE_MAX_MS);
  const { ToldRevocations, learn, toldName } = await import("../../oidc/session/told-revocations.ts");
  const own = new SharedRevocations(table, worker, SESSION_AGE_MAX_MS, toldName);
  if (!followed.has(store)) {
    followed.add(store);
    store.follow(TOPIC, (text) => learn(own, text, epochMs()));
  }
  return new ToldRevocations(own, (text) => store.publish(TOPIC, text, SESSION_AGE_MAX_MS));
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
