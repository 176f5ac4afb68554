/** The order in which directives of Caddy act, which is not that of the file. */
import type { Directive } from "./parse.ts";

const ORDER: readonly string[] =
  `tracing map vars fs root log_append log_skip skip_log log_name bind tls log handle_errors header copy_response_headers request_body redir method rewrite uri try_files basic_auth basicauth
  forward_auth request_header encode push intercept templates rate_limit invoke handle handle_path route abort error copy_response respond metrics reverse_proxy php_fastcgi
  file_server acme_server`.split(/\s+/);

/** Directives of a block in the order in which they act: by kind, then the more particular path first. */
export function sorted(directives: readonly Directive[], pathOf: (directive: Directive) => readonly string[] | null): readonly Directive[] {
  const rank = ({ name }: Directive): number => {
    // Both are blocks of which the first that fits counts.
    const at = ORDER.indexOf(name === "handle_path" ? "handle" : name);
    return at < 0 ? ORDER.indexOf("invoke") : at;
  };
  const indexed = directives.map((directive, index) => ({ directive, index, paths: pathOf(directive) }));
  indexed.sort((a, b) => {
    const byKind = rank(a.directive) - rank(b.directive);
    if (byKind !== 0) return byKind;
    const byPath = particular(b.paths) - particular(a.paths);
    // Of these the last one that acts counts, so the general ones act first.
    const isSetting = a.directive.name === "root" || a.directive.name === "vars";
    return (isSetting ? -byPath : byPath) || a.index - b.index;
  });
  return indexed.map(({ directive }) => directive);
}

/** How particular a matcher is: the length of its only path; less for other matchers; none comes last. */
function particular(paths: readonly string[] | null): number {
  if (paths === null) return 0;
  const [only] = paths;
  if (paths.length !== 1 || only === undefined) return 1;
  return 2 + 2 * only.replace(/\*$/, "").length + (only.endsWith("*") ? 0 : 1);
}
