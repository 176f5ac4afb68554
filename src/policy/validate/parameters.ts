/** Reads the parameters of a request as an operation describes them (OpenAPI 3.1 section 4.8.12) and checks them. */
import { parseJson } from "../../base/json-text.ts";
import { Shape, isList, isMapping, listOfTexts, objectOfPairs, valueOf } from "./coerce.ts";
import type { SchemaLook } from "./coerce.ts";
import type { DescribedParameter, ParameterPlace } from "./description.ts";
import { Run, TooCostly, stepsFor } from "./run.ts";

/** What is wrong with a request or a response. Every text of it is the description's. */
export interface Fault {
  /** `status`: the status of a response. */
  readonly in: ParameterPlace | "body" | "status";
  /** Of the parameter. Absent: it is about no certain one. */
  readonly name?: string;
  /** A JSON Pointer into the body or the parameter's value; absent: the whole. */
  readonly pointer?: string;
  readonly keyword: string;
}

/** The parameters of a request, as texts. */
export interface GivenParameters {
  /** By name, decoded; null: the path has a part that is no UTF-8. */
  readonly path: ReadonlyMap<string, string> | null;
  /** Pairs of names and values, decoded; null: the query is no UTF-8 in percent-encoding. */
  readonly query: readonly (readonly [name: string, value: string])[] | null;
  /** The values of the lines of a field. */
  readonly header: (name: string) => readonly string[];
  readonly cookies: readonly (readonly [name: string, value: string])[];
}

/** A parameter's value, or what is wrong with its texts. Undefined: it is not there. */
type Reading = { readonly value: unknown } | { readonly keyword: string } | undefined;

const JSON_LIMITS = { depth: 32, members: 1000 };
/** Names in brackets within each other, as in `filter[a][b]`. */
const BRACKETS_MAX = 8;
/** Said of a parameter that is given several times though it is no list. */
const REPEATED = "repeated";

interface Compiled {
  readonly parameter: DescribedParameter;
  readonly shape: Shape;
}

export class ParameterChecks {
  private readonly compiled: readonly Compiled[];
  private readonly refusesUndeclared: boolean;

  /** @param refusesUndeclared whether a query may have nothing but what is described */
  constructor(parameters: readonly DescribedParameter[], look: SchemaLook, refusesUndeclared: boolean) {
    this.compiled = parameters.map((parameter) => ({ parameter, shape: new Shape(parameter.schema, look) }));
    this.refusesUndeclared = refusesUndeclared;
  }

  check(given: GivenParameters): Fault[] {
    if (given.path === null) return [{ in: "path", keyword: "encoding" }];
    if (given.query === null) return [{ in: "query", keyword: "encoding" }];
    const used = new Set<string>();
    const faults = this.compiled.flatMap(({ parameter, shape }) => faultsOf(parameter, shape, readingOf(parameter, shape, given, used)));
    if (this.refusesUndeclared && given.query.some(([name]) => !used.has(name))) faults.push({ in: "query", keyword: "undeclared" });
    return faults;
  }
}

function faultsOf(parameter: DescribedParameter, { check }: Shape, reading: Reading): Fault[] {
  const at = { in: parameter.in, name: parameter.name } as const;
  if (reading === undefined) return parameter.required ? [{ ...at, keyword: "required" }] : [];
  if ("keyword" in reading) return [{ ...at, keyword: reading.keyword }];
  const { value } = reading;
  if (check === null || (value === "" && parameter.allowsEmpty)) return [];
  const run = new Run(stepsFor(0));
  try {
    check(value, run);
  } catch (error) {
    if (error instanceof TooCostly) return [{ ...at, keyword: "cost" }];
    throw error;
  }
  return run.faults.map(({ pointer, keyword }) => (pointer === "" ? { ...at, keyword } : { ...at, pointer, keyword }));
}

/** @param used gets the names of the query that belong to the parameter */
function readingOf(parameter: DescribedParameter, shape: Shape, given: GivenParameters, used: Set<string>): Reading {
  const { name } = parameter;
  switch (parameter.in) {
    case "path": {
      const text = given.path?.get(name);
      return text === undefined ? undefined : readSimple(parameter, shape, text);
    }
    case "header": {
      const lines = given.header(name);
      if (lines.length === 0) return undefined;
      if (lines.length > 1 && !isList(shape)) return { keyword: REPEATED };
      return readSimple(parameter, shape, lines.join(","));
    }
    case "cookie":
      return readForm(parameter, shape, given.cookies, new Set());
    case "query":
      return parameter.style === "deepObject"
        ? readDeep(name, shape, given.query ?? [], used)
        : readForm(parameter, shape, given.query ?? [], used);
  }
}

/** The style `simple`: `1,2,3`, `a,1,b,2` or, exploded, `a=1,b=2`. */
function readSimple({ isJson, explode }: DescribedParameter, shape: Shape, text: string): Reading {
  if (isJson) return readJson(text);
  const parts = (): string[] => (text === "" ? [] : text.split(",").map((part) => part.trim()));
  if (isList(shape)) return { value: listOfTexts(parts(), shape) };
  if (!isMapping(shape)) return { value: valueOf(text, shape) };
  return objectReading(explode ? parts().map(pairOf) : pairsOf(parts()), shape);
}

function readForm(parameter: DescribedParameter, shape: Shape, pairs: GivenParameters["cookies"], used: Set<string>): Reading {
  const { name, explode, style, isJson } = parameter;
  if (isMapping(shape) && explode && !isJson) {
    const own = pairs.filter(([each]) => shape.has(each));
    for (const [each] of own) used.add(each);
    return own.length === 0 ? undefined : objectReading(own, shape);
  }
  const texts = pairs.flatMap(([each, value]) => (each === name ? [value] : []));
  const [text] = texts;
  if (text === undefined) return undefined;
  used.add(name);
  const takesList = isList(shape);
  const isOfSeveral = takesList && explode && (texts.length > 1 || !mayBeText(shape));
  if (isOfSeveral && !isJson) return { value: listOfTexts(texts, shape) };
  if (texts.length > 1) return { keyword: REPEATED };
  if (isJson) return readJson(text);
  if (!takesList && !isMapping(shape)) return { value: valueOf(text, shape) };
  if (takesList && mayBeText(shape) && explode) return { value: valueOf(text, shape) };
  const parts = text === "" ? [] : text.split(SEPARATORS[style] ?? ",");
  return takesList ? { value: listOfTexts(parts, shape) } : objectReading(pairsOf(parts), shape);
}

const SEPARATORS: Readonly<Record<string, string>> = { spaceDelimited: " ", pipeDelimited: "|" };

/** The style `deepObject`: `name[a]=1&name[b]=2`; beyond the standard also names within each other, and lists as `name[]=1` or `name[0]=1`. */
function readDeep(name: string, shape: Shape, pairs: readonly (readonly [string, string])[], used: Set<string>): Reading {
  const root = new Map<string, unknown>();
  let isThere = false;
  for (const [each, text] of pairs) {
    if (!each.startsWith(`${name}[`)) continue;
    const keys = bracketed(each.slice(name.length));
    used.add(each);
    if (keys === null) return { keyword: "style" };
    isThere = true;
    if (!place(root, keys, text)) return { keyword: REPEATED };
  }
  return isThere ? { value: builtOf(root, shape) } : undefined;
}

/** The value of names in brackets, as in the style `deepObject`. Undefined: there is none; null: a name comes twice, or is none. */
export function deepValue(name: string, shape: Shape, pairs: readonly (readonly [string, string])[]): unknown {
  const reading = readDeep(name, shape, pairs, new Set());
  if (reading === undefined) return undefined;
  return "keyword" in reading ? null : reading.value;
}

function bracketed(text: string): string[] | null {
  const keys = text.slice(1, -1).split("][");
  const isWhole = text.startsWith("[") && text.endsWith("]") && keys.every((key) => !/[[\]]/.test(key));
  return isWhole && keys.length <= BRACKETS_MAX ? keys : null;
}

/** Puts a text at its place. Returns false if something is there. */
function place(root: Map<string, unknown>, keys: readonly string[], text: string): boolean {
  let at = root;
  for (const [index, given] of keys.entries()) {
    const key = given === "" ? String(at.size) : given;
    if (index === keys.length - 1) {
      if (at.has(key)) return false;
      at.set(key, text);
      return true;
    }
    const next = at.get(key) ?? new Map<string, unknown>();
    if (!(next instanceof Map)) return false;
    at.set(key, next);
    at = next as Map<string, unknown>;
  }
  return false;
}

function builtOf(tree: unknown, shape: Shape | null): unknown {
  if (typeof tree === "string") return valueOf(tree, shape);
  const entries = [...(tree as Map<string, unknown>)];
  if (shape !== null && isList(shape)) return entries.map(([, each]) => builtOf(each, shape.items));
  const made = Object.create(null) as Record<string, unknown>;
  for (const [key, each] of entries) made[key] = builtOf(each, shape?.property(key) ?? null);
  return made;
}

function readJson(text: string): Reading {
  const parsed = parseJson(text, JSON_LIMITS);
  return parsed.fault === null ? { value: parsed.value } : { keyword: "json" };
}

function mayBeText({ types }: Shape): boolean {
  return types !== null && ["string", "number", "integer", "boolean"].some((type) => types.has(type));
}

function objectReading(pairs: readonly (readonly [string, string])[], shape: Shape): Reading {
  const value = objectOfPairs(pairs, shape);
  return value === null ? { keyword: REPEATED } : { value };
}

function pairOf(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** `a,1,b,2` as pairs. */
function pairsOf(parts: readonly string[]): (readonly [string, string])[] {
  return parts.flatMap((part, index) => (index % 2 === 0 ? [[part, parts[index + 1] ?? ""] as const] : []));
}

// ---- texts of a request -----------------------------------------------------------------------------------------------

/** A text in percent-encoding and latin1 as UTF-8; null: it is none. */
export function decodedText(text: string): string | null {
  const encoded = text.replace(/[\x80-\xff]/g, (octet) => `%${octet.charCodeAt(0).toString(16)}`);
  try {
    return encoded.includes("%") ? decodeURIComponent(encoded) : encoded;
  } catch {
    return null;
  }
}

/** The pairs of a query or a form (application/x-www-form-urlencoded); null: it is no UTF-8 in percent-encoding. */
export function formPairs(text: string): (readonly [string, string])[] | null {
  const pairs: (readonly [string, string])[] = [];
  for (const part of text.split("&")) {
    if (part === "") continue;
    const [rawName, rawValue] = pairOf(part.replaceAll("+", " "));
    const [name, value] = [decodedText(rawName), decodedText(rawValue)];
    if (name === null || value === null) return null;
    pairs.push([name, value]);
  }
  return pairs;
}

/** The pairs of the lines of Cookie (RFC 6265 section 4.2.1). */
export function cookiePairs(lines: readonly string[]): (readonly [string, string])[] {
  return lines
    .flatMap((line) => line.split(";"))
    .map((part) => pairOf(part.trim()))
    .map(([name, value]) => [name, decodedText(value.replace(/^"(.*)"$/, "$1")) ?? value]);
}
