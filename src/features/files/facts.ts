/** Facts about the feature `files` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const filesFacts = {
  guard: true,
  endsRoute: true,
  outcomes: {
    file_folder: "308: the path leads to a folder and lacks the slash at its end.",
    file_unreadable: "403: this user may not read the file, or a folder on the way to it.",
    file_missing: "404: there is no such file, or none that may be sent.",
    file_method: "405: files are there for GET and HEAD only.",
    file_precondition: "412: If-Match or If-Unmodified-Since does not hold.",
    file_range: "416: the file has no such bytes.",
    file_failed: "500: the file could not be read. A client that has got a part of it is cut.",
    files_busy: "503: too many files are open, or the file changes all the time.",
  },
  counters: {},
  events: {
    file_failed: "A file could not be read or not be opened. At most once a minute for each route and thread.",
  },
} as const satisfies FeatureFacts;
