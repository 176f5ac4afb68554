/** The key `authentication` of a route: its schema, texts and checks. */
import { z } from "zod";
import { certificateConditions } from "../../values/certificate-conditions.ts";
import { copiedNames } from "../../policy/authentication/copied-fields.ts";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { editedField } from "../../values/field-edits.ts";
import { at, entriesOf, error, listOf, oddToken } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { filePath, secret } from "../../values/texts.ts";
import { internalJwtFindings, internalJwtSchema } from "./internal-jwt-schema.ts";
import { jwtFindings, jwtSchema } from "./jwt-schema.ts";
import { oidcConflict, oidcFindings, oidcPaths, oidcSchema, sessionsOf } from "./oidc-schema.ts";
import { readApiKeys } from "./read-api-keys.ts";
import { readKeySet } from "./read-key-set.ts";
import { readSigningKey } from "./read-signing-key.ts";
import { readGroups, readUsers } from "./read-users.ts";
import { authenticationFacts } from "./facts.ts";
import { forwardFindings, forwardSchema } from "./forward-schema.ts";

const identityField = editedField("request", "write");

const identityHeaders = z.strictObject({
  user: identityField
    .optional()
    .meta({ description: "The field with the user's name: the id of a key, the subject of a certificate. `X-User` is usual." }),
  roles: identityField.optional().meta({ description: "The field with the client's roles, with commas between them. `X-Roles` is usual." }),
  scopes: identityField.optional().meta({ description: "The field with the scopes of the client's token, with commas between them." }),
  claims: z.record(z.string(), identityField).default({}).meta({
    title: "mapping of field names",
    description: "Fields for claims of the client's token, by the name of the claim: `{ email: X-Email }`; a dot leads into an object.",
  }),
});

const apiKeys = z.strictObject({
  file: filePath.meta({
    description:
      "A YAML file with the keys' hashes, as `millrace new-key` prints them (docs/authentication.md). Read again when it changes, without a reload. Relative to the configuration's folder.",
  }),
  query: z
    .string()
    .regex(/^[\w.~-]{1,64}$/, { error: "expected the name of a parameter, such as api_key" })
    .optional()
    .meta({
      description:
        "A parameter of the query in which clients may bring a key too, for those that can set no field. It is taken out of what goes upstream. Queries stand in the histories, bookmarks and logs of others, so give such keys few rights. Absent: none.",
    }),
});

const basicSchema = z.strictObject({
  users_file: filePath.meta({
    description:
      "A file of users as `htpasswd -B` and `millrace hash-password` write it: `name:hash` a line, with bcrypt or argon2id. Read again when it changes, without a reload. Relative to the configuration's folder.",
  }),
  groups_file: filePath
    .optional()
    .meta({ description: "A file of roles: `role: name name` a line. Read again when it changes. Absent: users have no roles." }),
  realm: z
    .string()
    .regex(/^[ !#-[\]-~]+$/, { error: "expected a text in ASCII without quotation marks and backslashes" })
    .default("millrace")
    .meta({ description: "What browsers show when they ask for name and password." }),
});

const authenticationSchema = z.strictObject({
  tokens: z.array(secret).min(1, { error: "expected at least one token" }).optional().meta({
    description:
      "Tokens, one of which a request must bring as `Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`. Spaces inside are allowed and compared, but many clients cannot send them with `Bearer`. Write `${NAME}` or `file:PATH` to keep them out of the file. Compared in constant time, never logged, never forwarded.",
  }),
  api_keys: apiKeys.optional().meta({
    description:
      "Keys whose hashes stand in a file, each with an id, roles, scopes and an end. A request brings one like a token of `tokens`. The id is the user's name.",
  }),
  jwt: jwtSchema.optional().meta({
    description:
      "JSON web tokens that somebody else has signed. A Bearer value in the form of a JWT is one, all others are tokens or keys. A token must have an end (`exp`). What was verified is remembered until then, at most as long as the keys stay the same.",
  }),
  basic: basicSchema.optional().meta({
    description:
      "Name and password (`Authorization: Basic`). They are verified in a thread of the lowest priority, at most 64 wait, and what was right is remembered for five minutes, without the password. Only over TLS are they safe on their way.",
  }),
  certificate: certificateConditions.optional().meta({
    description:
      "What must hold of the certificate that the client has shown to the listener (`tls.client_certificates`), by the same rules as `match.client_certificate`; `{}`: any. Clients without a certificate are asked for what else there is. Its subject is the user's name.",
  }),
  forward: forwardSchema.optional().meta({
    description:
      "A service that is asked with the request's head: `auth_request` of nginx, ForwardAuth of Traefik. It gets a GET without body, with `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri` and `-For` of the request. An answer with 2xx lets the client in, any other below 500 goes to the client as it is, and without an answer there is 503. It is asked last and decides about everybody for whom no other method did.",
  }),
  oidc: oidcSchema.optional().meta({
    description:
      "A login at an identity provider (OpenID Connect: authorization code with PKCE). Who brings no session, and nothing for the other methods, is sent there if a person waits for a page; requests of scripts get 401. See docs/logins.md.",
  }),
  optional: z.boolean().default(false).meta({
    description:
      "Whether a client that brings nothing is let in too, as one that is not known. Wrong credentials are refused all the same.",
  }),
  internal_jwt: internalJwtSchema.optional().meta({
    description:
      "A short-lived token (JWT) in which the upstream is told who the client is, signed by the proxy: an application that verifies it believes nobody who reaches it around the proxy. It holds `sub`, `roles`, `scope` and `authentication_method`, its type (`typ`) is `internal+jwt`. Clients that are not known have none.",
  }),
  identity_headers: identityHeaders.optional().meta({
    description:
      "Fields in which the upstream is told who the client is. A field that any route names here is taken out of every client's request, on every route and listener, in every spelling that origin servers read as it (`X_User`). Values are UTF-8; control characters, `%` and white space at the ends are percent-encoded, in lists all white space and commas. What is not known sends no field.",
  }),
});

/** At least one method; no token is empty. */
export type AuthenticationConfig = z.output<typeof authenticationSchema>;

/** The keys that are ways to show who one is. */
const METHODS = [
  "tokens",
  "api_keys",
  "jwt",
  "basic",
  "certificate",
  "forward",
  "oidc",
] as const satisfies readonly (keyof AuthenticationConfig)[];

export const authenticationDeclaration = {
  facts: authenticationFacts,
  schema: authenticationSchema,
  description:
    "Lets in only clients that show who they are: of the methods that the route has, the first for which a request brings anything decides. Absent: everybody is let in.",
  secrets: ["tokens[]", "jwt.secret", "oidc.client_secret", "oidc.session.keys[]", "internal_jwt.secret"],
  credentials: {
    "api_keys.file": readApiKeys,
    "jwt.jwks_file": readKeySet,
    "basic.users_file": readUsers,
    "basic.groups_file": readGroups,
    "internal_jwt.key_file": readSigningKey,
  },
  asked: ({ forward }: AuthenticationConfig) => (forward?.upstream.includes("://") === true ? [forward.upstream] : []),
  keyServers: { "jwt.jwks_url": readKeySet },
  calledElsewhere: {
    "": "auth authn authenticate login",
    tokens: "token bearer bearer_token api_token access_token secret password required_token",
    api_keys: "keys api_key apikey key_auth key-auth",
    basic: "basic_auth auth_basic basicauth basic-auth http_basic",
    "basic.users_file": "auth_basic_user_file usersfile htpasswd userlist users user_file file",
    "basic.groups_file": "auth_group_file groups",
    jwt: "jwt_auth oauth2 oauth jwt_bearer bearer_jwt",
    "jwt.jwks_url": "jwks jwks_uri remote_jwks auth_jwt_key_request certs_url",
    "jwt.jwks_file": "local_jwks auth_jwt_key_file public_key public_key_file key_file",
    "jwt.issuer": "iss issuers",
    "jwt.audience": "aud audiences",
    "jwt.clock_skew": "leeway clock_tolerance skew",
    "api_keys.file": "keys_file keys key_file",
    oidc: "openid openid_connect openidconnect oauth2_proxy forward_login login sso",
    "oidc.issuer": "issuer_url oidc_issuer_url provider discovery discovery_url configuration_endpoint well_known",
    "oidc.client_id": "clientid",
    "oidc.client_secret": "clientsecret",
    "oidc.scopes": "scope",
    "oidc.redirect_path": "redirect_uri redirect_url callback_url callback_path callback redirecturl",
    "oidc.logout_path": "logout_url logout signout_path sign_out",
    "oidc.post_logout_path": "post_logout_redirect_uri post_logout_url",
    "oidc.back_channel_logout_path": "backchannel_logout_uri backchannel_logout_path",
    "oidc.parameters": "extra_params auth_params authorization_params",
    "oidc.forward_access_token": "pass_access_token forwardauthorization",
    "oidc.session": "cookie cookies session_cookie",
    "oidc.session.keys": "key cookie_secret cookie_secrets encryption_key secret secrets session_secret",
    "oidc.session.max_age": "expiry cookie_expire lifetime ttl session_lifetime",
    certificate: "client_certificate client_cert mtls x509",
    forward: "forward_auth forwardauth auth_request external_auth ext_authz ext_auth",
    "forward.url": "address uri auth_url auth-url endpoint",
    "forward.send": "auth_request_headers authrequestheaders request_headers allowed_headers",
    "forward.copy": "copy_headers auth_response_headers authresponseheaders response_headers upstream_headers auth_request_set",
    "forward.copy_response": "add_auth_cookies_to_response addauthcookiestoresponse client_headers",
    optional: "allow_anonymous allow_missing pass_through satisfy_any",
    internal_jwt: "internal_token upstream_jwt backend_jwt identity_token sign_jwt",
    "internal_jwt.key_file": "file private_key private_key_file signing_key jwk jwk_file",
    "internal_jwt.issuer": "iss",
    "internal_jwt.audience": "aud audiences",
    "internal_jwt.lifetime": "ttl expiry expires max_age expires_in",
    "identity_headers.claims": "email name groups preferred_username sub claim",
    identity_headers: "forward_headers claims_to_headers set_headers copy_headers upstream_headers claim_to_headers",
  },
  ownPaths: (value) => oidcPaths(at(value, "oidc")).map((own) => ({ ...own, key: `oidc.${own.key}` })),
  sameSessions: (value) => sessionsOf(at(value, "oidc")),
  conflict: (value, other) => {
    const [one, two] = [at(value, "oidc"), at(other, "oidc")];
    const message = one === undefined || two === undefined ? null : oidcConflict(one, two);
    return message === null ? null : { place: ["oidc"], message };
  },
  check,
} as const satisfies FeatureDeclaration;

function check(value: unknown, path: KeyPath): Finding[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  const findings = listOf(at(value, "tokens")).flatMap((token, position) => oddToken(token, [...path, "tokens", position]));
  if (!METHODS.some((method) => at(value, method) !== undefined))
    findings.push(error(path, `expected at least one of ${METHODS.join(", ")}`, true));
  findings.push(...forwardFindings(at(value, "forward"), [...path, "forward"]));
  if (at(value, "forward") !== undefined && at(value, "optional") === true)
    findings.push(
      error([...path, "optional"], "it has no effect with forward: the service decides about clients that bring nothing", true),
    );
  findings.push(...oidcFindings(at(value, "oidc"), [...path, "oidc"]));
  if (at(value, "forward") !== undefined && at(value, "oidc") !== undefined)
    findings.push(
      error([...path, "oidc"], "each of forward and oidc decides about clients that bring nothing: a route has one of them", true),
    );
  findings.push(...jwtFindings(at(value, "jwt"), [...path, "jwt"]));
  findings.push(...internalJwtFindings(value, [...path, "internal_jwt"]));
  findings.push(...sameFields(value, path));
  return findings;
}

/** A field has one meaning. The finding does not show its name, which may be anything. */
function sameFields(value: unknown, path: KeyPath): Finding[] {
  const findings: Finding[] = [];
  const names = new Set(copiedNames(at(at(value, "forward"), "copy")));
  const headers = at(value, "identity_headers");
  const internal = at(value, "internal_jwt");
  // What is not said is said by the schema's default.
  const token = internal === undefined ? undefined : (at(internal, "header") ?? "X-Internal-Token");
  const own = ["user", "roles", "scopes"].map((key) => [[key], at(headers, key)] as const);
  const ofClaims = entriesOf(at(headers, "claims")).map(([claim, name]) => [["claims", claim], name] as const);
  const fields = [...own, ...ofClaims].map(([place, name]) => [["identity_headers", ...place], name] as const);
  for (const [place, name] of [...fields, [["internal_jwt"], token] as const]) {
    if (typeof name !== "string") continue;
    if (names.has(name.toLowerCase()))
      findings.push(error([...path, ...place], "another key has the same field; each needs one of its own"));
    names.add(name.toLowerCase());
  }
  return findings;
}
