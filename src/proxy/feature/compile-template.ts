import { parseTemplate } from "../../policy/template/template.ts";
import type { Template } from "../../policy/template/template.ts";

/**
 * Parses a text with variables that the schema has checked, and fills in those of the environment; one that is not set is empty.
 * Throws an Error for a text that the schema would refuse.
 * @param isErrorPage as for `parseTemplate`
 */
export function compileTemplate(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
  isErrorPage: boolean = false,
): Template {
  const parsed = parseTemplate(text, isErrorPage);
  if ("problem" in parsed) throw new Error(parsed.problem);
  const parts: Template[number][] = [];
  for (const part of parsed.template) {
    const filled = typeof part !== "string" && part.name === "env" ? (environment[part.key] ?? "") : part;
    const last = parts.at(-1);
    if (typeof filled === "string" && typeof last === "string") parts[parts.length - 1] = last + filled;
    else parts.push(filled);
  }
  return parts;
}
