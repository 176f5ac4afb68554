/** The `Host` that an origin gets, as the key `host` of `rewrite`. */
import { hostField } from "../../values/texts.ts";
import type { Notes } from "../model/notes.ts";
import type { Directive } from "./parse.ts";
import { expanded } from "./variables.ts";
import type { VariableContext } from "./variables.ts";

/**
 * @param directive the `proxy_set_header Host`; without one nginx sends what stands in `proxy_pass`
 * @param authority what stands there: host and port, or the name of an upstream
 */
export function hostKey(
  directive: Directive | undefined,
  authority: string,
  isNamed: boolean,
  context: VariableContext,
  notes: Notes,
  comments: string[],
): string | undefined {
  const value = directive === undefined ? "${proxy_host}" : expanded(directive.args[1] ?? "", context.constants);
  if (/^\$\{(?:http_)?host\}(?::\$\{(?:server|proxy)_port\})?$/.test(value)) return undefined;
  if (value === "${proxy_host}") return !isNamed ? "upstream" : hostField.safeParse(authority).success ? authority : undefined;
  if (hostField.safeParse(value).success) return value;
  if (directive !== undefined)
    notes.add(
      { place: directive.place, what: "proxy_set_header Host", why: "its value has no equivalent; the origin gets the client's" },
      comments,
    );
  return undefined;
}
