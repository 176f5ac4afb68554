/**
 * Says why a module of the user's, a configuration or a middleware, could not be evaluated, without showing a secret. JavaScript's messages quote
 * the source, and a module may put a secret into a message of its own. So quoted parts are left out, and everything that is not plainly a word.
 */
import { codeOf, messageOf, stackOf } from "../base/errors.ts";
import { mayChange } from "./module-address.ts";

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

/**
 * The message for an error of a module, with the place in the user's files where it arose: `seal is broken (lib/seal.ts:1:14)`.
 * @param base URL of the folder that the place is relative to
 * @param loadedLast URL of the file that was loaded last. Node does not say where a syntax error of JavaScript is.
 */
export function moduleFaultText(error: unknown, base: string, loadedLast: string = ""): string {
  const place = placeOfFault(error, base) || (error instanceof SyntaxError ? relativeTo(base, loadedLast) : "");
  const isPath = codeOf(error) === "ERR_MODULE_NOT_FOUND" && /\bpackage '[^']*\.[cm]?[jt]s'/.test(messageOf(error));
  const advice = isPath ? "; a path begins with ./" : "";
  return `${faultText(error)}${advice}${commonJsAdvice(error)}${place === "" ? "" : ` (${place})`}`;
}

/** The end of a message about a module that Node takes for CommonJS because of its name. */
export function commonJsAdvice(error: unknown): string {
  const isCommonJs = /import statement outside a module|Unexpected token 'export'/.test(messageOf(error));
  return isCommonJs ? '; name it .mts or .mjs, or put "type": "module" into package.json' : "";
}

/**
 * The place in the user's files where an error arose: `lib/seal.ts:1:14`. "" when the error names none.
 * @param base URL of the folder that the place is relative to
 */
export function placeOfFault(error: unknown, base: string): string {
  // Messages about TypeScript begin with the path of the file.
  const [, path, at] = /^(\/[^\n]+\.[cm]?ts):(\d+)\n/.exec(stackOf(error)) ?? [];
  if (path !== undefined) return `${relativeTo(base, new URL(path, "file:///").href)}:${at}`;
  for (const [, url = "", line = "", column] of stackOf(error).matchAll(/(file:\/\/\/[^\s()]+?):(\d+)(?::(\d+))?(?=[\s)]|$)/g)) {
    if (mayChange(url) && !url.startsWith(OWN)) return `${relativeTo(base, url)}:${line}${column === undefined ? "" : `:${column}`}`;
  }
  return "";
}

function relativeTo(base: string, url: string): string {
  return url.replace(/[?#].*$/, "").replace(base, "");
}

/** URL of the folder of this program's code. */
const OWN = new URL("../", import.meta.url).href;

/** The message for an error, in one line. */
function faultText(error: unknown): string {
  const message = messageOf(error).trim();
  // The name of a missing module is no secret, and the operator needs it.
  if (/^ERR_(?:MODULE_NOT_FOUND|UNSUPPORTED_DIR_IMPORT|PACKAGE_PATH_NOT_EXPORTED)$/.test(codeOf(error)))
    return `${firstLine(message)}${endingAdvice(message)}`;
  const kind = error instanceof Error && error.name !== "Error" ? `${error.name}: ` : "";
  const words = firstLine(message)
    .replace(/(["'`]).*\1/g, "$1...$1")
    .replace(/^\S+(?= is not (?:a function|a constructor|iterable|defined)\b)/, "a name");
  return `${kind}${words
    .split(" ")
    .map((word) => (isWord(word) ? word : "..."))
    .join(" ")}`;
}

/** The end of a message about a file that is not there, because its name lacks the ending that compilers of TypeScript add. */
function endingAdvice(message: string): string {
  const [, name = ""] = /^Cannot find module '[^']*\/([^'/]+)'/.exec(message) ?? [];
  return name === "" || name.includes(".") ? "" : "; Node wants the name with its ending, such as .ts";
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
