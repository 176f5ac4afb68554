/** The key `validate` of a route: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { size } from "../../values/scalars.ts";
import { filePath } from "../../values/texts.ts";
import { validateFacts } from "./facts.ts";

const BODY = { min: 0, max: 16 * 1024 ** 2 };

const validateSchema = z.strictObject({
  openapi: filePath.meta({
    description:
      "The OpenAPI document of the API, version 3.0 or 3.1, in YAML or JSON. Read again when it changes, without a reload. Its `$ref` may lead to files in its folder and below. Relative to the configuration's folder.",
  }),
  requests: z
    .union([z.boolean(), z.literal("report")], { error: "expected true, false or report" })
    .default(true)
    .meta({
      description:
        "Whether requests are checked: `true` refuses those that are not as the document says, `report` passes them on, counts them and logs them, `false` does not look.",
    }),
  responses: z
    .union([z.literal(false), z.enum(["report", "enforce"])], { error: "expected false, report or enforce" })
    .default(false)
    .meta({
      description:
        "Whether responses of the upstream are checked: `report` passes them on as they come, counts those that are not as the document says and logs them; `enforce` holds bodies in JSON until they have come, and answers 502 in the place of a wrong response. Larger ones than `max_body` pass unchecked, and are counted.",
    }),
  max_body: size(BODY).prefault("1MiB").meta({
    description:
      "The largest body that is checked. A larger one of a request is refused with 413, and with `report` passed on unchecked. Bodies whose media type is not looked into (docs/validation.md) are not held and not bounded by it. A thread does nothing else while it reads a body: some 20 ms for each MiB.",
  }),
  base_path: z
    .string()
    .regex(/^\/(?:[^/?#{}]+(?:\/[^/?#{}]+)*)?$/, { error: "expected a path such as /v1, without a slash at its end" })
    .optional()
    .meta({
      description: "The path in front of the document's own paths, as clients ask for it. Absent: that of the document's `servers`.",
    }),
  undeclared_query: z.enum(["pass", "refuse"]).default("pass").meta({
    description: "What becomes of requests whose query has a parameter that the document does not describe.",
  }),
});

/** `max_body` in bytes. */
export type ValidateConfig = z.output<typeof validateSchema>;

export const validateDeclaration = {
  facts: validateFacts,
  schema: validateSchema,
  description:
    "Checks requests, and responses where asked, by the description of the API: paths, methods, parameters, media types, bodies in JSON and forms. What is wrong is named in the answer, never its value. Absent: nothing is checked.",
  descriptions: ["openapi"],
  calledElsewhere: {
    "": "validation request_validation oas_validation openapi_validation schema_validation oas request_validator openapi",
    openapi: "spec spec_file schema schema_file api_spec document file swagger",
    max_body: "max_body_size body_limit",
    base_path: "prefix server_path",
    requests: "request validate_request mode",
  },
  check,
} as const satisfies FeatureDeclaration;

function check(value: unknown, path: KeyPath): Finding[] {
  const isIdle = at(value, "requests") === false && (at(value, "responses") ?? false) === false;
  return isIdle ? [warning([...path, "requests"], "it checks nothing: neither requests nor responses")] : [];
}
