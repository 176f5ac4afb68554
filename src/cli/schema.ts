import { fileJsonSchema } from "../config/schema/json-schema.ts";
import { withDescribedMiddleware } from "../config/schema/middleware-json-schema.ts";
import { describedMiddleware, textOfConfig } from "./config-file.ts";
import { problemReport } from "./problem-report.ts";

/**
 * `millrace schema`: prints the JSON Schema of the configuration. Resolves with 0, or with 1 after the problems of the file.
 * @param file a configuration whose middleware is described too; null: none
 */
export async function schemaCommand(
  file: string | null,
  out: (text: string) => void,
  err: (text: string) => void,
  colours: boolean = false,
): Promise<number> {
  const described = file === null ? [] : await describedMiddleware(file);
  if ("problems" in described) {
    err(problemReport(described.problems, { textOf: textOfConfig, colours }));
    return 1;
  }
  out(`${JSON.stringify(withDescribedMiddleware(fileJsonSchema(), described), null, 2)}\n`);
  return 0;
}
