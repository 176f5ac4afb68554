/** Makes values of the texts of parameters, by what their schemas say of types: a query has texts only. */
import { isJsonObject } from "../../base/json-text.ts";
import { Run } from "./run.ts";
import type { Check } from "./scalar-checks.ts";
import type { SchemaChecks } from "./schema-checks.ts";

/** What a schema says of its values, and what its own parts say: shapes of the parts are made when they are first asked for. */
export class Shape {
  /** Types that a value may have; null: any. */
  readonly types: ReadonlySet<string> | null;
  /** Null: every text is right. */
  readonly check: Check | null;
  /** The schemas by which a property, an element or any other property is checked. */
  private readonly named: ReadonlyMap<string, unknown>;
  private readonly itemSchema: unknown;
  private readonly otherSchema: unknown;
  private readonly made: Map<string, Shape> = new Map();
  private readonly of: SchemaLook;

  constructor(schema: unknown, of: SchemaLook) {
    const parts = partsOf(schema, of.referred);
    this.of = of;
    this.types = typesOf(parts);
    this.check = of.checks.compile(schema);
    this.itemSchema = parts.find(({ items }) => items !== undefined)?.["items"];
    this.otherSchema = parts.find(({ additionalProperties: others }) => isJsonObject(others))?.["additionalProperties"];
    const named = new Map<string, unknown>();
    for (const { properties } of parts)
      if (isJsonObject(properties)) for (const [name, each] of Object.entries(properties)) if (!named.has(name)) named.set(name, each);
    this.named = named;
  }

  /** Of the elements; null: they are texts. */
  get items(): Shape | null {
    return this.itemSchema === undefined ? null : this.shape("items", this.itemSchema);
  }

  has(name: string): boolean {
    return this.named.has(name);
  }

  get hasProperties(): boolean {
    return this.named.size > 0;
  }

  /** Of a property; null: it is a text. */
  property(name: string): Shape | null {
    if (this.named.has(name)) return this.shape(`property ${name}`, this.named.get(name));
    return this.otherSchema === undefined ? null : this.shape("others", this.otherSchema);
  }

  private shape(key: string, schema: unknown): Shape {
    const known = this.made.get(key) ?? new Shape(schema, this.of);
    this.made.set(key, known);
    return known;
  }
}

/** What looks into schemas stand on. */
export interface SchemaLook {
  readonly checks: SchemaChecks;
  /** The schema that `$ref: index` refers to. */
  readonly referred: (index: number) => unknown;
}

const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?$/;
/** Steps for one text: it is a part of the head, whose size is bounded. */
const TEXT_STEPS = 100_000;

/** A schema and those that it refers to or consists of, each once. */
function partsOf(schema: unknown, referred: SchemaLook["referred"]): readonly Readonly<Record<string, unknown>>[] {
  const found = new Set<Readonly<Record<string, unknown>>>();
  const look = (each: unknown): void => {
    if (!isJsonObject(each) || found.has(each)) return;
    found.add(each);
    const { $ref: reference } = each;
    for (const keyword of ["allOf", "anyOf", "oneOf"]) {
      const list = each[keyword];
      if (Array.isArray(list)) for (const part of list as readonly unknown[]) look(part);
    }
    if (typeof reference === "number") look(referred(reference));
  };
  look(schema);
  return [...found];
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

export function isMapping({ types, hasProperties }: Shape): boolean {
  return types === null ? hasProperties : types.has("object") && !types.has("array");
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
    made[name] = valueOf(text, shape.property(name));
  }
  return made;
}
