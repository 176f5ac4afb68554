/** Makes the hash of a new password, for `millrace hash-password`. */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { bcrypt } from "hash-wasm";
import { ARGON2_WORK_KIB_MAX, BCRYPT_COST_MAX, BCRYPT_COST_MIN } from "../policy/authentication/password-hash.ts";
import { ARGON2_ENGINE, argon2idTag } from "./verify-password.ts";

export type HashAlgorithm = "argon2id" | "bcrypt";

/** The memory of argon2id; with two passes and one lane it is what OWASP recommends where many log in. */
const ARGON2_MEMORY_KIB = 19 * 1024;
const SALT_BYTES = 16;
const TAG_BYTES = 32;

/** What `--cost` may be: the logarithm of the rounds of bcrypt, the passes of argon2id over its memory. */
export const COSTS: Readonly<Record<HashAlgorithm, { readonly min: number; readonly max: number; readonly standard: number }>> = {
  argon2id: { min: 1, max: Math.floor(ARGON2_WORK_KIB_MAX / ARGON2_MEMORY_KIB), standard: 2 },
  bcrypt: { min: BCRYPT_COST_MIN, max: BCRYPT_COST_MAX, standard: 12 },
};

/** @param password of bcrypt 72 bytes at most @param cost within {@link COSTS} */
export async function newHash(password: Uint8Array, algorithm: HashAlgorithm, cost: number): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  if (algorithm === "bcrypt") {
    const hash = await bcrypt({ password, salt, costFactor: cost });
    // The same computation under the name that Apache, nginx and PHP give it.
    return hash.replace(/^\$2[ab]\$/, "$2y$$");
  }
  const parameters = { kind: algorithm, memoryKib: ARGON2_MEMORY_KIB, passes: cost, lanes: 1 } as const;
  const saltText = unpadded(salt);
  const tag = await argon2idTag({ ...parameters, salt: saltText, tag: unpadded(new Uint8Array(TAG_BYTES)) }, password, ARGON2_ENGINE);
  return `$argon2id$v=19$m=${ARGON2_MEMORY_KIB},t=${cost},p=1$${saltText}$${unpadded(tag)}`;
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replace(/=+$/, "");
}
