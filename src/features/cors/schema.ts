/** The key `cors` of a route: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, listOf, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { WAIT_OR_ZERO, durationOrSeconds } from "../../values/scalars.ts";
import { corsOrigin, fieldName, method } from "../../values/texts.ts";
import { corsFacts } from "./facts.ts";

const names = (item: z.ZodType<string, string>, standard: string[]) => z.array(item).prefault(standard);

export const corsSchema = z
  .strictObject({
    allowed_origins: z.array(corsOrigin).min(1, { error: 'expected at least one origin, or "*"' }).meta({
      description:
        'Origins whose pages may read answers: `https://app.example.com`, `https://*.example.com` for its subdomains, or `"*"` for every page. `"null"` stands for sandboxed and local pages of anybody.',
    }),
    allowed_methods: names(method, ["GET", "HEAD", "POST"]).meta({ description: 'Methods that a preflight allows; `"*"` for all.' }),
    allowed_headers: names(fieldName, []).meta({
      description: 'Request fields that a preflight allows; `"*"` for all but Authorization.',
    }),
    exposed_headers: names(fieldName, []).meta({
      description: "Response fields that a page may read besides those that browsers always show.",
    }),
    allow_credentials: z.boolean().default(false).meta({
      description:
        'Whether pages may send cookies and credentials. Has no effect together with the origin `"*"`: every page could then act in the name of its visitors.',
    }),
    max_age: durationOrSeconds(WAIT_OR_ZERO).optional().meta({
      description: "Time that a browser may remember a preflight's answer; a bare number is seconds. When absent, browsers take 5 s.",
    }),
    debug: z.boolean().default(false).meta({ description: "Log why a preflight or an answer got no CORS fields." }),
  })
  .transform((given) => ({ ...given, allow_credentials: given.allow_credentials && !given.allowed_origins.includes("*") }));

/** `allow_credentials` is never true together with the origin `*`; `max_age` is in milliseconds. */
export type CorsConfig = z.output<typeof corsSchema>;

export const corsDeclaration = {
  facts: corsFacts,
  schema: corsSchema,
  description:
    "Which pages of other sites may read answers. Preflights are answered by the proxy; the endpoint's own CORS fields are replaced.",
  calledElsewhere: {
    "": "access_control cors_policy",
    allowed_origins: "allow_origin allow_origins access_control_allow_origin access_control_allow_origin_list allow_origin_string_match",
    allowed_methods: "allow_methods access_control_allow_methods",
    allowed_headers: "allow_headers access_control_allow_headers",
    exposed_headers: "expose_headers access_control_expose_headers",
    allow_credentials: "access_control_allow_credentials credentials",
    max_age: "access_control_max_age preflight_max_age",
  },
  check,
} as const satisfies FeatureDeclaration;

function check(value: unknown, path: KeyPath): Finding[] {
  if (at(value, "allow_credentials") !== true) return [];
  if (listOf(at(value, "allowed_origins")).includes("*")) {
    const message =
      'it has no effect together with the origin "*": every page could act in the name of its visitors; list the origins instead';
    return [warning([...path, "allow_credentials"], message)];
  }
  const star = listOf(at(value, "exposed_headers")).indexOf("*");
  // Fetch standard, section 3.3.3.
  return star < 0
    ? []
    : [warning([...path, "exposed_headers", star], "with credentials browsers take it for the name of a field; list the fields instead")];
}
