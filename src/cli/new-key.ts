import { hash, randomBytes } from "node:crypto";
import { dateOf } from "../base/date-text.ts";

/** Secret bytes of a key: nobody finds it by trying, so a plain hash keeps it. */
const SECRET_BYTES = 32;
/** Bytes that name a key. */
const PREFIX_BYTES = 4;

export interface NewKey {
  readonly id: string;
  readonly roles: readonly string[];
  /** "": never. */
  readonly expires: string;
}

/**
 * `millrace new-key`: makes a key for `api_keys`. The key goes to stdout, alone, and is kept nowhere; its entry for the file goes to stderr. Returns the exit code.
 * @param random gives that many random bytes
 * @param nowMs milliseconds since 1970
 */
export function newKeyCommand(
  { id, roles, expires }: NewKey,
  out: (text: string) => void,
  err: (text: string) => void,
  random: (bytes: number) => Buffer = randomBytes,
  nowMs: number = Date.now(),
): number {
  const endMs = dateOf(expires);
  if (endMs !== null && endMs <= nowMs) {
    err(`millrace new-key: --expires ${expires} is over already: a date is the beginning of that day in UTC\n`);
    return 1;
  }
  const prefix = `mr_${random(PREFIX_BYTES).toString("hex")}`;
  const key = `${prefix}_${random(SECRET_BYTES).toString("base64url")}`;
  const entry = [
    `- id: ${JSON.stringify(id)}`,
    `  prefix: ${prefix}`,
    `  hash: sha256:${hash("sha256", key)}`,
    ...(roles.length === 0 ? [] : [`  roles: ${JSON.stringify(roles)}`]),
    ...(expires === "" ? [] : [`  expires: ${JSON.stringify(expires)}`]),
  ];
  err(`# an entry of "keys" in the file of api_keys; the key itself is shown this once\n${entry.join("\n")}\n`);
  out(`${key}\n`);
  return 0;
}
