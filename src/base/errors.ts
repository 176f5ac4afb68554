/**
 * Texts for messages and logs from whatever was thrown, which need not be an Error. None of these functions throws, though what was thrown may
 * come from code that nobody here has written, with a `message` or a `toString` that throws.
 */

/** Shown in the place of a message that cannot be read. */
const UNREADABLE = "something without a readable message";

/** The message of an Error, or the text of anything else. */
export function messageOf(error: unknown): string {
  return textOf(error, (given) => given.message);
}

/** The message and, in the lines after it, where in the code the error was thrown. */
export function stackOf(error: unknown): string {
  return textOf(error, (given) => given.stack ?? given.message);
}

/** The error's `code`, which the system or Node sets, such as ENOENT or ERR_INVALID_ARG_VALUE; "" where there is none. */
export function codeOf(error: unknown): string {
  try {
    return isError(error) && "code" in error && typeof error.code === "string" ? error.code : "";
  } catch {
    return "";
  }
}

function textOf(error: unknown, read: (error: Error) => unknown): string {
  try {
    return String(isError(error) ? read(error) : error);
  } catch {
    return UNREADABLE;
  }
}

/** Also an Error of another realm, as programs make them in tests with Jest. May throw. */
function isError(given: unknown): given is Error {
  return given instanceof Error || Object.prototype.toString.call(given) === "[object Error]";
}

/** Somebody's code has called a function of this program wrongly. The mistake is that code's, even when nothing but this program is on the stack. */
export class CallersMistake extends TypeError {}
