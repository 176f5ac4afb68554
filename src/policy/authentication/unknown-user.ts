/**
 * Hashes for names that are not in a users file. Verifying a password against one takes as long as for most users of the file, so that the time
 * of an answer does not tell whether there is such a user.
 *
 * A file whose users have hashes of several costs tells something all the same: those that differ from the most common one take another time.
 */
import { BASE64_ALPHABET, BCRYPT_ALPHABET, readPasswordHash } from "./password-hash.ts";

/** What all hashes of one cost have in common: the text before the salt, and the lengths of salt and hash, in characters. */
export interface HashShape {
  readonly kind: "bcrypt" | "argon2id";
  readonly prefix: string;
  readonly saltLength: number;
  readonly hashLength: number;
}

/** Of a file without users: nobody's time can be told from another's. */
const CHEAPEST: HashShape = { kind: "bcrypt", prefix: "$2b$04$", saltLength: 22, hashLength: 31 };

/** The most common shape of hashes; of several, the first. */
export function commonShape(hashes: Iterable<string>): HashShape {
  const counts = new Map<string, { readonly shape: HashShape; count: number }>();
  for (const hash of hashes) {
    const shape = shapeOf(hash);
    const key = `${shape.prefix} ${shape.saltLength} ${shape.hashLength}`;
    const counted = counts.get(key) ?? { shape, count: 0 };
    counted.count++;
    counts.set(key, counted);
  }
  let best: { readonly shape: HashShape; readonly count: number } = { shape: CHEAPEST, count: 0 };
  for (const counted of counts.values()) if (counted.count > best.count) best = counted;
  return best.shape;
}

/**
 * A hash of a shape, of which nobody knows the password. Whatever comes of verifying against it, the user is refused.
 * @param seed bytes that decide on the hash; they are used again from the first when they do not suffice
 */
export function hashOfShape({ kind, prefix, saltLength, hashLength }: HashShape, seed: Uint8Array): string {
  const alphabet = kind === "bcrypt" ? BCRYPT_ALPHABET : BASE64_ALPHABET;
  const part = (from: number, length: number): string => {
    let text = "";
    for (let i = 0; i < length - 1; i++) text += alphabet.charAt((seed[(from + i) % seed.length] ?? 0) % 64);
    // The last character holds bits that stand for no byte and must be zero: it is the one of which all bits are.
    return text + alphabet.charAt(0);
  };
  return prefix + part(0, saltLength) + (kind === "argon2id" ? "$" : "") + part(saltLength, hashLength);
}

function shapeOf(hash: string): HashShape {
  const read = readPasswordHash(hash);
  if (typeof read === "string") return CHEAPEST;
  // $2a$, $2b$ and $2y$ are computed in the same way.
  if (read.kind === "bcrypt") return { ...CHEAPEST, prefix: `$2b$${hash.slice(4, 6)}$` };
  const saltAt = hash.length - read.tag.length - 1 - read.salt.length;
  return { kind: "argon2id", prefix: hash.slice(0, saltAt), saltLength: read.salt.length, hashLength: read.tag.length };
}
