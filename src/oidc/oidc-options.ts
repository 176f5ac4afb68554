/** What one login needs to know: the configuration's part, and what a thread provides. */
import type { ProviderFetch } from "./provider/provider-fetch.ts";
import type { Marks } from "./session/marks.ts";
import type { Revocations } from "./session/revocations.ts";

export interface OidcOptions {
  /** URL of the provider. Its metadata is at `/.well-known/openid-configuration` below. https, or http on the same machine. */
  readonly issuer: string;
  readonly clientId: string;
  /** Null: the client has none, and proves itself by PKCE alone. */
  readonly clientSecret: string | null;
  /** How the secret is sent. */
  readonly clientAuthentication: "basic" | "post";
  /** What is asked for; `openid` always is. `offline_access` makes most providers give a refresh token. */
  readonly scopes: readonly string[];
  /** Local path to which the provider sends back. Together with the origin that was asked it must be registered there. */
  readonly redirectPath: string;
  /** Local path for users who have logged out. Together with the origin it must be registered at the provider. */
  readonly postLogoutPath: string;
  /** Further parameters of the request for a login, such as `prompt` or `audience`. They replace none of the engine's own. */
  readonly authorizationParameters: Readonly<Record<string, string>>;
  /** Secrets for the cookies, 32 bytes or more each. The first one seals, all of them open. The same on all machines that serve the sessions. */
  readonly keys: readonly Uint8Array[];
  /** How long a user stays logged in, refreshes or not. */
  readonly sessionMaxAgeMs: number;
  /** The one algorithm of the provider's signatures. */
  readonly idTokenAlgorithm: string;
  /** Whether to ask the provider's user info endpoint at each login and refresh for claims that the ID token does not have. */
  readonly userInfo: boolean;
  /** Whether sessions keep the access token, to send it to origins. It makes cookies large. */
  readonly keepAccessToken: boolean;
  /** By how much the provider's clock may differ. */
  readonly clockToleranceMs: number;
  /** For each single request to the provider. */
  readonly providerTimeoutMs: number;
}

/** What the engine stands on. */
export interface OidcPorts {
  readonly fetch: ProviderFetch;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly marks: Marks;
  readonly revocations: Revocations;
}
