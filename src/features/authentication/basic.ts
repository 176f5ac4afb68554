/** Names and passwords in `Authorization: Basic` (RFC 7617), of users in a file. */
import { Buffer } from "node:buffer";
import { afterScheme } from "../../policy/authentication/credentials.ts";
import { parseGroups } from "../../policy/authentication/read-groups.ts";
import { parseHtpasswd } from "../../policy/authentication/htpasswd.ts";
import type { CredentialFiles } from "../../shared/credential-files.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { PasswordChecks, PasswordVerdict } from "../../proxy/feature/password-checks.ts";
import type { Identity } from "../../proxy/ports/identity.ts";
import { refusal } from "./method.ts";
import type { Method, Verdict } from "./method.ts";
import type { AuthenticationConfig } from "./schema.ts";

const SCHEME = "basic";
/** Longer ones are nobody's. */
const CREDENTIALS_CHARACTERS_MAX = 4096;

type BasicConfig = NonNullable<AuthenticationConfig["basic"]>;
type Roles = ReadonlyMap<string, readonly string[]>;
type IdentityOf = (user: string) => Identity;

export function basicCredentials(config: BasicConfig, files: CredentialFiles, passwords: PasswordChecks): Method {
  const { users_file: usersFile, groups_file: groupsFile } = config;
  const challenge = `Basic realm="${config.realm}", charset="UTF-8"`;
  const wrong = refusal("The name or the password is wrong.", challenge);
  const hashes = files.file(usersFile).compiled(hashesIn);
  const withoutRoles = identitiesWith(new Map());
  const identities =
    groupsFile === undefined ? (): IdentityOf => withoutRoles : files.file(groupsFile).compiled((text) => identitiesWith(rolesIn(text)));

  const settle = (verdict: PasswordVerdict, user: string): Verdict => {
    if (verdict === "match") return identities()(user);
    return verdict === "differs" ? wrong : UNAVAILABLE;
  };
  return {
    challenge,

    judge({ request, startedAtMs }) {
      const [given = "", second] = request.values("authorization");
      const text = afterScheme(given, SCHEME);
      if (text === null) return null;
      const credentials = second === undefined ? readBasic(text) : null;
      if (credentials === null) return wrong;
      const users = hashes();
      const { user, password } = credentials;
      const verdict = passwords.check(users, user, password, startedAtMs);
      if (verdict === "match") return settle(verdict, user);
      return verdict.then((found) => {
        password.fill(0);
        // While it was verified the file may have lost the user, or got another password.
        if (found === "match" && hashes().get(user) !== users.get(user)) return wrong;
        return settle(found, user);
      });
    },

    editRequest({ request }, edits) {
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

function hashesIn(text: string | null): ReadonlyMap<string, string> {
  const read = parseHtpasswd(text ?? "");
  return "users" in read ? read.users : new Map();
}

function rolesIn(text: string | null): Roles {
  const read = parseGroups(text ?? "");
  return "roles" in read ? read.roles : new Map();
}

/** Gives a user's identity: one object for each, made when the user first comes. */
function identitiesWith(roles: Roles): IdentityOf {
  const identities = new Map<string, Identity>();
  return (user) => {
    let identity = identities.get(user);
    if (identity === undefined) {
      identity = { method: "basic", user, roles: roles.get(user) ?? [], scopes: [], claims: {} };
      identities.set(user, identity);
    }
    return identity;
  };
}

const UNAVAILABLE: LocalAnswer = {
  status: 503,
  reason: "logins_unavailable",
  detail: "Passwords cannot be verified at the moment.",
  fields: [["Retry-After", "5"]],
};
