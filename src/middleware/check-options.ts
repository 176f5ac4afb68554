import { messageOf } from "../base/errors.ts";
import type { AnyMiddleware } from "./define-middleware.ts";
import type { SchemaIssue } from "./standard-schema.ts";

/** What is wrong with the options of a middleware. */
export interface OptionsIssue {
  /** Keys and list positions that lead from the options to the value. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export type OptionsResult = { readonly options: unknown } | { readonly issues: readonly OptionsIssue[] };

/** Time that a schema may take, in milliseconds. */
const SCHEMA_MS_MAX = 10_000;

/**
 * Checks options with the schema of their middleware, which also fills in defaults. Never rejects.
 * @param given undefined counts as `{}`
 */
export async function checkOptions({ definition }: AnyMiddleware, given: unknown): Promise<OptionsResult> {
  const { options: schema } = definition;
  if (schema === undefined) {
    return given === undefined ? { options: undefined } : { issues: [{ path: [], message: "this middleware takes no options" }] };
  }
  let limit: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      limit = setTimeout(() => reject(new Error(`it has not settled within ${SCHEMA_MS_MAX / 1000} s`)), SCHEMA_MS_MAX);
    });
    const result = await Promise.race([schema["~standard"].validate(given ?? {}), late]);
    return result.issues === undefined ? { options: result.value } : { issues: result.issues.map(issueOf) };
  } catch (error) {
    return { issues: [{ path: [], message: `the schema of the options failed: ${messageOf(error)}` }] };
  } finally {
    clearTimeout(limit);
  }
}

function issueOf({ message, path = [] }: SchemaIssue): OptionsIssue {
  const keys = path.map((part) => (typeof part === "object" ? part.key : part));
  return { path: keys.map((key) => (typeof key === "number" ? key : String(key))), message: firstLine(message) };
}

function firstLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ").trim();
}
