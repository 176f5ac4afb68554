/** Makes values of the texts of parameters, by what their schemas say of types: a query has texts only. */
import { isJsonObject } from "../../base/json-text.ts";
import { Run } from "./run.ts";
import type { Check } from "./scalar-checks.ts";
import type { SchemaChecks } from "./schema-checks.ts";

/** What a schema says of its values, and what its own parts say. */
export interface Shape {
  /** Types that a value may have; null: any. */
  readonly types: ReadonlySet<string> | null;
  /** Null: every text is right. */
  readonly check: Check | null;
  readonly items: Shape | null;
  readonly properties: ReadonlyMap<string, Shape>;
  /** Of further properties; null: they are texts. */
  readonly others: Shape | null;
}

/** Schemas within each other that are looked at for types. */
const LEVELS_MAX = 8;
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?$/;
/** Steps for one text: it is a part of the head, whose size is bounded. */
const TEXT_STEPS = 100_000;

export function shapeOf(schema: unknown, checks: SchemaChecks, referred: (index: number) => unknown, level: number = 0): Shape {
  const parts = partsOf(schema, referred, level);
  const shapes = <T>(found: (part: Readonly<Record<string, unknown>>) => T | undefined): T | undefined => {
    for (const part of parts) {
      const one = found(part);
      if (one !== undefined) return one;
    }
    return undefined;
  };
  const inner = (each: unknown): Shape => shapeOf(each, checks, referred, level + 1);
  const isDeep = level >= LEVELS_MAX;
  const items = isDeep ? undefined : shapes(({ items: each }) => (each === undefined ? undefined : inner(each)));
  const others = isDeep ? undefined : shapes(({ additionalProperties: each }) => (isJsonObject(each) ? inner(each) : undefined));
  const properties = new Map<string, Shape>();
  if (!isDeep) {
    for (const { properties: named } of parts)
      if (isJsonObject(named))
        for (const [name, each] of Object.entries(named)) if (!properties.has(name)) properties.set(name, inner(each));
  }
  return { types: typesOf(parts), check: checks.compile(schema), items: items ?? null, properties, others: others ?? null };
}

/** A schema and those that it refers to or consists of. */
function partsOf(schema: unknown, referred: (index: number) => unknown, level: number): Readonly<Record<string, unknown>>[] {
  if (!isJsonObject(schema) || level > LEVELS_MAX) return [];
  const { $ref: reference, allOf, anyOf, oneOf } = schema;
  const further = [allOf, anyOf, oneOf].flatMap((each) => (Array.isArray(each) ? (each as readonly unknown[]) : []));
  if (typeof reference === "number") further.push(referred(reference));
  return [schema, ...further.flatMap((each) => partsOf(each, referred, level + 1))];
}

function typesOf(parts: readonly Readonly<Record<string, unknown>>[]): ReadonlySet<string> | null {
  const types = new Set<string>();
  for (const { type, enum: values } of parts) {
    for (const each of Array.isArray(type) ? (type as readonly unknown[]) : [type]) if (typeof each === "string") types.add(each);
    if (type === undefined && Array.isArray(values)) for (const each of values) types.add(each === null ? "null" : typeof each);
  }
  return types.size === 0 ? null : types;
}

/** Whether a parameter of that shape is a list. */
export function isList({ types, items }: Shape): boolean {
  return types === null ? items !== null : types.has("array");
}

export function isMapping({ types, properties }: Shape): boolean {
  return types === null ? properties.size > 0 : types.has("object") && !types.has("array");
}

/** The value of a text. Where it may be several, the first one that the schema takes. */
export function valueOf(text: string, shape: Shape | null): unknown {
  if (shape === null) return text;
  const candidates = candidatesOf(text, shape.types);
  const [first] = candidates;
  if (candidates.length === 1 || shape.check === null) return first;
  const { check } = shape;
  for (const candidate of candidates) {
    const run = new Run(TEXT_STEPS);
    run.quiet = 1;
    try {
      if (check(candidate, run)) return candidate;
    } catch {
      return first;
    }
  }
  return first;
}

function candidatesOf(text: string, types: ReadonlySet<string> | null): unknown[] {
  const may = (type: string): boolean => types === null || types.has(type);
  const candidates: unknown[] = [];
  if (types === null) candidates.push(text);
  if ((may("number") || may("integer")) && NUMBER.test(text)) {
    const number = Number(text);
    if (Number.isFinite(number)) candidates.push(number);
  }
  if (may("boolean") && (text === "true" || text === "false")) candidates.push(text === "true");
  if (may("null") && (text === "null" || (text === "" && types !== null))) candidates.push(null);
  if (types?.has("string") === true || candidates.length === 0) candidates.push(text);
  return candidates;
}

/** A list of texts as a list of values. */
export function listOfTexts(texts: readonly string[], shape: Shape): unknown[] {
  return texts.map((text) => valueOf(text, shape.items));
}

/** Pairs of names and texts as an object; null: a name comes twice. */
export function objectOfPairs(pairs: readonly (readonly [string, string])[], shape: Shape): Record<string, unknown> | null {
  const made = Object.create(null) as Record<string, unknown>;
  for (const [name, text] of pairs) {
    if (name in made) return null;
    made[name] = valueOf(text, shape.properties.get(name) ?? shape.others);
  }
  return made;
}
