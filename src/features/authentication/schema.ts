/** The key `authentication` of a route: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, listOf, spacedToken } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { secret } from "../../values/texts.ts";
import { authenticationFacts } from "./facts.ts";

const authenticationSchema = z.strictObject({
  tokens: z.array(secret).min(1, { error: "expected at least one token" }).meta({
    description:
      "Tokens, one of which a request must bring as `Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`. Spaces inside are allowed and compared, but many clients cannot send them with `Bearer`. Write `${NAME}` or `file:PATH` to keep them out of the file. Compared in constant time, never logged, never forwarded.",
  }),
});

/** At least one token, none of them empty. */
export type AuthenticationConfig = z.output<typeof authenticationSchema>;

export const authenticationDeclaration = {
  facts: authenticationFacts,
  schema: authenticationSchema,
  description: "Refuses requests without a token with 401. Absent: everybody is let in.",
  secrets: ["tokens[]"],
  calledElsewhere: { tokens: "auth token bearer bearer_token api_token access_token secret password required_token" },
  check,
} as const satisfies FeatureDeclaration;

function check(value: unknown, path: KeyPath): Finding[] {
  return listOf(at(value, "tokens")).flatMap((token, position) => spacedToken(token, [...path, "tokens", position]));
}
