/**
 * `${NAME}`, `${NAME:-default}` and `file:PATH` in values. It happens behind the YAML parser, so what is put in can never be read as
 * keys or lists of its own.
 */
import { messageOf } from "../base/errors.ts";
import { mapScalars } from "./document.ts";
import type { Located, LocatedScalar } from "./document.ts";
import type { Finding, KeyPath } from "../values/finding.ts";
import { DECLARED } from "../features/declared.ts";
import type { FeatureDeclaration } from "../values/declaration.ts";
import { isVariableName, shownFile } from "./shown.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Text of a file; throws an Error whose message says why it cannot be read. */
export type ReadSecret = (path: string) => string;

export function replaceValues(
  root: Located,
  environment: Environment,
  readSecret: ReadSecret,
): { readonly root: Located; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const replaced = mapScalars(root, (scalar, path) => {
    const refuse = (message: string): void => void findings.push({ path, message, severity: "error" });
    const value =
      typeof scalar.value === "string" && scalar.value.includes("${") ? fillIn(scalar.value, environment, refuse) : scalar.value;
    if (isSecret(path)) return { ...scalar, value: readSecretValue(value, scalar, readSecret, refuse) };
    if (typeof value !== "string" || value === scalar.value || !scalar.plain || !REPLACEMENTS_ONLY.test(scalar.source))
      return { ...scalar, value };
    return { ...scalar, value: retyped(value) };
  });
  return { root: replaced, findings };
}

/** Of the features that hold secrets: where they stand in a route, as `authentication.tokens[]`. */
const SECRETS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(DECLARED).flatMap(([key, { secrets = [] }]: readonly [string, FeatureDeclaration]) =>
    secrets.length === 0 ? [] : [[key, secrets.map((place) => `${key}.${place}`)]],
  ),
);

/**
 * Whether strings at this path may be secret: whatever stands under the key of a feature that holds secrets (`authentication`), in either
 * form, or under `admin` beside the keys that hold none, for a token may have slipped into a wrong place there.
 */
export function mayBeSecret(path: KeyPath): boolean {
  if (path[0] === "admin") return path[1] !== "address" && path[1] !== "hosts";
  return path.some((part) => typeof part === "string" && SECRETS.has(part));
}

/** `admin.token`, `authentication.required_token` of the short form, and what features say of themselves: `routes.N.authentication.tokens.N`. */
export function isSecret(path: KeyPath): boolean {
  const [first, second, key, ...inside] = path;
  if (first === "admin") return second === "token" && path.length === 2;
  if (first === "authentication") return second === "required_token" && path.length === 2;
  if (first !== "routes" || typeof second !== "number" || typeof key !== "string") return false;
  const places = SECRETS.get(key);
  return (
    places !== undefined &&
    places.includes(inside.reduce<string>((place, part) => `${place}${typeof part === "number" ? "[]" : `.${part}`}`, key))
  );
}

/** `$${` · `${NAME}` · `${NAME:-default}` · `${` that is none of these. */
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
    // As in a shell, `:-` also stands in for an empty value.
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

/** What a plain scalar says once its replacements are made: `workers: ${WORKERS}` is a number. */
function retyped(text: string): string | number | boolean {
  if (/^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?$/.test(text)) return Number(text);
  if (/^(?:true|True|TRUE)$/.test(text)) return true;
  return /^(?:false|False|FALSE)$/.test(text) ? false : text;
}

/** A secret that looks like a number is still a text: `required_token: 0123` means these four characters. */
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
