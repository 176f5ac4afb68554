/**
 * What lines of the access log hold, worked out from the settings: plain data, from which a thread knows what to read of an exchange
 * (proxy/access-log.ts) and the writers of lines what to write (observe/).
 */
import { KNOWN_VARIABLES, NO_VARIABLE, parseBraces, variableOf } from "../../policy/template/template.ts";
import type { Variable } from "../../policy/template/template.ts";
import { FURTHER_FIELDS, LINE_VARIABLES, NAMED_TEMPLATES, STANDARD_FIELDS, isFurtherField, isStandardField } from "./access-fields.ts";
import type { AccessField, FurtherField, StandardField } from "./access-fields.ts";
import type { AccessLogConfig, AccessSettings } from "./access-log-schema.ts";
import { whyNotLogged } from "./logged-names.ts";

/** What a line holds. */
export interface AccessShape {
  /** The standard fields in it. */
  readonly fields: ReadonlySet<StandardField>;
  /** What else is read of each exchange, in the order in which a line has it. */
  readonly inputs: readonly AccessInput[];
  /** The line as a text with values; null: a line of fields. */
  readonly template: readonly TemplatePart[] | null;
}

/** Something to read of an exchange. */
export type AccessInput =
  | { readonly kind: "field"; readonly name: FurtherField }
  /** All lines of that name (lower case) of the request, or of the response. */
  | { readonly kind: "request_headers" | "response_headers"; readonly name: string }
  | { readonly kind: "variable"; readonly variable: Variable };

/** A text, or a value. */
export type TemplatePart =
  | string
  | {
      /** What the value is; a number is the position of an input. */
      readonly value: StandardField | LineVariable | number;
      /** Whether it stands between quotes, where it may hold spaces. */
      readonly isQuoted: boolean;
    };

type LineVariable = keyof typeof LINE_VARIABLES;

const ALL_FIELDS: ReadonlySet<StandardField> = new Set(Object.keys(STANDARD_FIELDS).filter(isStandardField));

/** The shape of lines for which the configuration says nothing. */
export const STANDARD_SHAPE: AccessShape = { fields: ALL_FIELDS, inputs: [], template: null };

/** The settings for routes that have more to say than others: lines show it, unless the configuration chooses. */
export function withFurther(config: AccessLogConfig, further: readonly FurtherField[]): AccessLogConfig {
  if (further.length === 0) return config;
  const settings = typeof config === "boolean" ? {} : config;
  if (config === false || settings.fields !== undefined || settings.template !== undefined) return config;
  return { ...settings, fields: ["standard", ...further] };
}

export function accessShape(settings: AccessSettings): AccessShape {
  const { fields = ["standard"], omit = [], request_headers = [], response_headers = [], template } = settings;
  if (template !== undefined) return templateShape(template);
  const chosen = new Set<AccessField>(fields.flatMap((name) => (name === "standard" ? [...ALL_FIELDS] : [name])));
  for (const name of omit) chosen.delete(name);
  return {
    fields: new Set([...ALL_FIELDS].filter((name) => chosen.has(name))),
    inputs: [
      ...Object.keys(FURTHER_FIELDS)
        .filter(isFurtherField)
        .filter((name) => chosen.has(name))
        .map((name) => ({ kind: "field", name }) as const),
      ...headers("request_headers", request_headers),
      ...headers("response_headers", response_headers),
    ],
    template: null,
  };
}

/** What is wrong with a template of lines; null: nothing. */
export function templateProblem(text: string): string | null {
  const parsed = parseBraces(textOf(text), logVariable);
  if ("problem" in parsed) return parsed.problem;
  return parsed.template.every((part) => typeof part === "string")
    ? "it names nothing of the exchange, so all lines would be the same"
    : null;
}

function headers(kind: "request_headers" | "response_headers", names: readonly string[]): AccessInput[] {
  return [...new Set(names.map((name) => name.toLowerCase()))].map((name) => ({ kind, name }));
}

type LogVariable = { readonly value: StandardField | LineVariable } | { readonly input: AccessInput };

function templateShape(text: string): AccessShape {
  const parsed = parseBraces(textOf(text), logVariable);
  if ("problem" in parsed) throw new Error(parsed.problem);
  const inputs: AccessInput[] = [];
  const fields = new Set<StandardField>();
  let quotes = 0;
  const template = parsed.template.map((part): TemplatePart => {
    if (typeof part === "string") {
      quotes += part.split('"').length - 1;
      return part;
    }
    const isQuoted = quotes % 2 === 1;
    if ("input" in part) return { value: inputs.push(part.input) - 1, isQuoted };
    if (part.value !== "time" && part.value !== "clf_time") fields.add(part.value);
    return { value: part.value, isQuoted };
  });
  return { fields, inputs, template };
}

function textOf(template: string): string {
  return Object.hasOwn(NAMED_TEMPLATES, template) ? NAMED_TEMPLATES[template === "common" ? "common" : "combined"] : template;
}

/** Names of a template's own besides the fields. The rest are variables of requests. */
function logVariable(name: string, key: string | undefined): LogVariable | string {
  if (key === undefined) {
    if (isStandardField(name)) return { value: name };
    if (isFurtherField(name)) return { input: { kind: "field", name } };
    if (name === "time" || name === "clf_time") return { value: name };
    if (name === "client_ip") return { value: "client" };
  }
  if (name === "response_header" && key !== undefined) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(key)) return "{response_header. ...} names nothing that a field can be called";
    return loggedHeader("response_headers", key);
  }
  const variable = variableOf(name, key);
  if (typeof variable === "string") {
    if (!variable.startsWith(NO_VARIABLE)) return variable;
    const own = [...Object.keys(STANDARD_FIELDS), ...Object.keys(FURTHER_FIELDS), ...Object.keys(LINE_VARIABLES), "response_header.NAME"];
    return `${variable}; in lines of the log also ${own.filter((each) => !KNOWN_VARIABLES.includes(each)).join(", ")}`;
  }
  if (variable.name === "header") return loggedHeader("request_headers", variable.key);
  if (variable.name === "cookie") return "{cookie. ...}: cookies carry credentials, which must not get into a log";
  const why = variable.name === "query" && variable.key !== "" ? whyNotLogged(variable.key) : null;
  return why === null ? { input: { kind: "variable", variable } } : `{query. ...}: ${why}`;
}

function loggedHeader(kind: "request_headers" | "response_headers", name: string): LogVariable | string {
  const why = whyNotLogged(name);
  return why === null
    ? { input: { kind, name: name.toLowerCase() } }
    : `{${kind === "request_headers" ? "header" : "response_header"}. ...}: ${why}`;
}
