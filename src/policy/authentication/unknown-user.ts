/**
 * Hashes for names that are not in a users file. Verifying a password against one takes as long as for a user of the file, so that the time of an
 * answer does not tell whether there is such a user. Where users have hashes of several costs, each cost is that of as large a share of the other names.
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

/** The shapes of a file's hashes, each with the number of users that have it. */
export interface HashShapes {
  readonly users: number;
  readonly counts: readonly { readonly shape: HashShape; readonly count: number }[];
}

export function shapesOf(hashes: Iterable<string>): HashShapes {
  const counts = new Map<string, { readonly shape: HashShape; count: number }>();
  let users = 0;
  for (const hash of hashes) {
    const shape = shapeOf(hash);
    const key = `${shape.prefix} ${shape.saltLength} ${shape.hashLength}`;
    const counted = counts.get(key) ?? { shape, count: 0 };
    counted.count++;
    counts.set(key, counted);
    users++;
  }
  return { users, counts: [...counts.values()] };
}

/** The shape for a name that has no user. @param seed bytes that decide on it, at least four */
export function shapeFor({ users, counts }: HashShapes, seed: Uint8Array): HashShape {
  const number = (seed[0] ?? 0) * 0x1000000 + (seed[1] ?? 0) * 0x10000 + (seed[2] ?? 0) * 0x100 + (seed[3] ?? 0);
  let left = Math.floor((number / 0x1_0000_0000) * users);
  for (const { shape, count } of counts) {
    if (left < count) return shape;
    left -= count;
  }
  return CHEAPEST;
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
