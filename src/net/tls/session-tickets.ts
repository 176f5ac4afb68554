/**
 * Keys of session tickets (RFC 5077, RFC 8446 section 4.6.1). Each set of certificates has keys of its own, derived from the listener's: so a session that was
 * made under one name's certificate and client-certificate rule cannot be resumed under another. Where a rule's CA or revocation list changes, so do its keys.
 */
import { Buffer } from "node:buffer";
import { hkdfSync } from "node:crypto";
import type { SecureContext } from "node:tls";
import type { TicketKey } from "../../shared/listener-tls.ts";

/** A key as OpenSSL uses it: AES-128-CBC and HMAC-SHA-256. */
interface DerivedKey {
  readonly name: Buffer;
  readonly hmac: Buffer;
  readonly aes: Buffer;
}

const PART_BYTES = 16;

/** Node's internal context, with what its public type does not name. */
interface TicketContext {
  setTicketKeys(keys: Buffer): void;
  enableTicketKeyCallback(): void;
  onticketkeycallback?: (name: Buffer, iv: Buffer, isNew: boolean) => TicketAnswer;
}

/**
 * 0: unknown key, a full handshake follows; 1: use these keys; 2: use them, and send a new ticket. The keys must be there whatever the result: without
 * them Node ends the process. Name and initial vector are for a new ticket.
 */
type TicketAnswer = readonly [result: number, hmac: Buffer, aes: Buffer, name?: Buffer, iv?: Buffer];

/**
 * Makes the context write tickets with the first of these keys and read those of all.
 * @param label what the tickets are bound to
 * @param random fills a buffer with random bytes
 */
export function useTicketKeys(context: SecureContext, keys: readonly TicketKey[], label: string, random: (bytes: Buffer) => void): void {
  const derived = keys.map((key) => derive(key, label));
  const [first] = derived;
  if (first === undefined) return;
  const native = context.context as TicketContext;
  if (derived.length === 1) return native.setTicketKeys(Buffer.concat([first.name, first.hmac, first.aes]));
  // One call a resumed handshake, which makes it some 12 us longer than with one key.
  native.onticketkeycallback = (name, _iv, isNew) => {
    if (!isNew) {
      const position = derived.findIndex((key) => key.name.equals(name));
      const known = derived[position] ?? first;
      return [position < 0 ? 0 : position === 0 ? 1 : 2, known.hmac, known.aes];
    }
    const iv = Buffer.allocUnsafeSlow(PART_BYTES);
    random(iv);
    return [1, first.hmac, first.aes, first.name, iv];
  };
  native.enableTicketKeyCallback();
}

function derive({ name, secret }: TicketKey, label: string): DerivedKey {
  const bytes = Buffer.from(hkdfSync("sha256", secret, name, `millrace session tickets ${label}`, 3 * PART_BYTES));
  return {
    name: bytes.subarray(0, PART_BYTES),
    hmac: bytes.subarray(PART_BYTES, 2 * PART_BYTES),
    aes: bytes.subarray(2 * PART_BYTES),
  };
}
