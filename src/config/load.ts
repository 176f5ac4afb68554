/** From text to a checked configuration, or to every problem in it at once. Pure: environment and files are arguments. */
import { crossChecksOfFullForm, crossChecksOfShortForm } from "./cross-checks.ts";
import { placeOf, toPlain } from "./document.ts";
import type { Located, LocatedMap } from "./document.ts";
import { findingsOf } from "./issue-texts.ts";
import { fullFormJsonSchema, shortFormJsonSchema } from "./json-schema.ts";
import type { Finding } from "./finding.ts";
import { readYaml } from "./read-yaml.ts";
import { replaceValues } from "./replacements.ts";
import type { Environment, ReadSecret } from "./replacements.ts";
import { configSchema } from "./schema.ts";
import type { Config } from "./schema.ts";
import { FULL_FORM_KEYS, SHORT_FORM_KEYS, expandShortForm, isShortForm, shortSchema } from "./short-form.ts";

/** What is wrong, or doubtful, in a configuration file, with its place. */
export interface Problem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** Dotted path of the key, list positions from 1, as everywhere: `routes.#1.upstream`; "" for the file as a whole. */
  readonly key: string;
  /** Never holds the value of a secret. */
  readonly message: string;
  readonly severity: "error" | "warning";
}

/** `file:line:column: key: message`; a warning says that it is one. */
export function formatProblem({ file, line, column, key, message, severity }: Problem): string {
  return `${file}:${line}:${column}: ${severity === "warning" ? "warning: " : ""}${key === "" ? "" : `${key}: `}${message}`;
}

/** In the order of the file. `problems` holds at least one error, and the warnings beside it. */
export type ParseResult = { readonly config: Config; readonly warnings: readonly Problem[] } | { readonly problems: readonly Problem[] };

/**
 * Reads YAML (and so JSON).
 * @param file name of the file, for problems
 * @param environment what `${NAME}` stands for
 * @param readSecret text of the file behind `file:PATH`; throws an Error that says why it cannot be read
 */
export function parseConfig(text: string, file: string, environment: Environment, readSecret: ReadSecret): ParseResult {
  const read = readYaml(text);
  if ("root" in read) return check(read.root, file, environment, readSecret);
  return { problems: read.faults.map(({ at, message }) => ({ file, ...at, key: "", message, severity: "error" })) };
}

/** Checks what a module exports, as `readObject` has read it; its problems all stand at 1:1. */
export function checkConfig(root: LocatedMap | string, file: string, environment: Environment, readSecret: ReadSecret): ParseResult {
  if (typeof root !== "string") return check(root, file, environment, readSecret);
  return { problems: [{ file, line: 1, column: 1, key: "", message: root, severity: "error" }] };
}

function check(given: LocatedMap, file: string, environment: Environment, readSecret: ReadSecret): ParseResult {
  const replaced = replaceValues(given, environment, readSecret);
  const { root } = replaced;
  const keys = [...given.entries.keys()];
  const isShort = isShortForm(keys);
  const mixed = isShort ? keys.filter((key) => FULL_FORM_KEYS.includes(key)) : [];
  if (mixed.length > 0) return { problems: placed(mixed.map(mixedForms), root, file) };

  const checked = isShort ? checkShort(root) : checkFull(root);
  const broken = new Set(replaced.findings.map(({ path }) => path.join("\n")));
  // What is wrong with a value because its replacement failed is no news.
  const rest = checked.findings.filter(({ path }) => !broken.has(path.join("\n")));
  const problems = placed([...replaced.findings, ...rest], root, file);
  if (checked.config === null || problems.some(({ severity }) => severity === "error")) return { problems };
  return { config: checked.config, warnings: problems };
}

interface Checked {
  readonly config: Config | null;
  readonly findings: readonly Finding[];
}

function checkFull(root: Located): Checked {
  const value = toPlain(root);
  const parsed = configSchema.safeParse(value);
  const cross = crossChecksOfFullForm(value);
  if (parsed.success) return { config: { ...parsed.data, status_path: null }, findings: cross };
  const findings = findingsOf(parsed.error.issues, root, fullFormJsonSchema()).map((finding) => {
    const isShortKey = finding.path.length === 1 && SHORT_FORM_KEYS.includes(String(finding.path[0]));
    return isShortKey
      ? {
          ...finding,
          message: 'unknown key: it belongs to the short form, which has "backends" and none of listeners, upstreams and routes',
        }
      : finding;
  });
  return { config: null, findings: [...findings, ...cross] };
}

function checkShort(root: Located): Checked {
  const { root: given, warnings } = withoutEmptySections(root);
  const value = toPlain(given);
  const parsed = shortSchema.safeParse(value);
  const cross = [...warnings, ...crossChecksOfShortForm(value)];
  if (!parsed.success) return { config: null, findings: [...findingsOf(parsed.error.issues, given, shortFormJsonSchema()), ...cross] };
  const isComplete = !cross.some(({ severity }) => severity === "error");
  return { config: isComplete ? expandShortForm(parsed.data) : null, findings: cross };
}

/** `cors:` with all its keys commented out was as good as no `cors` in the system that Millrace replaces. */
function withoutEmptySections(root: Located): { root: Located; warnings: Finding[] } {
  if (root.kind !== "map") return { root, warnings: [] };
  const isEmpty = (value: Located): boolean => value.kind === "scalar" && value.value === null;
  const entries = [...root.entries];
  return {
    root: { ...root, entries: new Map(entries.filter(([, { value }]) => !isEmpty(value))) },
    warnings: entries.flatMap(([key, { value }]): Finding[] =>
      isEmpty(value) && key !== "backends"
        ? [{ path: [key], atKey: true, message: "it is empty and counts as absent", severity: "warning" }]
        : [],
    ),
  };
}

function mixedForms(key: string): Finding {
  return {
    path: [key],
    atKey: true,
    message: '"backends" makes this the short form, which has no such key: write one form or the other',
    severity: "error",
  };
}

function placed(findings: readonly Finding[], root: Located, file: string): Problem[] {
  return findings
    .map(({ path, atKey = false, message, severity }): Problem => {
      const shown = path.map((part) => {
        if (typeof part === "number") return `#${part + 1}`;
        return part.length > KEY_SHOWN_MAX ? `${part.slice(0, KEY_SHOWN_MAX)}...` : part;
      });
      return { file, ...placeOf(root, path, atKey), key: shown.join("."), message, severity };
    })
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

const KEY_SHOWN_MAX = 60;
