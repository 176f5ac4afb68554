/**
 * Replaces `${NAME}` and `${NAME:-default}` in values by environment variables, and `file:PATH` in secrets by the first line of a file. This
 * happens after the YAML is parsed, so a replacement can never be read as keys or lists.
 */
import { messageOf } from "../base/errors.ts";
import { mapScalars } from "./document/document.ts";
import type { Located, LocatedScalar } from "./document/document.ts";
import type { Finding } from "../values/finding.ts";
import { isSecret } from "./schema/secret-places.ts";
import { isVariableName, shownFile } from "./problems/shown.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Gives the text of a file; throws an Error whose message says why it cannot be read. */
export type ReadSecret = (path: string) => string;

/**
 * The tree with all replacements made, and a finding for each that failed. A value whose replacement failed stays as it was.
 * @param resolve gives the absolute form of a path that stands in an included file
 */
export function replaceValues(
  root: Located,
  environment: Environment,
  readSecret: ReadSecret,
  resolve: (path: string, from: string) => string = (path) => path,
): { readonly root: Located; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const replaced = mapScalars(root, (scalar, path) => {
    const refuse = (message: string): void => void findings.push({ path, message, severity: "error" });
    const value =
      typeof scalar.value === "string" && scalar.value.includes("${") ? fillIn(scalar.value, environment, refuse) : scalar.value;
    const { file } = scalar.at;
    const read = file === undefined ? readSecret : (name: string): string => readSecret(resolve(name, file));
    if (isSecret(path)) return { ...scalar, value: readSecretValue(value, scalar, read, refuse) };
    if (typeof value !== "string" || value === scalar.value || !scalar.plain || !REPLACEMENTS_ONLY.test(scalar.source))
      return { ...scalar, value };
    return { ...scalar, value: retyped(value) };
  });
  return { root: replaced, findings };
}

/** Matches `$${`, `${NAME}`, `${NAME:-default}`, and a `${` that begins none of these. */
const REPLACEMENT = /\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?/g;
const REPLACEMENTS_ONLY = /^(?:\$\{[^}]*\})+$/;

function fillIn(text: string, environment: Environment, refuse: (message: string) => void): string {
  return text.replace(REPLACEMENT, (found: string, name: string | undefined, standard: string | undefined) => {
    if (found === "$${") return "${";
    if (name === undefined) {
      refuse("expected ${NAME} or ${NAME:-default}; write $${ for a plain ${");
      return found;
    }
    const given = Object.hasOwn(environment, name) ? environment[name] : undefined;
    // As in a shell, the default also replaces an empty value.
    if (given !== undefined && (given !== "" || standard === undefined)) return given;
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

/** The value of a secret. One that looks like a number is still a text: `required_token: 0123` means these four characters. */
function readSecretValue(
  value: LocatedScalar["value"],
  scalar: LocatedScalar,
  readSecret: ReadSecret,
  refuse: (message: string) => void,
): LocatedScalar["value"] {
  const text = typeof value === "number" ? scalar.source : value;
  if (typeof text !== "string" || !text.startsWith("file:")) return text;
  const path = text.slice("file:".length);
  try {
    const line = readSecret(path).split(/\r?\n/, 1)[0] ?? "";
    if (line === "") refuse(`the first line of the file ${shownFile(path)} is empty`);
    return line;
  } catch (error) {
    refuse(`cannot read the secret: ${messageOf(error)}`);
    return text;
  }
}
