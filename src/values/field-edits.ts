/** Schemas for edits of fields: `request_headers`, `response_headers`. */
import { z } from "zod";
import { TOKEN } from "../http/syntax.ts";
import { whyRefused } from "../policy/headers/refused-names.ts";
import type { Edit, Side } from "../policy/headers/refused-names.ts";
import { entriesOf, at, error } from "./finding.ts";
import type { Finding, KeyPath } from "./finding.ts";
import { oneOrMore } from "./scalars.ts";
import { fieldTemplate } from "./templates.ts";

/** The keys of an edit, for requests or for responses. */
// oxlint-disable-next-line typescript/explicit-module-boundary-types -- the types come from the schemas
export function fieldEditShape(side: Side) {
  const written = editedField(side, "write");
  const removed = editedField(side, "remove");
  return {
    remove: z.array(removed).default([]).meta({
      description: "Names of fields that are left out. The first of the four to act; then come `rename`, `set` and `add`.",
    }),
    rename: z.record(removed, written).default({}).meta({
      title: "mapping of names",
      description:
        "New names of fields by their old ones. Values and their order stay, and so do lines that have the new name already: `remove` it to replace them.",
    }),
    set: z.record(written, fieldTemplate).default({}).meta({
      title: "mapping of texts with variables",
      description:
        "Values of fields by name: one line each, in the place of all lines of that name. A value that is empty, as `{header.X-A}` may be, sends no line.",
    }),
    add: z.record(written, oneOrMore(fieldTemplate)).default({}).meta({
      title: "mapping of texts, or lists of texts, with variables",
      description: "As `set`, but lines of that name stay. A list adds a line for each value.",
    }),
  };
}

/** Errors about a field that stands twice in `set` or in `rename`, because only one of both could act. */
export function fieldEditFindings(value: unknown, path: KeyPath): Finding[] {
  return ["set", "rename"].flatMap((key) => {
    const names = entriesOf(at(value, key)).map(([name]) => name.toLowerCase());
    return entriesOf(at(value, key)).flatMap(([name], index) =>
      names.indexOf(name.toLowerCase()) < index
        ? [error([...path, key, name], "the field stands there already: case does not matter", true)]
        : [],
    );
  });
}

/** The name of a field that a configuration may write in requests or responses, or may take out of them. */
export function editedField(side: Side, edit: Edit): z.ZodType<string, string> {
  return z
    .string()
    .superRefine((name, context) => {
      const why = TOKEN.test(name) ? whyRefused(side, edit, name) : null;
      if (!TOKEN.test(name)) context.addIssue({ code: "custom", message: "expected a field name such as X-Env" });
      else if (why !== null)
        context.addIssue({ code: "custom", message: `the field ${name} is not for the configuration to ${edit}: ${why}` });
    })
    .meta({ title: "field name" });
}
