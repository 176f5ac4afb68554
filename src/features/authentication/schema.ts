/** The key `authentication` of a route: its schema, texts and checks. */
import { z } from "zod";
import { certificateConditions } from "../../values/certificate-conditions.ts";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { editedField } from "../../values/field-edits.ts";
import { at, entriesOf, error, listOf, spacedToken } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { secret } from "../../values/texts.ts";
import { authenticationFacts } from "./facts.ts";

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

const authenticationSchema = z.strictObject({
  tokens: z.array(secret).min(1, { error: "expected at least one token" }).optional().meta({
    description:
      "Tokens, one of which a request must bring as `Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`. Spaces inside are allowed and compared, but many clients cannot send them with `Bearer`. Write `${NAME}` or `file:PATH` to keep them out of the file. Compared in constant time, never logged, never forwarded.",
  }),
  certificate: certificateConditions.optional().meta({
    description:
      "What must hold of the certificate that the client has shown to the listener (`tls.client_certificates`), by the same rules as `match.client_certificate`; `{}`: any. Clients without a certificate are asked for what else there is. Its subject is the user's name.",
  }),
  optional: z.boolean().default(false).meta({
    description:
      "Whether a client that brings nothing is let in too, as one that is not known. Wrong credentials are refused all the same.",
  }),
  identity_headers: identityHeaders.optional().meta({
    description:
      "Fields in which the upstream is told who the client is. A field that any route names here is taken out of every client's request, on every route and listener, in every spelling that origin servers read as it (`X_User`). Values are UTF-8; control characters, `%` and spaces at the ends are percent-encoded, in lists commas too. What is not known sends no field.",
  }),
});

/** At least one method; no token is empty. */
export type AuthenticationConfig = z.output<typeof authenticationSchema>;

/** The keys that are ways to show who one is. */
const METHODS = ["tokens", "certificate"] as const satisfies readonly (keyof AuthenticationConfig)[];

export const authenticationDeclaration = {
  facts: authenticationFacts,
  schema: authenticationSchema,
  description:
    "Lets in only clients that show who they are: of the methods that the route has, the first for which a request brings anything decides. Absent: everybody is let in.",
  secrets: ["tokens[]"],
  calledElsewhere: {
    tokens: "auth token bearer bearer_token api_token access_token secret password required_token",
    certificate: "client_certificate client_cert mtls x509",
    optional: "allow_anonymous allow_missing pass_through satisfy_any",
    identity_headers: "forward_headers claims_to_headers set_headers copy_headers upstream_headers claim_to_headers",
  },
  check,
} as const satisfies FeatureDeclaration;

function check(value: unknown, path: KeyPath): Finding[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  const findings = listOf(at(value, "tokens")).flatMap((token, position) => spacedToken(token, [...path, "tokens", position]));
  if (!METHODS.some((method) => at(value, method) !== undefined))
    findings.push(error(path, `expected at least one of ${METHODS.join(", ")}`, true));
  const names = new Map<string, KeyPath>();
  const headers = at(value, "identity_headers");
  const fields = [...entriesOf(headers).filter(([key]) => key !== "claims"), ...entriesOf(at(headers, "claims"))];
  for (const [key, name] of fields) {
    if (typeof name !== "string") continue;
    const lower = name.toLowerCase();
    if (names.has(lower)) findings.push(error([...path, "identity_headers"], `the field ${name} stands twice, also for ${key}`));
    names.set(lower, path);
  }
  return findings;
}
