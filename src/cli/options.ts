/** Splits the arguments after a command's name into options and words. Prints nothing. */
import { nearest } from "../base/did-you-mean.ts";

/** The options that a command knows, by their long names. */
export interface OptionNames {
  /** Options with a value: `--config FILE` or `--config=FILE`. */
  readonly values: readonly string[];
  /** Options without a value. */
  readonly flags: readonly string[];
}

export interface Options {
  /** Whether `--help` was given. */
  readonly help: boolean;
  readonly flags: ReadonlySet<string>;
  /** The values of each option, in their order. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly words: readonly string[];
}

/** Options that may be given several times. */
const REPEATED = ["-H", "--upstream"];

/** @returns the options and words, or one line that says what is wrong with them */
export function readOptions(given: readonly string[], command: string, commands: ReadonlyMap<string, OptionNames>): Options | string {
  const own = commands.get(command) ?? { values: [], flags: [] };
  const flags = new Set<string>();
  const values = new Map<string, string[]>();
  const words: string[] = [];
  let help = false;
  for (let i = 0; i < given.length; i++) {
    const word = given[i] ?? "";
    if (!word.startsWith("-") || word === "-") {
      words.push(word);
      continue;
    }
    if (word === "--") {
      words.push(...given.slice(i + 1));
      break;
    }
    const [name, inline] = word.startsWith("--") ? splitAt(word, "=") : [word];
    const option = name === "-c" ? "--config" : name;
    if (option === "--help" || option === "-h") help = true;
    else if (own.flags.includes(option)) {
      if (inline !== undefined) return `${option} takes no value`;
      flags.add(option);
    } else if (own.values.includes(option)) {
      const value = inline ?? given[++i];
      if (value === undefined || value === "") return `${name} needs a value`;
      const earlier = values.get(option);
      if (earlier !== undefined && !REPEATED.includes(option)) return `${option} is given twice`;
      values.set(option, [...(earlier ?? []), value]);
    } else return elsewhere(option, command, commands) ?? unknownOption(word, [...own.values, ...own.flags]);
  }
  return { help, flags, values, words };
}

/** The message about an option that only other commands have; null when none has it. */
function elsewhere(option: string, command: string, commands: ReadonlyMap<string, OptionNames>): string | null {
  const owners = [...commands].flatMap(([name, { values, flags }]) => ([...values, ...flags].includes(option) ? [name] : []));
  if (owners.length === 0) return null;
  if (option === "--config") return `millrace ${command} reads no configuration file`;
  return `${option} belongs to ${owners.map((name) => `millrace ${name}`).join(" and ")}`;
}

/**
 * A message about an option that does not exist. It shows the option's name, and not its value, which may be a secret.
 * @param known the options that may have been meant, besides those of every command
 */
export function unknownOption(word: string, known: readonly string[] = ["--config"]): string {
  const [name] = splitAt(word, "=");
  const near = nearest(name, [...known, "--help", "--version"]);
  // Every other letter is near to an option of one letter.
  if (name.length > 2 && near !== null)
    return `unknown option${near.distance <= 2 ? ` ${JSON.stringify(name)}` : ""}; did you mean "${near.word}"?`;
  // In `-pVALUE` the value follows the letter. A long option has a short name of letters, digits and hyphens.
  const shown = /^--[A-Za-z][A-Za-z0-9-]{0,30}$/.test(name) ? name : /^-[A-Za-z]/.test(name) ? name.slice(0, 2) : null;
  return `unknown option${shown === null ? "" : ` "${shown}"`}; try millrace --help`;
}

function splitAt(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
