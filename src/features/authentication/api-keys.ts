/** Keys whose hashes stand in a file (`api_keys`). */
import { hash, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import type { CredentialFile } from "../../shared/credential-files.ts";
import type { Rate } from "../../policy/rate-limit/rate.ts";
import type { Identity } from "../../proxy/ports/identity.ts";
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
  readonly digest: Buffer;
  readonly expiresMs: number;
  readonly identity: Identity;
}

/** @param file as `readApiKeys` has written it */
export function keysInFile(file: CredentialFile): FindToken {
  let version = -1;
  let byPrefix: ReadonlyMap<string, readonly KnownKey[]> = new Map();
  let lengths: readonly number[] = [];
  const read = (): void => {
    version = file.version;
    // Written by `readApiKeys`.
    const entries = JSON.parse(file.text ?? "[]") as readonly ApiKey[];
    byPrefix = knownKeys(entries);
    lengths = [...new Set([...byPrefix.keys()].map((prefix) => prefix.length))];
  };
  return (token, nowMs) => {
    if (file.version !== version) read();
    let digest: Buffer | null = null;
    for (const length of lengths) {
      for (const key of byPrefix.get(token.slice(0, length)) ?? []) {
        digest ??= hash("sha256", Buffer.from(token, "latin1"), "buffer");
        if (timingSafeEqual(digest, key.digest)) return nowMs < key.expiresMs ? key.identity : "expired";
      }
    }
    return null;
  };
}

function knownKeys(entries: readonly ApiKey[]): ReadonlyMap<string, readonly KnownKey[]> {
  const byPrefix = new Map<string, KnownKey[]>();
  for (const { id, prefix, hash: digits, roles, scopes, expiresMs, rate } of entries) {
    const identity: KeyHolder = { method: "api_keys", user: id, roles, scopes, claims: {}, rate };
    const key = { digest: Buffer.from(digits, "hex"), expiresMs: expiresMs ?? Infinity, identity };
    const before = byPrefix.get(prefix);
    if (before === undefined) byPrefix.set(prefix, [key]);
    else before.push(key);
  }
  return byPrefix;
}
