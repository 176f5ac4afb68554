/**
 * Values that lie with the browser, which can neither read nor change them: AES-256-GCM of node:crypto.
 *
 * ```text
 * cookie   NAME=3.TEXT  NAME.1=TEXT  NAME.2=TEXT      the number of chunks, then base64url
 * message  key id (4) | salt (16) | ciphertext | tag (16)
 * inside   time of sealing (8, a double) | value (UTF-8)
 * ```
 *
 * Each purpose has keys of its own (HKDF), and each message has its own key and nonce (HKDF with the salt), so that no number of messages wears a key
 * out. Authenticated, but not written down: the full name of the cookie, the purpose and the context. So a cookie is good under its own name, for
 * one purpose, for one client of one issuer, and for nothing else. Values are not compressed: their length would tell what is in them.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import type { CookieName, RequestCookies } from "./request-cookies.ts";

export interface SealedCookieOptions {
  /** Secrets of at least 32 bytes. The first one seals, all of them open: to change a secret, put the new one first and drop the old one later. */
  readonly keys: readonly Uint8Array[];
  /** What the cookies are for. */
  readonly purpose: string;
  /** What else they belong to: issuer, client. */
  readonly context: readonly string[];
  /** How long a cookie is good after it was sealed, in milliseconds. */
  readonly maxAgeMs: number;
  /** Cookies that one value may take. */
  readonly chunksMax: number;
}

export interface Opened {
  readonly value: string;
  /** In milliseconds since 1970. */
  readonly sealedAtMs: number;
}

/** Bytes of a secret, from which keys are derived. */
export const KEY_BYTES_MIN = 32;
/** Browsers keep 4,096 bytes for name, value and attributes; this leaves room for name and attributes. */
export const CHUNK_CHARS = 3_900;
/** By how much another machine's clock may run ahead of ours. */
const AHEAD_MS = 60_000;

const KEY_ID_BYTES = 4;
const SALT_BYTES = 16;
const TAG_BYTES = 16;
const TIME_BYTES = 8;
const FRAME_BYTES = KEY_ID_BYTES + SALT_BYTES + TIME_BYTES + TAG_BYTES;
const NONCE_BYTES = 12;
const ONE_BLOCK = Uint8Array.of(1);
const CIPHER = "aes-256-gcm";

interface Key {
  readonly id: Buffer;
  readonly secret: Buffer;
}

export class SealedCookies {
  readonly #keys: readonly Key[];
  readonly #first: Key;
  readonly #bound: string;
  readonly #maxAgeMs: number;
  readonly #chunksMax: number;

  constructor(options: SealedCookieOptions) {
    this.#bound = JSON.stringify(["millrace sealed cookie 1", options.purpose, ...options.context]);
    this.#keys = options.keys.map((secret) => keyOf(secret, this.#bound));
    const [first] = this.#keys;
    if (first === undefined) throw new TypeError("sealed cookies need a key");
    this.#first = first;
    this.#maxAgeMs = options.maxAgeMs;
    this.#chunksMax = options.chunksMax;
  }

  /** The value that the request brings under that name. Null: none, or one that was tampered with, truncated, mixed, swapped or that is too old. */
  open(cookies: RequestCookies, name: CookieName, nowMs: number): Opened | null {
    const text = this.joined(cookies, name);
    return text === null ? null : this.#unseal(text, cookies.fullName(name), nowMs);
  }

  /**
   * The sealed text under that name, its chunks joined, not yet opened: what does not change from request to request of one browser. Null: there is
   * none, or a chunk is missing.
   */
  joined(cookies: RequestCookies, name: CookieName): string | null {
    const first = cookies.get(name);
    if (first === null) return null;
    const dot = first.indexOf(".");
    const count = Number(first.slice(0, dot));
    if (dot < 1 || !Number.isInteger(count) || count < 1 || count > this.#chunksMax) return null;
    let text = first.slice(dot + 1);
    for (let index = 1; index < count; index++) {
      const chunk = cookies.get(chunkName(name, index));
      if (chunk === null) return null;
      text += chunk;
    }
    return text;
  }

  /**
   * The `Set-Cookie` values that give the browser this value, and that take away chunks of an earlier one. Null: the value is too large for
   * `chunksMax` cookies.
   */
  seal(cookies: RequestCookies, name: CookieName, value: string, nowMs: number): string[] | null {
    const message = this.#message(value, cookies.fullName(name), nowMs);
    // The number of chunks takes up to three characters of the first one.
    const room = CHUNK_CHARS - 3;
    const count = 1 + Math.max(0, Math.ceil((message.length - room) / CHUNK_CHARS));
    if (count > this.#chunksMax) return null;
    const lines = [cookies.setLine(name, `${count}.${message.slice(0, room)}`, this.#maxAgeMs)];
    for (let index = 1; index < count; index++) {
      const start = room + (index - 1) * CHUNK_CHARS;
      lines.push(cookies.setLine(chunkName(name, index), message.slice(start, start + CHUNK_CHARS), this.#maxAgeMs));
    }
    return [...lines, ...removedFrom(cookies, name, count)];
  }

  /** The `Set-Cookie` values that remove what the request brings under that name. */
  remove(cookies: RequestCookies, name: CookieName): string[] {
    return removedFrom(cookies, name, 0);
  }

  #message(value: string, fullName: string, nowMs: number): string {
    const salt = randomBytes(SALT_BYTES);
    const { key, nonce } = messageKey(this.#first, salt);
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(this.#authenticated(fullName));
    const time = Buffer.alloc(TIME_BYTES);
    time.writeDoubleBE(nowMs);
    const parts = [this.#first.id, salt, cipher.update(time), cipher.update(value, "utf8"), cipher.final()];
    return Buffer.concat([...parts, cipher.getAuthTag()]).toString("base64url");
  }

  #unseal(text: string, fullName: string, nowMs: number): Opened | null {
    const message = Buffer.from(text, "base64url");
    // One spelling for one message: the decoder would skip what is no base64url.
    if (message.length < FRAME_BYTES || message.toString("base64url") !== text) return null;
    const id = message.subarray(0, KEY_ID_BYTES);
    const sealedAt = KEY_ID_BYTES + SALT_BYTES;
    for (const candidate of this.#keys) {
      if (!candidate.id.equals(id)) continue;
      const { key, nonce } = messageKey(candidate, message.subarray(KEY_ID_BYTES, sealedAt));
      const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(this.#authenticated(fullName));
      decipher.setAuthTag(message.subarray(message.length - TAG_BYTES));
      const plain = decipher.update(message.subarray(sealedAt, message.length - TAG_BYTES));
      try {
        decipher.final();
      } catch {
        continue;
      }
      const sealedAtMs = plain.readDoubleBE(0);
      const age = nowMs - sealedAtMs;
      return age < -AHEAD_MS || age >= this.#maxAgeMs ? null : { value: plain.toString("utf8", TIME_BYTES), sealedAtMs };
    }
    return null;
  }

  #authenticated(fullName: string): Buffer {
    return Buffer.from(JSON.stringify([this.#bound, fullName]));
  }
}

/** @returns the cookies that one value under `name` consists of, from chunk `from` on, as far as the request has them, as lines that remove them */
function removedFrom(cookies: RequestCookies, name: CookieName, from: number): string[] {
  const stale = cookies.names(name).filter((found) => {
    if (found === name) return from === 0;
    // No other names: a request may hold hundreds that somebody has made up.
    const [, index] = CHUNK.exec(found.slice(name.length)) ?? [];
    return index !== undefined && Number(index) >= from;
  });
  return stale.map((found) => cookies.removeLine(found));
}

/** How the names of further chunks end. There are never more than nine. */
const CHUNK = /^\.([1-9])$/;

function chunkName(name: CookieName, index: number): CookieName {
  return index === 0 ? name : `${name}.${index}`;
}

function keyOf(secret: Uint8Array, bound: string): Key {
  if (secret.length < KEY_BYTES_MIN) throw new TypeError(`a key of sealed cookies has at least ${KEY_BYTES_MIN} bytes`);
  const derived = Buffer.from(hkdfSync("sha512", secret, "", bound, 64 + KEY_ID_BYTES));
  return { secret: derived.subarray(0, 64), id: derived.subarray(64) };
}

function messageKey(key: Key, salt: Uint8Array): { readonly key: Buffer; readonly nonce: Buffer } {
  // HKDF-Expand (RFC 5869, section 2.3) of one block, with the salt as its info. hkdfSync takes three times as long.
  const derived = createHmac("sha512", key.secret).update(salt).update(ONE_BLOCK).digest();
  return { key: derived.subarray(0, 32), nonce: derived.subarray(32, 32 + NONCE_BYTES) };
}
