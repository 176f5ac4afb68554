/** Texts for messages and logs from whatever was thrown, which need not be an Error. */

/** The message of an Error, or the text of anything else. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The message and, in the lines after it, where in the code the error was thrown. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The error's `code`, which the system or Node sets, such as ENOENT or ERR_INVALID_ARG_VALUE; "" where there is none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
