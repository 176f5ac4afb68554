import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseJson } from "../../base/json-text.ts";
import { PathRegexes } from "../../regex/path-regexes.ts";
import { BODY_LIMITS } from "./operation.ts";
import { Run, TooCostly, stepsFor } from "./run.ts";
import { SchemaChecks } from "./schema-checks.ts";
import { SchemaReader, inside } from "./schema-reader.ts";

const regexes = new PathRegexes();
await regexes.load();
const compileRegex = (pattern: string): ReturnType<PathRegexes["compile"]> => regexes.compile(pattern);

/** The keywords that a text in JSON does not meet, with their places; `cost` where it takes too long. `$ref: "#"` is the schema itself. */
function faultsOf(schema: unknown, text: string, isOld: boolean = false, direction: "request" | "response" = "request"): string[] {
  const unsupported: string[] = [];
  const reader = new SchemaReader({
    isOld,
    compileRegex,
    refer: () => 0,
    target: () => schema,
    unsupported: (at, message) => void unsupported.push(`${at.keys.join("/")}: ${message}`),
  });
  const read: unknown = JSON.parse(JSON.stringify(reader.read(schema, { file: "a.yaml", keys: [] })));
  assert.deepEqual(unsupported, []);
  const parsed = parseJson(text, BODY_LIMITS);
  assert.ok(parsed.fault === null, text);
  const run = new Run(stepsFor(text.length));
  try {
    new SchemaChecks({ referred: () => read, compileRegex, direction }).compile(read)?.(parsed.value, run);
  } catch (error) {
    if (error instanceof TooCostly) return ["cost"];
    throw error;
  }
  return run.faults.map(({ pointer, keyword }) => `${pointer} ${keyword}`);
}

describe("keywords of JSON Schema", () => {
  const cases: readonly (readonly [name: string, schema: unknown, right: readonly string[], wrong: Readonly<Record<string, string>>])[] = [
    ["types", { type: ["integer", "null"] }, ["1", "1.0", "null"], { "1.5": " type", '"1"': " type" }],
    [
      "enum and const",
      { enum: [{ a: [1, "x"], b: 0 }, "y"] },
      ['{"b":-0,"a":[1.0,"x"]}', '"y"'],
      { '{"a":[1,"x"]}': " enum", "[]": " enum" },
    ],
    [
      "lengths in characters",
      { minLength: 2, maxLength: 3 },
      ['"ab"', '"\u{1f600}\u{1f600}\u{1f600}"'],
      { '"\u{1f600}"': " minLength", '"abcd"': " maxLength" },
    ],
    ["decimals", { multipleOf: 0.01 }, ["0.07", "1e3", "-3.14"], { "0.075": " multipleOf", "1e-3": " multipleOf" }],
    ["bounds", { exclusiveMinimum: 0, maximum: 2 }, ["1", "2"], { "0": " exclusiveMinimum", "2.1": " maximum" }],
    [
      "names",
      { propertyNames: { maxLength: 2 }, minProperties: 1 },
      ['{"ab":1}'],
      { '{"abc":1}': "/* propertyNames", "{}": " minProperties" },
    ],
    [
      "patterns of names",
      { patternProperties: { "^x-": { type: "string" } }, properties: { a: {} }, additionalProperties: { type: "boolean" } },
      ['{"x-1":"s","a":[],"b":true}'],
      { '{"x-1":1}': "/* type", '{"b":1}': "/* type" },
    ],
    [
      "dependencies",
      { dependentRequired: { a: ["b"] }, dependentSchemas: { c: { maxProperties: 1 } } },
      ['{"a":1,"b":1}', '{"c":1}'],
      { '{"a":1}': " dependentRequired", '{"c":1,"d":1}': " maxProperties" },
    ],
    [
      "lists",
      { prefixItems: [{ type: "string" }], items: { type: "number" }, minItems: 1 },
      ['["a",1,2]'],
      { "[1]": "/0 type", '["a","b"]': "/1 type", "[]": " minItems" },
    ],
    ["contains", { contains: { const: 1 }, maxContains: 2 }, ["[0,1]"], { "[0]": " contains", "[1,1,1]": " maxContains" }],
    [
      "unique",
      { uniqueItems: true },
      ['[1,"1",[1],{"a":1},{"a":2},null,false,0]'],
      { '[{"a":1,"b":2},{"b":2,"a":1}]': " uniqueItems", "[0,-0.0]": " uniqueItems" },
    ],
    ["alternatives", { oneOf: [{ type: "integer" }, { minimum: 2 }] }, ["1", "2.5"], { "3": " oneOf", "1.5": " oneOf" }],
    ["any", { anyOf: [{ type: "integer" }, { minimum: 2 }] }, ["1", "3"], { "1.5": " anyOf" }],
    [
      "not, if",
      JSON.parse('{"not":{"const":1},"if":{"type":"string"},"then":{"minLength":2},"else":{"type":"number"}}'),
      ["2", '"ab"'],
      { "1": " not", '"a"': " minLength", "[]": " type" },
    ],
    ["false", { properties: { a: false } }, ["{}"], { '{"a":1}': "/a false" }],
    [
      "unevaluated properties",
      {
        allOf: [{ properties: { a: {} } }],
        anyOf: [{ properties: { b: { const: 1 } }, required: ["b"] }, true],
        unevaluatedProperties: false,
      },
      ['{"a":1,"b":1}', '{"a":1}'],
      { '{"c":1}': " unevaluatedProperties", '{"b":2}': " unevaluatedProperties" },
    ],
    ["unevaluated items", { allOf: [{ prefixItems: [true] }], unevaluatedItems: false }, ["[1]"], { "[1,2]": " unevaluatedItems" }],
    [
      "references to itself",
      { properties: { next: { $ref: "#" }, value: { type: "number" } } },
      ['{"next":{"next":{"value":1}}}'],
      { '{"next":{"next":{"value":"x"}}}': "/next/next/value type" },
    ],
    ["names in pointers", { properties: { "a/b~": { type: "number" } } }, ['{"a/b~":1}'], { '{"a/b~":""}': "/a~1b~0 type" }],
  ];
  for (const [name, schema, right, wrong] of cases) {
    test(name, () => {
      for (const text of right) assert.deepEqual(faultsOf(schema, text), [], text);
      for (const [text, fault] of Object.entries(wrong)) assert.deepEqual(faultsOf(schema, text), [fault], text);
    });
  }
});

test("what OpenAPI 3.0 says otherwise", () => {
  assert.deepEqual(faultsOf({ type: "string", nullable: true, enum: ["a"] }, "null", true), []);
  assert.deepEqual(faultsOf({ nullable: true, allOf: [{ type: "object" }] }, "null", true), []);
  assert.deepEqual(faultsOf({ type: "string", nullable: true }, "1", true), [" type"]);
  assert.deepEqual(faultsOf({ minimum: 1, exclusiveMinimum: true, maximum: 2, exclusiveMaximum: false }, "1", true), [" exclusiveMinimum"]);
  assert.deepEqual(faultsOf({ minimum: 1, exclusiveMinimum: true, maximum: 2, exclusiveMaximum: false }, "2", true), []);
  assert.deepEqual(
    faultsOf({ type: "object", properties: { a: { $ref: "#", type: "string" } } }, '{"a":{}}', true),
    [],
    "beside $ref nothing counts",
  );
});

test("what is readOnly need not be in requests, what is writeOnly not in responses", () => {
  const schema = { required: ["id", "secret"], properties: { id: { readOnly: true }, secret: { writeOnly: true } } };
  assert.deepEqual(faultsOf(schema, "{}"), ["/secret required"]);
  assert.deepEqual(faultsOf(schema, "{}", false, "response"), ["/id required"]);
});

test("formats: what is one and what is none", () => {
  const formats: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    [
      "date-time",
      ["2024-02-29T23:59:60Z", "2024-01-01t00:00:00.123+02:00"],
      ["2023-02-29T00:00:00Z", "2024-01-01 ", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00"],
    ],
    ["email", ["a.b+c@example.com"], ["a", "@b", "a@", "a b@c", "a..b@c.d", "a@b..c"]],
    ["ipv4", ["127.0.0.1"], ["127.0.0.01", "1.2.3", "256.1.1.1"]],
    ["ipv6", ["::1", "2001:db8::8:800:200c:417a", "::ffff:1.2.3.4", "::"], ["1::2::3", "12345::", ":::", "1:2:3:4:5:6:7", "::1.2.3.4.5"]],
    ["uuid", ["2eb8aa08-aa98-11ea-b4aa-73b441d16380"], ["2eb8aa08-aa98-11ea-b4aa-73b441d1638", "2eb8aa08aa9811eab4aa73b441d16380"]],
    ["uri", ["https://a.test/x?y#z", "urn:a:b"], ["/a", "a b:c", "http://a/%zz"]],
    ["duration", ["P1Y2M3DT4H", "PT1.5S", "P2W"], ["P", "PT", "1Y", "P1H"]],
    ["byte", ["aGk=", ""], ["a$"]],
    ["json-pointer", ["", "/a~1b"], ["a", "/~2"]],
  ];
  for (const [format, right, wrong] of formats) {
    for (const text of right) assert.deepEqual(faultsOf({ format }, JSON.stringify(text)), [], `${format} ${text}`);
    for (const text of wrong) assert.deepEqual(faultsOf({ format }, JSON.stringify(text)), [" format"], `${format} ${text}`);
  }
  assert.deepEqual(faultsOf({ format: "int32" }, "2147483648"), [" format"]);
  assert.deepEqual(faultsOf({ format: "no-such-format" }, '"x"'), []);
});

describe("a value that costs much", () => {
  const deep = (levels: number, inner: string): string => `${'{"a":'.repeat(levels)}${inner}${"}".repeat(levels)}`;

  test("alternatives of a schema that refers to itself end with the steps, and not after the age of the universe", () => {
    const again = { allOf: [{ properties: { a: { $ref: "#" } } }, { required: ["z"] }] };
    const schema = { anyOf: [again, again, { type: "null" }] };
    assert.deepEqual(faultsOf(schema, deep(5, "1")), [" anyOf"]);
    assert.deepEqual(faultsOf(schema, deep(90, "1")), ["cost"]);
  });

  test("uniqueItems of a hundred thousand objects takes one look at each", () => {
    const text = `[${Array.from({ length: 90_000 }, (_, index) => `{"a":${index}}`).join()}]`;
    assert.deepEqual(faultsOf({ uniqueItems: true }, text), []);
    assert.deepEqual(faultsOf({ uniqueItems: true }, text.replace('{"a":1}', '{"a":2}')), [" uniqueItems"]);
  });

  test("a pattern that backtracks elsewhere takes time in proportion to the text, and a costly one ends with the steps", () => {
    assert.deepEqual(faultsOf({ pattern: "^(a*)*b$" }, JSON.stringify("a".repeat(100_000))), [" pattern"]);
    assert.deepEqual(faultsOf({ pattern: "(.*a){150}b" }, JSON.stringify("a".repeat(1_000_000))), ["cost"]);
  });

  test("a schema that leads to itself without end ends", () => {
    assert.deepEqual(faultsOf({ allOf: [{ $ref: "#" }] }, "1"), ["cost"]);
  });

  test("at most eight faults are told", () => {
    assert.equal(faultsOf({ items: { type: "string" } }, JSON.stringify(Array(1000).fill(1))).length, 8);
  });
});

test("what cannot be checked is reported with its place", () => {
  const reported: string[] = [];
  const reader = new SchemaReader({
    isOld: false,
    compileRegex,
    refer: () => 0,
    target: () => null,
    unsupported: ({ keys }, message) => void reported.push(`${keys.join("/")}: ${message}`),
  });
  const at = inside({ file: "a", keys: [] }, "s");
  const schema = {
    pattern: "(?=a)",
    minLength: "1",
    type: "strnig",
    items: [{}],
    $dynamicRef: "#a",
    patternProperties: { "(a)\\1": {} },
    required: "a",
    enum: "a",
    allOf: {},
  };
  assert.equal(JSON.stringify(reader.read(schema, at)), '{"patternProperties":{}}');
  assert.deepEqual(reported.map((line) => line.split(":")[0]).toSorted(), [
    "s/$dynamicRef",
    "s/allOf",
    "s/enum",
    "s/items",
    "s/minLength",
    "s/pattern",
    "s/patternProperties/(a)\\1",
    "s/required",
    "s/type",
  ]);
});
