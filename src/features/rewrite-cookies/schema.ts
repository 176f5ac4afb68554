/** The key `rewrite_cookies` of a route, an upstream and the whole configuration: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, error } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { rewriteCookiesFacts } from "./facts.ts";

export const rewriteCookiesSchema = z.strictObject({
  domain: z
    .string()
    .regex(/^(?:\.?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)?$/, { error: 'expected a domain such as example.com, or "" for none' })
    .optional()
    .meta({
      title: "domain",
      description:
        'In the place of `Domain` of cookies that have one; `""` takes it out, so that the cookie is for the host alone. A cookie without domain gets none: it would be shown to more hosts than its origin meant.',
    }),
  path: z
    .string()
    .regex(/^\/[!-:<-~]*$/, { error: "expected a path such as /, without spaces and semicolons" })
    .optional()
    .meta({ title: "path", description: "In the place of `Path` of cookies that have one." }),
  secure: z.boolean().optional().meta({
    description:
      "Whether cookies have `Secure`, so that browsers send them by TLS only. `false` takes it out but where browsers refuse the cookie without it.",
  }),
  same_site: z.enum(["strict", "lax", "none"], { error: "expected strict, lax or none" }).optional().meta({
    description: "The value of `SameSite` of all cookies: which requests from other sites bring them. `none` needs `secure: true`.",
  }),
});

export type RewriteCookiesConfig = z.output<typeof rewriteCookiesSchema>;

export const rewriteCookiesDeclaration = {
  facts: rewriteCookiesFacts,
  schema: rewriteCookiesSchema,
  everywhere: true,
  needsUpstream: () => true,
  description:
    "Attributes of the cookies that origins set. Each key acts on its own, and the most particular place that has it counts. Absent: cookies pass as they are.",
  calledElsewhere: {
    "": "cookie_rewrite rewrite_cookie",
    domain: "cookie_domain_rewrite proxy_cookie_domain proxypassreversecookiedomain cookie_domain",
    path: "cookie_path_rewrite proxy_cookie_path proxypassreversecookiepath cookie_path",
    secure: "proxy_cookie_flags",
    same_site: "samesite",
  },
  check,
} as const satisfies FeatureDeclaration;

function check(value: unknown, path: KeyPath): Finding[] {
  if (at(value, "same_site") !== "none" || at(value, "secure") === true) return [];
  return [error([...path, "same_site"], "none needs `secure: true` beside it: browsers refuse such cookies without Secure")];
}
