/** What the schema found, in our own words: what was expected, what stands there, what may have been meant. Never a secret's value. */
import type { z } from "zod";
import { didYouMean } from "./did-you-mean.ts";
import { nodeAt } from "./document.ts";
import type { Located } from "./document.ts";
import type { SchemaNode } from "./json-schema.ts";
import { keysAt } from "./json-schema.ts";
import type { Finding, KeyPath } from "./finding.ts";
import { mayBeSecret } from "./replacements.ts";

type Issue = z.core.$ZodIssue;

/** @param schema the JSON Schema of what was checked: it knows the keys of each mapping */
export function findingsOf(issues: readonly Issue[], root: Located, schema: SchemaNode): Finding[] {
  return issues.flatMap((issue) => findingOf(issue, [], root, schema));
}

function findingOf(issue: Issue, before: KeyPath, root: Located, schema: SchemaNode): Finding[] {
  const path = [...before, ...issue.path.map((part) => (typeof part === "number" ? part : String(part)))];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey([...path, key], key, keysAt(schema, path)));
    case "invalid_key":
      return issue.issues.map(({ message }) => ({
        path,
        atKey: true,
        message: `${message}, found ${quoted(String(path.at(-1)))}`,
        severity: "error",
      }));
    case "invalid_union": {
      if (issue.message.startsWith(EXPECTED)) break;
      // The alternative that was meant is the one which did not fail at the kind of value.
      const meant = issue.errors.find((errors) => errors.length > 0 && !errors.some(isWrongKind));
      if (meant !== undefined) return meant.flatMap((each) => findingOf(each, path, root, schema));
      break;
    }
    default:
      break;
  }
  const node = nodeAt(root, path);
  const expected = expectation(issue);
  if (expected === null) return [{ path, message: issue.message, severity: "error" }];
  if (node === undefined) return [{ path, message: `is missing: expected ${expected}`, severity: "error" }];
  const suggestion = issue.code === "invalid_value" && node.kind === "scalar" ? didYouMean(node.source, issue.values.map(String)) : "";
  return [{ path, message: `expected ${expected}, found ${foundText(node, path)}${suggestion}`, severity: "error" }];
}

const EXPECTED = "expected ";

function isWrongKind(issue: Issue): boolean {
  return issue.path.length === 0 && issue.code === "invalid_type";
}

function unknownKey(path: KeyPath, key: string, known: readonly string[]): Finding {
  const suggestion = didYouMean(key, known);
  const list = suggestion !== "" || known.length === 0 ? "" : `; known here: ${known.join(", ")}`;
  return { path, atKey: true, message: `unknown key${suggestion}${list}`, severity: "error" };
}

/** What completes "expected"; null where the message is complete as it stands. */
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

/** Above it a value is cut: a message is one line for people. */
const SHOWN_MAX = 60;

function foundText(node: Located, path: KeyPath): string {
  if (node.kind === "map") return "a mapping";
  if (node.kind === "list") return node.items.length === 0 ? "an empty list" : "a list";
  if (node.value === null) return "nothing";
  if (mayBeSecret(path)) return `a ${typeof node.value === "string" ? "text" : typeof node.value} (not shown)`;
  // Not the value: what the environment put into it may be secret.
  return typeof node.value === "string" || node.source.includes("${") ? quoted(node.source) : node.source;
}

function quoted(text: string): string {
  const harmless = text.replace(/\/\/.*@/, "//...@");
  return JSON.stringify(harmless.length > SHOWN_MAX ? `${harmless.slice(0, SHOWN_MAX)}...` : harmless);
}
