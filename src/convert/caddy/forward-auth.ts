/** `forward_auth`: a service that says who may come in. */
import { whyRefused } from "../../policy/headers/refused-names.ts";
import { requestTarget } from "../../values/texts.ts";
import { defined } from "../model/conditions.ts";
import type { Keys } from "../model/draft.ts";
import { isFieldName } from "../model/names.ts";
import type { Directive } from "./parse.ts";
import { withEnvironment } from "./placeholders.ts";
import type { Upstreams } from "./upstreams.ts";

/** What acts on the answer, or changes the question, in a way of its own. */
const OTHERS = /^(?:handle_response|replace_status|copy_response|copy_response_headers|method|rewrite|header_down)$/;

/**
 * `authentication` of the routes; null: it cannot be kept, and a note says why.
 * @param addresses the arguments without the matcher
 */
export function forwardAuth(
  directive: Directive,
  addresses: readonly string[],
  upstreams: Upstreams,
  comments: string[],
  note: (why: string) => void,
): Keys | null {
  const lines = directive.block ?? [];
  const failed = (why: string): null => {
    note(`${why}, so nobody is let in here: write \`authentication\`, and take out \`access\``);
    return null;
  };
  const path = withEnvironment(lines.find(({ name }) => name === "uri")?.args[0] ?? "");
  if (!requestTarget.safeParse(path.replaceAll(/\$\{\w+(?::-[^}]*)?\}/g, "x")).success || /\{(?<!\$\{)/.test(path))
    return failed("its path has no equivalent");
  const other = lines.find(({ name }) => OTHERS.test(name));
  if (other !== undefined) return failed(`\`${other.name}\` in it has no equivalent`);
  const copy = copiedFields(lines);
  if (copy === null) return failed("a field that it copies has no equivalent");
  const rest = lines.filter(({ name }) => name !== "uri" && name !== "copy_headers");
  const proxied = upstreams.proxied({ ...directive, block: rest }, addresses, false, comments);
  if (proxied === null) return failed("it has no endpoint");
  const { upstream, host, requestHeaders = {} } = proxied;
  if (host !== undefined && host !== "upstream") note("the service gets its own name as Host, and the client's in X-Forwarded-Host");
  if (requestHeaders.add !== undefined || requestHeaders.remove !== undefined)
    note("the service gets all fields of the client, without some and with further ones only by `set`");
  return { forward: defined({ upstream, path, send: "all", set: requestHeaders.set, copy }) };
}

/** `copy` of `forward`; undefined: nothing is copied; null: a name has no equivalent. */
function copiedFields(lines: readonly Directive[]): Keys | readonly string[] | undefined | null {
  const given = lines
    .filter(({ name }) => name === "copy_headers")
    .flatMap(({ args, block }) => [...args, ...(block ?? []).map((line) => [line.name, ...line.args].join(">"))]);
  const pairs = given.map((text) => text.split(">")).map(([from = "", name = from, ...more]) => ({ from, name, more }));
  const isWrong = pairs.some(
    ({ from, name, more }) => more.length > 0 || !isFieldName(from) || !isFieldName(name) || whyRefused("request", "write", name) !== null,
  );
  if (isWrong) return null;
  const byName = new Map(pairs.map(({ from, name }) => [name.toLowerCase(), { from, name }]));
  if (byName.size === 0) return undefined;
  // Of two fields for one name it is not known which one stays.
  if (byName.size < new Set(pairs.map(({ from, name }) => `${name}>${from}`.toLowerCase())).size) return null;
  const kept = [...byName.values()];
  return kept.every(({ from, name }) => from === name)
    ? kept.map(({ name }) => name)
    : Object.fromEntries(kept.map(({ from, name }) => [name, from]));
}
