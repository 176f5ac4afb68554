/** The key `error_pages` of a route, an upstream and the whole configuration: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, entriesOf, error } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { errorTemplate } from "../../values/templates.ts";
import { filePath } from "../../values/texts.ts";
import { errorPagesFacts } from "./facts.ts";

const page = z.strictObject({
  file: filePath.optional().meta({ description: "A file that is sent as it is, in UTF-8, with the type of its ending." }),
  template: filePath.optional().meta({
    description: "A file with variables, those of the error included: `{error.status}`, `{error.title}`, `{error.detail}`.",
  }),
  body: errorTemplate.optional().meta({ description: "The text itself, with the same variables. It is HTML." }),
  origin: z.boolean().default(false).meta({
    description:
      "Whether the page also takes the place of what an origin answers with that status. Its other fields stay, cookies included.",
  }),
});

const status = z
  .string()
  .regex(/^(?:[45][0-9]{2}|[45]xx)$/, { error: "expected a status from 400 to 599, 4xx or 5xx" })
  .meta({ title: "status or class" });

export const errorPagesSchema = z.record(
  status,
  z
    .union([filePath, page], { error: "expected the path of a file, or a mapping with file, template or body" })
    .transform((given): ErrorPageConfig => (typeof given === "string" ? { file: given, origin: false } : given)),
);

/** One of `file`, `template` and `body` is set. */
export type ErrorPageConfig = z.output<typeof page>;
export type ErrorPagesConfig = z.output<typeof errorPagesSchema>;

export const errorPagesDeclaration = {
  facts: errorPagesFacts,
  schema: errorPagesSchema,
  everywhere: true,
  description:
    "Pages for answers with these statuses, by status or class: a file, or `{ file, template, body, origin }`. An exact status goes before its class, and the route's own pages before those of its upstream and of the whole configuration. They are for answers of the proxy's own, and for those of origins where `origin` says so. Clients that prefer JSON get a problem document (RFC 9457) in the place of a page in HTML. Files are read when the configuration is loaded, and again with every reload. Absent: answers of the proxy's own have one line of text, or are a problem document.",
  calledElsewhere: {
    "": "error_page error_pages errorpage errors error_file errorfile errorfiles custom_errors handle_errors",
  },
  files: ["*", "*.file"],
  templates: ["*.template"],
  check,
} as const satisfies FeatureDeclaration;

const SOURCES = ["file", "template", "body"] as const;

function check(value: unknown, path: KeyPath): Finding[] {
  return entriesOf(value).flatMap(([status, entry]) => {
    if (typeof entry !== "object" || entry === null) return [];
    const given = SOURCES.filter((key) => at(entry, key) !== undefined);
    const [first, second] = given;
    if (first === undefined) return [error([...path, status], "it lacks the page: give file, template or body")];
    return second === undefined ? [] : [error([...path, status, second], `there is a page already: ${first}`, true)];
  });
}
