/** Names and passwords in `Authorization: Basic` (RFC 7617), of users in a file. */
import { Buffer } from "node:buffer";
import { afterScheme } from "../../policy/authentication/credentials.ts";
import { parseGroups } from "../../policy/authentication/read-groups.ts";
import { parseHtpasswd } from "../../policy/authentication/htpasswd.ts";
import type { CredentialFile } from "../../shared/credential-files.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { PasswordChecks, PasswordVerdict } from "../../proxy/feature/password-checks.ts";
import type { Identity } from "../../proxy/ports/identity.ts";
import { refusal } from "./method.ts";
import type { Method, Verdict } from "./method.ts";

const SCHEME = "basic";
/** Longer ones are nobody's. */
const CREDENTIALS_CHARACTERS_MAX = 4096;

export interface BasicFiles {
  readonly users: CredentialFile;
  /** Null: users have no roles. */
  readonly groups: CredentialFile | null;
}

/** The users of the files' present versions. */
interface Users {
  readonly hashes: ReadonlyMap<string, string>;
  readonly roles: ReadonlyMap<string, readonly string[]>;
  /** One object for each user, made when it first comes. */
  readonly identities: Map<string, Identity>;
}

export function basicCredentials(files: BasicFiles, realm: string, passwords: PasswordChecks): Method {
  const challenge = `Basic realm="${realm}", charset="UTF-8"`;
  const wrong = refusal("The name or the password is wrong.", challenge);
  const users = usersOf(files);

  const settle = (verdict: PasswordVerdict, { identities, roles }: Users, user: string): Verdict => {
    if (verdict !== "match") return verdict === "differs" ? wrong : UNAVAILABLE;
    let identity = identities.get(user);
    if (identity === undefined) {
      identity = { method: "basic", user, roles: roles.get(user) ?? [], scopes: [], claims: {} };
      identities.set(user, identity);
    }
    return identity;
  };
  return {
    challenge,

    judge({ request, startedAtMs }) {
      const [given = "", second] = request.values("authorization");
      const text = afterScheme(given, SCHEME);
      if (text === null) return null;
      const credentials = second === undefined ? readBasic(text) : null;
      if (credentials === null) return wrong;
      const known = users();
      const { user, password } = credentials;
      const verdict = passwords.check(known.hashes, user, password, startedAtMs);
      if (verdict === "match") return settle(verdict, known, user);
      return verdict.then((found) => {
        password.fill(0);
        const now = users();
        // While it was verified the file may have lost the user, or got another password.
        if (found === "match" && now.hashes.get(user) !== known.hashes.get(user)) return wrong;
        return settle(found, now, user);
      });
    },

    strip({ request }, edits) {
      if (afterScheme(request.get("authorization") ?? "", SCHEME) !== null) edits.remove("authorization");
    },
  };
}

/** Name and password; null: they are malformed. @param text base64 */
function readBasic(text: string): { readonly user: string; readonly password: Buffer } | null {
  if (text.length > CREDENTIALS_CHARACTERS_MAX || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  const bytes = Buffer.from(text, "base64");
  const colon = bytes.indexOf(":");
  if (colon < 0) return null;
  const user = bytes.toString("utf8", 0, colon);
  // What is no UTF-8 becomes U+FFFD, which no user of a file has.
  return { user, password: bytes.subarray(colon + 1) };
}

function usersOf({ users, groups }: BasicFiles): () => Users {
  let versions = "";
  let known: Users = { hashes: new Map(), roles: new Map(), identities: new Map() };
  return () => {
    const now = `${users.version} ${groups?.version ?? ""}`;
    if (now === versions) return known;
    versions = now;
    const read = parseHtpasswd(users.text ?? "");
    const grouped = groups === null ? null : parseGroups(groups.text ?? "");
    known = {
      hashes: "users" in read ? read.users : new Map(),
      roles: grouped !== null && "roles" in grouped ? grouped.roles : new Map(),
      identities: new Map(),
    };
    return known;
  };
}

const UNAVAILABLE: LocalAnswer = {
  status: 503,
  reason: "logins_unavailable",
  detail: "Passwords cannot be verified at the moment.",
  fields: [["Retry-After", "5"]],
};
