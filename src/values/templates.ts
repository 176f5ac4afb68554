/** Schemas for texts with variables (policy/template). A checked configuration holds them as they were written. */
import { z } from "zod";
import { isOwnField } from "../http/field-edits.ts";
import { FIELD_VALUE, TOKEN } from "../http/syntax.ts";
import { parseTemplate } from "../policy/template/template.ts";

type Text = z.ZodType<string, string>;

/** The text of a page about errors, which may hold more variables. */
export const errorTemplate: Text = templateOf("text with variables", () => null, true);

/** Any text with variables. */
export const template: Text = templateOf("text with variables", () => null);

/** The value of a field, with variables. */
export const fieldTemplate: Text = templateOf("field value with variables", (part) =>
  FIELD_VALUE.test(part) ? null : "it holds a character that a field value must not",
);

/** The name of a field that a configuration may set. Framing, Host and fields about one connection are the proxy's own. */
export const settableField: Text = z
  .string()
  .superRefine((name, context) => {
    if (!TOKEN.test(name)) context.addIssue({ code: "custom", message: "expected a field name such as X-Env" });
    else if (isOwnField(name))
      context.addIssue({
        code: "custom",
        message: `the field ${name} is the proxy's to write: with another value a recipient could read another message`,
      });
  })
  .meta({ title: "field name" });

/**
 * @param problemOf what is wrong with a part of the text outside of variables; null: nothing
 * @param isErrorPage as for `parseTemplate`
 */
export function templateOf(title: string, problemOf: (part: string) => string | null, isErrorPage: boolean = false): Text {
  return z
    .string()
    .superRefine((text, context) => {
      const parsed = parseTemplate(text, isErrorPage);
      const message =
        "problem" in parsed
          ? parsed.problem
          : parsed.template.map((part) => (typeof part === "string" ? problemOf(part) : null)).find((each) => each !== null);
      if (message !== undefined && message !== null) context.addIssue({ code: "custom", message });
    })
    .meta({ title });
}
