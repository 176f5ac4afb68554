/** What is checked of the requests and responses of one operation, compiled when its first request comes. */
import { parseJson } from "../../base/json-text.ts";
import type { JsonLimits } from "../../base/json-text.ts";
import { latin1 } from "../../base/latin1.ts";
import { Shape, isList, isMapping, objectOfPairs, valueOf } from "./coerce.ts";
import type { DescribedContent, DescribedOperation, Pieces } from "./description.ts";
import { isJson, parseMediaType, rangeFor } from "./media-type.ts";
import { ParameterChecks, deepValue, formPairs } from "./parameters.ts";
import type { Fault, GivenParameters } from "./parameters.ts";
import { Run, TooCostly, stepsFor } from "./run.ts";
import { SchemaChecks } from "./schema-checks.ts";
import type { Check } from "./scalar-checks.ts";
import type { SchemaSource } from "./schema-checks.ts";

/** Within each other, and members of all objects together: what bodies need that people write, and a thread reads in no time. */
export const BODY_LIMITS: JsonLimits = { depth: 100, members: 250_000 };

/** How a body of some media type is checked. */
export interface BodyCheck {
  /** Faults of a whole body. */
  readonly check: (body: Uint8Array) => Fault[];
}

/** - `any`: nothing of a body of this type is looked at @see {@link BodyPlan} */
export type BodyVerdict = BodyCheck | "any" | "unsupported";

export interface OperationOptions {
  readonly compileRegex: SchemaSource["compileRegex"];
  readonly refusesUndeclared: boolean;
  /** Decodes UTF-8; null: it is none. */
  readonly decode: (bytes: Uint8Array) => string | null;
}

export class Operation {
  private readonly described: DescribedOperation;
  private readonly options: OperationOptions;
  private readonly referred: (index: number) => unknown;
  private readonly requests: SchemaChecks;
  private readonly responses: SchemaChecks;
  private readonly parameters: ParameterChecks;
  private readonly bodies: Map<string, BodyVerdict> = new Map();

  constructor(described: DescribedOperation, pieces: Pieces, checks: SharedChecks, options: OperationOptions) {
    this.described = described;
    this.options = options;
    this.referred = (index) => pieces.piece(index);
    this.requests = checks.request;
    this.responses = checks.response;
    this.parameters = new ParameterChecks(
      described.parameters,
      { checks: this.requests, referred: this.referred },
      options.refusesUndeclared,
    );
  }

  checkParameters(given: GivenParameters): Fault[] {
    return this.parameters.check(given);
  }

  /** Whether a request may, or must, have a body. */
  get body(): "none" | "optional" | "required" {
    const { body } = this.described;
    if (body === null) return "none";
    return body.required ? "required" : "optional";
  }

  /** The media types of request bodies, for the field Accept of a 415. */
  get accepted(): string {
    // What is no media type would be no value of a field either.
    return Object.keys(this.described.body?.content ?? {})
      .filter((type) => parseMediaType(type) !== null)
      .join(", ");
  }

  /**
   * How a request's body is checked.
   * @param contentType values of the field's lines
   */
  bodyOf(contentType: readonly string[]): BodyVerdict {
    return this.verdict(contentType, this.described.body?.content ?? {}, this.requests, "");
  }

  /** How the body of a response is checked. `undescribed`: the description does not have its status. */
  responseOf(status: number, contentType: readonly string[]): BodyVerdict | "undescribed" {
    const { responses } = this.described;
    const key = [String(status), `${Math.floor(status / 100)}XX`, "default"].find((each) => Object.hasOwn(responses, each));
    if (key === undefined) return "undescribed";
    const content = responses[key] ?? {};
    // Where the description says nothing of bodies, any is right.
    return Object.keys(content).length === 0 ? "any" : this.verdict(contentType, content, this.responses, key);
  }

  private verdict(contentType: readonly string[], content: DescribedContent, checks: SchemaChecks, of: string): BodyVerdict {
    const [line = ""] = contentType;
    // Of several types nobody knows which one the receiver believes.
    const given = contentType.length === 1 ? parseMediaType(line) : null;
    const range = given === null ? null : rangeFor(given.type, Object.keys(content));
    if (given === null || range === null) return "unsupported";
    const kind = isJson(given.type) ? "json" : given.type === FORM ? "form" : "other";
    // RFC 8259 section 8.1: JSON between systems is in UTF-8.
    if (kind !== "other" && !["", "utf-8", "utf8", "us-ascii"].includes(given.charset)) return "unsupported";
    const key = `${of} ${range} ${kind}`;
    const known = this.bodies.get(key);
    if (known !== undefined) return known;
    const made = this.bodyCheck(kind, content[range], checks);
    this.bodies.set(key, made);
    return made;
  }

  private bodyCheck(kind: "json" | "form" | "other", schema: unknown, checks: SchemaChecks): BodyVerdict {
    if (kind === "other") return "any";
    if (kind === "json") {
      const check = checks.compile(schema);
      return { check: (body) => this.jsonFaults(body, check) };
    }
    const shape = new Shape(schema, { checks, referred: this.referred });
    return { check: (body) => formFaults(body, shape) };
  }

  private jsonFaults(body: Uint8Array, check: Check | null): Fault[] {
    const text = this.options.decode(body);
    if (text === null) return [{ in: "body", keyword: "encoding" }];
    const parsed = parseJson(text, BODY_LIMITS);
    if (parsed.fault !== null) return [{ in: "body", keyword: JSON_FAULTS[parsed.fault] ?? "json" }];
    return faultsOf(parsed.value, check, body.length);
  }
}

function formFaults(body: Uint8Array, shape: Shape): Fault[] {
  const pairs = formPairs(latin1(body, 0, body.length));
  if (pairs === null) return [{ in: "body", keyword: "encoding" }];
  if (pairs.length > BODY_LIMITS.members) return [{ in: "body", keyword: "members" }];
  const value = objectOfForm(pairs, shape);
  return value === null ? [{ in: "body", keyword: "repeated" }] : faultsOf(value, shape.check, body.length);
}

/** The checks of all operations of a description: a schema that several use is compiled once. */
export interface SharedChecks {
  readonly request: SchemaChecks;
  readonly response: SchemaChecks;
}

export function sharedChecks(pieces: Pieces, compileRegex: SchemaSource["compileRegex"]): SharedChecks {
  const referred = (index: number): unknown => pieces.piece(index);
  return {
    request: new SchemaChecks({ referred, compileRegex, direction: "request" }),
    response: new SchemaChecks({ referred, compileRegex, direction: "response" }),
  };
}

const FORM = "application/x-www-form-urlencoded";
/** Keywords for faults of JSON itself. */
const JSON_FAULTS: Readonly<Record<string, string>> = {
  syntax: "json",
  depth: "depth",
  members: "members",
  duplicate: "duplicate",
  number: "number",
};

function faultsOf(value: unknown, check: Check | null, bytes: number): Fault[] {
  if (check === null) return [];
  const run = new Run(stepsFor(bytes));
  try {
    check(value, run);
  } catch (error) {
    if (error instanceof TooCostly) return [{ in: "body", keyword: "cost" }];
    throw error;
  }
  return run.faults.map(({ pointer, keyword }) => (pointer === "" ? { in: "body", keyword } : { in: "body", pointer, keyword }));
}

/** Properties that are lists may come several times; those of objects and lists may also come in brackets, as parameters of the style `deepObject`. */
function objectOfForm(pairs: readonly (readonly [string, string])[], shape: Shape): Record<string, unknown> | null {
  const lists = new Map<string, unknown[]>();
  const bracketed = new Set<string>();
  const single: (readonly [string, string])[] = [];
  for (const [name, text] of pairs) {
    const base = name.slice(0, Math.max(0, name.indexOf("[")));
    const nested = base === "" || shape.has(name) ? null : shape.property(base);
    const property = shape.property(name);
    if (nested !== null && shape.has(base) && (isList(nested) || isMapping(nested))) bracketed.add(base);
    else if (property === null || !isList(property)) single.push([name, text]);
    else {
      const values = lists.get(name) ?? [];
      values.push(valueOf(text, property.items));
      lists.set(name, values);
    }
  }
  const made = objectOfPairs(single, shape);
  if (made === null) return null;
  for (const [name, values] of lists) made[name] = values;
  for (const name of bracketed) {
    const value = deepValue(name, shape.property(name) ?? shape, pairs);
    if (name in made || value === undefined || value === null) return null;
    made[name] = value;
  }
  return made;
}
