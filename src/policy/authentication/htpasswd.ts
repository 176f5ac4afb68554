/**
 * Reads a users file as `htpasswd` writes it: `name:hash` a line. Empty lines and lines that begin with `#` are left out, as are spaces around a
 * line.
 *
 * What follows a second colon is left out too, as Apache and nginx do; people keep comments there. Roles are therefore not written there: a
 * comment of an older file would become a role, and `htpasswd` drops the rest of the line when it changes a password. Roles have a file of their
 * own (`read-groups.ts`), which no such tool writes.
 */
import { readPasswordHash } from "./password-hash.ts";

/** More users belong into a directory service. Each takes some 200 bytes in each thread. */
export const USERS_MAX = 100_000;
/** Characters. `htpasswd` itself takes 255 bytes for a whole line. */
export const USER_NAME_MAX = 255;
/** Further problems are counted: a file of another kind has one in each line. */
const PROBLEMS_SHOWN_MAX = 20;

/** The hash of each user, by name; or what is wrong with the file, each with its line. No problem shows a text of the file. */
export type ParsedUsers = { readonly users: ReadonlyMap<string, string> } | { readonly problems: readonly string[] };

export function parseHtpasswd(text: string): ParsedUsers {
  const users = new Map<string, string>();
  const lineOf = new Map<string, number>();
  const problems: string[] = [];
  for (const [number, line] of contentLines(text)) {
    const [name = "", hash, rest] = line.split(":", 3);
    const problem = problemOf(name, hash, rest, lineOf);
    if (problem !== null) problems.push(`line ${number}: ${problem}`);
    else if (users.size === USERS_MAX) {
      problems.push(`line ${number}: there are more than ${USERS_MAX} users`);
      break;
    } else users.set(name, hash ?? "");
    if (!lineOf.has(name)) lineOf.set(name, number);
  }
  return problems.length === 0 ? { users } : { problems: shortened(problems) };
}

/** Why a name cannot be that of a user, as the end of a sentence; null if it can. RFC 7617 section 2 excludes colons and control characters. */
export function userNameProblem(name: string): string | null {
  if (name === "") return "is empty";
  if (name.includes(":")) return "contains a colon";
  if (/\p{Cc}/u.test(name)) return "contains a control character";
  if (name.includes("\u{fffd}")) return "is no UTF-8";
  if (name.trim() !== name) return "begins or ends with a space";
  return name.length > USER_NAME_MAX ? `is longer than ${USER_NAME_MAX} characters` : null;
}

/** The lines that are neither empty nor comments, with their numbers from 1. */
export function* contentLines(text: string): Generator<readonly [number: number, line: string]> {
  // A byte order mark is what editors of Windows begin a file with.
  let number = 0;
  for (let at = text.startsWith("\u{feff}") ? 1 : 0; at < text.length;) {
    const lineEnd = text.indexOf("\n", at);
    const end = lineEnd < 0 ? text.length : lineEnd;
    // Of white space, only what editors leave at the ends: any other control character is a part of the line.
    const line = text.slice(at, end).replace(/^[ \t]+|[ \t\r]+$/g, "");
    at = end + 1;
    number++;
    if (line !== "" && !line.startsWith("#")) yield [number, line];
  }
}

/** The problems that are shown, with a last line that counts the others. */
export function shortened(problems: readonly string[]): readonly string[] {
  if (problems.length <= PROBLEMS_SHOWN_MAX) return problems;
  return [...problems.slice(0, PROBLEMS_SHOWN_MAX), `and ${problems.length - PROBLEMS_SHOWN_MAX} further problems`];
}

const ANEW = "make a new line with `millrace hash-password --user NAME` or `htpasswd -B FILE NAME`";

function problemOf(name: string, hash: string | undefined, rest: string | undefined, lineOf: ReadonlyMap<string, number>): string | null {
  if (hash === undefined) return `expected a name, a colon and a hash; ${ANEW}`;
  const named = userNameProblem(name);
  if (named !== null) return `the name ${named}`;
  const earlier = lineOf.get(name);
  if (earlier !== undefined) return `the user of line ${earlier} once more`;
  if (hash === "") return `there is no hash after the name; ${ANEW}`;
  const read = readPasswordHash(hash);
  if (typeof read !== "string") return null;
  if (rest !== undefined && typeof readPasswordHash(rest) !== "string") return "the name contains a colon";
  return `what follows the name ${read}; ${ANEW}`;
}
