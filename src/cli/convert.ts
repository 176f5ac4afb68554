/** `millrace convert`: makes a configuration of one of nginx or Caddy. */
import fs from "node:fs";
import path from "node:path";
import { codeOf, messageOf } from "../base/errors.ts";
import { parseConfig } from "../config/load.ts";
import { formatProblem } from "../config/problems/problem.ts";
import { shownFile } from "../config/problems/shown.ts";
import { convert, formatOf } from "../convert/convert.ts";
import type { Conversion, Format } from "../convert/convert.ts";
import type { FileDraft } from "../convert/model/draft.ts";
import { formatNote, formatPlace } from "../convert/model/notes.ts";
import { asAgreed, sampleEnvironment } from "../convert/model/sample-environment.ts";
import { patternProblems } from "../regex/pattern-problems.ts";
import { sourcesFor } from "./convert-sources.ts";

export interface ConvertArguments {
  /** The file to convert. */
  readonly file: string;
  /** Absent: by the file's name and text. */
  readonly from?: Format | undefined;
  /** The file to write; absent: stdout. */
  readonly output?: string | undefined;
  readonly port?: string | undefined;
  /** Whether a file that is there may be overwritten. */
  readonly force: boolean;
}

/**
 * Writes the configuration, and to `err` what has no equivalent. Resolves with 0, also when something has none, or with 1 when the file cannot
 * be read or converted.
 */
export async function convertCommand(given: ConvertArguments, out: (text: string) => void, err: (text: string) => void): Promise<number> {
  const fail = (message: string): number => {
    err(`millrace convert: ${message}\n`);
    return 1;
  };
  const { file, from, output, port, force } = given;
  const text = readText(file);
  if (typeof text !== "string") return fail(`${shownFile(file)} cannot be read (${text.problem})`);
  const format = from ?? formatOf(text, file);
  if (format === null)
    return fail(`${shownFile(file)} looks like neither nginx.conf nor Caddyfile; --from nginx or --from caddy says which it is`);
  const made = convert(text, file, { format, port }, await sourcesFor(file));
  if (made.fault !== undefined) {
    err(`${formatPlace(made.fault.place)}: ${made.fault.message}\n`);
    return 1;
  }
  for (const note of made.notes) err(`${formatNote(note).replaceAll(/[\r\n]+/g, " ")}\n`);
  if (output === undefined) out(made.text + made.files.map(asComments).join(""));
  else {
    const problem = writeAll(output, made, force);
    if (problem !== null) return fail(problem);
    for (const { name } of made.files) out(`${shownFile(beside(output, name))} is written too; it holds hashes of passwords\n`);
    out(
      `${shownFile(output)} is written; look through it, then: millrace check${output === "millrace.yaml" ? "" : ` --config ${shownFile(output)}`}\n`,
    );
  }
  const samples = sampleEnvironment(made.text);
  const needed = Object.keys(samples).sort();
  if (needed.length > 0) err(`${shownFile(file)}: it needs these variables of the environment: ${needed.join(", ")}\n`);
  const problems = await problemsOf(asAgreed(made.text), output ?? "millrace.yaml", samples);
  for (const problem of problems) err(`${problem}\n`);
  const count = made.notes.length;
  err(
    count === 0
      ? "everything has an equivalent\n"
      : `${count} ${count === 1 ? "thing has" : "things have"} no equivalent, or another effect\n`,
  );
  return problems.length === 0 ? 0 : 1;
}

function readText(file: string): string | { readonly problem: string } {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    return { problem: codeOf(error) || messageOf(error) };
  }
}

/** Writes the configuration, and its files beside it: all or none, where one of them is there already. Gives null, or what is wrong. */
function writeAll(output: string, { text, files }: Conversion, force: boolean): string | null {
  // Who may read the configuration need not be who may try to guess passwords.
  const all = [
    ...files.map((file) => ({ name: beside(output, file.name), text: file.text, mode: 0o600 })),
    { name: output, text, mode: 0o666 },
  ];
  const there = force ? undefined : all.toReversed().find(({ name }) => fs.existsSync(name));
  if (there !== undefined) return `${shownFile(there.name)} is there already; --force overwrites it`;
  for (const { name, text: content, mode } of all)
    try {
      fs.writeFileSync(name, content, { flag: force ? "w" : "wx", mode });
    } catch (error) {
      return `${shownFile(name)} cannot be written (${codeOf(error) || messageOf(error)})`;
    }
  return null;
}

function beside(output: string, name: string): string {
  return path.join(path.dirname(output), name);
}

/** On stdout there is one file, so others stand in it as comments. */
function asComments({ name, text }: FileDraft): string {
  const lines = text.split("\n").filter((line) => line !== "");
  return `\n# The file ${name} has to be made beside this one (--output writes it too), with these lines without "# ":\n${lines.map((line) => `# ${line}\n`).join("")}`;
}

/** What `millrace check` would say, with something in the variables that are not set. */
async function problemsOf(text: string, file: string, samples: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const environment = { ...samples, ...process.env };
  const parsed = parseConfig(text, file, environment, () => "secret");
  if ("problems" in parsed) return parsed.problems.filter(({ severity }) => severity === "error").map(formatProblem);
  return parsed.locate(await patternProblems(parsed.config)).map(formatProblem);
}
