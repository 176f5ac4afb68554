/** Parses the arguments of the command line into a command. Prints nothing and opens nothing. */
import { nearest } from "../config/did-you-mean.ts";

export type Command =
  | { readonly command: "run" | "check"; readonly file: string }
  | {
      readonly command: "explain";
      readonly file: string;
      readonly method: string;
      readonly url: string;
      readonly fields: readonly string[];
    }
  /** `file` is the configuration whose middleware is described too; null: none. */
  | { readonly command: "schema"; readonly file: string | null }
  | { readonly command: "demo" | "version" | "help" }
  /** The arguments are wrong; `problem` is one line that says why. */
  | { readonly command: "wrong"; readonly problem: string };

/** The configuration files that are looked for when the arguments name none. */
export const DEFAULT_FILES = ["millrace.yaml", "millrace.config.ts"] as const;

/** The first default file for which `exists` is true; the first of all when there is none, so that a message can name it. */
export function defaultFile(exists: (file: string) => boolean): string {
  return DEFAULT_FILES.find(exists) ?? DEFAULT_FILES[0];
}

export const HELP: string = `millrace: an HTTP reverse proxy and load balancer

  millrace run [--config FILE]        serve; without FILE: ./${DEFAULT_FILES.join(", else ./")}
  millrace demo                       two small origins and a proxy in front of them, to try it out
  millrace check [--config FILE]      check a configuration and list every problem in it
  millrace explain [--config FILE] METHOD URL [-H 'name: value']...
                                      which route takes a request, and what would be sent where
  millrace schema [--config FILE]     the configuration's JSON Schema; with FILE, the options of its middleware too
  millrace --help (-h), --version (-v)            --config is -c for short

Signals of run: SIGHUP loads the configuration again, SIGTERM and SIGINT finish what is in flight and end,
a second one ends at once, SIGUSR1 opens the log file again.
Exit codes: 0 fine, 1 configuration or arguments are wrong, 2 could not start, 130 and 143 by a second signal.
`;

const COMMANDS = ["run", "demo", "check", "explain", "schema"];
const OPTIONS = ["--config", "--help", "--version", "-H"];
/** Options by which other programs load a changed configuration. */
const RELOADING = ["--watch", "--reload"];

/** @param defaultFile the configuration file when the arguments name none */
export function parseArguments(given: readonly string[], defaultFile: string): Command {
  const [name, ...rest] = given;
  if (name === undefined) return wrong("a command is missing; try millrace --help");
  if (name === "--help" || name === "-h" || name === "help") return { command: "help" };
  if (name === "--version" || name === "-v" || name === "-V" || name === "version") return { command: "version" };
  if (!COMMANDS.includes(name)) {
    return wrong(name.startsWith("-") ? unknownOption(name) : unknown("command", name, COMMANDS));
  }
  const options = readOptions(rest, name);
  if (typeof options === "string") return wrong(options);
  if (options.help) return { command: "help" };
  const { file = defaultFile, fields, words } = options;
  const excess = name === "explain" ? words[2] : words[0];
  if (excess !== undefined)
    return wrong(
      `unexpected argument${shownWord(excess)}${meansFile(name, options) ? `; a file is given as --config ${shownWord(excess) === "" ? "FILE" : excess}` : ""}`,
    );
  if (fields.length > 0 && name !== "explain") return wrong("-H belongs to millrace explain");
  switch (name) {
    case "run":
    case "check":
      return { command: name, file };
    case "explain": {
      const [method, url] = words;
      if (method === undefined || url === undefined) return wrong("millrace explain needs a method and a URL: millrace explain GET /path");
      return { command: "explain", file, method, url, fields };
    }
    case "schema":
      return { command: name, file: options.file ?? null };
    default:
      if (options.file !== undefined) return wrong(`millrace ${name} reads no configuration file`);
      return { command: "demo" };
  }
}

/** Whether the one word too many was probably meant as the configuration file. */
function meansFile(name: string, { file, words }: Options): boolean {
  return (name === "run" || name === "check" || name === "schema") && file === undefined && words.length === 1;
}

interface Options {
  file?: string;
  help: boolean;
  readonly fields: string[];
  readonly words: string[];
}

/** @param command the command that the options belong to */
function readOptions(given: readonly string[], command: string): Options | string {
  const options: Options = { help: false, fields: [], words: [] };
  for (let i = 0; i < given.length; i++) {
    const word = given[i] ?? "";
    if (!word.startsWith("-") || word === "-") {
      options.words.push(word);
      continue;
    }
    if (word === "--") {
      options.words.push(...given.slice(i + 1));
      break;
    }
    const [option, inline] = word.startsWith("--") ? splitAt(word, "=") : [word];
    if (option === "--help" || option === "-h") {
      options.help = true;
      continue;
    }
    if (option !== "--config" && option !== "-c" && option !== "-H") {
      return command === "run" && RELOADING.includes(option)
        ? `unknown option "${option}"; a running millrace loads its configuration again on SIGHUP: kill -HUP PID`
        : unknownOption(option);
    }
    const value = inline ?? given[++i];
    if (value === undefined || value === "") return `${option} needs a value`;
    if (option === "-H") options.fields.push(value);
    else if (options.file !== undefined) return "--config is given twice";
    else options.file = value;
  }
  return options;
}

function splitAt(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function wrong(problem: string): Command {
  return { command: "wrong", problem };
}

/** A message about an option that does not exist. It shows the option's name, and not its value, which may be a secret. */
function unknownOption(word: string): string {
  const [name] = splitAt(word, "=");
  // Every other letter is near to `-H`.
  if (name.length > 2 && nearest(name, OPTIONS) !== null) return unknown("option", name, OPTIONS);
  // In `-pVALUE` the value follows the letter. A long option has a short name of letters, digits and hyphens.
  const shown = /^--[A-Za-z][A-Za-z0-9-]{0,30}$/.test(name) ? name : /^-[A-Za-z]/.test(name) ? name.slice(0, 2) : null;
  return `unknown option${shown === null ? "" : ` "${shown}"`}; try millrace --help`;
}

function unknown(what: string, word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  if (near === null) return `unknown ${what}; try millrace --help`;
  return `unknown ${what}${near.distance <= 2 ? ` ${JSON.stringify(word)}` : ""}; did you mean "${near.word}"?`;
}

/**
 * The word for a message if it looks like the name of a file, else "". Any other word may be a secret, such as a field with a token without
 * `-H`.
 */
function shownWord(word: string): string {
  return /^[\w./-]{1,100}\.(?:ya?ml|json|[cm]?[jt]s|conf|toml)$/.test(word) ? ` ${JSON.stringify(word)}` : "";
}
