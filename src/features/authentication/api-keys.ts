/** Keys whose hashes stand in a file (`api_keys`). */
import { hash, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import type { CredentialFile } from "../../shared/credential-files.ts";
import type { Rate } from "../../policy/rate-limit/rate.ts";
import type { Identity } from "../../proxy/ports/identity.ts";
import { invalidToken } from "./method.ts";
import type { FindToken } from "./presented-tokens.ts";
import type { ApiKey } from "./read-api-keys.ts";

/** The identity of who has a key of a file. */
export interface KeyHolder extends Identity {
  /** How often the key may be used; null: as often as the routes allow. */
  readonly rate: Rate | null;
}

export function isKeyHolder(identity: Identity): identity is KeyHolder {
  return "rate" in identity;
}

interface KnownKey {
  readonly prefix: string;
  readonly digest: Buffer;
  readonly expiresMs: number;
  readonly identity: Identity;
}

/** @param file as `readApiKeys` has written it */
export function keysInFile(file: CredentialFile): FindToken {
  // Written by `readApiKeys`.
  const keys = file.compiled((text) => knownKeys(JSON.parse(text ?? "[]") as readonly ApiKey[]));
  return (token, nowMs) => {
    const byStart = keys();
    const digest = hash("sha256", Buffer.from(token, "latin1"), "buffer");
    for (const key of byStart.get(startOf(digest)) ?? [])
      if (timingSafeEqual(digest, key.digest) && token.startsWith(key.prefix)) return nowMs < key.expiresMs ? key.identity : EXPIRED;
    return null;
  };
}

const EXPIRED = invalidToken("The key has expired.");

/**
 * Keys are found by this much of their hash, and not by their prefix: where thousands of keys begin alike, a token would be compared with each of them. The time of
 * the look-up tells something of the hash of a random key, which is no help to find the key.
 */
function startOf(digest: Buffer): number {
  return digest.readUInt32LE();
}

function knownKeys(entries: readonly ApiKey[]): ReadonlyMap<number, readonly KnownKey[]> {
  const byStart = new Map<number, KnownKey[]>();
  for (const { id, prefix, hash: digits, roles, scopes, expiresMs, rate } of entries) {
    const identity: KeyHolder = { method: "api_keys", user: id, roles, scopes, claims: {}, rate };
    const digest = Buffer.from(digits, "hex");
    const key = { prefix, digest, expiresMs: expiresMs ?? Infinity, identity };
    const before = byStart.get(startOf(digest));
    if (before === undefined) byStart.set(startOf(digest), [key]);
    else before.push(key);
  }
  return byStart;
}
