/** Reads the file of `internal_jwt.key_file`: a private key, or a set of them, as JWK (RFC 7517). */
import type { ReadCredentials } from "../../values/declaration.ts";

/** A key as threads get it. */
export interface SigningKey {
  readonly algorithm: "ES256" | "EdDSA";
  /** "": it has no name. */
  readonly id: string;
  /** Type, curve, coordinates and the private part. */
  readonly jwk: Readonly<Record<string, string>>;
}

/** 32 bytes in base64url. */
const PART = /^[\w-]{43}$/;

const KINDS = [
  { algorithm: "ES256", kty: "EC", crv: "P-256", parts: ["x", "y", "d"] },
  { algorithm: "EdDSA", kty: "OKP", crv: "Ed25519", parts: ["x", "d"] },
] as const;

export const readSigningKey: ReadCredentials = (text) => {
  const read = signingKeys(text);
  return "problems" in read ? read : { text: JSON.stringify(read.keys[0]) };
};

/** All keys of a file, in order. Problems show nothing of it. */
export function signingKeys(text: string): { readonly keys: readonly SigningKey[] } | { readonly problems: string[] } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problems: ["it is not valid JSON: millrace new-key --internal prints such a file"] };
  }
  const given = member(value, "keys");
  const all: readonly unknown[] = Array.isArray(given) ? given : [value];
  const keys = all.map(signingKey);
  const problems = keys.flatMap((key, index) => (typeof key === "string" ? [`key #${index + 1} ${key}`] : []));
  if (keys.length === 0) problems.push("there is no key in it");
  return problems.length > 0 ? { problems } : { keys: keys.filter((key) => typeof key === "object") };
}

/** A text says what is wrong. */
function signingKey(value: unknown): SigningKey | string {
  const kind = KINDS.find(({ kty, crv }) => member(value, "kty") === kty && member(value, "crv") === crv);
  if (kind === undefined) return "is none of the curve P-256 or Ed25519";
  if (member(value, "d") === undefined) return "is a public key: tokens are signed with a private one";
  const parts = kind.parts.map((name) => [name, member(value, name)] as const);
  if (!parts.every(([, part]) => typeof part === "string" && PART.test(part))) return "is not complete";
  const id = member(value, "kid") ?? "";
  if (typeof id !== "string") return "has a name (kid) that is no text";
  return {
    algorithm: kind.algorithm,
    id,
    jwk: { kty: kind.kty, crv: kind.crv, ...Object.fromEntries(parts.map(([name, part]) => [name, String(part)])) },
  };
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}
