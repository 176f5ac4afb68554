/**
 * Turns the text of a configuration file, or what a TypeScript file exports, into a checked configuration, or into a list of all its
 * problems. Pure: environment, secrets and what only the machine knows are arguments.
 */
import { withAccessLog } from "./checks/access-log-levels.ts";
import { crossChecksOfFullForm, crossChecksOfShortForm } from "./checks/cross-checks.ts";
import { withDefaults } from "./defaults.ts";
import { mapScalars, toPlain } from "./document/document.ts";
import type { Located, LocatedMap } from "./document/document.ts";
import { askedUpstreams } from "./asked-upstreams.ts";
import { withOwnPaths } from "./own-paths.ts";
import { spreadFeatures } from "./schema/feature-keys.ts";
import { foreignFormat } from "./problems/foreign-format.ts";
import { findingsOf, withoutConsequences } from "./problems/issue-texts.ts";
import { withIncluded } from "./include.ts";
import { fullFormJsonSchema, shortFormJsonSchema } from "./schema/json-schema.ts";
import type { Finding, KeyPath } from "../values/finding.ts";
import { withAbsolutePaths } from "./path-values.ts";
import { placed, sortedProblems } from "./problems/problem.ts";
import type { Problem } from "./problems/problem.ts";
import { readYaml } from "./document/read-yaml.ts";
import { replaceValues } from "./replacements.ts";
import type { Environment } from "./replacements.ts";
import { withoutUnread } from "./secret-values.ts";
import type { ReadSecret } from "./secret-values.ts";
import { secretPlaces } from "./placed-secrets.ts";
import type { SecretPlaces } from "./placed-secrets.ts";
import { configSchema } from "./schema/schema.ts";
import type { Config } from "./schema/schema.ts";
import { FULL_FORM_KEYS, SHORT_FORM_PLACES, expandShortForm, isShortForm, shortSchema } from "./schema/short-form.ts";
import { findingsOfSurroundings } from "./surroundings.ts";
import type { Surroundings } from "./surroundings.ts";
import { uncheckedIn } from "./checks/unchecked.ts";
import type { Unchecked } from "./checks/unchecked.ts";

/** A configuration with its warnings, or problems: at least one error, and the warnings. Both lists are in the order of the files. */
export type ParseResult = ParsedConfig | WrongConfig;

export interface WrongConfig extends Places {
  readonly problems: readonly Problem[];
  /** What can still be checked; null: nothing could be read. */
  readonly unchecked: Unchecked | null;
}

export interface ParsedConfig extends Places {
  readonly config: Config;
  readonly warnings: readonly Problem[];
  /** The secrets that were read from elsewhere. */
  readonly secrets: SecretPlaces;
}

interface Places {
  /** The names of the files that the configuration was read from: its own, then those that it includes. */
  readonly files: readonly string[];
  /** Gives their places to what a later check finds in the configuration; in the order of the files. */
  readonly locate: (findings: readonly Finding[]) => readonly Problem[];
}

/**
 * Parses and checks the text of a YAML file; JSON is YAML.
 * @param file the name of the file in problems
 * @param environment the variables for `${NAME}`
 * @param readSecret gives the text of a file named as `file:PATH`; throws an Error that says why it cannot be read
 * @param surroundings what only the machine knows
 */
export function parseConfig(
  text: string,
  file: string,
  environment: Environment,
  readSecret: ReadSecret,
  surroundings: Surroundings = {},
): ParseResult {
  const { root, faults } = readYaml(text);
  const foreign = foreignFormat(text, root);
  if (foreign !== null) return unread([{ file, line: 1, column: 1, key: "", message: foreign, severity: "error" }], file);
  const problems = faults.map(({ at, message }): Problem => ({ file, ...at, key: "", message, severity: "error" }));
  if (root === undefined) return unread(problems, file);
  const checked = check(root, file, environment, readSecret, surroundings);
  if (problems.length === 0) return checked;
  // A value that could not be read is reported once, as a fault of the YAML.
  const isNews = (problem: Problem): boolean =>
    !problems.some(({ line, column }) => problem.file === file && problem.line === line && problem.column === column);
  const others = "config" in checked ? checked.warnings : checked.problems.filter(isNews);
  const { files, locate } = checked;
  const unchecked = "unchecked" in checked ? checked.unchecked : null;
  return { problems: sortedProblems([...problems, ...others], files), unchecked, files, locate };
}

function unread(problems: readonly Problem[], file: string): WrongConfig {
  return { problems, unchecked: null, files: [file], locate: () => [] };
}

/**
 * Checks the object that a TypeScript configuration exports. Its problems have the places that its values have in `root`.
 * @param root the result of `readObject`; a string says why the object cannot be checked
 */
export function checkConfig(
  root: LocatedMap | string,
  file: string,
  environment: Environment,
  readSecret: ReadSecret,
  surroundings: Surroundings = {},
): ParseResult {
  if (typeof root !== "string") return check(root, file, environment, readSecret, surroundings);
  return unread([{ file, line: 1, column: 1, key: "", message: root, severity: "error" }], file);
}

function check(
  written: LocatedMap,
  file: string,
  environment: Environment,
  readSecret: ReadSecret,
  surroundings: Surroundings,
): ParseResult {
  const keys = [...written.entries.keys()];
  const isShort = isShortForm(keys);
  const schema = isShort ? shortFormJsonSchema : fullFormJsonSchema;
  const mixed = isShort ? keys.filter((key) => FULL_FORM_KEYS.includes(key)) : [];
  if (mixed.length > 0) return unread(placed([mixedForms(mixed)], written, file, fullFormJsonSchema), file);

  const joined = isShort ? { root: written, files: [file], problems: [] } : withIncluded(written, file, environment, surroundings.includes);
  const resolve = surroundings.includes?.resolve ?? ((path: string): string => path);
  const replaced = replaceValues(joined.root, environment, { readSecret, machine: surroundings.secrets, resolve, schema });
  const root = withAbsolutePaths(replaced.root, resolve);
  const filled = withDefaults(root);
  const checked = isShort ? checkShort(root) : checkFull(filled.root);
  const broken = new Set(replaced.broken.map((path) => path.join("\n")));
  // Where a replacement failed, only that is reported, and not what is wrong with the value then.
  const others = filled.asWritten([
    ...checked.findings,
    ...withoutUnread(findingsOfSurroundings(root, filled.root, surroundings), filled.root),
  ]);
  const rest = others.filter(({ path }) => !broken.has(path.join("\n")));
  const located = (findings: readonly Finding[]): Problem[] => placed(findings, root, file, schema);
  const problems = sortedProblems([...joined.problems, ...located([...replaced.findings, ...rest])], joined.files);
  const locate = (findings: readonly Finding[]): Problem[] => sortedProblems(located(filled.asWritten(findings)), joined.files);
  const places: Places = { files: joined.files, locate };
  if (checked.config !== null && problems.every(({ severity }) => severity === "warning"))
    return withSecrets({ config: withAccessLog(checked.config), warnings: problems, ...places }, filled.root);
  return { problems, unchecked: uncheckedIn(filled.root, replaced.findings), ...places };
}

function withSecrets(parsed: Omit<ParsedConfig, "secrets">, root: Located): ParsedConfig {
  return { ...parsed, secrets: secretPlaces(root, parsed.config) };
}

interface Checked {
  readonly config: Config | null;
  readonly findings: readonly Finding[];
}

function checkFull(root: Located): Checked {
  const value = toPlain(root);
  const parsed = configSchema.safeParse(value);
  const cross = crossChecksOfFullForm(value);
  if (parsed.success) {
    const { include: _included, defaults: _filledIn, ...data } = parsed.data;
    const routes = withOwnPaths(spreadFeatures({ ...data }, data.upstreams, data.routes));
    return { config: { ...data, upstreams: { ...data.upstreams, ...askedUpstreams(routes) }, routes, status_path: null }, findings: cross };
  }
  const isEmpty = root.kind === "map" && !FULL_FORM_KEYS.some((key) => root.entries.has(key));
  const findings = findingsOf(parsed.error.issues, root, {
    own: fullFormJsonSchema(),
    other: shortFormJsonSchema(),
    asTexts: (paths) => configSchema.safeParse(toPlain(withTexts(root, paths))).error?.issues ?? [],
  });
  return { config: null, findings: withoutConsequences([...(isEmpty ? asOne(findings) : findings).map(ofShortForm), ...cross]) };
}

/** Joins the findings about what is missing in a file that has no key of the full form into one. */
function asOne(findings: readonly Finding[]): readonly Finding[] {
  const missing = findings.filter(({ path, missing: keys }) => path.length === 1 && keys !== undefined);
  const message = "expected listeners, upstreams and routes, or backends in the short form; found none of them";
  return [{ path: [], message, severity: "error" }, ...findings.filter((finding) => !missing.includes(finding))];
}

/** Improves the message about a key that only the short form has. */
function ofShortForm(finding: Finding): Finding {
  const place = finding.path.length === 1 ? SHORT_FORM_PLACES.get(String(finding.path[0])) : undefined;
  if (place === undefined) return finding;
  const message = 'unknown key: it belongs to the short form, which has "backends" and none of listeners, upstreams and routes';
  return { ...finding, message: `${message}; here it is \`${place}\`` };
}

/** The tree with the values at these paths taken as texts, as if they stood in quotes. */
function withTexts(root: Located, paths: readonly KeyPath[]): Located {
  const changed = new Set(paths.map((path) => path.join("\n")));
  return mapScalars(root, (scalar, path) => (changed.has(path.join("\n")) ? { ...scalar, value: scalar.source } : scalar));
}

function checkShort(root: Located): Checked {
  const { root: given, warnings } = withoutEmptySections(root);
  const value = toPlain(given);
  const parsed = shortSchema.safeParse(value);
  const cross = [...warnings, ...crossChecksOfShortForm(value)];
  if (!parsed.success) {
    const findings = findingsOf(parsed.error.issues, given, {
      own: shortFormJsonSchema(),
      other: fullFormJsonSchema(),
      asTexts: (paths) => shortSchema.safeParse(toPlain(withTexts(given, paths))).error?.issues ?? [],
    });
    return { config: null, findings: withoutConsequences([...findings, ...cross]) };
  }
  const isComplete = !cross.some(({ severity }) => severity === "error");
  return { config: isComplete ? expandShortForm(parsed.data) : null, findings: cross };
}

/**
 * Removes keys without a value, such as `cors:` with all its keys commented out. The system that Millrace replaces treated them as absent.
 */
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

function mixedForms(keys: readonly string[]): Finding {
  return {
    path: keys.slice(0, 1),
    atKey: true,
    message: `"backends" makes this the short form, which has no ${keys.join(", no ")}: write one form or the other`,
    severity: "error",
  };
}
