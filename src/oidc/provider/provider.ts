/** An OpenID provider as this client knows it: its metadata and its keys, fetched when they are needed, and kept while it does not answer. */
import type * as Client from "openid-client";
import type * as Jose from "jose";
import { BackOff } from "./back-off.ts";
import { ProviderUnavailable, boundedFetch, type ProviderFetch } from "./provider-fetch.ts";
import { faultOf } from "./provider-fault.ts";

export interface ProviderOptions {
  readonly issuer: string;
  readonly clientId: string;
  /** Null: the client has none, and proves itself by PKCE alone. */
  readonly clientSecret: string | null;
  /** How the secret is sent to the token endpoint. */
  readonly clientAuthentication: "basic" | "post";
  /** The one algorithm of ID tokens and logout tokens: RS, PS or ES with 256, 384 or 512, or EdDSA. */
  readonly idTokenAlgorithm: string;
  /** By how much the provider's clock may differ from ours. */
  readonly clockToleranceMs: number;
  /** For each single request to the provider. */
  readonly timeoutMs: number;
  readonly fetch: ProviderFetch;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The library, and the provider as the library knows it. */
export interface KnownProvider {
  readonly client: typeof Client;
  readonly configuration: Client.Configuration;
}

/** How long metadata is taken for current. While newer metadata cannot be had, the old stays in use. */
const METADATA_MAX_AGE_MS = 3_600_000;
const ALGORITHMS = /^(?:(?:RS|PS|ES)(?:256|384|512)|EdDSA|Ed25519)$/;

export class Provider {
  readonly #options: ProviderOptions;
  readonly #fetch: ProviderFetch;
  readonly #discovery = new BackOff();
  readonly #keysBackOff = new BackOff();
  #known: KnownProvider | null = null;
  #staleAtMs = 0;
  #running: Promise<KnownProvider> | null = null;
  #keys: { readonly url: string; readonly get: Jose.JWTVerifyGetKey } | null = null;

  /** @throws a TypeError: the issuer or the algorithm must not be used */
  constructor(options: ProviderOptions) {
    const url = URL.canParse(options.issuer) ? new URL(options.issuer) : null;
    if (url === null || (url.protocol !== "https:" && !isLoopback(url))) {
      throw new TypeError("the issuer is an https URL; http is for providers on the same machine (127.0.0.1, [::1], localhost)");
    }
    if (!ALGORITHMS.test(options.idTokenAlgorithm)) {
      throw new TypeError("the algorithm of ID tokens is one with a public key: RS256, PS256, ES256, EdDSA and such");
    }
    this.#options = options;
    this.#fetch = boundedFetch(options.fetch);
  }

  /** Rejects with a {@link ProviderUnavailable} while nothing is known of the provider, or with what is wrong with its metadata. */
  known(): Promise<KnownProvider> {
    const nowMs = this.#options.now();
    const known = this.#known;
    if (known !== null && nowMs < this.#staleAtMs) return Promise.resolve(known);
    if (this.#running === null) {
      if (this.#discovery.remainingMs(nowMs) > 0) {
        return known === null ? Promise.reject(new ProviderUnavailable("was not to be reached shortly before")) : Promise.resolve(known);
      }
      this.#running = this.#discover().finally(() => {
        this.#running = null;
      });
      // Whoever waits for it sees the error; it may be that nobody does.
      this.#running.catch(() => {});
    }
    return known === null ? this.#running : Promise.resolve(known);
  }

  /** Milliseconds until the provider is asked again for its metadata. */
  retryAfterMs(): number {
    return Math.max(1_000, this.#discovery.remainingMs(this.#options.now()));
  }

  /**
   * Verifies a signed token of the provider: signature, issuer, audience and times. The keys are fetched at most every 30 seconds for a key
   * that they do not contain, and with back-off while they cannot be had: anybody may send tokens here.
   */
  async verify(token: string, typ: readonly string[], maxAgeMs: number): Promise<Jose.JWTPayload> {
    const { configuration } = await this.known();
    const jose = await import("jose");
    const { issuer, jwks_uri: keysUrl } = configuration.serverMetadata();
    if (keysUrl === undefined) throw new TypeError("the provider's metadata has no jwks_uri");
    const keys = this.#keysOf(jose, keysUrl);
    const { payload, protectedHeader } = await jose.jwtVerify(token, keys, {
      issuer,
      audience: this.#options.clientId,
      algorithms: [this.#options.idTokenAlgorithm],
      maxTokenAge: maxAgeMs / 1_000,
      clockTolerance: this.#options.clockToleranceMs / 1_000,
      currentDate: new Date(this.#options.now()),
    });
    const found = protectedHeader.typ?.toLowerCase().replace(/^application\//, "") ?? "jwt";
    if (!typ.includes(found)) throw new TypeError("the token is of another type");
    return payload;
  }

  #keysOf(jose: typeof Jose, url: string): Jose.JWTVerifyGetKey {
    if (this.#keys?.url === url) return this.#keys.get;
    const { now, timeoutMs } = this.#options;
    const get = jose.createRemoteJWKSet(new URL(url), {
      timeoutDuration: timeoutMs,
      [jose.customFetch]: async (from, init) => {
        if (this.#keysBackOff.remainingMs(now()) > 0) throw new ProviderUnavailable("its keys were not to be had shortly before");
        try {
          const response = await this.#fetch(from, { ...init });
          this.#keysBackOff.succeeded();
          return response;
        } catch (error) {
          this.#keysBackOff.failed(now());
          throw error;
        }
      },
    });
    this.#keys = { url, get };
    return get;
  }

  async #discover(): Promise<KnownProvider> {
    const { issuer, clientId, clientSecret, clientAuthentication, idTokenAlgorithm, clockToleranceMs, timeoutMs, now } = this.#options;
    const client = await import("openid-client");
    const url = new URL(issuer);
    const authentication =
      clientSecret === null
        ? client.None()
        : clientAuthentication === "basic"
          ? client.ClientSecretBasic(clientSecret)
          : client.ClientSecretPost(clientSecret);
    const metadata = { id_token_signed_response_alg: idTokenAlgorithm, [client.clockTolerance]: clockToleranceMs / 1_000 };
    try {
      const configuration = await client.discovery(url, clientId, metadata, authentication, {
        timeout: timeoutMs / 1_000,
        [client.customFetch]: (to, { body, signal, ...init }) => this.#fetch(to, { ...init, body: body ?? null, signal: signal ?? null }),
        // ID tokens come over TLS from the provider itself, and would be believed for that. Check their signatures nevertheless.
        execute: [client.enableNonRepudiationChecks, ...(url.protocol === "http:" ? [client.allowInsecureRequests] : [])],
      });
      this.#discovery.succeeded();
      this.#staleAtMs = now() + METADATA_MAX_AGE_MS;
      this.#known = { client, configuration };
      return this.#known;
    } catch (error) {
      this.#discovery.failed(now());
      throw new ProviderUnavailable(`its settings cannot be read: ${faultOf(error).reason}`, { cause: error });
    }
  }
}

function isLoopback(url: URL): boolean {
  return url.protocol === "http:" && (url.hostname === "localhost" || url.hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(url.hostname));
}
