/** `auth_request`: a service that says who may come in, and what it says in fields of its answer. */
import { whyRefused } from "../../policy/headers/refused-names.ts";
import { requestTarget } from "../../values/texts.ts";
import { defined } from "../model/conditions.ts";
import type { Keys } from "../model/draft.ts";
import { isFieldName, isFieldText } from "../model/names.ts";
import { locationFor } from "./location-for.ts";
import type { Directive } from "./parse.ts";
import type { Scope } from "./scope.ts";
import type { NamingSurroundings } from "./several-upstreams.ts";
import { wishesOf } from "./upstreams.ts";
import { convertText, expanded, fieldOf } from "./variables.ts";

/** What may stand in the location of the service; with anything else it would do something of its own. */
const KNOWN =
  /^(?:internal|allow|deny|auth_request|access_log|log_not_found|client_max_body_size|resolver\w*|proxy_(?:pass|pass_request_body|pass_request_headers|set_header|http_version|(?:connect|read|send)_timeout|buffer\w*|busy_buffers_size|cache\w*|no_cache|redirect|hide_header|ignore_headers|intercept_errors|next_upstream\w*|socket_keepalive|ssl_\w+))$/;

/** Fields that Millrace writes itself, with what they say. */
const OWN: Readonly<Record<string, RegExp>> = {
  "x-forwarded-for": /^\$(?:proxy_add_x_forwarded_for|remote_addr|http_x_forwarded_for|realip_remote_addr)$/,
  "x-forwarded-proto": /^\$(?:scheme|http_x_forwarded_proto)$/,
  "x-forwarded-host": /^\$(?:host|http_host|server_name)$/,
  "x-forwarded-uri": /^\$request_uri$/,
  "x-forwarded-method": /^\$request_method$/,
  "content-length": /^$/,
  connection: /^/,
  upgrade: /^/,
  expect: /^$/,
};

/** `authentication` of the routes; a text says why it cannot be kept. */
export function authRequest(guard: Directive, scope: Scope, surroundings: NamingSurroundings): Keys | string {
  const { locations, constants, upstreams, sources, notes, comments } = surroundings;
  const [path = ""] = guard.args;
  const location = path.includes("$") ? null : locationFor(path, locations, sources);
  const pass = location?.scope.ownLast("proxy_pass");
  if (location === null || location.kind === "regex" || pass === undefined) return "no location with `proxy_pass` is asked";
  if (location.scope.own.some(({ name }) => !KNOWN.test(name))) return "the location that is asked has more than the address of a service";
  const [, scheme = "", authority = "", rest] = /^(https?):\/\/([^/$?]+)(\/[^$]*)?$/.exec(expanded(pass.args[0] ?? "", constants)) ?? [];
  const target = rest === undefined ? path : `${rest}${path.slice(location.text.length)}`;
  if (scheme === "" || !requestTarget.safeParse(target).success) return "where it leads has no equivalent";
  const upstream = upstreams.nameOf(scheme, authority, wishesOf(location.scope, scheme === "https"));
  if (upstream === null) return "where it leads can be no endpoint";
  const set: Record<string, string> = {};
  for (const { args, place } of location.scope.all("proxy_set_header")) {
    const [name = "", value = ""] = args;
    const note = (why: string): void =>
      notes.add(
        { place, what: `proxy_set_header ${/^[\w-]{1,64}$/.test(name) ? name : "..."}`, why: `of \`auth_request\`: ${why}` },
        comments,
      );
    const converted = convertText(value, { constants });
    const lower = name.toLowerCase();
    if (OWN[lower]?.test(value) === true || value === `$http_${lower.replaceAll("-", "_")}`) continue;
    if (lower === "host") {
      if (!/^\$proxy_host$/.test(value)) note("the service gets its own name, and the client's in X-Forwarded-Host");
    } else if (value === "") note("the service gets the field all the same; `send` says which ones it gets");
    else if (converted.problem !== undefined || !isFieldText(converted.text)) note(converted.problem ?? "it is no field that can be sent");
    else if (!isFieldName(name) || whyRefused("request", "write", name) !== null) note("the field is not for the configuration to write");
    else set[name] = converted.text;
  }
  const copy = Object.fromEntries(copiedIn(scope).map(({ name, from }) => [name, from]));
  return {
    forward: defined({
      upstream,
      path: target,
      send: location.scope.value("proxy_pass_request_headers") === "off" ? [] : "all",
      set: Object.keys(set).length === 0 ? undefined : set,
      copy:
        Object.keys(copy).length === 0 ? undefined : Object.entries(copy).every(([name, from]) => name === from) ? Object.keys(copy) : copy,
      copy_response: givesCookie(scope) ? ["Set-Cookie"] : undefined,
    }),
  };
}

/** Whether that `proxy_set_header` or `add_header` is what `copy` and `copy_response` do, so that it needs no edit of fields. */
export function isOfAnswer(directive: Directive, scope: Scope): boolean {
  return copiedIn(scope).some((copied) => copied.directive === directive) || (isCookie(directive, scope) && givesCookie(scope));
}

interface Copied {
  readonly name: string;
  readonly from: string;
  readonly directive: Directive;
}

/** The fields in which the origin is told what the service has said. */
function copiedIn(scope: Scope): readonly Copied[] {
  if (!isAsked(scope)) return [];
  return scope.all("proxy_set_header").flatMap((directive) => {
    const [name = "", value = ""] = directive.args;
    const from = answerField(value, scope);
    return from === null || !isFieldName(name) || whyRefused("request", "write", name) !== null ? [] : [{ name, from, directive }];
  });
}

function givesCookie(scope: Scope): boolean {
  return isAsked(scope) && scope.all("add_header").some((directive) => isCookie(directive, scope));
}

function isCookie({ name, args: [field = "", value = ""] }: Directive, scope: Scope): boolean {
  return name === "add_header" && /^set-cookie$/i.test(field) && answerField(value, scope) === "Set-Cookie";
}

function isAsked(scope: Scope): boolean {
  return (scope.value("auth_request") ?? "off") !== "off";
}

/** The field of the answer that a variable of `auth_request_set` stands for; null: it is none of these. */
function answerField(value: string, scope: Scope): string | null {
  const name = /^\$\{?(\w+)\}?$/.exec(value)?.[1];
  const given =
    name === undefined ? undefined : scope.all("auth_request_set").findLast(({ args: [variable] }) => variable === `$${name}`)?.args[1];
  const field = /^\$\{?(?:upstream|sent)_http_(\w+)\}?$/.exec(given ?? "")?.[1];
  return field === undefined ? null : fieldOf(field);
}
