/** What users read about a configuration that is wrong: problems with their places, made from the findings of the checks. */
import { placeOf } from "../document/document.ts";
import type { Located } from "../document/document.ts";
import type { SchemaNode } from "../schema/json-schema.ts";
import { shownPath } from "./shown.ts";
import type { Finding } from "../../values/finding.ts";

/** Something wrong or doubtful in a configuration file, with its place. */
export interface Problem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /**
   * The dotted path of the key, with list positions from 1: `routes.#1.upstream`; "" for the file as a whole. Routes are counted over all files
   * of a configuration, as they are in logs and metrics.
   */
  readonly key: string;
  /** Never holds the value of a secret. */
  readonly message: string;
  readonly severity: "error" | "warning";
}

/** The line that users see: `file:line:column: key: message`, with `warning: ` before the key of a warning. */
export function formatProblem({ file, line, column, key, message, severity }: Problem): string {
  return `${file}:${line}:${column}: ${severity === "warning" ? "warning: " : ""}${key === "" ? "" : `${key}: `}${message}`;
}

/** Gives findings their places. A problem inside an anchor is reported once, however often the anchor is used. */
export function placed(findings: readonly Finding[], root: Located, file: string, schemaOf: () => SchemaNode): Problem[] {
  if (findings.length === 0) return [];
  const schema = schemaOf();
  const seen = new Set<string>();
  return findings.flatMap(({ path, atKey = false, keyIsHarmless = false, message, severity }): Problem[] => {
    const { line, column, file: own = file, computed = false } = placeOf(root, path, atKey);
    const key = shownPath(path, root, schema, keyIsHarmless);
    const what = [own, line, column, computed ? key : "", message].join("\n");
    if (seen.has(what)) return [];
    seen.add(what);
    return [{ file: own, line, column, key, message, severity }];
  });
}

/**
 * The problems in the order of the files, and of each file.
 * @param files the names of the files in the order in which they were read
 */
export function sortedProblems(problems: readonly Problem[], files: readonly string[]): Problem[] {
  const order = new Map(files.map((file, index) => [file, index]));
  const at = ({ file }: Problem): number => order.get(file) ?? 0;
  return problems.toSorted((a, b) => at(a) - at(b) || a.line - b.line || a.column - b.column);
}
