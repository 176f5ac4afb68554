/** `header`, `request_header`, `header_up` and `header_down`: edits of fields. */
import { whyRefused } from "../../policy/headers/refused-names.ts";
import type { Side } from "../../policy/headers/refused-names.ts";
import { isFieldName, isFieldText } from "../model/names.ts";
import type { Notes } from "../model/notes.ts";
import type { Fields } from "./layer.ts";
import { joinedFields } from "./layer.ts";
import type { Directive } from "./parse.ts";
import { convertText } from "./placeholders.ts";

/** Fields of requests that Millrace writes by itself. */
const OWN = /^(?:x-forwarded-(?:for|proto|host)|connection|upgrade)$/i;

/** The name of who has logged in. */
const USER = /^\{http\.auth\.user\.id\}$/;

/**
 * One edit: `-Name`, `+Name value`, `?Name value`, `Name value` or `Name pattern replacement`.
 * @param hasLogin whether some requests come from users who have logged in
 */
export function fieldEdit(
  side: Side,
  directive: Directive,
  args: readonly string[],
  hasLogin: boolean,
  notes: Notes,
  comments: string[],
): Fields | undefined {
  const [given = "", value, replacement] = args;
  const sign = /^[-+?>]/.exec(given)?.[0] ?? "";
  const name = given.slice(sign.length).replace(/:$/, "");
  const note = (why: string): undefined => {
    notes.add({ place: directive.place, what: `${directive.name} ${/^[\w-]{1,64}$/.test(name) ? name : "..."}`, why }, comments);
    return undefined;
  };
  if (name.includes("*")) return note("several fields by one name have no equivalent");
  if (!isFieldName(name)) return note("it is no field that can be sent");
  if (sign === "-") {
    const refused = whyRefused(side, "remove", name);
    if (refused !== null) return OWN.test(name) ? undefined : note(`cannot be left out: ${refused}`);
    return { remove: [name] };
  }
  if (value === undefined) return undefined;
  if (side === "request" && OWN.test(name)) return undefined;
  if (replacement !== undefined) return note("replacing a part of a value has no equivalent");
  const refused = whyRefused(side, "write", name);
  if (refused !== null) return note(`is not for the configuration to write: ${refused}`);
  if (hasLogin && side === "request" && sign === "" && USER.test(value)) return { user: name };
  const { text, problem } = convertText(value);
  if (problem !== undefined || !isFieldText(text)) {
    const why = problem ?? "it is no field that can be sent";
    if (side !== "request" || sign !== "" || whyRefused(side, "remove", name) !== null) return note(why);
    // The origin takes what it finds in it for the word of its proxy.
    note(`${why}; the field is left out, also what clients send in it`);
    return { remove: [name] };
  }
  if (sign === "?") note("it is set where the origin sends it too");
  return sign === "+" ? { add: { [name]: text } } : { set: { [name]: text } };
}

/** All edits of a directive, which has them in its block or in its line. */
export function fieldEdits(
  side: Side,
  directive: Directive,
  args: readonly string[],
  hasLogin: boolean,
  notes: Notes,
  comments: string[],
): Fields | undefined {
  const lines =
    directive.block === null
      ? [args]
      : [...(args.length > 0 ? [args] : []), ...directive.block.map(({ name, args: rest }) => [name, ...rest])];
  return lines
    .filter(([name]) => name !== "defer" && name !== "match")
    .map((line) => fieldEdit(side, directive, line, hasLogin, notes, comments))
    .reduce<Fields | undefined>(joinedFields, undefined);
}
