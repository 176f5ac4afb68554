/** Turns texts with placeholders of Caddy into texts with variables of Millrace. */
import { templateText } from "../model/template-text.ts";

export type Converted = { readonly text: string; readonly problem?: undefined } | { readonly text?: undefined; readonly problem: string };

const PLACEHOLDER = /\\?\{(\$?)([A-Za-z_][^{}\s]*)\}/g;

/** @param hasRegex whether the route has an expression whose groups may be named */
export function convertText(text: string, hasRegex: boolean = false): Converted {
  let made = "";
  let at = 0;
  let problem: string | undefined;
  for (const match of text.matchAll(PLACEHOLDER)) {
    const [whole, dollar, name = ""] = match;
    const before = text.slice(at, match.index);
    const variable = whole.startsWith("\\")
      ? templateText(whole.slice(1))
      : dollar === "$"
        ? environment(name)
        : variableOf(name, hasRegex);
    if (variable === null) problem ??= `the placeholder {${name}} has no equivalent`;
    made += templateText(before, true) + (variable ?? "");
    at = match.index + whole.length;
  }
  return problem === undefined ? { text: made + templateText(text.slice(at)) } : { problem };
}

/** Variables of the environment in a value without other placeholders, such as an address. */
export function withEnvironment(text: string): string {
  return text
    .replace(/\{\$([A-Za-z_]\w*)(?::([^{}]*))?\}/g, (_, name: string, given?: string) =>
      environment(given === undefined ? name : `${name}:${given}`),
    )
    .replace(/\{env\.([A-Za-z_]\w*)\}/g, (_, name: string) => environment(name));
}

/** `NAME:default` as Millrace writes it. */
function environment(text: string): string {
  const [, name = "", given] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? [];
  return `\${${name}${given === undefined ? "" : `:-${given}`}}`;
}

function variableOf(given: string, hasRegex: boolean): string | null {
  const name = given
    .replace(/^http\.request\.(?=(?:header|cookie|host|hostport|method|scheme|remote|uri)\b)/, "")
    .replace(/^http\.(?=(?:vars|regexp)\.)/, "");
  const simple = SIMPLE[name];
  if (simple !== undefined) return simple;
  const [, kind, key = ""] = /^(header|cookie|query|uri\.query|env)\.(.+)$/.exec(name) ?? [];
  if (kind === "header" && /^[\w-]+$/.test(key)) return `{header.${key}}`;
  if (kind === "cookie" && /^[\w-]+$/.test(key)) return `{cookie.${key}}`;
  if ((kind === "query" || kind === "uri.query") && /^[\w-]+$/.test(key)) return `{query.${key}}`;
  if (kind === "env" && /^[A-Za-z_]\w*$/.test(key)) return `{env.${key}}`;
  const group = /^(?:re|regexp)\.(?:[\w-]+\.)?(\w+)$/.exec(name)?.[1];
  return hasRegex && group !== undefined ? `{match.${group}}` : null;
}

const SIMPLE: Readonly<Partial<Record<string, string>>> = {
  host: "{host}",
  hostport: "{header.Host}",
  method: "{method}",
  scheme: "{scheme}",
  uri: "{uri}",
  orig_uri: "{uri}",
  path: "{path}",
  "uri.path": "{path}",
  query: "{query}",
  "uri.query": "{query}",
  remote_host: "{client_ip}",
  "remote.host": "{client_ip}",
  remote: "{client_ip}",
  client_ip: "{client_ip}",
  "vars.client_ip": "{client_ip}",
};
