/**
 * Digests of secrets under a key that, unless one is given, is drawn at the start and known to this process only (HMAC-SHA-256). They serve as keys of tables: who reads
 * the memory of a table can neither read a password from it nor try passwords against it.
 */
import { createHmac, createSecretKey, randomBytes } from "node:crypto";
import type { KeyObject } from "node:crypto";

export class KeyedDigest {
  private readonly key: KeyObject;

  constructor(key: KeyObject = createSecretKey(randomBytes(32))) {
    this.key = key;
  }

  /** The digest of several parts, 32 bytes. Other parts give another digest, wherever one ends and the next begins. */
  of(...parts: readonly (string | Uint8Array)[]): Buffer {
    const hmac = createHmac("sha256", this.key);
    for (const part of parts) {
      const length = typeof part === "string" ? Buffer.byteLength(part) : part.length;
      hmac.update(`${length}:`).update(part);
    }
    return hmac.digest();
  }

  /** The same as a text, for a key of a `Map`. */
  text(...parts: readonly (string | Uint8Array)[]): string {
    return this.of(...parts).toString("latin1");
  }
}
