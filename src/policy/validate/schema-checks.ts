/**
 * Checks values by schemas: the vocabulary of JSON Schema 2020-12, into which the reader of descriptions has brought what OpenAPI 3.0 says
 * otherwise. Schemas are compiled to functions when they are first needed, each schema that is referred to by itself, so a description with ten
 * thousand schemas costs a thread only those that its requests use.
 *
 * Every look at a value counts its steps (run.ts). So no schema and no value takes more than time in proportion to the value's size, whatever the
 * schema says: not `uniqueItems`, not alternatives of schemas that refer to themselves, not a pattern.
 */
import { isJsonObject } from "../../base/json-text.ts";
import type { JsonObject } from "../../base/json-text.ts";
import { canonicalText } from "./canonical.ts";
import type { Run } from "./run.ts";
import { constCheck, costOf, linearRegex, numberCheck, stringCheck, typeCheck } from "./scalar-checks.ts";
import type { Check, CompileLinear, LinearRegex } from "./scalar-checks.ts";
import { countOf, listOf, mapOf, namesIn } from "./schema-values.ts";

export interface SchemaSource {
  /** The schema that `$ref: index` refers to. */
  readonly referred: (index: number) => unknown;
  readonly compileRegex: CompileLinear;
  /** Whose body or parameters are checked: a request need not have what is `readOnly`, a response not what is `writeOnly`. */
  readonly direction: "request" | "response";
}

export class SchemaChecks {
  private readonly source: SchemaSource;
  /** The compiled schemas that others refer to. */
  private readonly referred: Map<number, Check> = new Map();
  private readonly compiled: WeakMap<JsonObject, Check | null> = new WeakMap();
  /** Of schemas whose parts say which names they look at. */
  private readonly looks: WeakMap<JsonObject, NamesLookedAt> = new WeakMap();

  constructor(source: SchemaSource) {
    this.source = source;
  }

  /** The check of a schema; null: every value meets it. */
  compile(schema: unknown): Check | null {
    if (schema === false) return (_value, run) => run.fault("false");
    if (!isJsonObject(schema)) return null;
    const known = this.compiled.get(schema);
    if (known !== undefined) return known;
    const made = this.compiledAnew(schema);
    this.compiled.set(schema, made);
    return made;
  }

  private compiledAnew(schema: JsonObject): Check | null {
    const checks = this.checksOf(schema).filter((check) => check !== null);
    const [first, ...others] = checks;
    if (first === undefined) return null;
    if (others.length === 0) {
      return (value, run) => {
        run.spend(1);
        return first(value, run);
      };
    }
    return (value, run) => {
      run.spend(checks.length);
      let isRight = true;
      for (let index = 0; index < checks.length; index++) {
        if (checks[index]?.(value, run) === false) isRight = false;
        // Of a value of the wrong type nothing else is worth saying.
        if (!isRight && (run.endsAtFirst || index === 0)) return false;
      }
      return isRight;
    };
  }

  private checksOf(schema: JsonObject): (Check | null)[] {
    return [
      typeCheck(schema["type"]),
      this.referenceCheck(schema["$ref"]),
      constCheck(schema),
      stringCheck(schema, this.source.compileRegex),
      numberCheck(schema),
      this.objectCheck(schema),
      this.arrayCheck(schema),
      this.allOf(schema["allOf"]),
      this.anyOf(schema["anyOf"]),
      this.oneOf(schema["oneOf"]),
      this.notCheck(schema["not"]),
      this.conditional(schema),
      this.unevaluatedProperties(schema),
      this.unevaluatedItems(schema),
    ];
  }

  private referenceCheck(reference: unknown): Check | null {
    if (typeof reference !== "number") return null;
    return (value, run) => {
      run.enterReference();
      const isRight = this.checkReferred(reference)(value, run);
      run.leaveReference();
      return isRight;
    };
  }

  private checkReferred(index: number): Check {
    const known = this.referred.get(index);
    if (known !== undefined) return known;
    const made = this.compile(this.source.referred(index)) ?? anything;
    this.referred.set(index, made);
    return made;
  }

  private objectCheck(schema: JsonObject): Check | null {
    const properties = mapOf(schema["properties"], (each) => this.compile(each));
    const patterns = this.patternProperties(schema["patternProperties"]);
    const additional = schema["additionalProperties"];
    const isClosed = additional === false;
    const others = isClosed ? null : this.compile(additional);
    const names = this.compile(schema["propertyNames"]);
    const required = namesIn(schema[REQUIRED_IN[this.source.direction]] ?? schema["required"]);
    const [min, max] = [countOf(schema["minProperties"]), countOf(schema["maxProperties"])];
    const dependentRequired = [...mapOf(schema["dependentRequired"], namesIn)];
    const dependentSchemas = [...mapOf(schema["dependentSchemas"], (each) => this.compile(each))];
    const looksAtMembers = properties.size > 0 || patterns.length > 0 || isClosed || others !== null || names !== null;
    if (
      !looksAtMembers &&
      required.length === 0 &&
      min === null &&
      max === null &&
      dependentRequired.length === 0 &&
      dependentSchemas.length === 0
    )
      return null;

    const member = (name: string, value: unknown, run: Run): boolean => {
      const property = properties.get(name);
      let isKnown = property !== undefined;
      let isRight = true;
      run.enter(isKnown ? name : UNKNOWN_NAME);
      if (property !== undefined && property !== null) isRight = property(value, run);
      for (const { regex, check } of patterns) {
        run.spend(costOf(regex, name));
        if (!regex.holds(name)) continue;
        isKnown = true;
        if (check !== null && !check(value, run)) isRight = false;
      }
      if (!isKnown && others !== null && !others(value, run)) isRight = false;
      if (names !== null && !aside(names, name, run)) isRight = run.fault("propertyNames");
      run.leave();
      return !isKnown && isClosed ? run.fault("additionalProperties") : isRight;
    };

    return (value, run) => {
      if (!isJsonObject(value)) return true;
      let isRight = true;
      for (const name of required) {
        if (name in value) continue;
        isRight = false;
        if (run.quiet > 0) return false;
        run.enter(name);
        run.fault("required");
        run.leave();
      }
      const given = Object.keys(value);
      run.spend(given.length);
      if (min !== null && given.length < min) isRight = run.fault("minProperties");
      if (max !== null && given.length > max) isRight = run.fault("maxProperties");
      if (looksAtMembers) {
        for (const name of given) {
          if (!member(name, value[name], run)) isRight = false;
          if (!isRight && run.endsAtFirst) return false;
        }
      }
      for (const [name, wanted] of dependentRequired)
        if (name in value && wanted.some((each) => !(each in value))) isRight = run.fault("dependentRequired");
      for (const [name, check] of dependentSchemas) if (name in value && check !== null && !check(value, run)) isRight = false;
      return isRight;
    };
  }

  private patternProperties(patterns: unknown): { readonly regex: LinearRegex; readonly check: Check | null }[] {
    return [...mapOf(patterns, (each) => this.compile(each))].flatMap(([pattern, check]) => {
      const regex = linearRegex(pattern, this.source.compileRegex);
      return regex === null ? [] : [{ regex, check }];
    });
  }

  private arrayCheck(schema: JsonObject): Check | null {
    const prefix = listOf(schema["prefixItems"]).map((each) => this.compile(each));
    const isClosed = schema["items"] === false;
    const items = isClosed ? null : this.compile(schema["items"]);
    const contains = "contains" in schema ? (this.compile(schema["contains"]) ?? anything) : null;
    const [minContains, maxContains] = [countOf(schema["minContains"]) ?? 1, countOf(schema["maxContains"])];
    const [min, max] = [countOf(schema["minItems"]), countOf(schema["maxItems"])];
    const areUnique = schema["uniqueItems"] === true;
    const hasPrefix = prefix.some((each) => each !== null);
    if (!hasPrefix && !isClosed && items === null && contains === null && min === null && max === null && !areUnique) return null;

    return (value, run) => {
      if (!Array.isArray(value)) return true;
      const { length } = value;
      let isRight = true;
      if (min !== null && length < min) isRight = run.fault("minItems");
      // The elements of a list that is too long are not worth a look.
      if (max !== null && length > max) return run.fault("maxItems");
      if (isClosed && length > prefix.length) isRight = run.fault("items");
      run.spend(length);
      if (hasPrefix || items !== null) {
        for (let index = 0; index < length; index++) {
          const check = index < prefix.length ? prefix[index] : items;
          if (check === null || check === undefined) continue;
          run.enter(index);
          if (!check(value[index], run)) isRight = false;
          run.leave();
          if (!isRight && run.endsAtFirst) return false;
        }
      }
      if (contains !== null) {
        let found = 0;
        for (const each of value as readonly unknown[]) if (aside(contains, each, run)) found++;
        if (found < minContains) isRight = run.fault("contains");
        if (maxContains !== null && found > maxContains) isRight = run.fault("maxContains");
      }
      if (areUnique && new Set(value.map((each) => canonicalText(each, run))).size < length) isRight = run.fault("uniqueItems");
      return isRight;
    };
  }

  private allOf(schemas: unknown): Check | null {
    const checks = this.compileAll(schemas).filter((check) => check !== null);
    if (checks.length === 0) return null;
    return (value, run) => {
      let isRight = true;
      for (const check of checks) {
        if (!check(value, run)) isRight = false;
        if (!isRight && run.endsAtFirst) return false;
      }
      return isRight;
    };
  }

  private anyOf(schemas: unknown): Check | null {
    const checks = this.compileAll(schemas);
    if (checks.length === 0 || checks.includes(null)) return null;
    const [only] = checks;
    if (checks.length === 1 && only !== undefined) return only;
    return (value, run) => checks.some((check) => check !== null && aside(check, value, run)) || run.fault("anyOf");
  }

  private oneOf(schemas: unknown): Check | null {
    const checks = this.compileAll(schemas).map((check) => check ?? anything);
    if (checks.length === 0) return null;
    const [only] = checks;
    if (checks.length === 1 && only !== undefined) return only;
    return (value, run) => {
      let met = 0;
      for (const check of checks) {
        if (aside(check, value, run) && ++met > 1) break;
      }
      return met === 1 || run.fault("oneOf");
    };
  }

  private notCheck(schema: unknown): Check | null {
    if (schema === undefined) return null;
    const check = this.compile(schema) ?? anything;
    return (value, run) => !aside(check, value, run) || run.fault("not");
  }

  private conditional(schema: JsonObject): Check | null {
    if (!("if" in schema)) return null;
    const condition = this.compile(schema["if"]) ?? anything;
    const [then, otherwise] = [this.compile(schema["then"]), this.compile(schema["else"])];
    if (then === null && otherwise === null) return null;
    return (value, run) => {
      const check = aside(condition, value, run) ? then : otherwise;
      return check === null || check(value, run);
    };
  }

  private compileAll(schemas: unknown): (Check | null)[] {
    return listOf(schemas).map((each) => this.compile(each));
  }

  // ---- what no other part of a schema has looked at -----------------------------------------------------------------

  private unevaluatedProperties(schema: JsonObject): Check | null {
    if (!("unevaluatedProperties" in schema)) return null;
    const check = this.compile(schema["unevaluatedProperties"]);
    if (check === null) return null;
    return (value, run) => {
      if (!isJsonObject(value)) return true;
      const known = new Set<string>();
      this.noteProperties(schema, value, run, known, false);
      let isRight = true;
      for (const name of Object.keys(value)) {
        if (known.has(name) || aside(check, value[name], run)) continue;
        isRight = run.fault("unevaluatedProperties");
        if (run.endsAtFirst) break;
      }
      return isRight;
    };
  }

  /** Notes the names that a schema, and those that it consists of, look at. */
  private noteProperties(schema: unknown, value: JsonObject, run: Run, known: Set<string>, withOwn: boolean = true): void {
    if (!isJsonObject(schema)) return;
    const names = Object.keys(value);
    const looked = this.looks.get(schema) ?? {
      names: new Set(mapOf(schema["properties"], () => null).keys()),
      patterns: this.patternProperties(schema["patternProperties"]),
    };
    this.looks.set(schema, looked);
    run.spend(10 + 4 * names.length);
    const takesAll = "additionalProperties" in schema || (withOwn && "unevaluatedProperties" in schema);
    for (const name of names) if (takesAll || looked.names.has(name)) known.add(name);
    for (const { regex } of looked.patterns) {
      for (const name of names) {
        run.spend(costOf(regex, name));
        if (regex.holds(name)) known.add(name);
      }
    }
    for (const part of this.partsThatHold(schema, value, run)) this.noteProperties(part, value, run, known);
    for (const [name, part] of mapOf(schema["dependentSchemas"], (each) => each))
      if (name in value) this.noteProperties(part, value, run, known);
  }

  private unevaluatedItems(schema: JsonObject): Check | null {
    if (!("unevaluatedItems" in schema)) return null;
    const check = this.compile(schema["unevaluatedItems"]);
    if (check === null) return null;
    return (value, run) => {
      if (!Array.isArray(value)) return true;
      const known = new Set<number>();
      this.noteItems(schema, value, run, known, false);
      return value.every((each, index) => known.has(index) || aside(check, each, run)) || run.fault("unevaluatedItems");
    };
  }

  private noteItems(schema: unknown, value: readonly unknown[], run: Run, known: Set<number>, withOwn: boolean = true): void {
    if (!isJsonObject(schema)) return;
    run.spend(1 + value.length);
    const takesAll = "items" in schema || (withOwn && "unevaluatedItems" in schema);
    const upTo = takesAll ? value.length : listOf(schema["prefixItems"]).length;
    for (let index = 0; index < Math.min(upTo, value.length); index++) known.add(index);
    if ("contains" in schema) {
      const check = this.compile(schema["contains"]) ?? anything;
      for (const [index, each] of value.entries()) if (aside(check, each, run)) known.add(index);
    }
    for (const part of this.partsThatHold(schema, value, run)) this.noteItems(part, value, run, known);
  }

  /** The schemas that a schema applies to the value itself, as far as the value meets them. */
  private partsThatHold(schema: JsonObject, value: unknown, run: Run): unknown[] {
    const holds = (part: unknown): boolean => {
      const check = this.compile(part);
      return check === null || aside(check, value, run);
    };
    const reference = schema["$ref"];
    const parts = [...listOf(schema["allOf"]), ...listOf(schema["anyOf"]), ...listOf(schema["oneOf"])].filter(holds);
    if (typeof reference === "number") parts.push(this.source.referred(reference));
    if ("if" in schema) {
      const isMet = holds(schema["if"]);
      if (isMet) parts.push(schema["if"]);
      parts.push(schema[isMet ? "then" : "else"]);
    }
    return parts;
  }
}

interface NamesLookedAt {
  readonly names: ReadonlySet<string>;
  readonly patterns: readonly { readonly regex: LinearRegex }[];
}

/** The names that must be there, where not all of `required` must: the reader of descriptions writes them. */
const REQUIRED_IN = { request: "requiredInRequest", response: "requiredInResponse" } as const;
/** Stands for a name that the description does not have: names are the client's own text. */
const UNKNOWN_NAME = "*";

function anything(): boolean {
  return true;
}

/** Checks without noting what is wrong. */
function aside(check: Check, value: unknown, run: Run): boolean {
  run.quiet++;
  const isRight = check(value, run);
  run.quiet--;
  return isRight;
}
