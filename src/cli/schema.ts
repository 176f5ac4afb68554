import { fileJsonSchema } from "../config/json-schema.ts";

/** `millrace schema`: prints the JSON Schema of the configuration; exit code 0. */
export function schemaCommand(out: (text: string) => void): number {
  out(`${JSON.stringify(fileJsonSchema(), null, 2)}\n`);
  return 0;
}
