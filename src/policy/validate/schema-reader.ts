/**
 * Brings the schemas of a document into one dialect, that of JSON Schema 2020-12: what OpenAPI 3.0 says otherwise (`nullable`, `exclusiveMinimum: true`)
 * is rewritten, what is no keyword of validation is left out, and what a reference leads to becomes a piece of its own.
 */
import { toRe2 } from "./pattern.ts";
import type { LinearRegex } from "./scalar-checks.ts";

/** A place in a document: its file, and the keys that lead there. */
export interface Place {
  readonly file: string;
  readonly keys: readonly string[];
}

export interface SchemaReaderPorts {
  /** The number of the piece that the reference leads to; null: it leads nowhere, which has been reported. */
  readonly refer: (reference: string, at: Place) => number | null;
  /** What the reference leads to, for a look at it; undefined: nothing. */
  readonly target: (reference: string, at: Place) => unknown;
  /** Reports what cannot be checked. */
  readonly unsupported: (at: Place, message: string) => void;
  readonly compileRegex: (re2: string) => LinearRegex;
  /** OpenAPI 3.0. */
  readonly isOld: boolean;
}

type Values = Record<string, unknown>;

const NUMBERS = ["multipleOf", "maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"] as const;
const COUNTS = ["maxLength", "minLength", "maxItems", "minItems", "maxContains", "minContains", "maxProperties", "minProperties"] as const;
const SCHEMAS = [
  "items",
  "contains",
  "additionalProperties",
  "propertyNames",
  "not",
  "if",
  "then",
  "else",
  "unevaluatedProperties",
  "unevaluatedItems",
] as const;
const LISTS = ["allOf", "anyOf", "oneOf", "prefixItems"] as const;
const MAPS = ["properties", "patternProperties", "dependentSchemas"] as const;
/** Keywords that change what others mean, and that nothing here follows. */
const STRANGE = ["$dynamicRef", "$recursiveRef", "additionalItems", "dependencies"] as const;
const TYPES: ReadonlySet<string> = new Set(["string", "number", "integer", "boolean", "array", "object", "null"]);
const LEVELS_MAX = 200;

export class SchemaReader {
  private readonly ports: SchemaReaderPorts;

  constructor(ports: SchemaReaderPorts) {
    this.ports = ports;
  }

  /** @returns a schema of the common dialect; true: every value meets it */
  read(schema: unknown, at: Place): unknown {
    if (typeof schema === "boolean") return schema;
    const given = valuesOf(schema);
    if (given === null) {
      this.ports.unsupported(at, "expected a schema");
      return true;
    }
    if (at.keys.length > LEVELS_MAX) {
      this.ports.unsupported(at, `it stands more than ${LEVELS_MAX} levels deep`);
      return true;
    }
    const made: Values = {};
    if (typeof given["$ref"] === "string") {
      const piece = this.ports.refer(given["$ref"], inside(at, "$ref"));
      if (piece !== null) made["$ref"] = piece;
      // In OpenAPI 3.0 whatever stands beside a reference is ignored.
      if (this.ports.isOld) return piece === null ? true : made;
    }
    for (const keyword of STRANGE) if (keyword in given) this.ports.unsupported(inside(at, keyword), `${keyword} is not checked`);
    this.types(given, made, at);
    this.scalars(given, made, at);
    this.applicators(given, made, at);
    this.required(given, made, at);
    return this.ports.isOld ? nullableOf(given, made) : made;
  }

  private types(given: Values, made: Values, at: Place): void {
    const { type } = given;
    if (type !== undefined) {
      const types: readonly unknown[] = Array.isArray(type) ? type : [type];
      if (types.every((each) => typeof each === "string" && TYPES.has(each))) made["type"] = type;
      else this.ports.unsupported(inside(at, "type"), "expected string, number, integer, boolean, array or object");
    }
    if (Array.isArray(given["enum"])) made["enum"] = given["enum"];
    else if ("enum" in given) this.ports.unsupported(inside(at, "enum"), "expected a list");
    if ("const" in given) made["const"] = given["const"];
  }

  private scalars(given: Values, made: Values, at: Place): void {
    for (const keyword of NUMBERS) this.number(keyword, given, made, at);
    for (const keyword of COUNTS) {
      const value = given[keyword];
      if (value === undefined) continue;
      if (typeof value === "number" && value >= 0) made[keyword] = value;
      else this.ports.unsupported(inside(at, keyword), "expected a number that is not negative");
    }
    if (given["uniqueItems"] === true) made["uniqueItems"] = true;
    if (typeof given["format"] === "string") made["format"] = given["format"];
    const { pattern } = given;
    if (pattern !== undefined && this.isPattern(pattern, inside(at, "pattern"))) made["pattern"] = pattern;
  }

  private number(keyword: (typeof NUMBERS)[number], given: Values, made: Values, at: Place): void {
    const value = given[keyword];
    if (value === undefined) return;
    if (typeof value === "number") {
      made[keyword] ??= value;
      return;
    }
    const bound = keyword === "exclusiveMinimum" ? "minimum" : keyword === "exclusiveMaximum" ? "maximum" : null;
    if (bound === null || typeof value !== "boolean" || !this.ports.isOld)
      return this.ports.unsupported(inside(at, keyword), "expected a number");
    if (!value || typeof given[bound] !== "number") return;
    made[keyword] = given[bound];
    delete made[bound];
  }

  private isPattern(pattern: unknown, at: Place): pattern is string {
    const problem = typeof pattern === "string" ? this.patternProblem(pattern) : "expected a regular expression";
    if (problem !== null) this.ports.unsupported(at, problem);
    return problem === null;
  }

  private patternProblem(pattern: string): string | null {
    const translated = toRe2(pattern);
    if ("problem" in translated) return `the pattern cannot be checked: ${translated.problem}`;
    try {
      this.ports.compileRegex(translated.re2);
      return null;
    } catch (error) {
      const why = error instanceof RangeError ? error.message : "the linear-time engine does not take it";
      return `the pattern cannot be checked: ${why}`;
    }
  }

  private applicators(given: Values, made: Values, at: Place): void {
    for (const keyword of SCHEMAS) {
      if (!(keyword in given)) continue;
      if (Array.isArray(given[keyword])) this.ports.unsupported(inside(at, keyword), "a list of schemas is `prefixItems`");
      else made[keyword] = this.read(given[keyword], inside(at, keyword));
    }
    for (const keyword of LISTS) {
      const list = given[keyword];
      if (list === undefined) continue;
      if (Array.isArray(list)) made[keyword] = list.map((each, index) => this.read(each, inside(at, keyword, String(index))));
      else this.ports.unsupported(inside(at, keyword), "expected a list of schemas");
    }
    for (const keyword of MAPS) {
      if (!(keyword in given)) continue;
      const map = valuesOf(given[keyword]);
      if (map === null) {
        this.ports.unsupported(inside(at, keyword), "expected a mapping of schemas");
        continue;
      }
      const read = Object.entries(map).flatMap(([name, each]): [string, unknown][] => {
        const where = inside(at, keyword, name);
        return keyword === "patternProperties" && !this.isPattern(name, where) ? [] : [[name, this.read(each, where)]];
      });
      made[keyword] = ownEntries(read);
    }
    const dependent = valuesOf(given["dependentRequired"]);
    if (dependent !== null) made["dependentRequired"] = ownEntries(Object.entries(dependent).filter(([, names]) => Array.isArray(names)));
  }

  /** What is `readOnly` need not be in requests, and what is `writeOnly` not in responses (OpenAPI 3.0 section 4.7.24.2). */
  private required(given: Values, made: Values, at: Place): void {
    const { required } = given;
    if (!Array.isArray(required)) {
      // Some documents have `required: true` at a property, as parameters have it.
      if (required !== undefined && typeof required !== "boolean")
        this.ports.unsupported(inside(at, "required"), "expected a list of names");
      return;
    }
    const names = required.filter((each) => typeof each === "string");
    if (names.length === 0) return;
    made["required"] = names;
    const properties = valuesOf(given["properties"]);
    if (properties === null) return;
    const without = (keyword: string): string[] =>
      names.filter((name) => !Object.hasOwn(properties, name) || !this.isMarked(properties[name], keyword, inside(at, "properties", name)));
    const [inRequest, inResponse] = [without("readOnly"), without("writeOnly")];
    if (inRequest.length < names.length) made["requiredInRequest"] = inRequest;
    if (inResponse.length < names.length) made["requiredInResponse"] = inResponse;
  }

  private isMarked(schema: unknown, keyword: string, at: Place): boolean {
    const values = valuesOf(schema);
    if (values === null) return false;
    if (values[keyword] === true) return true;
    const parts: readonly unknown[] = Array.isArray(values["allOf"]) && values["allOf"].length === 1 ? values["allOf"] : [];
    for (const each of [values, ...parts]) {
      const reference = valuesOf(each)?.["$ref"];
      if (typeof reference === "string" && valuesOf(this.ports.target(reference, at))?.[keyword] === true) return true;
    }
    return false;
  }
}

/** With `nullable: true` null is a value too, whatever stands beside it. */
function nullableOf(given: Values, made: Values): Values {
  if (given["nullable"] !== true) return made;
  const { type } = made;
  const isPlain = LISTS.every((keyword) => !(keyword in made)) && !("const" in made) && !("not" in made);
  if (!isPlain || typeof type !== "string") return { anyOf: [{ type: "null" }, made] };
  const values = made["enum"];
  return {
    ...made,
    type: [type, "null"],
    ...(Array.isArray(values) && !values.includes(null) ? { enum: [...(values as unknown[]), null] } : {}),
  };
}

/** Null: it is no mapping. */
export function valuesOf(value: unknown): Values | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Values) : null;
}

export function inside({ file, keys }: Place, ...more: readonly string[]): Place {
  return { file, keys: [...keys, ...more] };
}

/** An object whose names may be anything, `__proto__` too. */
export function ownEntries(entries: readonly (readonly [string, unknown])[]): Values {
  const made = Object.create(null) as Values;
  for (const [name, value] of entries) made[name] = value;
  return made;
}
