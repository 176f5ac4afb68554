/**
 * Password hashes as users files hold them: which ones are accepted, and what they cost to verify.
 *
 * Accepted are bcrypt and argon2id, because guessing passwords from them is expensive. The bounds on their costs protect the proxy from its own
 * files: each login costs one verification, and one near a bound takes about a second of a processor.
 */

/** A hash, taken apart as far as its verification needs it. */
export type PasswordHash = BcryptHash | Argon2idHash;

export interface BcryptHash {
  readonly kind: "bcrypt";
  /** The logarithm of the rounds. */
  readonly cost: number;
}

export interface Argon2idHash {
  readonly kind: "argon2id";
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
  /** In base64 without padding, as in the hash; so is `tag`. */
  readonly salt: string;
  readonly tag: string;
}

/** 2^4 rounds are the least that bcrypt has; 2^14 take a second. `htpasswd` goes up to 17. */
export const BCRYPT_COST_MIN = 4;
export const BCRYPT_COST_MAX = 14;
/** bcrypt reads no further. */
export const BCRYPT_PASSWORD_BYTES_MAX = 72;
/** Each verification holds this memory while it runs. RFC 9106 recommends 64 MiB where memory is scarce. */
export const ARGON2_MEMORY_KIB_MAX = 256 * 1024;
/** Memory times passes: what a verification takes grows with it, to a second at this bound. */
export const ARGON2_WORK_KIB_MAX = 1024 * 1024;
const ARGON2_LANES_MAX = 16;
/** Bytes. RFC 9106 recommends a salt of 16 and a tag of 32. */
const ARGON2_SALT = { min: 8, max: 64 };
const ARGON2_TAG = { min: 16, max: 64 };

/** Passwords that are longer match nothing. A request's head holds 32 KiB by default. */
export const PASSWORD_BYTES_MAX = 1024;

export const BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
export const BASE64_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const BCRYPT = /^\$2[aby]\$([0-9]{2})\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/;
const ARGON2ID = /^\$argon2id\$v=19\$m=([1-9][0-9]{0,9}),t=([1-9][0-9]{0,9}),p=([1-9][0-9]{0,7})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** Takes a hash apart. A text is the reason why it is refused, as the end of a sentence about it; it shows nothing of the hash. */
export function readPasswordHash(text: string): PasswordHash | string {
  if (/^\$2[aby]\$/.test(text)) return readBcrypt(text);
  if (text.startsWith("$argon2id$")) return readArgon2id(text);
  return `is ${otherKind(text)}; accepted are bcrypt and argon2id`;
}

function readBcrypt(text: string): BcryptHash | string {
  const [, cost, salt = "", hash = ""] = BCRYPT.exec(text) ?? [];
  if (cost === undefined || !endsInZeros(salt, BCRYPT_ALPHABET, 4) || !endsInZeros(hash, BCRYPT_ALPHABET, 2))
    return "is a damaged bcrypt hash: it was cut, or a character was changed";
  const given = Number(cost);
  if (given < BCRYPT_COST_MIN || given > BCRYPT_COST_MAX)
    return `has a bcrypt cost of ${given}; accepted are ${BCRYPT_COST_MIN} to ${BCRYPT_COST_MAX}`;
  return { kind: "bcrypt", cost: given };
}

function readArgon2id(text: string): Argon2idHash | string {
  if (/^\$argon2id\$(?!v=19\$)/.test(text)) return "is argon2id of another version than 19 (1.3)";
  const [, memory, passes, lanes, salt = "", tag = ""] = ARGON2ID.exec(text) ?? [];
  const [saltBytes, tagBytes] = [bytesOfBase64(salt), bytesOfBase64(tag)];
  if (memory === undefined || saltBytes === null || tagBytes === null)
    return "is a damaged argon2id hash: expected $argon2id$v=19$m=..,t=..,p=..$ with a salt and a tag in base64 without padding";
  const read = { memoryKib: Number(memory), passes: Number(passes), lanes: Number(lanes) };
  if (read.memoryKib > ARGON2_MEMORY_KIB_MAX)
    return `needs ${Math.ceil(read.memoryKib / 1024)} MiB of memory for each login; accepted are ${ARGON2_MEMORY_KIB_MAX / 1024} MiB`;
  if (read.memoryKib * read.passes > ARGON2_WORK_KIB_MAX)
    return `makes too many passes over its memory for each login; memory times passes may be ${ARGON2_WORK_KIB_MAX / 1024} MiB`;
  if (read.lanes > ARGON2_LANES_MAX) return `has ${read.lanes} lanes; accepted are ${ARGON2_LANES_MAX}`;
  if (read.memoryKib < 8 * read.lanes) return "has less memory than 8 KiB a lane";
  if (saltBytes < ARGON2_SALT.min || saltBytes > ARGON2_SALT.max)
    return `has a salt of ${saltBytes} bytes; accepted are ${ARGON2_SALT.min} to ${ARGON2_SALT.max}`;
  if (tagBytes < ARGON2_TAG.min || tagBytes > ARGON2_TAG.max)
    return `has a tag of ${tagBytes} bytes; accepted are ${ARGON2_TAG.min} to ${ARGON2_TAG.max}`;
  return { kind: "argon2id", ...read, salt, tag };
}

/** How many bytes a text in base64 without padding stands for; null if no encoder writes it. */
function bytesOfBase64(text: string): number | null {
  const unusedBits = (text.length * 6) % 8;
  if (text === "" || unusedBits === 6 || !endsInZeros(text, BASE64_ALPHABET, unusedBits)) return null;
  return (text.length * 6 - unusedBits) / 8;
}

/** Whether the bits of the last character that stand for no byte are zero, as every encoder leaves them. */
function endsInZeros(text: string, alphabet: string, unusedBits: number): boolean {
  return alphabet.indexOf(text.slice(-1)) % 2 ** unusedBits === 0;
}

/** The name of a kind of hash that is refused. */
function otherKind(text: string): string {
  return OTHER_KINDS.find(([pattern]) => pattern.test(text))?.[1] ?? "no hash, but perhaps a password in plain text";
}

const OTHER_KINDS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^\$apr1\$/, "an MD5 hash ($apr1$), which can be guessed too fast"],
  [/^\$1\$/, "an MD5 hash ($1$), which can be guessed too fast"],
  [/^\{S?SHA\}/i, "a SHA-1 hash ({SHA}), which can be guessed too fast"],
  [/^\$[56]\$/, "a hash of crypt ($5$ or $6$)"],
  [/^\$2/, "bcrypt of a kind that had faults; $2y$, $2b$ and $2a$ have none"],
  [/^\$argon2[id]?\$/, "argon2i or argon2d"],
  [/^\$/, "a hash of another kind"],
  [/^[./0-9A-Za-z]{13}$/, "a hash of crypt (DES), or a password in plain text"],
];
