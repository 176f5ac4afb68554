/** The key `require` of a route: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { entriesOf, error } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { oneOrMore } from "../../values/scalars.ts";
import { requireFacts } from "./facts.ts";

const word = z.string().min(1, { error: "expected a text" }).meta({ title: "text" });
/** RFC 6749 section 3.3. */
const scope = z
  .string()
  .regex(/^[!#-[\]-~]+$/, { error: "expected a scope: one word without quotation marks and backslashes" })
  .meta({ title: "scope" });

const requireSchema = z.strictObject({
  roles: z
    .array(word)
    .min(1, { error: "expected at least one role" })
    .optional()
    .meta({ description: "Roles, one of which the client must have." }),
  scopes: z.array(scope).min(1, { error: "expected at least one scope" }).optional().meta({
    description: "Scopes that the client's token must have, all of them.",
  }),
  claims: z.record(z.string(), oneOrMore(word)).optional().meta({
    title: "mapping of texts or lists of texts",
    description:
      "Claims of the client's token by name; a dot leads into an object. Each must have one of its values. Of a claim that is an array, or a text of words with spaces between them, a member is enough.",
  }),
});

/** What of a client that is known is asked for. */
export type RequireConfig = z.output<typeof requireSchema>;

export const requireDeclaration = {
  facts: requireFacts,
  schema: requireSchema,
  description:
    "Refuses clients with 403 that `authentication` of the route has let in, and that lack a role, scope or claim. Absent: whoever is let in may do everything.",
  calledElsewhere: { "": "authorize authorization policy acl_groups", roles: "role groups", claims: "claim", scopes: "scope" },
  check,
} as const satisfies FeatureDeclaration;

function check(value: unknown, path: KeyPath): Finding[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return entriesOf(value).length === 0 ? [error(path, "it requires nothing: expected roles, scopes or claims", true)] : [];
}
