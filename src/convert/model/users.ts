/** Users with passwords, and the files in which they stand. */
import { parseHtpasswd } from "../../policy/authentication/htpasswd.ts";

/** What `authentication.basic.realm` may be. */
export const REALM_TEXT: RegExp = /^[ !#-[\]-~]+$/;

/** What has to be done about a users file before it can be used; null: nothing. @param text null: it cannot be read here */
export function hashesNote(text: string | null): string | null {
  if (text === null)
    return "the file is not here to be looked at: users with bcrypt or argon2id are taken as they are, those with hashes of other kinds (apr1, crypt, SHA-1) need a new one (`millrace hash-password`)";
  const parsed = parseHtpasswd(text);
  if ("users" in parsed) return null;
  const [first = "", ...others] = parsed.problems;
  const more = others.length === 0 ? "" : `; and others, which \`millrace check\` lists`;
  return `the file is refused until it is mended: ${first}${more}`;
}
