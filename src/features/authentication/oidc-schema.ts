/** The key `oidc` of `authentication`, a login at an identity provider (OpenID Connect): its schema and checks. */
import { z } from "zod";
import { SESSION_AGE_MAX_MS } from "../../policy/authentication/session-age.ts";
import type { OwnPath } from "../../values/declaration.ts";
import { at, entriesOf, error } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { duration } from "../../values/scalars.ts";
import { issuerUrl, localPath, longSecret, nameOf, secret } from "../../values/texts.ts";
import { ASYMMETRIC, claimPlaces } from "./jwt-schema.ts";

/** A key may be put before the one in use, and the one before may stay until its sessions are over. */
const KEYS_MAX = 8;

/** Parameters of the request for a login that are its own. */
const OWN_PARAMETERS: ReadonlySet<string> = new Set([
  "client_id",
  "client_secret",
  "code_challenge",
  "code_challenge_method",
  "nonce",
  "redirect_uri",
  "request",
  "request_uri",
  "response_mode",
  "response_type",
  "scope",
  "state",
]);

/** The paths of a login, with the method of the requests that must arrive there. */
const PATHS = [
  ["redirect_path", "/oauth2/callback", "GET"],
  ["login_path", "/oauth2/login", "GET"],
  ["logout_path", "/oauth2/logout", "POST"],
  ["back_channel_logout_path", "/oauth2/back-channel-logout", "POST"],
] as const;

const session = z.strictObject({
  store: nameOf("the name of a store").optional().meta({
    description:
      "The store of `stores` by which all machines learn of logouts within two seconds, those of the provider's back channel included. While it is down each machine knows its own, and tells them when it is back. Absent: what is told to one machine is not known to others.",
  }),
  keys: z.array(longSecret("`openssl rand -base64 32` prints a key")).min(1, { error: "expected at least one key" }).max(KEYS_MAX).meta({
    description:
      "Secrets of at least 32 characters, which `openssl rand -base64 32` prints: the sessions' cookies are encrypted with keys made from them. The first seals, all open: to change one, put the new one first and drop the old one when its sessions are over. All machines that serve the same users have the same. Whoever has one can let himself in as anybody: write `${NAME}`, `file:PATH` or another place of docs/secrets.md.",
  }),
  max_age: duration({ min: 1_000, max: SESSION_AGE_MAX_MS }).prefault("8h").meta({
    description:
      "How long a user stays logged in, at most 720h, however often tokens are refreshed. Then the provider is asked again; where its own session lasts, the user sees none of it.",
  }),
});

export const oidcSchema = z.strictObject({
  issuer: issuerUrl.meta({
    description:
      "The provider, spelled as it calls itself: its settings are read from `/.well-known/openid-configuration` below. They are read when the first user logs in, and once an hour.",
  }),
  client_id: z.string().min(1).meta({ description: "The id under which the provider knows this application." }),
  client_secret: secret.optional().meta({
    description: "The secret that goes with it. Absent: a public client, which has none and is protected by PKCE alone.",
  }),
  client_authentication: z.enum(["basic", "post"]).default("basic").meta({
    description: "How the secret is sent to the provider: in `Authorization`, or in the form (`client_secret_post`).",
  }),
  scopes: z
    .array(z.string().regex(/^[!#-[\]-~]+$/, { error: "expected a scope: a word without spaces and quotation marks" }))
    .default(["profile", "email"])
    .meta({
      description:
        "What is asked of the provider, besides `openid`. `offline_access` makes most providers give a refresh token, with which a session notices within minutes that the user was locked out there.",
    }),
  redirect_path: localPath.default(PATHS[0][1]).meta({
    description:
      "Where the provider sends users back. Register it there with the application's scheme and host: `https://app.example.com/oauth2/callback`. The route takes this path and the three below on its hosts, whatever `match` says of paths.",
  }),
  login_path: localPath.default(PATHS[1][1]).meta({
    description:
      'Where a login begins that nobody has to make, as for a link "log in" with `optional`. `?return_to=/path` says where it leads; other sites are no such path.',
  }),
  logout_path: localPath.default(PATHS[2][1]).meta({
    description:
      "Where users log out, here and at the provider. A link or form of the application's own pages leads there; a page of another site can log nobody out.",
  }),
  post_logout_path: localPath.default("/").meta({
    description:
      "Where users come after that. Register it at the provider, like `redirect_path`. It should be a page that asks for no login.",
  }),
  back_channel_logout_path: localPath.default(PATHS[3][1]).meta({
    description:
      "Where the provider tells that a user has logged out there (OpenID Connect Back-Channel Logout). Register it at the provider; the sessions end in all workers at once, and on other machines by `session.store`.",
  }),
  parameters: z.record(z.string().min(1), z.string()).default({}).meta({
    title: "mapping of texts",
    description:
      "Further parameters of the request for a login, such as `{ prompt: select_account }`, as the provider's manual names them.",
  }),
  algorithm: z
    .enum(ASYMMETRIC)
    .default("RS256")
    .meta({ description: "The algorithm of the provider's signatures. Another one is refused." }),
  user_info: z.boolean().default(false).meta({
    description: "Whether the provider's user info endpoint is asked at each login and refresh, for claims that are not in the ID token.",
  }),
  clock_skew: duration({ min: 0, max: 5 * 60_000 })
    .prefault("30s")
    .meta({ description: "How much the clocks of provider and proxy may differ." }),
  forward_access_token: z.boolean().default(false).meta({
    description:
      "Whether upstreams get the user's access token in `Authorization: Bearer`, in the place of what the client sent there. It makes cookies larger.",
  }),
  claims: claimPlaces.prefault({}).meta({ description: "Which claims say who the user is." }),
  session: session.meta({
    description:
      "Who is logged in lies in cookies that browsers can neither read nor change. They are `HttpOnly`, `SameSite=Lax` and, where clients come over TLS, `Secure`.",
  }),
});

/** The paths that a route with this login takes on its hosts. @param login as it is in the file, or checked */
export function oidcPaths(login: unknown): readonly OwnPath[] {
  if (entriesOf(login).length === 0) return [];
  return PATHS.map(([key, byDefault, method]) => {
    const given = at(login, key);
    return { key, method, path: typeof given === "string" ? given : byDefault };
  });
}

/** What is wrong with the settings of a login, as they are in the file. */
export function oidcFindings(login: unknown, path: KeyPath): Finding[] {
  const findings: Finding[] = [];
  const seen = new Map<string, string>();
  for (const { key, path: taken } of oidcPaths(login)) {
    const other = seen.get(taken);
    if (other !== undefined) findings.push(error([...path, key], `it is the path of ${other} already`));
    seen.set(taken, key);
  }
  const after = at(login, "post_logout_path");
  const same = typeof after === "string" ? seen.get(after) : undefined;
  if (same !== undefined) findings.push(error([...path, "post_logout_path"], `it is the path of ${same} already`));
  for (const [name] of entriesOf(at(login, "parameters")))
    if (OWN_PARAMETERS.has(name)) findings.push(error([...path, "parameters", name], `the login sets ${name} itself`, true));
  return findings;
}

/** Why two logins cannot serve one host; null: they can, each with sessions of its own, or together. Both as they are in the file. */
export function oidcConflict(one: unknown, other: unknown): string | null {
  if (sessionsOf(one) === sessionsOf(other)) return null;
  if (["issuer", "client_id"].every((key) => at(one, key) === at(other, key))) {
    // Keys that the schema does not know are reported by it, and may be anything.
    const differing = Object.keys(oidcSchema.shape).filter(
      (key) => key !== "claims" && sessionsOf({ [key]: at(one, key) }) !== sessionsOf({ [key]: at(other, key) }),
    );
    const which = differing.length === 0 ? "" : `; these are not: ${differing.join(", ")}`;
    return `it is the same client: then all of oidc but claims must be the same, so that both let in the same sessions${which} (\`defaults\` and anchors of YAML spare the copy)`;
  }
  const taken = new Set(oidcPaths(other).map(({ path }) => path));
  const shared = oidcPaths(one).find(({ path }) => taken.has(path));
  return shared === undefined
    ? null
    : `it is another client, and both have the path ${shared.path}: give this login paths of its own (${PATHS.map(([key]) => key).join(", ")})`;
}

/** A text that is the same for logins that differ in nothing that belongs to the sessions. */
export function sessionsOf(login: unknown): string {
  const entries = entriesOf(login).filter(([key]) => key !== "claims");
  return JSON.stringify(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
