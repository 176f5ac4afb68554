/**
 * Tells upstreams who the client is in a token that the proxy has signed (`internal_jwt`), so that they can tell the proxy's word from that of anybody else who
 * reaches them. A token is made once for a client and used until shortly before its end: a signature takes a hundred times as long as all else.
 */
import { createHmac, createPrivateKey, sign } from "node:crypto";
import { Buffer } from "node:buffer";
import { keepNewest } from "../../base/keep-newest.ts";
import { fieldLine } from "../../http/field-edits.ts";
import type { RequestChanges } from "../../http/head-edits.ts";
import { ReplacedNames } from "../../http/replaced-names.ts";
import type { CredentialFiles } from "../../shared/credential-files.ts";
import { INTERNAL_TYPE } from "../../policy/authentication/internal-type.ts";
import { claimOf } from "../../policy/authentication/claims.ts";
import type { ExchangeView } from "../../proxy/feature/middleware.ts";
import type { Identity } from "../../proxy/ports/identity.ts";
import type { InternalJwtConfig } from "./internal-jwt-schema.ts";
import type { SigningKey } from "./read-signing-key.ts";

/** Tokens that are remembered in a thread for a route by what they say; the oldest goes. */
const REMEMBERED_MAX = 10_000;
/** What says more is remembered for as long as its identity is, whose method bounds that: names of groups take kilobytes. */
const REMEMBERED_CHARACTERS_MAX = 2 * 1024;
/** How much of its time a token is used for: the rest is for the way, and for clocks that differ. */
const USED_SHARE = 0.75;

interface Made {
  /** The field line with the token. */
  readonly line: string;
  readonly untilMs: number;
}

type Sign = (data: string) => string;

/** A key, and what it has signed lately. */
interface Signer {
  /** The first part of all tokens. */
  readonly header: string;
  readonly sign: Sign;
  /** Most methods have one object for all requests of a client, and others one for each request. */
  readonly ofIdentity: WeakMap<Identity, Made>;
  readonly ofClaims: Map<string, Made>;
}

export class InternalTokens {
  private readonly config: InternalJwtConfig;
  private readonly epochMs: () => number;
  private readonly names: ReplacedNames;
  private readonly prefix: string;
  /** Gives the one that signs now; null: the key's file has not been read yet. */
  private readonly signer: () => Signer | null;

  /** @param epochMs the time now, in milliseconds since 1970: a request may be sent long after it has come */
  constructor(config: InternalJwtConfig, files: CredentialFiles, epochMs: () => number) {
    this.config = config;
    this.epochMs = epochMs;
    this.signer = config.key_file === undefined ? bySecret(config.secret ?? "") : files.file(config.key_file).compiled(byKey);
    const name = config.header.toLowerCase();
    this.names = new ReplacedNames([name], [name]);
    this.prefix = name === "authorization" ? "Bearer " : "";
  }

  /** Writes the field, or for a client that is not known takes it away. */
  write({ identity }: ExchangeView, request: RequestChanges): void {
    request.replaceByFresh(this.names, identity === null ? "" : this.lineFor(identity, this.epochMs()));
  }

  private lineFor(identity: Identity, nowMs: number): string {
    const signer = this.signer();
    if (signer === null) return "";
    const { ofIdentity, ofClaims } = signer;
    const known = ofIdentity.get(identity);
    if (known !== undefined && nowMs < known.untilMs) return known.line;
    const claims = claimsOf(identity, this.config);
    const text = JSON.stringify(claims);
    let made = ofClaims.get(text);
    if (made === undefined || nowMs >= made.untilMs) {
      made = this.made(claims, signer, nowMs);
      if (text.length <= REMEMBERED_CHARACTERS_MAX) keepNewest(ofClaims, text, made, REMEMBERED_MAX);
    }
    ofIdentity.set(identity, made);
    return made.line;
  }

  private made(claims: Readonly<Record<string, unknown>>, { header, sign: signed }: Signer, nowMs: number): Made {
    const { config } = this;
    const issuedAt = Math.floor(nowMs / 1000);
    const payload = { ...claims, iat: issuedAt, exp: issuedAt + Math.ceil(config.lifetime / 1000) };
    const data = `${header}.${base64url(JSON.stringify(payload))}`;
    return { line: fieldLine(config.header, `${this.prefix}${data}.${signed(data)}`), untilMs: nowMs + config.lifetime * USED_SHARE };
  }
}

/** What a token says of a client, whenever it is made. */
function claimsOf(identity: Identity, { issuer, audience, claims }: InternalJwtConfig): Readonly<Record<string, unknown>> {
  const { user, roles, scopes, method } = identity;
  const further = claims.map((name) => [name, claimOf(identity.claims, name)] as const).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(further),
    iss: issuer,
    aud: audience.length === 1 ? audience[0] : audience,
    ...(user === "" ? {} : { sub: user }),
    ...(roles.length === 0 ? {} : { roles }),
    ...(scopes.length === 0 ? {} : { scope: scopes.join(" ") }),
    authentication_method: method,
  };
}

function bySecret(secret: string): () => Signer {
  const key = Buffer.from(secret, "utf8");
  const made = signer("HS256", "", (data) => createHmac("sha256", key).update(data).digest("base64url"));
  return () => made;
}

/** @param text as `readSigningKey` has written it */
function byKey(text: string | null): Signer | null {
  if (text === null) return null;
  const { algorithm, id, jwk } = JSON.parse(text) as SigningKey;
  const key = createPrivateKey({ key: { ...jwk }, format: "jwk" });
  // RFC 7518 section 3.4: the two numbers of a signature side by side. EdDSA (RFC 8037) has a hash of its own.
  return algorithm === "ES256"
    ? signer(algorithm, id, (data) => sign("sha256", Buffer.from(data), { key, dsaEncoding: "ieee-p1363" }).toString("base64url"))
    : signer(algorithm, id, (data) => sign(null, Buffer.from(data), key).toString("base64url"));
}

function signer(alg: string, kid: string, signed: Sign): Signer {
  const header = base64url(JSON.stringify({ alg, typ: INTERNAL_TYPE, ...(kid === "" ? {} : { kid }) }));
  return { header, sign: signed, ofIdentity: new WeakMap(), ofClaims: new Map() };
}

function base64url(text: string): string {
  return Buffer.from(text, "utf8").toString("base64url");
}
