/** The key `rewrite` of a route: its schema and texts. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { entriesOf } from "../../values/finding.ts";
import { hostField, pathPrefix } from "../../values/texts.ts";
import { rewriteFacts } from "./facts.ts";

const rewriteSchema = z.strictObject({
  strip_prefix: pathPrefix.optional().meta({
    description:
      "Taken off the path, as whole segments in any spelling that `match.path` would take for it: `/api` of `/api/x`, `//api/x` and `/%61pi/x`, not of `/apis`. The rest keeps its spelling, and begins with one slash. `X-Forwarded-Prefix` tells the origin what was taken. A path that is not below the prefix is left as it is.",
  }),
  add_prefix: pathPrefix.optional().meta({ description: "Put before the path, after `strip_prefix` has been taken off." }),
  path_regex: z
    .strictObject({
      from: z.string().min(1, { error: "expected a regular expression" }).meta({
        title: "regular expression",
        description:
          "A regular expression in the syntax of RE2, for the path in its canonical form, as after `strip_prefix` and `add_prefix`. Every part that it matches is replaced. A path that it does not match keeps its spelling.",
      }),
      to: z
        .string()
        .regex(/^[!-"$->@-~]*$/, { error: "expected the text of a path: no spaces, no ? and no #" })
        .meta({
          title: "text",
          description: "The text that replaces a match: `$1` and `$<name>` stand for groups, `$$` for a dollar sign.",
        }),
    })
    .optional()
    .meta({ description: "Replaces what a regular expression matches, after the two before it." }),
  host: hostField.default("preserve").meta({
    title: "`preserve`, `upstream` or host",
    description:
      "The `Host` that the origin gets: `preserve` the client's, `upstream` the host and port of the endpoint's URL, or this name. `X-Forwarded-Host` names the client's in any case.",
  }),
});

/** The prefixes are in canonical form, without a slash at the end. */
export type RewriteConfig = z.output<typeof rewriteSchema>;

export const rewriteDeclaration = {
  facts: rewriteFacts,
  schema: rewriteSchema,
  // Files are looked for at the rewritten path.
  needsUpstream: (value, end) => end !== "files" || entriesOf(value).every(([key]) => key === "host"),
  description:
    "Changes path and host of the request that the upstream gets, and the path at which `files` looks. Absent: both stay as they are.",
  calledElsewhere: {
    "": "url_rewrite rewrites path_rewrite prefix_rewrite",
    strip_prefix: "strip_prefix strip_path strip_path_prefix uri_strip_prefix handle_path path_prefix_strip",
    add_prefix: "add_prefix prepend_path uri_prefix",
    path_regex: "replace_path_regex regex_rewrite uri_replace path_regexp",
    host: "change_origin host_rewrite host_rewrite_literal auto_host_rewrite host_header upstream_vhost preserve_host preserve_host_header pass_host_header proxy_preserve_host",
  },
} as const satisfies FeatureDeclaration;
