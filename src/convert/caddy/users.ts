/** `basic_auth`: users in the Caddyfile, whom Millrace has in files of their own. */
import { userNameProblem } from "../../policy/authentication/htpasswd.ts";
import { BASE64_ALPHABET, readPasswordHash } from "../../policy/authentication/password-hash.ts";
import { defined } from "../model/conditions.ts";
import type { FileDraft, Keys } from "../model/draft.ts";
import { REALM_TEXT } from "../model/users.ts";
import type { Directive } from "./parse.ts";

/** Hashes of Caddy before 2.5 are in base64. */
const BASE64_OF_BCRYPT = /^JDJ[A-Za-z0-9+/]+={0,2}$/;
/** What Caddy says where nothing else is given. */
const REALM = "restricted";

export class UsersFiles {
  private readonly names: Map<string, string> = new Map();

  /** @param args without the matcher: the kind of the hashes and the realm @returns `authentication` of the routes */
  authentication({ block }: Directive, args: readonly string[], note: (why: string) => void): Keys {
    const lines: string[] = [];
    for (const {
      name,
      args: [given = ""],
    } of block ?? []) {
      const hash = BASE64_OF_BCRYPT.test(given) ? decoded(given) : given;
      const problem = problemOf(name, hash);
      if (problem === null) lines.push(`${name}:${hash}\n`);
      else note(problem);
    }
    const realm = args[1] ?? REALM;
    return { basic: defined({ users_file: this.fileFor(lines.join("")), realm: REALM_TEXT.test(realm) ? realm : undefined }) };
  }

  files(): readonly FileDraft[] {
    return [...this.names].map(([text, name]) => ({ name, text }));
  }

  private fileFor(text: string): string {
    const known = this.names.get(text);
    if (known !== undefined) return known;
    const name = this.names.size === 0 ? "users.htpasswd" : `users-${this.names.size + 1}.htpasswd`;
    this.names.set(text, name);
    return name;
  }
}

/** The text, all of ASCII, that base64 stands for. */
function decoded(base64: string): string {
  let [text, bits, count] = ["", 0, 0];
  for (const character of base64.replace(/=+$/, "")) {
    bits = ((bits << 6) | BASE64_ALPHABET.indexOf(character)) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    text += String.fromCharCode((bits >> count) & 0xff);
  }
  return text;
}

/** Why a user is left out; null: nothing is wrong. Names stand in the configuration of Caddy openly, hashes are not shown. */
function problemOf(name: string, hash: string): string | null {
  if (/\{[$\w]/.test(name + hash))
    return "a user whose name or hash comes from the environment is left out: a users file holds them as they are, so add the line";
  const named = userNameProblem(name);
  if (named !== null || name.startsWith("#")) return `a user is left out: the name ${named ?? "begins with #"}`;
  const read = readPasswordHash(hash);
  return typeof read === "string" ? `the user ${name} is left out: what follows the name ${read}` : null;
}
