import assert from "node:assert/strict";
import { test } from "node:test";
import { graphqlBodyFault, graphqlQueryFault } from "./graphql-request.ts";
import { NESTING_MAX, measureGraphql } from "./measure-graphql.ts";
import type { GraphqlLimits } from "./measure-graphql.ts";

const NONE: GraphqlLimits = {
  depth: Infinity,
  aliases: Infinity,
  fields: Infinity,
  directives: Infinity,
  rootFields: Infinity,
  tokens: Infinity,
};

function measure(text: string, limits: Partial<GraphqlLimits> = {}): string | null {
  return measureGraphql(text, { ...NONE, ...limits });
}

/** Fails unless that is what the document has of each. */
function has(text: string, expected: Partial<GraphqlLimits>): void {
  for (const [part, most] of Object.entries(expected)) {
    assert.equal(measure(text, { [part]: most }), null, `${part} ${most}: ${text}`);
    if (most > 0) assert.equal(measure(text, { [part]: most - 1 }), part, `${part} ${most}: ${text}`);
  }
}

test("depth, aliases, fields, directives and root fields of one operation", () => {
  has("{ a }", { depth: 1, aliases: 0, fields: 1, directives: 0, rootFields: 1, tokens: 3 });
  has('query Q($a: [Int!]! = [1] @d, $b: T = { k: "}" }) @x { a: b(c: { d: [$a, E, null, -1.5e3] }) @d(e: 1) @d { f g { h } } i }', {
    depth: 3,
    aliases: 1,
    fields: 5,
    directives: 4,
    rootFields: 2,
  });
  has("{ ... { a { ... on T { b } } } ... @d { c } }", { depth: 2, fields: 3, rootFields: 2, directives: 1 });
  has("mutation { a b c } query X { d { e } }", { depth: 2, rootFields: 3 });
});

test("fragments count where they are spread, and as often; they can hide neither depth nor number", () => {
  has("{ a { ...F } } fragment F on T { b { ...G } } fragment G on T @d { x: c { d } }", {
    depth: 4,
    aliases: 1,
    fields: 4,
    directives: 1,
    rootFields: 1,
  });
  has("{ ...F ...F a { ...F } } fragment F on T { x: b c }", { aliases: 3, fields: 7, rootFields: 5, depth: 2 });
  // 2 to the power of 40 fields in 40 short fragments, of a depth of 41.
  const bomb = Array.from({ length: 40 }, (_, index) => `fragment F${index} on T { a { ...F${index + 1} } b { ...F${index + 1} } }`).join(
    " ",
  );
  const begin = performance.now();
  assert.equal(measure(`{ ...F0 } ${bomb} fragment F40 on T { a }`, { fields: 10 ** 9 }), "fields");
  assert.equal(measure(`{ ...F0 } ${bomb} fragment F40 on T { a }`, { depth: 40 }), "depth");
  has(`{ ...F0 } ${bomb} fragment F40 on T { a }`, { depth: 41 });
  assert.ok(performance.now() - begin < 1000);
});

test("fragments that spread each other in a circle, are missing, or there twice", () => {
  for (const text of [
    "{ ...F } fragment F on T { ...F }",
    "{ ...F } fragment F on T { a { ...G } } fragment G on T { ... { ...F } }",
    "{ ...F }",
    "{ a } fragment F on T { a } fragment F on T { b { c } }",
  ])
    assert.equal(measure(text), "fragments", text);
  assert.equal(measure("{ a } fragment F on T { ...F }"), null, "what is not spread is not executed");
});

test("strings, comments, commas and marks hide nothing", () => {
  has('{ a(b: "{ \\" } #", c: """ { " "" \\""" \\ } """) # { x: y { z } }\r b }', { depth: 1, fields: 2, aliases: 0 });
  has("\u{feff}{,a,\u{feff}:,b,#}\n}", { aliases: 1 });
  has("{a:b...on T{c:d}}", { aliases: 2, depth: 1 });
  has("{a(b:1.5)c}", { fields: 2 });
  has("{on query:fragment{mutation}true}", { fields: 4, aliases: 1, depth: 2 });
});

test("what is no document that could be executed", () => {
  for (const text of [
    "",
    " ",
    "a",
    "{",
    "}",
    "{}",
    "{ a",
    "{ a }}",
    "{ a } }",
    "{ a: }",
    "{ : a }",
    "{ a( ) }",
    "{ a(b) }",
    "{ a(b:) }",
    "{ a {} }",
    "{ ... }",
    "{ ...on }",
    "{ .. a }",
    "{ ....a }",
    "{ a @ }",
    "query",
    "query {",
    "query Q",
    "query Q() { a }",
    "query ($a) { a }",
    "query ($a: ) { a }",
    "query ($a: [Int) { a }",
    "query ($a: Int!! ) { a }",
    "query ($a: Int = $b) { a }",
    "query ($a: Int @d(x: $b)) { a }",
    "fragment F on T { a }",
    "fragment on on T { a } { a }",
    "fragment F T { a } { a }",
    "type T { a: Int }",
    "{ a } schema { query: Q }",
    "extend type T { a: Int } { b }",
    "{ a(b: 01) }",
    "{ a(b: 1x) }",
    "{ a(b: 1.) }",
    "{ a(b: .5) }",
    "{ a(b: +1) }",
    '{ a(b: ") }',
    '{ a(b: "\n") }',
    '{ a(b: "\\x") }',
    '{ a(b: """) }',
    '{ a(b: """\\""") }',
    '{ a(b: """""") }"',
    "{ a(b: [1) }",
    "{ a(b: {c}) }",
    "{ a ? }",
    "{ é }",
    "{ a \0 }",
    "{ a(b: $) }",
    "{ a & b }",
    "{ a | b }",
    "subscribe { a }",
    "{ a } ...F",
  ])
    assert.equal(measure(text), "syntax", JSON.stringify(text));
  for (const text of [
    '"a description" query { a }',
    'query ("d" $a: Int) { a }',
    "{ a(b: [] c: {}) }",
    '{ a(b: "" c: """""") }',
    "{ a(b: 0 c: -0 d: 1e5 e: 1E-5) }",
  ])
    assert.equal(measure(text), null, text);
});

test("long, deep and endless documents end early and take linear time", () => {
  const begin = performance.now();
  assert.equal(measure("{ a ".repeat(NESTING_MAX + 1)), "nesting");
  assert.equal(measure(`{ a(b: ${"[".repeat(1_000_000)}`), "nesting");
  assert.equal(measure(`{ ${"... {".repeat(1_000_000)}`), "nesting");
  assert.equal(measure(`query ($a: ${"[".repeat(1_000_000)}`), "nesting");
  assert.equal(measure(`{ ${"a ".repeat(1_000_000)}}`, { tokens: 5000 }), "tokens");
  assert.equal(measure(`{ a${" @d".repeat(100_000)} }`, { directives: 50 }), "directives");
  for (const text of [
    `{ a(b: "${"x".repeat(1_000_000)}`,
    `{ a(b: """${'"'.repeat(1_000_001)}`,
    `{ a(b: """${"\\".repeat(1_000_000)}`,
    `{ a(b: ${"1".repeat(1_000_000)}x) }`,
    "#\n".repeat(500_000),
    "\u{feff}".repeat(1_000_000),
  ])
    assert.equal(measure(text), "syntax");
  // A chain of fragments, each spread by the one before it.
  const chain = Array.from({ length: 800 }, (_, index) => `fragment F${index} on T { ...F${index + 1} }`).join(" ");
  assert.equal(measure(`{ ...F0 } ${chain} fragment F800 on T { a }`, { depth: 1 }), null);
  assert.ok(performance.now() - begin < 5000);
});

test("requests in JSON: lists, names in another case, several documents, none", () => {
  const limits = { ...NONE, depth: 1, batch: 2 };
  const fault = (value: unknown): string | null => graphqlBodyFault(value, limits);
  assert.equal(fault({ query: "{ a }", variables: {} }), null);
  assert.equal(fault({ query: "{ a { b } }" }), "depth");
  assert.equal(fault({ Query: "{ a { b } }" }), "depth");
  assert.equal(fault({ query: "{ a }", QUERY: "{ a { b } }" }), "ambiguous");
  assert.equal(fault([{ query: "{ a }" }, { query: "{ a { b } }" }]), "depth");
  assert.equal(fault([{}, {}, {}]), "batch");
  assert.equal(fault({ extensions: { persistedQuery: {} } }), null);
  assert.equal(fault({ query: null }), null);
  for (const value of [{ query: 1 }, { query: ["{ a }"] }, "{ a }", null, [[{ query: "{ a }" }]], [null]])
    assert.equal(fault(value), "shape", JSON.stringify(value));
  assert.equal(graphqlQueryFault([], limits), null);
  assert.equal(graphqlQueryFault([""], limits), null);
  assert.equal(graphqlQueryFault(["{ a { b } }"], limits), "depth");
  assert.equal(graphqlQueryFault(["{ a }", "{ a { b } }"], limits), "ambiguous");
});
