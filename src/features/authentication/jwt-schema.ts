/** The key `jwt` of `authentication`: its schema and checks. */
import { z } from "zod";
import { at, entriesOf, error, listOf } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { duration, oneOrMore } from "../../values/scalars.ts";
import { filePath, keyServerUrl, longSecret } from "../../values/texts.ts";

const BY_DEFAULT = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"] as const;
/** With a public key. */
export const ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"] as const;
const SYMMETRIC = ["HS256", "HS384", "HS512"] as const;

/** Why a secret for tokens has to be long. */
export const GUESSED = "shorter secrets can be guessed from any token";

/** Which claims say who somebody is, of tokens and of sessions. */
export const claimPlaces = z.strictObject({
  user: z
    .string()
    .min(1)
    .default("sub")
    .meta({ description: "The claim with the user's name. `email` and `preferred_username` may change, `sub` never does." }),
  roles: z.string().min(1).default("roles").meta({
    description:
      "The claim with the user's roles, an array or a text of words with spaces between them; a dot leads into an object: `realm_access.roles`. Many providers call it `groups`.",
  }),
  scopes: z.string().min(1).default("scope").meta({ description: "The same for scopes." }),
});

export const jwtSchema = z
  .strictObject({
    issuer: oneOrMore(z.string().min(1))
      .optional()
      .meta({ description: "What `iss` of a token must be, or one of several. Absent: anything." }),
    audience: oneOrMore(z.string().min(1)).meta({
      description: "What `aud` of a token must hold, or one of several: a token that was made for another application is not valid here.",
    }),
    jwks_url: keyServerUrl.optional().meta({
      description:
        "Where the issuer publishes its keys, such as `https://id.example/.well-known/jwks.json`. Asked at the start, every ten minutes, and when a token names a key that is not known, at most every 30 seconds. While it does not answer the keys at hand stay in use.",
    }),
    jwks_file: filePath
      .optional()
      .meta({ description: "A file with the issuer's public keys (RFC 7517). Read again when it changes, without a reload." }),
    secret: longSecret(GUESSED).optional().meta({
      description:
        "The secret that signs and verifies tokens, of at least 32 characters. Write `${NAME}` or `file:PATH` to keep it out of the file.",
    }),
    algorithms: z
      .array(z.enum([...ASYMMETRIC, ...SYMMETRIC]))
      .min(1)
      .optional()
      .meta({
        title: "list of algorithms",
        description:
          "Algorithms of signatures that are accepted. Default: `[RS256, PS256, ES256, EdDSA, Ed25519]`, with `secret` `[HS256]`.",
      }),
    clock_skew: duration({ min: 0, max: 5 * 60_000 })
      .prefault("30s")
      .meta({ description: "How much the clocks of issuer and proxy may differ, for `exp` and `nbf`." }),
    from: z
      .union([z.literal("header"), z.string().regex(/^cookie:[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: "expected header or cookie:NAME" })])
      .default("header")
      .meta({
        title: "`header` or `cookie:NAME`",
        description: "Where clients bring the token: `Authorization: Bearer`, or a cookie.",
      }),
    forward: z
      .boolean()
      .default(false)
      .meta({ description: "Whether the upstream gets the token too. Whoever has it can use it for as long as it is valid." }),
    claims: claimPlaces.prefault({}).meta({ description: "Which claims say who the client is." }),
  })
  .transform((given) => ({ ...given, algorithms: given.algorithms ?? (given.secret === undefined ? [...BY_DEFAULT] : ["HS256"]) }));

/** @param jwt as it is in the file */
export function jwtFindings(jwt: unknown, path: KeyPath): Finding[] {
  if (entriesOf(jwt).length === 0) return [];
  const sources = ["jwks_url", "jwks_file", "secret"].filter((key) => at(jwt, key) !== undefined);
  const [, second] = sources;
  if (sources.length === 0) return [error(path, "expected one of jwks_url, jwks_file and secret: with what are tokens verified?", true)];
  if (second !== undefined) return [error([...path, second], "tokens are verified with one of jwks_url, jwks_file and secret", true)];
  const isShared = sources[0] === "secret";
  const findings: Finding[] = [];
  // A public key that is taken for a secret would let everybody sign (RFC 8725 section 2.1).
  for (const [index, algorithm] of listOf(at(jwt, "algorithms")).entries())
    if (typeof algorithm === "string" && isShared !== SYMMETRIC.some((each) => each === algorithm))
      findings.push(
        error([...path, "algorithms", index], isShared ? "with a secret, only HS256, HS384 and HS512" : "this algorithm is for a secret"),
      );
  return findings;
}
