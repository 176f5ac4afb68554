/**
 * Why a configuration module could not be evaluated. The messages of JavaScript quote the source, and a module may put a secret into its
 * own: what is quoted, and every word that is not plainly a word, is left out.
 */
import { codeOf, messageOf, stackOf } from "../base/errors.ts";

export interface ModuleFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** @param address URL of the module: the place in it is told where the error names it */
export function moduleFault(error: unknown, address: string): ModuleFault {
  const stack = stackOf(error);
  const at = stack.indexOf(`${address}:`);
  const [, line, column] = at < 0 ? [] : (/^:(\d+)(?::(\d+))?/.exec(stack.slice(at + address.length)) ?? []);
  return { line: Number(line ?? 1), column: Number(column ?? 1), message: faultText(error) };
}

/** One line. */
export function faultText(error: unknown): string {
  const message = messageOf(error).trim();
  // Names of modules are no secrets, and nobody can mend what is not named.
  if (/^ERR_(?:MODULE_NOT_FOUND|UNSUPPORTED_DIR_IMPORT|PACKAGE_PATH_NOT_EXPORTED)$/.test(codeOf(error))) return firstLine(message);
  const kind = error instanceof Error && error.name !== "Error" ? `${error.name}: ` : "";
  const words = firstLine(message)
    .replace(/(["'`]).*\1/g, "$1...$1")
    .replace(/^\S+(?= is not (?:a function|a constructor|iterable|defined)\b)/, "a name");
  return `${kind}${words
    .split(" ")
    .map((word) => (isWord(word) ? word : "..."))
    .join(" ")}`;
}

/** Letters with what stands around words; variables in capitals; short numbers. */
function isWord(word: string): boolean {
  return /^[("'`[]*(?:[A-Za-z]{1,20}(?:[-'’][a-z]{1,12})?|[A-Z]{2,20}(?:_[A-Z]{2,20}){0,4}|\d{1,5}|\.\.\.|[-+=;:,.{}()<>[\]]{0,3})["'`)\].,:;!?]*$/.test(
    word,
  );
}

/** Messages about TypeScript begin with a cross and show the source below. */
function firstLine(text: string): string {
  return (text.split("\n", 1)[0] ?? "").replace(/^[x×]\s+/, "").trim();
}
