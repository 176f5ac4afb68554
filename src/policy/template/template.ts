/**
 * Texts with variables, such as `https://{host}{uri}`. Only `{`, the name of a variable and `}` is a variable; `{{` stands for `{`; every other brace
 * is text, so JSON needs no escaping. What looks like a variable and is none is an error.
 */
import { nearest } from "../../base/did-you-mean.ts";

/** Variables without a part of their own, with what each stands for. */
export const VARIABLES = {
  method: "The method.",
  scheme: "`http` or `https`, as the client used it.",
  host: "The host that the request is for, in lower case and without port.",
  path: "The path as received, without query.",
  query: "The query as received, without `?`; empty when there is none.",
  uri: "Path and query as received.",
  client_ip: "The client's address.",
  request_id: "The request's id (`request_id`).",
  route: "The route's name.",
} as const;

/** Variables with a part of their own: `{header.User-Agent}`. Each is empty when the request has no such thing. */
export const KEYED_VARIABLES = {
  header: "The value of the first field of that name.",
  cookie: "The value of the first cookie of that name.",
  query: "The value of the first parameter of that name in the query, as received.",
  match: "What the group of that name, or number, of the route's `path_regex` has matched.",
  env: "The environment variable of that name, read when the configuration is loaded.",
} as const;

/** What pages about errors may say of the answer that they stand for, each as `{error.NAME}`. Nowhere else is there such a variable. */
export const ERROR_VARIABLES = {
  status: "The status, such as 503.",
  title: "What the status is called, such as Service Unavailable.",
  detail: "The sentence that says what is wrong; empty when an origin has answered.",
} as const;

export interface Variable {
  readonly name: keyof typeof VARIABLES | keyof typeof KEYED_VARIABLES | "error";
  /** The part after the dot; "": there is none. */
  readonly key: string;
}

/** The parts in order: texts and variables. */
export type Template = readonly (string | Variable)[];

export type ParsedTemplate = { readonly template: Template } | { readonly problem: string };

/** Variables in one text. Each may stand for as much as a whole head, and every request is answered with all of them. */
const VARIABLES_MAX = 100;

/** Finds what is, or looks like, a variable, and `{{`. */
const BRACE = /\{\{|\{([a-z][a-z_]*)(?:\.([^{}\s]*))?\}/g;

/** @param isErrorPage whether the text may also hold {@link ERROR_VARIABLES} */
export function parseTemplate(text: string, isErrorPage: boolean = false): ParsedTemplate {
  return parseBraces(text, isErrorPage ? (name, key) => (name === "error" ? errorVariable(key) : variableOf(name, key)) : variableOf);
}

/**
 * Parses a text with variables of any kind.
 * @param variableOf gives the variable of that name, with the part after the dot if there is one, or says what is wrong with it
 */
export function parseBraces<V extends object>(
  text: string,
  variableOf: (name: string, key: string | undefined) => V | string,
): { readonly template: readonly (string | V)[] } | { readonly problem: string } {
  const parts: (string | V)[] = [];
  let literal = "";
  let at = 0;
  let count = 0;
  for (const match of text.matchAll(BRACE)) {
    literal += text.slice(at, match.index);
    at = match.index + match[0].length;
    const [whole, name, key] = match;
    if (name === undefined) {
      literal += "{";
      continue;
    }
    const variable = variableOf(name, key);
    if (typeof variable === "string") return { problem: `${variable}; write {${whole} for a plain brace` };
    if (++count > VARIABLES_MAX) return { problem: `there are more than ${VARIABLES_MAX} variables` };
    if (literal !== "") parts.push(literal);
    literal = "";
    parts.push(variable);
  }
  literal += text.slice(at);
  if (literal !== "") parts.push(literal);
  return { template: parts };
}

function errorVariable(key: string | undefined): Variable | string {
  if (key !== undefined && Object.hasOwn(ERROR_VARIABLES, key)) return { name: "error", key };
  return `of error there are only ${Object.keys(ERROR_VARIABLES)
    .map((name) => `{error.${name}}`)
    .join(", ")}`;
}

/** The variable of that name; a text says what is wrong with it. */
export function variableOf(name: string, key: string | undefined): Variable | string {
  if (key === undefined && isPlain(name)) return { name, key: "" };
  if (key !== undefined && isKeyed(name)) {
    if (key === "") return `{${name}.} lacks a name after the dot`;
    if (!KEYS[name].test(key)) return `{${name}. ...} names nothing that a ${name} can be called`;
    return { name, key: name === "header" ? key.toLowerCase() : key };
  }
  if (isKeyed(name)) return `{${name}} lacks a name: {${name}.NAME}`;
  if (isPlain(name)) return `{${name}} has no parts`;
  return `${NO_VARIABLE} {${name}${key === undefined ? "" : ". ..."}}; known are ${KNOWN_VARIABLES.join(", ")}${meant(name, key)}`;
}

/** The beginning of a message about a name that is no variable's. */
export const NO_VARIABLE: string = "there is no variable";

/** The end of a message: which variable was probably meant. "": none is near. */
function meant(name: string, key: string | undefined): string {
  const elsewhere = key === undefined ? CALLED_ELSEWHERE[name] : CALLED_ELSEWHERE[`${name}.${key}`];
  if (elsewhere !== undefined) return `; did you mean {${elsewhere}}?`;
  const near = nearest(name, Object.keys(key === undefined ? VARIABLES : KEYED_VARIABLES));
  return near === null ? "" : `; did you mean {${near.word}${key === undefined ? "" : ".NAME"}}?`;
}

/** Names that other proxies have for a variable. */
const CALLED_ELSEWHERE: Readonly<Record<string, string>> = {
  remote: "client_ip",
  remote_addr: "client_ip",
  remote_host: "client_ip",
  request_uri: "uri",
  request_method: "method",
  args: "query",
  hostport: "host",
  http_host: "host",
  user_agent: "header.User-Agent",
  "http.request.host": "host",
  "http.request.hostport": "host",
  "http.request.method": "method",
  "http.request.scheme": "scheme",
  "http.request.uri": "uri",
  "http.request.uri.path": "path",
  "http.request.uri.query": "query",
  "http.request.remote.host": "client_ip",
};

/** The variables as messages list them. */
export const KNOWN_VARIABLES: readonly string[] = [
  ...Object.keys(VARIABLES),
  ...Object.keys(KEYED_VARIABLES).map((each) => `${each}.NAME`),
];

const KEYS: Readonly<Record<keyof typeof KEYED_VARIABLES, RegExp>> = {
  header: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
  cookie: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
  query: /^[!-~]+$/,
  match: /^[A-Za-z0-9_]+$/,
  env: /^[A-Za-z_][A-Za-z0-9_]*$/,
};

function isPlain(name: string): name is keyof typeof VARIABLES {
  return Object.hasOwn(VARIABLES, name);
}

function isKeyed(name: string): name is keyof typeof KEYED_VARIABLES {
  return Object.hasOwn(KEYED_VARIABLES, name);
}

/**
 * The text with the values of its variables.
 * @param escape applied to each value, not to the template's own text
 */
export function fillIn(template: Template, valueOf: (variable: Variable) => string, escape: (value: string) => string = asItIs): string {
  let text = "";
  for (const part of template) text += typeof part === "string" ? part : escape(valueOf(part));
  return text;
}

function asItIs(value: string): string {
  return value;
}

/** The text of a template without variables; null: it has some. */
export function constantOf(template: Template): string | null {
  if (template.length === 0) return "";
  const [only] = template;
  return template.length === 1 && typeof only === "string" ? only : null;
}
