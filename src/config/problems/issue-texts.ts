/**
 * Turns the issues that zod finds into findings in the words of this project: what was expected, what was found, what may have been meant.
 * A message never holds the value of a secret.
 */
import type { z } from "zod";
import { nearest } from "../../base/did-you-mean.ts";
import { nodeAt } from "../document/document.ts";
import type { Located, LocatedScalar } from "../document/document.ts";
import type { SchemaNode } from "../schema/json-schema.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { NOT_YET, foreignKey } from "../schema/foreign-keys.ts";
import { mayBeSecret } from "../schema/secret-places.ts";
import { shownScalar } from "./shown.ts";
import { keysAt } from "../schema/json-schema.ts";
import { unknownKey } from "./unknown-key.ts";

type Issue = z.core.$ZodIssue;

/** What messages need besides the issues: the keys of both forms, and a second check of some values. */
export interface Forms {
  /** The JSON Schema of the form in which the file is. */
  readonly own: SchemaNode;
  /** The JSON Schema of the other form. */
  readonly other: SchemaNode;
  /** Checks the file again with the values at these paths taken as texts, and gives the issues. */
  readonly asTexts: (paths: readonly KeyPath[]) => readonly Issue[];
}

/** The findings for the issues of a failed check, in the same order. */
export function findingsOf(issues: readonly Issue[], root: Located, forms: Forms): readonly Finding[] {
  const findings = issues.flatMap((issue) => findingOf(issue, [], root, forms));
  return withQuotes(findings, root, forms);
}

/**
 * Adds advice to findings about values such as `1` and `true`, which are no texts without quotes: where a text would be valid, to put it in
 * quotes.
 */
function withQuotes(findings: readonly Finding[], root: Located, forms: Forms): readonly Finding[] {
  const suspects = findings.filter(({ path, atKey }) => atKey !== true && isPlainValue(nodeAt(root, path)));
  if (suspects.length === 0) return findings;
  const issues = forms.asTexts(suspects.map(({ path }) => path));
  const wrong = new Set(issues.flatMap((issue) => findingOf(issue, [], root, forms)).map(({ path }) => path.join("\n")));
  return findings.map((finding) => {
    const { path, message } = finding;
    const node = nodeAt(root, path);
    if (!suspects.includes(finding) || node?.kind !== "scalar") return finding;
    if (!wrong.has(path.join("\n")))
      return { ...finding, message: `${message}; put it in quotes, where it is a text${quoted(node, path)}` };
    const isPort = path.at(-1) === "address" && /^\d{1,5}$/.test(node.source);
    return isPort ? { ...finding, message: `${message}; a port alone is ":${node.source}"` } : finding;
  });
}

function isPlainValue(node: Located | undefined): boolean {
  return node?.kind === "scalar" && (typeof node.value === "number" || typeof node.value === "boolean");
}

function quoted(node: LocatedScalar, path: KeyPath): string {
  const shown = mayBeSecret(path) ? null : shownScalar(node);
  return shown === null ? "" : `: "${shown}"`;
}

/** Drops findings about missing keys that were given under a misspelled name, because the finding about the misspelled key says more. */
export function withoutConsequences(findings: readonly Finding[]): readonly Finding[] {
  const meant = new Set(findings.flatMap(({ insteadOf }) => (insteadOf === undefined ? [] : [insteadOf.join("\n")])));
  return findings.filter(({ missing = [] }) => !missing.some((path) => meant.has(path.join("\n"))));
}

function findingOf(issue: Issue, before: KeyPath, root: Located, forms: Forms): Finding[] {
  const path = [...before, ...issue.path.map((part) => (typeof part === "number" ? part : String(part)))];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey([...path, key], forms.own, forms.other));
    case "invalid_key":
      return issue.issues.map(({ message }) => ({ path, atKey: true, message, severity: "error" }));
    case "invalid_union": {
      if (issue.message.startsWith(EXPECTED)) break;
      // The alternative that was meant is the one that takes this kind of value.
      const isScalar = nodeAt(root, path)?.kind === "scalar";
      const isOther = (each: Issue): boolean => isWrongKind(each) || (!isScalar && each.code === "invalid_value" && each.path.length === 0);
      const meant = issue.errors.find((errors) => errors.length > 0 && !errors.some(isOther));
      if (meant !== undefined) return meant.flatMap((each) => findingOf(each, path, root, forms));
      break;
    }
    default:
      break;
  }
  const node = nodeAt(root, path);
  const expected = expectation(issue);
  if (expected === null) return [{ path, message: issue.message, severity: "error" }];
  if (node === undefined) return [{ path, message: `is missing: expected ${expected}`, severity: "error", missing: [path] }];
  const near = issue.code === "invalid_value" && node.kind === "scalar" ? nearest(node.source, issue.values.map(String)) : null;
  const found = foundText(node, path, near !== null && near.distance <= 2);
  return [
    {
      path,
      message: `expected ${expected}, found ${found}${adviceOn(issue, node, near?.word, keysAt(forms.own, path))}`,
      severity: "error",
    },
  ];
}

const EXPECTED = "expected ";

function isWrongKind(issue: Issue): boolean {
  return issue.path.length === 0 && issue.code === "invalid_type";
}

/** The text after "expected"; null when the issue's own message is complete. */
function expectation(issue: Issue): string | null {
  if (issue.message.startsWith(EXPECTED)) return issue.message.slice(EXPECTED.length);
  switch (issue.code) {
    case "invalid_type":
      return KINDS[issue.expected] ?? issue.expected;
    case "invalid_value":
      return issue.values.map(String).join(" or ");
    case "invalid_union":
      return [
        ...new Set(
          issue.errors
            .flat()
            .filter(isWrongKind)
            .map((each) => expectation(each) ?? each.message),
        ),
      ].join(" or ");
    case "too_small":
      return issue.origin === "array" ? "at least one entry" : `at least ${issue.minimum}`;
    case "too_big":
      return `at most ${issue.maximum}`;
    default:
      return null;
  }
}

const KINDS: Readonly<Record<string, string>> = {
  object: "a mapping of keys",
  record: "a mapping of names",
  array: "a list",
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

function foundText(node: Located, path: KeyPath, isMisspelled: boolean): string {
  if (node.kind === "map") return "a mapping";
  if (node.kind === "list") return node.items.length === 0 ? "an empty list" : "a list";
  if (node.value === null) return "nothing";
  const hidden = `a ${typeof node.value === "string" ? "text" : typeof node.value} (not shown)`;
  if (mayBeSecret(path)) return hidden;
  // A misspelled word of the schema is no secret.
  if (isMisspelled && !node.source.includes("${")) return JSON.stringify(node.source);
  return shownScalar(node) ?? hidden;
}

/** What to write instead, as the end of a message; "" when nothing is known. */
function adviceOn(issue: Issue, node: Located, near: string | undefined, known: readonly string[]): string {
  if (near !== undefined) return `; did you mean "${near}"?`;
  if (node.kind === "scalar" && typeof node.value === "string" && issue.code !== "invalid_value") {
    // `address:":80"` without a space is one word.
    const glued = /^([a-z_]+):\S/.exec(node.source)?.[1];
    if (glued !== undefined && known.includes(glued)) return `; after the colon of \`${glued}\` a space is missing`;
    if (issue.code === "invalid_type" && issue.expected === "array") return "; a list is written [one, two], or one to a line after a dash";
  }
  if (node.kind === "scalar" && takesMapping(issue) && node.value !== null && node.value !== false) return keysOfMapping(known);
  if (issue.code !== "invalid_value" || node.kind !== "scalar" || (expectation(issue) ?? "").includes(node.source)) return "";
  return foreignKey(node.source)?.text === NOT_YET ? `; ${NOT_YET}` : "";
}

/** Whether a mapping may stand there, alone or as one of several kinds. */
function takesMapping(issue: Issue): boolean {
  if (issue.code === "invalid_union") return issue.errors.flat().some((each) => isWrongKind(each) && takesMapping(each));
  return issue.code === "invalid_type" && issue.expected === "object";
}

/** Keys that a message lists at most. */
const KEYS_SHOWN_MAX = 8;

/** The keys of the mapping that stands there as a rule, as the end of a message; "" when they are not known. */
function keysOfMapping(known: readonly string[]): string {
  if (known.length === 0) return "";
  const more = known.length > KEYS_SHOWN_MAX ? ", ..." : "";
  return `; it is written { ${known[0] ?? ""}: ... }, and its keys are ${known.slice(0, KEYS_SHOWN_MAX).join(", ")}${more}`;
}
