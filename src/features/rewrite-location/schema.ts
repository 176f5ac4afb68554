/** The key `rewrite_location` of a route, an upstream and the whole configuration: its schema, texts and checks. */
import { z } from "zod";
import { parseReference } from "../../policy/location/reference.ts";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, error, listOf } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { templateOf } from "../../values/templates.ts";
import { rewriteLocationFacts } from "./facts.ts";

const rule = z.strictObject({
  from: z
    .string()
    .refine((text) => /^[!-~]+$/.test(text) && !/[?#]/.test(text) && parseReference(text) !== null, {
      error: "expected the beginning of a URL or a path, such as http://internal:8080/app or /app, without query",
    })
    .meta({
      title: "URL or path",
      description:
        "What references begin with: a URL, `//host/path` for any scheme, or a path. Whole segments are compared; hosts without case, ports as the scheme has them by default. A path fits references to the origin's own site only.",
    }),
  to: templateOf("URL with variables", (part) =>
    /^[!-~]*$/.test(part) ? null : "a URL holds no spaces and no other characters than those of ASCII",
  )
    .refine((to) => to !== "", { error: "expected a URL or a path" })
    .meta({
      description:
        "What they begin with instead, with variables of the request, such as `{scheme}://{host}`. It ends in a slash where `from` does.",
    }),
});

export const rewriteLocationSchema = z.union([z.boolean(), z.array(rule).min(1)], {
  error: "expected true, false or a list of { from, to }",
});

export type RewriteLocationConfig = z.output<typeof rewriteLocationSchema>;

export const rewriteLocationDeclaration = {
  facts: rewriteLocationFacts,
  schema: rewriteLocationSchema,
  everywhere: true,
  needsUpstream: () => true,
  description:
    "Leads references in `Location`, `Content-Location` and `Refresh` of responses to where the client finds them: the endpoint's own address becomes the scheme, host and port that the client used, and a prefix that `rewrite.strip_prefix` took is put back. A list does the same, after its own entries, of which the first that fits counts. `false` takes back what a wider place says. Absent: nothing changes.",
  calledElsewhere: {
    "": "proxy_redirect proxypassreverse proxy_pass_reverse auto_rewrite autorewrite redirect_rewrite host_rewrite_location",
  },
  check,
} as const satisfies FeatureDeclaration;

function check(value: unknown, path: KeyPath): Finding[] {
  return listOf(value).flatMap((entry, index) => {
    const [from, to] = [at(entry, "from"), at(entry, "to")];
    if (typeof from !== "string" || typeof to !== "string" || from.endsWith("/") === to.endsWith("/")) return [];
    return [
      error(
        [...path, index, "to"],
        "`from` and `to` both end in a slash, or neither does: what follows would become a part of the last word",
      ),
    ];
  });
}
