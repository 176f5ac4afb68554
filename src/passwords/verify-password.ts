/** Verifies one password against one hash. It takes up to a second of a processor: only a thread of its own may do it (`verify-thread.ts`). */
import { Buffer } from "node:buffer";
// As a whole: Node before 24.7 has no `argon2Sync`, and a named import of it would not load there.
import * as crypto from "node:crypto";
import { argon2id, bcryptVerify } from "hash-wasm";
import { BCRYPT_PASSWORD_BYTES_MAX, PASSWORD_BYTES_MAX, readPasswordHash } from "../policy/authentication/password-hash.ts";
import type { Argon2idHash } from "../policy/authentication/password-hash.ts";

/** What argon2id is computed with. Node's takes half of the time of the other, which is a library in WebAssembly. */
export type Argon2Engine = "node" | "wasm";

export const ARGON2_ENGINE: Argon2Engine = "argon2Sync" in crypto ? "node" : "wasm";

/** Resolves with "failed" when the hash cannot be used or the memory for it is not to be had. */
export async function verifyPassword(
  hash: string,
  password: Uint8Array,
  engine: Argon2Engine = ARGON2_ENGINE,
): Promise<"match" | "differs" | "failed"> {
  // NUL ends a password in other implementations of bcrypt, where "a\0b" would match the hash of "a".
  if (password.length === 0 || password.length > PASSWORD_BYTES_MAX || password.includes(0)) return "differs";
  const read = readPasswordHash(hash);
  if (typeof read === "string") return "failed";
  try {
    const matches =
      read.kind === "bcrypt"
        ? await bcryptVerify({ hash, password: password.subarray(0, BCRYPT_PASSWORD_BYTES_MAX) })
        : crypto.timingSafeEqual(await argon2idTag(read, password, engine), Buffer.from(read.tag, "base64"));
    return matches ? "match" : "differs";
  } catch {
    return "failed";
  }
}

/** The tag that a password gives with the salt and the costs of a hash, as long as that of the hash. */
export async function argon2idTag(hash: Argon2idHash, password: Uint8Array, engine: Argon2Engine): Promise<Uint8Array> {
  const { memoryKib, passes, lanes } = hash;
  const salt = Buffer.from(hash.salt, "base64");
  const tagBytes = Buffer.from(hash.tag, "base64").length;
  if (engine === "node")
    return crypto.argon2Sync("argon2id", {
      message: password,
      nonce: salt,
      parallelism: lanes,
      tagLength: tagBytes,
      memory: memoryKib,
      passes,
    });
  return argon2id({
    password,
    salt,
    parallelism: lanes,
    hashLength: tagBytes,
    memorySize: memoryKib,
    iterations: passes,
    outputType: "binary",
  });
}
