/** The schema of the access log's settings: `logging.access` for all requests, `routes[].access_log` for those of a route. */
import { z } from "zod";
import { TOKEN } from "../../http/syntax.ts";
import { percentage } from "../../values/scalars.ts";
import { FURTHER_FIELDS, STANDARD_FIELDS, isFurtherField, isStandardField } from "./access-fields.ts";
import { templateProblem } from "./access-shape.ts";
import { whyNotLogged } from "./logged-names.ts";

/** Names of fields of one kind in a line: more would make lines that nobody reads. */
const HEADERS_MAX = 20;

const NAMES = [...Object.keys(STANDARD_FIELDS).filter(isStandardField), ...Object.keys(FURTHER_FIELDS).filter(isFurtherField)] as const;

const loggedField = z
  .string()
  .superRefine((name, context) => {
    const why = TOKEN.test(name) ? whyNotLogged(name) : null;
    if (!TOKEN.test(name)) context.addIssue({ code: "custom", message: "expected a field name such as Content-Type" });
    else if (why !== null) context.addIssue({ code: "custom", message: `the field ${name} is not for the log: ${why}` });
  })
  .meta({ title: "field name" });

const loggedFields = z.array(loggedField).max(HEADERS_MAX, { error: `expected at most ${HEADERS_MAX} names` });

const lineTemplate = z
  .string()
  .superRefine((text, context) => {
    const problem = /[^\t -~]/.test(text) ? "it holds a character other than printable ASCII" : templateProblem(text);
    if (problem !== null) context.addIssue({ code: "custom", message: problem });
  })
  .meta({ title: "text with variables" });

const settings = z.strictObject({
  fields: z
    .array(z.enum(["standard", ...NAMES]))
    .min(1)
    .optional()
    .meta({
      title: "list of names",
      description:
        "What lines hold besides `time`, `level` and `event`, by the names in docs/observability.md; `standard` stands for those of every line. The order is always the same. `query` is in no line unless it stands here: it may hold secrets. Default: `[standard]`.",
    }),
  omit: z.array(z.enum(NAMES)).optional().meta({ title: "list of names", description: "What of `fields` lines do not hold after all." }),
  request_headers: loggedFields.optional().meta({
    description:
      "Fields of requests that lines hold too, by name, each with all its values as received. Fields that carry credentials (`Authorization`, `Cookie`, `X-Api-Key` and all whose name says token, key, secret or the like) are refused.",
  }),
  response_headers: loggedFields.optional().meta({
    description: "The same of responses, as they are sent. What the proxy itself writes into its own answers is not among them.",
  }),
  sample: z
    .union([
      percentage(),
      z.strictObject({
        share: percentage().meta({ description: "Share of the exchanges." }),
        errors: z.boolean().default(false).meta({
          description:
            "Whether all exchanges are logged that were answered with 500 to 599, or whose response was cut because an endpoint failed.",
        }),
      }),
    ])
    .transform((given) => (typeof given === "number" ? { share: given, errors: false } : given))
    .optional()
    .meta({
      description:
        "Share of the exchanges that get a line, such as `10%`, chosen at random. `{ share: 10%, errors: true }` logs all that failed. Default: `100%`.",
    }),
  template: lineTemplate.optional().meta({
    description:
      "The line as a text with variables (docs/observability.md), or `common` or `combined` for the formats of that name. A value that is missing is `-`; control characters, quotes, and spaces outside of quotes are escaped. Only for the text format, which then is the default; it takes the place of the keys above but `sample`. Default: a line with the fields.",
  }),
});

/** Settings of the access log. What is absent is as in `logging.access`, and there as the descriptions say. */
export type AccessSettings = z.output<typeof settings>;

/** `true`: with the settings of the wider place, or the defaults. `false`: no lines. */
export const accessLogSchema = z.union([z.boolean(), settings]);

export type AccessLogConfig = z.output<typeof accessLogSchema>;
