/**
 * Says why a configuration module could not be evaluated, without showing a secret. JavaScript's messages quote the source, and a module may
 * put a secret into a message of its own. So quoted parts are left out, and everything that is not plainly a word.
 */
import { codeOf, messageOf, stackOf } from "../base/errors.ts";

/** Line and column are those of the module, from 1. */
export interface ModuleFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** @param address URL of the module; the place is 1:1 when the error names none in the module */
export function moduleFault(error: unknown, address: string): ModuleFault {
  const stack = stackOf(error);
  const at = stack.indexOf(`${address}:`);
  const [, line, column] = at < 0 ? [] : (/^:(\d+)(?::(\d+))?/.exec(stack.slice(at + address.length)) ?? []);
  return { line: Number(line ?? 1), column: Number(column ?? 1), message: faultText(error) };
}

/** The message for an error, in one line. */
export function faultText(error: unknown): string {
  const message = messageOf(error).trim();
  // The name of a missing module is no secret, and the operator needs it.
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

/** Whether a text is plainly a word: letters with punctuation around them, a variable in capitals, or a short number. */
function isWord(word: string): boolean {
  return /^[("'`[]*(?:[A-Za-z]{1,20}(?:[-'’][a-z]{1,12})?|[A-Z]{2,20}(?:_[A-Z]{2,20}){0,4}|\d{1,5}|\.\.\.|[-+=;:,.{}()<>[\]]{0,3})["'`)\].,:;!?]*$/.test(
    word,
  );
}

/** The first line of a message. Messages about TypeScript begin with a cross and show the source in further lines. */
function firstLine(text: string): string {
  return (text.split("\n", 1)[0] ?? "").replace(/^[x×]\s+/, "").trim();
}
