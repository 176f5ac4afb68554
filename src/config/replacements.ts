/**
 * Replaces `${NAME}` and `${NAME:-default}` in values by environment variables, and secrets that are elsewhere by what is read there
 * (secret-values.ts). This happens after the YAML is parsed, so a replacement can never be read as keys or lists.
 */
import { mapScalars, nodeAt, toPlain } from "./document/document.ts";
import type { Located, LocatedMap, LocatedScalar } from "./document/document.ts";
import type { Finding, KeyPath } from "../values/finding.ts";
import { findingsOf } from "./problems/issue-texts.ts";
import type { SchemaNode } from "./schema/json-schema.ts";
import { isSecret } from "./schema/secret-places.ts";
import { isVariableName } from "./problems/shown.ts";
import { isCommand, readCommand, readWritten } from "./secret-values.ts";
import type { MachineSecrets, ReadSecret, SecretReading } from "./secret-values.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** How secrets are read. */
export interface SecretsFrom {
  readonly readSecret: ReadSecret;
  /** Absent: there are neither credentials nor programs. */
  readonly machine?: MachineSecrets | undefined;
  /** Gives the absolute form of a path that stands in an included file. */
  readonly resolve?: (path: string, from: string) => string;
  /** The JSON Schema of the file, for messages about programs. */
  readonly schema?: () => SchemaNode;
}

export interface Replaced {
  readonly root: Located;
  readonly findings: readonly Finding[];
  /** Where the replacement failed, so that nothing else is to be said of what stands there. */
  readonly broken: readonly KeyPath[];
}

/** The tree with all replacements made, and a finding for each that failed. A value whose replacement failed stays as it was. */
export function replaceValues(
  root: Located,
  environment: Environment,
  { readSecret, machine, resolve = (path) => path, schema = () => ({}) }: SecretsFrom,
): Replaced {
  const findings: Finding[] = [];
  const malformed: KeyPath[] = [];
  const refuseAt =
    (path: KeyPath) =>
    (message: string): void =>
      void findings.push({ path, message, severity: "error" });
  const credentialFolder = textAt(root, ["secrets", "folder"], environment);
  const reading: SecretReading = { readSecret, machine, credentialFolder, resolve };

  const replaced = (scalar: LocatedScalar, path: KeyPath): LocatedScalar => {
    const refuse = refuseAt(path);
    const value =
      typeof scalar.value === "string" && scalar.value.includes("${") ? fillIn(scalar.value, environment, refuse) : scalar.value;
    if (isSecret(path)) return { ...scalar, ...readWritten(value, scalar, reading, refuse) };
    if (typeof value !== "string" || value === scalar.value || !scalar.plain || !REPLACEMENTS_ONLY.test(scalar.source))
      return { ...scalar, value };
    return { ...scalar, value: retyped(value) };
  };
  const commandAt = (node: LocatedMap, path: KeyPath): Located => {
    const hidden: string[] = [];
    const filled = mapScalars(
      node,
      (scalar, inside) => {
        const { value, source, plain } = scalar;
        // An argument such as 8080 is a text.
        if (typeof value === "number" && plain && inside.at(-2) === "exec") return { ...scalar, value: source };
        if (typeof value !== "string" || !value.includes("${")) return scalar;
        const text = fillIn(value, environment, refuseAt(inside), (given) => hidden.push(given));
        return { ...scalar, value: text };
      },
      path,
    );
    return readCommand(node, toPlain(filled), hidden, reading, refuseAt(path), (issues) => {
      malformed.push(path);
      const placed = issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
      const texts = { own: schema(), other: {}, asTexts: () => placed };
      findings.push(...findingsOf(placed, root, texts));
    });
  };
  const visit = (node: Located, path: KeyPath): Located => {
    if (node.kind === "scalar") return replaced(node, path);
    if (node.kind === "list") return { ...node, items: node.items.map((item, index) => visit(item, [...path, index])) };
    if (isCommand(node) && isSecret(path)) return commandAt(node, path);
    const entries = [...node.entries].map(([key, { keyAt, value }]) => [key, { keyAt, value: visit(value, [...path, key]) }] as const);
    return { ...node, entries: new Map(entries) };
  };
  const made = visit(root, []);
  return { root: made, findings, broken: [...malformed, ...findings.map(({ path }) => path)] };
}

/** A text of the file, which decides how others are read. Undefined: there is none; what is wrong with it is found later. */
function textAt(root: Located, path: KeyPath, environment: Environment): string | undefined {
  const node = nodeAt(root, path);
  return node?.kind === "scalar" && typeof node.value === "string" ? fillIn(node.value, environment, () => {}) : undefined;
}

/** Matches `$${`, `${NAME}`, `${NAME:-default}`, and a `${` that begins none of these. */
const REPLACEMENT = /\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?/g;
const REPLACEMENTS_ONLY = /^(?:\$\{[^}]*\})+$/;

/** @param used called with each value that is put in */
function fillIn(
  text: string,
  environment: Environment,
  refuse: (message: string) => void,
  used: (value: string) => void = () => {},
): string {
  return text.replace(REPLACEMENT, (found: string, name: string | undefined, standard: string | undefined) => {
    if (found === "$${") return "${";
    if (name === undefined) {
      refuse("expected ${NAME} or ${NAME:-default}; write $${ for a plain ${");
      return found;
    }
    const given = Object.hasOwn(environment, name) ? environment[name] : undefined;
    // As in a shell, the default also replaces an empty value.
    if (given !== undefined && (given !== "" || standard === undefined)) {
      used(given);
      return given;
    }
    if (standard !== undefined) return standard;
    refuse(
      isVariableName(name)
        ? `the environment variable ${name} is not set; \${${name}:-default} would give it a default`
        : "no environment variable of this name is set (not shown: it may be the secret itself); ${NAME:-default} would give it a default",
    );
    return found;
  });
}

/** The value of an unquoted scalar that consists of replacements: `workers: ${WORKERS}` becomes a number. */
function retyped(text: string): string | number | boolean {
  if (/^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?$/.test(text)) return Number(text);
  if (/^(?:true|True|TRUE)$/.test(text)) return true;
  return /^(?:false|False|FALSE)$/.test(text) ? false : text;
}
