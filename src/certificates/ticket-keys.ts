/** Keys of session tickets: as a file has them, and new ones. */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import type { TicketKey } from "../shared/listener-tls.ts";

const NAME_BYTES = 16;
const SECRET_BYTES = 32;
/** Each key costs a look when a ticket comes that the ones before have not made. */
const KEYS_MAX = 16;

/** The keys of a file, or what is wrong with it, to be put after its name. */
export function parseTicketKeys(text: string): readonly TicketKey[] | string {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const keys: TicketKey[] = [];
  for (const [index, line] of lines.entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const bytes = /^[A-Za-z0-9+/]{64}$/.test(line) ? Buffer.from(line, "base64") : null;
    if (bytes?.length !== NAME_BYTES + SECRET_BYTES)
      return `has a wrong line ${index + 1}: expected 48 bytes in Base64, as \`openssl rand -base64 48\` prints them`;
    keys.push(keyFrom(bytes));
  }
  if (keys.length === 0) return "holds no key: each line has 48 bytes in Base64";
  if (keys.length > KEYS_MAX) return `holds ${keys.length} keys, and there may be ${KEYS_MAX}`;
  const names = new Set(keys.map(({ name }) => Buffer.from(name).toString("hex")));
  return names.size < keys.length ? "has a key twice" : keys;
}

export function newTicketKey(): TicketKey {
  return keyFrom(randomBytes(NAME_BYTES + SECRET_BYTES));
}

/** Copies: `bytes` may be a part of a larger buffer, and messages between threads would carry that whole. */
function keyFrom(bytes: Buffer): TicketKey {
  return { name: Uint8Array.from(bytes.subarray(0, NAME_BYTES)), secret: Uint8Array.from(bytes.subarray(NAME_BYTES)) };
}
