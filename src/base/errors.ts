/** What is thrown is unknown; what is said of it is a text. */

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** With the place in the code where it was thrown, in several lines. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The system's or Node's name of the failure, such as ENOENT or ERR_INVALID_ARG_VALUE; "" where there is none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
