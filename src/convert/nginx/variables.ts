/** Turns texts with variables of nginx into texts with variables of Millrace. */
import { templateText } from "../model/template-text.ts";

export interface VariableContext {
  /** Values of variables that are known while converting, such as those of `set`. They may hold variables themselves. */
  readonly constants: ReadonlyMap<string, string>;
  /** The expression whose groups `$1` and `$name` stand for; undefined: there is none. */
  readonly regex?: string | undefined;
}

export type Converted = { readonly text: string; readonly problem?: undefined } | { readonly text?: undefined; readonly problem: string };

const OF_CLIENTS = "; `forward` of `client_certificates` gives origins the client's certificate (docs/client-certificates.md)";

/** A text that may hold variables, as a value of Millrace. */
export function convertText(text: string, context: VariableContext): Converted {
  const parts = variablesIn(joined(expanded(text, context.constants)));
  let made = "";
  for (const [index, part] of parts.entries()) {
    if (typeof part === "string") {
      made += templateText(part, index + 1 < parts.length);
      continue;
    }
    const variable = variableOf(part.name, context);
    if (variable === null)
      return { problem: `the variable $${part.name} has no equivalent${part.name.startsWith("ssl_client_") ? OF_CLIENTS : ""}` };
    made += variable;
  }
  return { text: made };
}

/** Constants put in, as far as there are any. */
export function expanded(text: string, constants: ReadonlyMap<string, string>, depth: number = 0): string {
  if (depth > 5) return text;
  return variablesIn(text)
    .map((part) => {
      if (typeof part === "string") return part;
      const value = constants.get(part.name);
      return value === undefined ? `\${${part.name}}` : expanded(value, constants, depth + 1);
    })
    .join("");
}

/** Texts and variables in the order in which they stand. */
export function variablesIn(text: string): readonly (string | { readonly name: string })[] {
  const parts: (string | { readonly name: string })[] = [];
  let at = 0;
  for (const match of text.matchAll(/\$(?:\{(\w+)\}|([A-Za-z_]\w*|[0-9]))/g)) {
    if (match.index > at) parts.push(text.slice(at, match.index));
    parts.push({ name: match[1] ?? match[2] ?? "" });
    at = match.index + match[0].length;
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

/** Path, question mark and query together are the whole target. */
function joined(text: string): string {
  return text
    .replace(/\$\{(?:document_)?uri\}(?:\$\{is_args\}|\?)\$\{(?:args|query_string)\}/g, "${request_uri}")
    .replace(/\$\{is_args\}\$\{(?:args|query_string)\}/g, "?${args}");
}

function variableOf(name: string, { regex }: VariableContext): string | null {
  const simple = SIMPLE[name];
  if (simple !== undefined) return simple;
  const [, kind, key = ""] = /^(http|arg|cookie)_(\w+)$/.exec(name) ?? [];
  if (kind === "http") return `{header.${fieldOf(key)}}`;
  if (kind === "arg") return `{query.${key}}`;
  if (kind === "cookie") return `{cookie.${key}}`;
  if (regex !== undefined && (/^[1-9]$/.test(name) || groupNames(regex).has(name))) return `{match.${name}}`;
  // Templates of container images hold variables of the environment, in upper case.
  if (/^[A-Z][A-Z0-9_]*$/.test(name)) return `\${${name}}`;
  return null;
}

const SIMPLE: Readonly<Partial<Record<string, string>>> = {
  host: "{host}",
  http_host: "{header.Host}",
  scheme: "{scheme}",
  request_uri: "{uri}",
  uri: "{path}",
  document_uri: "{path}",
  args: "{query}",
  query_string: "{query}",
  remote_addr: "{client_ip}",
  binary_remote_addr: "{client_ip}",
  realip_remote_addr: "{client_ip}",
  proxy_add_x_forwarded_for: "{client_ip}",
  request_method: "{method}",
  request_id: "{request_id}",
};

/** `user_agent` as `User-Agent`. */
export function fieldOf(name: string): string {
  return name.replaceAll("_", "-").replace(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

export function groupNames(regex: string): ReadonlySet<string> {
  return new Set([...regex.matchAll(/\(\?P?<([A-Za-z_]\w*)>/g)].map((match) => match[1] ?? ""));
}
