/** The key `internal_jwt` of `authentication`: its schema and checks. */
import { z } from "zod";
import { editedField } from "../../values/field-edits.ts";
import { at, entriesOf, error, listOf } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { duration, oneOrMore } from "../../values/scalars.ts";
import { filePath, longSecret } from "../../values/texts.ts";
import { GUESSED } from "./jwt-schema.ts";

/** What the proxy itself says in a token. */
const OWN_CLAIMS = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "roles", "scope", "authentication_method"];

export const internalJwtSchema = z.strictObject({
  header: editedField("request", "write").default("X-Internal-Token").meta({
    description:
      "The field with the token. It is taken from no client, as the fields of `identity_headers`. In `Authorization` the token stands after `Bearer`, and what clients send there does not reach the upstream of this route.",
  }),
  key_file: filePath.optional().meta({
    description:
      "A file with the private key (JWK, for ES256 or EdDSA), as `millrace new-key --internal` prints it. Of several keys the first signs. Read again when it changes, without a reload. Relative to the configuration's folder.",
  }),
  secret: longSecret(GUESSED).optional().meta({
    description:
      "A secret of at least 32 characters instead, for HS256. Whoever can verify tokens with it can make them too. Write `${NAME}` or `file:PATH` to keep it out of the file.",
  }),
  issuer: z.string().min(1).default("millrace").meta({ description: "What `iss` of the tokens says." }),
  audience: oneOrMore(z.string().min(1)).meta({
    description:
      "What `aud` says: for whom the tokens are. An application must refuse those for others, which could otherwise use them here.",
  }),
  lifetime: duration({ min: 10_000, max: 3_600_000 })
    .prefault("1m")
    .meta({ description: "How long a token is valid. It is used again for a client until three quarters of the time are over." }),
  claims: z
    .array(z.string().min(1))
    .default([])
    .meta({ description: "Claims of the client's own token, or of what an identity provider says, that stand in this one too." }),
});

export type InternalJwtConfig = z.output<typeof internalJwtSchema>;

/** @param authentication as it is in the file */
export function internalJwtFindings(authentication: unknown, path: KeyPath): Finding[] {
  const internal = at(authentication, "internal_jwt");
  if (entriesOf(internal).length === 0) return [];
  const [file, shared] = [at(internal, "key_file"), at(internal, "secret")];
  const findings: Finding[] = [];
  if (file === undefined && shared === undefined)
    findings.push(error(path, "expected key_file or secret: with what are tokens signed?", true));
  if (file !== undefined && shared !== undefined)
    findings.push(error([...path, "secret"], "tokens are signed with key_file already", true));
  if (shared !== undefined && shared === at(at(authentication, "jwt"), "secret"))
    findings.push(
      error([...path, "secret"], "clients' tokens are verified with it: an application could make tokens for the proxy itself"),
    );
  for (const [index, claim] of listOf(at(internal, "claims")).entries())
    if (typeof claim === "string" && OWN_CLAIMS.includes(claim))
      findings.push(error([...path, "claims", index], "the proxy itself says what stands there"));
  return findings;
}
