/**
 * JSON web tokens (RFC 7519, RFC 8725) that somebody else has signed. A verified token is remembered until it expires, and no longer than the key set and the
 * configuration stay as they were: from the second request on nothing is computed but a hash.
 */
import { hash } from "node:crypto";
import { Buffer } from "node:buffer";
import type * as jose from "jose";
import type { JSONWebKeySet, JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from "jose";
import { INTERNAL_TYPE } from "../../policy/authentication/internal-type.ts";
import { withoutCookie } from "../../policy/cookies/without-cookie.ts";
import type { CredentialFile, CredentialFiles } from "../../shared/credential-files.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { cookieValue } from "../../policy/template/request-values.ts";
import { identityOf } from "./claims-identity.ts";
import { INVALID_TOKEN, REALM, invalidToken } from "./method.ts";
import type { Method, Verdict } from "./method.ts";
import { RememberedTokens } from "./remembered-tokens.ts";
import type { VerifiedToken } from "./remembered-tokens.ts";
import type { AuthenticationConfig } from "./schema.ts";

type JwtConfig = NonNullable<AuthenticationConfig["jwt"]>;
type Jose = typeof jose;

/** The longest token that is looked at. */
const TOKEN_CHARACTERS_MAX = 16 * 1024;
/** A key server is asked again because of unknown keys at most once in this time, by one thread. */
const WANTED_EVERY_MS = 30_000;
/**
 * The same while it has given no keys yet. Each question makes the main thread send all credentials to all threads, and anybody can write something in the form
 * of a token.
 */
const MISSED_EVERY_MS = 1000;

/** Three parts in base64url (RFC 7515 section 7.1). */
const COMPACT = /^[\w-]+\.[\w-]*\.[\w-]+$/;

export function isJwt(token: string): boolean {
  return COMPACT.test(token);
}

type Verified = VerifiedToken | LocalAnswer | "unknown key";

/** A version of the key set, and what was verified under it: under another one that does not count any more. */
interface KeySet {
  readonly remembered: RememberedTokens;
  /** The keys, as the library has them, which may not be loaded yet. */
  readonly keys: (jose: Jose) => JWTVerifyGetKey;
}

export class JwtVerifier {
  /** The cookie in which clients bring the token; null: they bring it in `Authorization`. */
  readonly cookie: string | null;
  /** Whether the upstream gets the token too. */
  readonly forwards: boolean;
  private readonly config: JwtConfig;
  private readonly files: CredentialFiles;
  /** Where the keys come from; null: there is a secret. */
  private readonly source: CredentialFile | null;
  /** Gives the key set of now. */
  private readonly keySet: () => KeySet;
  private readonly jose: Promise<Jose>;

  constructor(config: JwtConfig, files: CredentialFiles) {
    this.cookie = config.from === "header" ? null : config.from.slice("cookie:".length);
    this.forwards = config.forward;
    this.config = config;
    this.files = files;
    const place = config.jwks_file ?? config.jwks_url;
    this.source = place === undefined ? null : files.file(place);
    this.keySet = this.source === null ? secretKeySet(config.secret ?? "") : this.source.compiled(publicKeySet);
    // Loaded where it is needed: most threads need none.
    this.jose = import("jose");
    this.jose.catch(() => {});
  }

  judge(token: string, nowMs: number): Verdict | Promise<Verdict> {
    if (token.length > TOKEN_CHARACTERS_MAX) return INVALID_TOKEN;
    const digest = hash("sha256", Buffer.from(token, "latin1"), "base64");
    return this.keySet().remembered.find(digest, nowMs) ?? this.verify(token, digest, nowMs);
  }

  private async verify(token: string, digest: string, nowMs: number): Promise<Verdict> {
    const { source } = this;
    if (source !== null && source.text === null) {
      await this.files.refresh(source.path, nowMs, MISSED_EVERY_MS);
      if (source.text === null) return UNAVAILABLE;
    }
    const before = this.keySet();
    let verified = await this.verifyByNewest(token, digest, nowMs);
    const url = this.config.jwks_url;
    // Clients can make up names of keys.
    if (verified === "unknown key" && url !== undefined && (await this.files.refresh(url, nowMs, WANTED_EVERY_MS)))
      if (this.keySet() !== before) verified = await this.verifyByNewest(token, digest, nowMs);
    if (verified === "unknown key") return INVALID_TOKEN;
    return "status" in verified ? verified : verified.identity;
  }

  /** Verifies by the key set of now, and once more where another one comes meanwhile: by a key that is gone nothing is verified, and nothing remembered. */
  private async verifyByNewest(token: string, digest: string, nowMs: number): Promise<Verified> {
    for (;;) {
      const keySet = this.keySet();
      const verified = await this.verifyWith(keySet, token, nowMs);
      if (keySet !== this.keySet()) continue;
      if (typeof verified !== "string" && !("status" in verified)) keySet.remembered.add(digest, verified);
      return verified;
    }
  }

  private async verifyWith({ keys }: KeySet, token: string, nowMs: number): Promise<Verified> {
    const { config } = this;
    const jose = await this.jose;
    const options: JWTVerifyOptions = {
      algorithms: [...config.algorithms],
      clockTolerance: config.clock_skew / 1000,
      currentDate: new Date(nowMs),
      requiredClaims: ["exp"],
      ...(config.issuer === undefined ? {} : { issuer: config.issuer }),
      ...(config.audience === undefined ? {} : { audience: config.audience }),
    };
    try {
      const payload = await verifiedPayload(jose, token, keys(jose), options);
      const untilMs = (payload.exp ?? 0) * 1000 + config.clock_skew;
      return { identity: identityOf("jwt", payload, config.claims), untilMs, characters: token.length };
    } catch (error) {
      return error instanceof jose.errors.JWKSNoMatchingKey ? "unknown key" : refusalOf(jose, error);
    }
  }
}

function secretKeySet(secret: string): () => KeySet {
  const key = Buffer.from(secret, "utf8");
  const keySet: KeySet = { remembered: new RememberedTokens(), keys: () => () => key };
  return () => keySet;
}

/** @param text as `readKeySet` has written it */
function publicKeySet(text: string | null): KeySet {
  let made: JWTVerifyGetKey | null = null;
  const keys: KeySet["keys"] = (jose) => (made ??= jose.createLocalJWKSet(JSON.parse(text ?? "{}") as JSONWebKeySet));
  return { remembered: new RememberedTokens(), keys };
}

/** jose looks at claims after the signature. */
function refusalOf({ errors }: Jose, error: unknown): LocalAnswer {
  if (error instanceof errors.JWTExpired) return REFUSALS.expired;
  if (!(error instanceof errors.JWTClaimValidationFailed)) return INVALID_TOKEN;
  const { claim, reason } = error;
  if (claim === "exp") return reason === "missing" ? REFUSALS.exp : INVALID_TOKEN;
  return claim === "aud" || claim === "iss" || claim === "nbf" ? REFUSALS[claim] : INVALID_TOKEN;
}

/** Where a token names no key and several fit, each is tried. */
async function verifiedPayload(jose: Jose, token: string, keys: JWTVerifyGetKey, options: JWTVerifyOptions): Promise<JWTPayload> {
  // What the proxy has signed for an upstream is no client's, whoever has the key.
  if (jose.decodeProtectedHeader(token).typ === INTERNAL_TYPE) throw new jose.errors.JWTInvalid();
  try {
    return (await jose.jwtVerify(token, keys, options)).payload;
  } catch (error) {
    if (!(error instanceof jose.errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      try {
        return (await jose.jwtVerify(token, key, options)).payload;
      } catch (fault) {
        if (!(fault instanceof jose.errors.JWSSignatureVerificationFailed)) throw fault;
      }
    }
    throw new jose.errors.JWSSignatureVerificationFailed();
  }
}

/** The field in which the upstream gets the tokens of clients, in lower case; null: it gets none. */
export function forwardedIn(jwt: AuthenticationConfig["jwt"]): "authorization" | "cookie" | null {
  if (jwt?.forward !== true) return null;
  return jwt.from === "header" ? "authorization" : "cookie";
}

/** A token in a cookie; that in Authorization is found with the other tokens. */
export function jwtInCookie(verifier: JwtVerifier, name: string): Method {
  return {
    challenge: `Bearer ${REALM}`,
    judge({ request, startedAtMs }) {
      const token = cookieValue(request.values("cookie"), name);
      if (token === "") return null;
      return isJwt(token) ? verifier.judge(token, startedAtMs) : INVALID_TOKEN;
    },
    editRequest({ request, identity }, edits) {
      const values = request.values("cookie");
      edits.rewriteCookies(values, (cookie) => {
        const rest = withoutCookie([cookie], name);
        if (rest === null) return cookie;
        // An upstream gets the one cookie that was verified, and no other of its name.
        const verified = verifier.forwards && identity?.method === "jwt" ? [`${name}=${cookieValue(values, name)}`] : [];
        const kept = [...(rest === "" ? [] : [rest]), ...verified].join("; ");
        return kept === "" ? null : kept;
      });
    },
  };
}

/** What is wrong with a token that somebody with the issuer's key has signed; with others nothing is said. */
const REFUSALS = {
  expired: invalidToken("The token has expired."),
  nbf: invalidToken("The token is not valid yet."),
  exp: invalidToken("The token has no end (exp)."),
  aud: invalidToken("The token was not made for this audience."),
  iss: invalidToken("The token is not of this issuer."),
} as const satisfies Readonly<Record<string, LocalAnswer>>;

const UNAVAILABLE: LocalAnswer = {
  status: 503,
  reason: "keys_unavailable",
  detail: "Tokens cannot be verified at the moment.",
  why: "the key server has given no keys, so no token can be verified",
  fields: [["Retry-After", "5"]],
};
