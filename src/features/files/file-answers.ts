/** What a route with `files` answers when it sends no file. */
import { normalizePath } from "../../policy/route/normalize-path.ts";
import { escapeUrl } from "../../policy/template/escapes.ts";
import { answer } from "../../proxy/exchange/answers.ts";
import type { NoFile } from "../../proxy/feature/file-store.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";

export const METHOD: LocalAnswer = answer(405, "file_method", "Only GET and HEAD are served here.", [["Allow", "GET, HEAD"]]);
export const MISSING: LocalAnswer = answer(404, "file_missing", "There is no such file.");
export const PRECONDITION: LocalAnswer = answer(412, "file_precondition", "The file is not in the state that the request asks for.");

const UNREADABLE = answer(403, "file_unreadable", "The file may not be read.");
const BUSY = answer(503, "files_busy", "No file can be opened at the moment.", [["Retry-After", "1"]]);
export const FAILED: LocalAnswer = answer(500, "file_failed", "The file cannot be read.");

/**
 * The answer when there is no file to send. A file that is refused is said to be missing, so that a client learns nothing about it.
 * @param path as received
 * @param query with the question mark; "": there is none
 */
export function answerFor(reason: NoFile, path: string, query: string): LocalAnswer {
  switch (reason) {
    case "folder": {
      // The canonical form of a path never begins with two slashes, which browsers take for a host.
      const location = `${escapeUrl(normalizePath(path) ?? "")}/${escapeUrl(query)}`;
      return answer(308, "file_folder", "", [["Location", location]]);
    }
    case "missing":
    case "refused":
      return MISSING;
    case "unreadable":
      return UNREADABLE;
    case "busy":
      return BUSY;
    case "failed":
      return FAILED;
  }
}

export function noSuchRange(size: number): LocalAnswer {
  return answer(416, "file_range", "The file has no such bytes.", [["Content-Range", `bytes */${size}`]]);
}
