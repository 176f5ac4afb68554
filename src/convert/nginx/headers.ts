/** `proxy_set_header`, `add_header` and their like. */
import { whyRefused } from "../../policy/headers/refused-names.ts";
import type { Keys, Value } from "../model/draft.ts";
import { isOfAnswer } from "./auth-request.ts";
import { isFieldName, isFieldText } from "../model/names.ts";
import type { Notes } from "../model/notes.ts";
import type { Directive } from "./parse.ts";
import { isIdentity } from "./remote-user.ts";
import type { Scope } from "./scope.ts";
import { timeMs } from "./units.ts";
import { convertText } from "./variables.ts";
import type { VariableContext } from "./variables.ts";

export interface HeaderSurroundings {
  readonly scope: Scope;
  readonly context: VariableContext;
  readonly notes: Notes;
  readonly comments: string[];
}

export interface RequestFields {
  /** What the origin gets as `Host`; undefined: nothing is said of it. */
  readonly host: Directive | undefined;
  /** Whether WebSockets are let through. */
  readonly isUpgraded: boolean;
  readonly keys: Keys | undefined;
}

/** Fields that the proxy itself writes, with the values that say what it says anyway. */
const OWN: Readonly<Record<string, RegExp>> = {
  "x-forwarded-for": /^\$(?:proxy_add_x_forwarded_for|remote_addr|http_x_forwarded_for|realip_remote_addr)$/,
  "x-forwarded-proto": /^\$scheme$/,
  "x-forwarded-host": /^\$(?:host|http_host|server_name)(?::\$server_port)?$/,
  connection: /^(?:upgrade|\$connection_upgrade|close|keep-alive|)$/i,
  upgrade: /^\$http_upgrade$|^websocket$/,
  expect: /^$/,
};

export function requestFields({ scope, context, notes, comments }: HeaderSurroundings): RequestFields {
  const set: Record<string, string> = {};
  const remove: string[] = [];
  let host: Directive | undefined;
  let isUpgraded = false;
  for (const directive of scope.all("proxy_set_header")) {
    const { args, place } = directive;
    const [name = "", value = ""] = args;
    const plain = name.toLowerCase();
    const note = (why: string): void => notes.add({ place, what: `proxy_set_header ${shownName(name)}`, why }, comments);
    if (!isFieldName(name)) {
      note(NO_FIELD);
      continue;
    }
    if (plain === "upgrade") isUpgraded = true;
    if (isIdentity(directive, scope) || isOfAnswer(directive, scope)) continue;
    if (plain === "host") host = directive;
    else if (OWN[plain]?.test(value) === true || value === `$http_${plain.replaceAll("-", "_")}`) continue;
    else if (value === "") {
      const refused = whyRefused("request", "remove", name);
      if (refused === null) remove.push(name);
      else if (plain !== "proxy") note(`cannot be left out: ${refused}`);
    } else {
      const refused = whyRefused("request", "write", name);
      const converted = convertText(value, context);
      if (refused !== null) note(`is not for the configuration to write: ${refused}`);
      else if (converted.problem !== undefined || !isFieldText(converted.text)) {
        note(`${converted.problem ?? NO_FIELD}; the field is left out, also what clients send in it`);
        // The origin takes what it finds in it for the word of its proxy.
        if (whyRefused("request", "remove", name) === null) remove.push(name);
      } else assign(set, name, converted.text);
    }
  }
  const keys = { ...(remove.length === 0 ? {} : { remove }), ...(isEmpty(set) ? {} : { set }) };
  return { host, isUpgraded, keys: isEmpty(keys) ? undefined : keys };
}

/** @param kind where the response comes from; that of an answer of the proxy's own gets the fields by `own_answers` */
export function responseFields({ scope, context, notes, comments }: HeaderSurroundings, kind: "origin" | "own"): Keys | undefined {
  const add: Record<string, Value> = {};
  const set: Record<string, string> = {};
  const remove: string[] = [];
  let isAlways = kind === "own";
  const note = ({ name, place }: Directive, field: string, why: string): void =>
    notes.add({ place, what: `${name} ${shownName(field)}`, why }, comments);
  if (kind === "origin")
    remove.push(...scope.all("proxy_hide_header").flatMap(({ args: [name] }) => (name === undefined || !isFieldName(name) ? [] : [name])));
  for (const directive of scope.all("add_header")) {
    const [name = "", value = "", always] = directive.args;
    const refused = whyRefused("response", "write", name);
    const converted = convertText(value, context);
    if (value === "" || isOfAnswer(directive, scope)) continue;
    if (/^alt-svc$/i.test(name) && value.includes("h3")) {
      note(directive, name, "HTTP/3 has no equivalent, so clients are not told of it");
      continue;
    }
    if (refused !== null) note(directive, name, `is not for the configuration to write: ${refused}`);
    else if (converted.problem !== undefined) note(directive, name, converted.problem);
    else if (!isFieldName(name) || !isFieldText(converted.text)) note(directive, name, NO_FIELD);
    else if (kind === "origin" || name.toLowerCase() !== "content-type") append(add, name, converted.text);
    if (always === "always") isAlways = true;
  }
  const expires = expiry(scope.last("expires"));
  if (expires !== undefined) set["Cache-Control"] = expires;
  for (const directive of scope.everywhere("more_set_headers"))
    for (const line of directive.args) {
      const [, name = "", value = ""] = /^([^:\s]+)\s*:\s*(.*)$/.exec(line) ?? [];
      const converted = convertText(value, context);
      if (
        !isFieldName(name) ||
        !isFieldText(converted.text ?? "") ||
        converted.problem !== undefined ||
        whyRefused("response", "write", name) !== null
      )
        note(directive, name, converted.problem ?? "has no equivalent");
      else if (value === "") remove.push(name);
      else assign(set, name, converted.text);
    }
  remove.push(...scope.everywhere("more_clear_headers").flatMap(({ args }) => args.filter((name) => /^[\w-]+$/.test(name))));
  const removed = [...new Set(remove)].filter((name) => whyRefused("response", "remove", name) === null);
  if (removed.length === 0 && isEmpty(set) && isEmpty(add)) return undefined;
  return {
    ...(removed.length === 0 ? {} : { remove: removed }),
    ...(isEmpty(set) ? {} : { set }),
    ...(isEmpty(add) ? {} : { add }),
    ...(isAlways ? { own_answers: true } : {}),
  };
}

/** The value of `Cache-Control` that `expires` stands for. */
function expiry(directive: Directive | undefined): string | undefined {
  const [first = "off", second] = directive?.args ?? [];
  const time = first === "modified" ? second : first;
  if (time === undefined || time === "off") return undefined;
  if (time === "max") return "max-age=315360000";
  if (time === "epoch" || time.startsWith("-")) return "no-cache";
  const ms = timeMs(time);
  return ms === null ? undefined : `max-age=${Math.floor(ms / 1000)}`;
}

function assign(set: Record<string, string>, name: string, value: string): void {
  const given = Object.keys(set).find((each) => each.toLowerCase() === name.toLowerCase());
  set[given ?? name] = value;
}

function append(add: Record<string, Value>, name: string, value: string): void {
  const key = Object.keys(add).find((each) => each.toLowerCase() === name.toLowerCase()) ?? name;
  const given = add[key];
  add[key] = given === undefined ? value : [...(Array.isArray(given) ? given : [given]), value];
}

const NO_FIELD = "it is no field that can be sent";

function shownName(name: string): string {
  return /^[\w-]{1,64}$/.test(name) ? name : "...";
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}
