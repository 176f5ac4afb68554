import { codeOf, messageOf } from "../base/errors.ts";
import { shownFile } from "../config/problems/shown.ts";

/** A line that says why a log output cannot be opened. */
export function logProblem(output: string, error: unknown): string {
  return `cannot open the log file ${shownFile(output)}: ${reasonOf(error)}`;
}

/** The reason in words. The message of the error is not used, because it would name the file a second time. */
function reasonOf(error: unknown): string {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "its folder does not exist",
    EACCES: "this user may not write it",
    EISDIR: "it is a folder",
    ENOTDIR: "a part of its path is a file",
    EROFS: "the file system is read-only",
  };
  const code = codeOf(error);
  return code === "" ? messageOf(error) : `${reasons[code] ?? "the system refuses"} (${code})`;
}
