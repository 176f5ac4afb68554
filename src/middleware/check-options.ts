import { messageOf } from "../base/errors.ts";
import type { AnyMiddleware } from "./define-middleware.ts";
import type { SchemaIssue } from "./standard-schema.ts";
import { withinTime } from "./within-time.ts";

/** What is wrong with the options of a middleware. */
export interface OptionsIssue {
  /** Keys and list positions that lead from the options to the value. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export type OptionsResult = { readonly options: unknown } | { readonly issues: readonly OptionsIssue[] };

/** Time that a schema may take, in milliseconds. */
const SCHEMA_MS_MAX = 10_000;
/** Most issues that are reported of one entry. A list of a hundred thousand wrong items would fill the log. */
const ISSUES_MAX = 50;

/**
 * Checks options with the schema of their middleware, which also fills in defaults. Never rejects.
 * @param given undefined counts as `{}`
 * @param limitMs time that the schema may take
 */
export async function checkOptions({ definition }: AnyMiddleware, given: unknown, limitMs: number = SCHEMA_MS_MAX): Promise<OptionsResult> {
  const { options: schema } = definition;
  if (schema === undefined) {
    return given === undefined ? { options: undefined } : { issues: [{ path: [], message: "this middleware takes no options" }] };
  }
  try {
    const result = await withinTime(() => schema["~standard"].validate(given ?? {}), limitMs, "it");
    return result.issues === undefined ? { options: result.value } : { issues: issuesOf(result.issues) };
  } catch (error) {
    return { issues: [{ path: [], message: `the schema of the options failed: ${messageOf(error)}` }] };
  }
}

/** At least one, even if the schema gives none. */
function issuesOf(given: readonly SchemaIssue[]): readonly OptionsIssue[] {
  if (given.length === 0) return [{ path: [], message: "the schema of the options refuses them, and does not say why" }];
  const shown = given.slice(0, ISSUES_MAX).map(issueOf);
  const more = given.length - shown.length;
  return more === 0 ? shown : [...shown, { path: [], message: `and ${more} more` }];
}

function issueOf({ message, path = [] }: SchemaIssue): OptionsIssue {
  // A path may be an array of the library's own class.
  const keys = Array.from(path, (part) => (typeof part === "object" ? part.key : part));
  return { path: keys.map((key) => (typeof key === "number" ? key : String(key))), message: inOneLine(message) };
}

function inOneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ").trim();
}
