/** The place of a row of docs/migrating/caddy.md in a whole Caddyfile. */
import type { Row } from "../support/migration-rows.ts";
import { FILES } from "../support/migration-trial.ts";

/** What stands inside of `reverse_proxy`. */
const IN_PROXY = /^(header_up|header_down|flush_interval|lb_|request_buffers|@failed|handle_response)/;
/** What answers, or is a matcher of it. */
const ANSWERS = /^(reverse_proxy|redir|respond|error|file_server)\b/m;

/** A site with the row's left cell in the place where it belongs. */
export function siteOf({ theirs }: Row): string {
  // Blocks begin at the end of a line.
  const hash = (FILES["users.htpasswd"] ?? "").split(":")[1]?.trim() ?? "";
  const lines = theirs
    .replaceAll("$2y$...", () => hash)
    .replace(/ \{ (.*) \}$/gm, " {\n$1\n}")
    .replace(" copy_headers ", "\ncopy_headers ");
  const [names] = /^example\.com, \*\.example\.com/.exec(lines) ?? [];
  if (names !== undefined) return lines.replace(names, "http://example.com:8080, http://*.example.com:8080");
  if (IN_PROXY.test(theirs)) return `:8080 {\nreverse_proxy localhost:3000 {\n${lines}\n}\n}`;
  const answers = ANSWERS.test(lines.replace(/^handle_errors [^]*/m, ""));
  return `:8080 {\n${lines}\n${answers ? "" : "reverse_proxy localhost:3000\n"}}`;
}
