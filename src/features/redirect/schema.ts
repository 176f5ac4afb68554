/** The key `redirect` of a route: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { templateOf } from "../../values/templates.ts";
import { redirectFacts } from "./facts.ts";

const STATUSES = [301, 302, 303, 307, 308] as const;

/** A scheme, a path, or a variable that may bring either. Browsers would look for anything else below the path that they are at. */
const BEGINNING = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/|\/|\{)/;

export const redirectSchema = z.strictObject({
  to: templateOf("URL with variables", (part) =>
    /^[!-~]*$/.test(part) ? null : "a URL holds no spaces and no other characters than those of ASCII",
  )
    .refine((to) => BEGINNING.test(to), { error: "expected a URL such as https://example.com/, or a path that begins with /" })
    .meta({
      description:
        "Where to: a URL, or a path on the same host. Variables are those of the request, such as `https://{host}{uri}`. A target that would begin with `//` because of a variable begins with `/`, so that no client can choose the host.",
    }),
  status: z
    .union(
      STATUSES.map((status) => z.literal(status)),
      { error: "expected 301, 302, 303, 307 or 308" },
    )
    .default(307)
    .meta({
      title: "301, 302, 303, 307 or 308",
      description: "301 and 308 are permanent: browsers remember them. 307 and 308 keep the method (RFC 9110 section 15.4).",
    }),
});

export type RedirectConfig = z.output<typeof redirectSchema>;

export const redirectDeclaration = {
  facts: redirectFacts,
  schema: redirectSchema,
  description: "Sends clients to another URL.",
  calledElsewhere: {
    "": "redir return redirect_regex redirect_scheme permanent_redirect http_redirect",
    to: "url location uri",
    status: "code status_code",
  },
} as const satisfies FeatureDeclaration;
