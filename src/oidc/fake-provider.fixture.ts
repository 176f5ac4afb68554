/**
 * An OpenID provider in memory that says whatever a test wants, for what a real one never says. Tests of the ordinary are in
 * `test/logins.test.ts`, against a real provider.
 */
import { createHash, randomUUID } from "node:crypto";
import { SignJWT, UnsecuredJWT, exportJWK, generateKeyPair, type CryptoKey, type JWK } from "jose";
import type { ProviderFetch } from "./provider/provider-fetch.ts";

export const ISSUER = "https://id.example";
export const CLIENT = "app";

/** What the provider signs with, made once. */
const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
const OTHER = await generateKeyPair("RS256", { extractable: true });
const CURVE = await generateKeyPair("ES256", { extractable: true });
const KEYS: readonly JWK[] = [
  { ...(await exportJWK(publicKey)), kid: "one", alg: "RS256", use: "sig" },
  { ...(await exportJWK(CURVE.publicKey)), kid: "curve", alg: "ES256", use: "sig" },
];

type Claims = Record<string, unknown>;

export class FakeProvider {
  /** Paths that were asked, in order. */
  readonly asked: string[] = [];
  /** The forms that the token endpoint got. */
  readonly forms: URLSearchParams[] = [];
  /** Changes to the metadata, to what is answered for a token, and to the claims of ID tokens. */
  metadata: Claims = {};
  tokens: Claims = {};
  claims: Claims = {};
  header: Claims = {};
  userInfo: Claims = { sub: "alice", nickname: "al" };
  /** How ID tokens and logout tokens are signed. */
  signed: "properly" | "by another key" | "with another algorithm" | "not at all" | "with the client's secret" = "properly";
  /** Answers in the place of the provider's own; null: its own. It may also throw, as `fetch` does. */
  instead: (path: string, init: RequestInit) => Response | Promise<Response> | null = () => null;
  /** The code that is good, and the nonce and the challenge of its login. */
  #login: { readonly code: string; readonly nonce: string; readonly challenge: string } | null = null;
  refreshToken: string | null = "refresh-0";
  /** Whether each refresh brings another refresh token. */
  rotates = true;
  #refreshes = 0;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  readonly fetch: ProviderFetch = async (url, init) => {
    const { origin, pathname } = new URL(url);
    if (origin !== ISSUER) throw new Error(`nobody is at ${url}`);
    this.asked.push(pathname);
    return (await this.instead(pathname, init)) ?? this.answer(pathname, init);
  };

  /** How often a path was asked. */
  count(path: string): number {
    return this.asked.filter((asked) => asked === path).length;
  }

  /** The user logs in: what the provider appends to the redirect URI for the login at `location`. */
  answerTo(location: string): URLSearchParams {
    const asked = new URL(location).searchParams;
    this.#login = { code: randomUUID(), nonce: asked.get("nonce") ?? "", challenge: asked.get("code_challenge") ?? "" };
    return new URLSearchParams({ code: this.#login.code, state: asked.get("state") ?? "", iss: ISSUER });
  }

  /** A logout token, with `claims` in the place of its own; undefined takes one away. */
  logoutToken(claims: Claims = {}, header: Claims = { typ: "logout+jwt" }): Promise<string> {
    const events = { "http://schemas.openid.net/event/backchannel-logout": {} };
    const second = Math.floor(this.#nowMs() / 1_000);
    const own = { iss: ISSUER, aud: CLIENT, iat: second, exp: second + 120, jti: randomUUID(), events, sid: "sid-1", sub: "alice" };
    return this.#sign({ ...own, ...claims }, header);
  }

  /** The provider's own answer. */
  async answer(path: string, init: RequestInit): Promise<Response> {
    switch (path) {
      case "/.well-known/openid-configuration":
        return Response.json({
          issuer: ISSUER,
          authorization_endpoint: `${ISSUER}/authorize`,
          token_endpoint: `${ISSUER}/token`,
          userinfo_endpoint: `${ISSUER}/userinfo`,
          end_session_endpoint: `${ISSUER}/logout`,
          jwks_uri: `${ISSUER}/keys`,
          id_token_signing_alg_values_supported: ["RS256", "ES256"],
          authorization_response_iss_parameter_supported: true,
          ...this.metadata,
        });
      case "/keys":
        return Response.json({ keys: KEYS });
      case "/userinfo":
        return Response.json(this.userInfo);
      case "/token":
        return this.#token(new URLSearchParams(bodyOf(init)));
      default:
        return new Response("not found", { status: 404 });
    }
  }

  async #token(form: URLSearchParams): Promise<Response> {
    this.forms.push(form);
    const login = this.#login;
    if (form.get("grant_type") === "authorization_code") {
      const verifier = createHash("sha256")
        .update(form.get("code_verifier") ?? "")
        .digest("base64url");
      if (login === null || form.get("code") !== login.code || verifier !== login.challenge)
        return Response.json({ error: "invalid_grant" }, { status: 400 });
      this.#login = null;
    } else {
      if (this.refreshToken === null || form.get("refresh_token") !== this.refreshToken) {
        return Response.json({ error: "invalid_grant" }, { status: 400 });
      }
      this.#refreshes++;
      if (this.rotates) this.refreshToken = `refresh-${this.#refreshes}`;
    }
    const second = Math.floor(this.#nowMs() / 1_000);
    const own = { iss: ISSUER, aud: CLIENT, sub: "alice", sid: "sid-1", iat: second, exp: second + 300, nonce: login?.nonce };
    return Response.json({
      access_token: `access-${this.#refreshes}`,
      token_type: "Bearer",
      expires_in: 300,
      refresh_token: this.refreshToken ?? undefined,
      id_token: await this.#sign({ ...own, ...this.claims }, this.header),
      ...this.tokens,
    });
  }

  #sign(claims: Claims, header: Claims): Promise<string> {
    const known = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
    if (this.signed === "not at all") return Promise.resolve(new UnsecuredJWT(known).encode());
    if (this.signed === "with the client's secret") {
      return new SignJWT(known).setProtectedHeader({ ...header, alg: "HS256" }).sign(new TextEncoder().encode(SECRET));
    }
    if (this.signed === "with another algorithm") {
      return new SignJWT(known).setProtectedHeader({ ...header, kid: "curve", alg: "ES256" }).sign(CURVE.privateKey);
    }
    const key: CryptoKey = this.signed === "properly" ? privateKey : OTHER.privateKey;
    return new SignJWT(known).setProtectedHeader({ kid: "one", ...header, alg: "RS256" }).sign(key);
  }
}

export const SECRET = "the secret of the client, which only it and the provider know";

function bodyOf(init: RequestInit): string {
  if (init.body instanceof URLSearchParams) return init.body.toString();
  return typeof init.body === "string" ? init.body : "";
}
