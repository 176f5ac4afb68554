/** Converts texts in tests, and checks what comes out as `millrace check` does. */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { unknownCiphers, unknownCurves } from "../certificates/openssl-lists.ts";
import { parseConfig } from "../config/load.ts";
import { formatProblem } from "../config/problems/problem.ts";
import { PathRegexes } from "../regex/path-regexes.ts";
import { patternProblems } from "../regex/pattern-problems.ts";
import { convert } from "./convert.ts";
import type { ConvertOptions } from "./convert.ts";
import { formatNote, formatPlace } from "./model/notes.ts";
import { asAgreed, sampleEnvironment } from "./model/sample-environment.ts";
import type { FileDraft } from "./model/draft.ts";
import type { Sources } from "./model/sources.ts";

const regexes = new PathRegexes();
await regexes.load();

export interface ConvertedText {
  readonly text: string;
  /** The value of the YAML. */
  readonly value: Readonly<Record<string, unknown>> & { readonly routes: readonly Readonly<Record<string, unknown>>[] };
  readonly notes: readonly string[];
  readonly files: readonly FileDraft[];
}

/** @param files what `include` and `import` find, by the pattern */
export function sources(files: Readonly<Record<string, string>> = {}): Sources {
  return {
    read: (pattern) => (files[pattern] === undefined ? [] : [{ name: pattern, text: files[pattern] }]),
    patternProblem: (pattern) => {
      try {
        regexes.compile(pattern);
        return null;
      } catch {
        return "it cannot be compiled";
      }
    },
    unknownCiphers,
    unknownCurves,
    isFile: (path) => files[path] !== undefined,
    text: (path) => files[path] ?? null,
    matches: (pattern, text) => regexes.compile(pattern).holds(text),
  };
}

/** The converted text, which `millrace check` must find fine. */
export async function converted(
  text: string,
  options: ConvertOptions,
  files: Readonly<Record<string, string>> = {},
): Promise<ConvertedText> {
  const made = convert(text, "f", options, sources(files));
  assert.ok(made.fault === undefined, made.fault === undefined ? "" : `${formatPlace(made.fault.place)}: ${made.fault.message}`);
  const parsed = parseConfig(asAgreed(made.text), "made", { ...ENVIRONMENT, ...sampleEnvironment(made.text) }, () => "secret");
  const problems =
    "config" in parsed
      ? parsed.locate(await patternProblems(parsed.config))
      : parsed.problems.filter(({ severity }) => severity === "error");
  assert.deepEqual(problems.map(formatProblem), [], made.text);
  return { text: made.text, value: parse(made.text) as ConvertedText["value"], notes: made.notes.map(formatNote), files: made.files };
}

const ENVIRONMENT = { BACKEND: "127.0.0.1:1", HOST: "app", PORT: "8080", DOMAIN: "example.com" };

/** Why the text cannot be converted. */
export function faultOf(text: string, options: ConvertOptions): string | null {
  const made = convert(text, "f", options, sources());
  return made.fault === undefined ? null : `${formatPlace(made.fault.place)}: ${made.fault.message}`;
}
