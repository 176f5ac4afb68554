/** The key `respond` of a route: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, error } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { wholeNumber } from "../../values/scalars.ts";
import { fieldTemplate, settableField, template } from "../../values/templates.ts";
import { filePath } from "../../values/texts.ts";
import { respondFacts } from "./facts.ts";

export const respondSchema = z.strictObject({
  status: wholeNumber({ min: 200, max: 599 }).default(200).meta({ description: "Status of the answer, 200 to 599." }),
  headers: z.record(settableField, fieldTemplate).default({}).meta({
    description:
      "Fields of the answer, by name. Values may hold variables. A `Content-Type` of text without `charset` gets `charset=utf-8`. Without `Content-Type` a `body` is `text/plain; charset=utf-8`, and a `file` has the type of its ending.",
  }),
  body: template.optional().meta({
    description: "Text of the answer, sent in UTF-8. It may hold variables, which are escaped where `Content-Type` says HTML, XML or JSON.",
  }),
  file: filePath.optional().meta({
    description: "A file with the text of the answer, in UTF-8, sent as it is. Read when the configuration is loaded.",
  }),
});

/** At most one of `body` and `file` is set. */
export type RespondConfig = z.output<typeof respondSchema>;

export const respondDeclaration = {
  facts: respondFacts,
  schema: respondSchema,
  description: "Answers requests itself, instead of an upstream.",
  calledElsewhere: {
    "": "return respond_with static_response direct_response fixed_response",
    status: "code status_code",
    body: "text content message",
  },
  files: ["file"],
  check,
} as const satisfies FeatureDeclaration;

function check(value: unknown, path: KeyPath): Finding[] {
  if (at(value, "body") === undefined || at(value, "file") === undefined) return [];
  return [error([...path, "file"], "there is a body already: give one of the two", true)];
}
