/** The keywords of schemas that need no look at other schemas: types, values, and the bounds of texts and numbers. */
import { isJsonObject } from "../../base/json-text.ts";
import type { JsonObject } from "../../base/json-text.ts";
import { canonicalText, isMultiple } from "./canonical.ts";
import { numberFormat, stringFormat } from "./formats.ts";
import { toRe2 } from "./pattern.ts";
import type { Run } from "./run.ts";
import { countOf, listOf, namesIn, numberOf } from "./schema-values.ts";

/** Checks one value; notes what is wrong in `run`. */
export type Check = (value: unknown, run: Run) => boolean;

/** A regular expression in linear time. */
export interface LinearRegex {
  holds(text: string): boolean;
  /** What a match may cost for each character, in the engine's own steps. */
  readonly steps: number;
}

/** Compiles an expression in the syntax of RE2. Throws for one that cannot be compiled. */
export type CompileLinear = (re2: string) => LinearRegex;

/** Steps of the engine for expressions that count as one step of a look: it seldom takes all that it may. */
const ENGINE_STEPS = 4;

export function typeCheck(type: unknown): Check | null {
  const types = typeof type === "string" ? [type] : namesIn(type);
  if (types.length === 0) return null;
  return (value, run) => types.some((each) => isOfType(value, each)) || run.fault("type");
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isJsonObject(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

export function constCheck(schema: JsonObject): Check | null {
  const checks: Check[] = [];
  for (const keyword of ["enum", "const"]) {
    if (!(keyword in schema)) continue;
    const texts = new Set((keyword === "enum" ? listOf(schema[keyword]) : [schema[keyword]]).map((each) => canonicalText(each, null)));
    checks.push((value, run) => texts.has(canonicalText(value, run)) || run.fault(keyword));
  }
  const [first, second] = checks;
  if (first === undefined) return null;
  return second === undefined ? first : (value, run) => first(value, run) && second(value, run);
}

export function stringCheck(schema: JsonObject, compileRegex: CompileLinear): Check | null {
  const [min, max] = [countOf(schema["minLength"]), countOf(schema["maxLength"])];
  const { pattern, format } = schema;
  const regex = typeof pattern === "string" ? linearRegex(pattern, compileRegex) : null;
  const isInFormat = typeof format === "string" ? stringFormat(format) : null;
  if (min === null && max === null && regex === null && isInFormat === null) return null;
  return (value, run) => {
    if (typeof value !== "string") return true;
    run.spend(value.length / 64);
    // A character may be two units, so the length in units decides most cases.
    if (max !== null && value.length > max && (value.length > 2 * max || lengthOf(value) > max)) return run.fault("maxLength");
    let isRight = true;
    if (min !== null && (value.length < min || (value.length < 2 * min && lengthOf(value) < min))) isRight = run.fault("minLength");
    if (isInFormat !== null && !isInFormat(value)) isRight = run.fault("format");
    if (regex === null) return isRight;
    run.spend(costOf(regex, value));
    return regex.holds(value) ? isRight : run.fault("pattern");
  };
}

export function numberCheck(schema: JsonObject): Check | null {
  const [min, max] = [numberOf(schema["minimum"]), numberOf(schema["maximum"])];
  const [above, below] = [numberOf(schema["exclusiveMinimum"]), numberOf(schema["exclusiveMaximum"])];
  const step = numberOf(schema["multipleOf"]);
  const { format } = schema;
  const isInFormat = typeof format === "string" ? numberFormat(format) : null;
  if (min === null && max === null && above === null && below === null && step === null && isInFormat === null) return null;
  return (value, run) => {
    if (typeof value !== "number") return true;
    let isRight = true;
    if (min !== null && value < min) isRight = run.fault("minimum");
    if (max !== null && value > max) isRight = run.fault("maximum");
    if (above !== null && value <= above) isRight = run.fault("exclusiveMinimum");
    if (below !== null && value >= below) isRight = run.fault("exclusiveMaximum");
    if (step !== null && step > 0 && !isMultiple(value, step, run)) isRight = run.fault("multipleOf");
    if (isInFormat !== null && !isInFormat(value)) isRight = run.fault("format");
    return isRight;
  };
}

/** An expression as JSON Schema has it; null: the engine cannot do it, and the check of the configuration has said so. */
export function linearRegex(pattern: string, compileRegex: CompileLinear): LinearRegex | null {
  const translated = toRe2(pattern);
  if ("problem" in translated) return null;
  try {
    const regex = compileRegex(translated.re2);
    const { length } = translated;
    if (length === null) return regex;
    const fits = (text: string): boolean => {
      const count = lengthOf(text);
      return count >= length.min && count <= length.max;
    };
    return { steps: regex.steps, holds: (text) => fits(text) && regex.holds(text) };
  } catch {
    return null;
  }
}

export function costOf(regex: LinearRegex, text: string): number {
  return text.length * (4 + regex.steps / ENGINE_STEPS);
}

/** The length in characters. */
function lengthOf(text: string): number {
  let length = text.length;
  for (let at = 0; at + 1 < text.length; at++) {
    if ((text.charCodeAt(at) & 0xfc00) !== 0xd800 || (text.charCodeAt(at + 1) & 0xfc00) !== 0xdc00) continue;
    length--;
    at++;
  }
  return length;
}
