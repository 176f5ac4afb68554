/** Signs requests to a certificate authority: flattened JSON Web Signatures (RFC 7515) as RFC 8555 section 6.2 wants them. */
import { createHash, createHmac, createPublicKey, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";

/** What a request is signed with. Account keys are ECDSA keys on P-256, which every authority takes. */
export interface Signer {
  readonly key: KeyObject;
  /** The account's URL, by which the authority knows the key; null: the key itself is sent, as for a new account. */
  readonly account: string | null;
}

/** @param payload null: none, as for a request that only reads (POST-as-GET) */
export function signedRequest(signer: Signer, url: string, nonce: string, payload: object | null): string {
  const identity = signer.account === null ? { jwk: publicJwk(signer.key) } : { kid: signer.account };
  return flattened({ alg: "ES256", ...identity, nonce, url }, payload === null ? "" : JSON.stringify(payload), (input) =>
    sign("sha256", Buffer.from(input), { key: signer.key, dsaEncoding: "ieee-p1363" }),
  );
}

/**
 * The proof that the account belongs to a customer of the authority (external account binding, RFC 8555 section 7.3.4).
 * @param hmacKey as the authority gave it, in base64url
 */
export function accountBinding(key: KeyObject, url: string, keyId: string, hmacKey: string): object {
  const secret = Buffer.from(hmacKey, "base64url");
  return JSON.parse(
    flattened({ alg: "HS256", kid: keyId, url }, JSON.stringify(publicJwk(key)), (input) =>
      createHmac("sha256", secret).update(input).digest(),
    ),
  );
}

/**
 * The thumbprint of the account's key (RFC 7638), which answers to challenges carry.
 * @param key the private key, or the public one
 */
export function thumbprint(key: KeyObject): string {
  const { crv, kty, x, y } = publicJwk(key);
  return createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
}

interface EcJwk {
  readonly crv: string;
  readonly kty: string;
  readonly x: string;
  readonly y: string;
}

function publicJwk(key: KeyObject): EcJwk {
  const { crv = "", kty = "", x = "", y = "" } = (key.type === "private" ? createPublicKey(key) : key).export({ format: "jwk" });
  return { crv, kty, x, y };
}

function flattened(header: object, payload: string, signature: (input: string) => Buffer): string {
  const [protectedPart, payloadPart] = [base64url(JSON.stringify(header)), base64url(payload)];
  const signed = signature(`${protectedPart}.${payloadPart}`).toString("base64url");
  return JSON.stringify({ protected: protectedPart, payload: payloadPart, signature: signed });
}

function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}
