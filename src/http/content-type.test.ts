import assert from "node:assert/strict";
import { test } from "node:test";
import { parameterOf, parseContentType } from "./content-type.ts";

test("type and parameters, in tokens and in quotation marks, with white space and without", () => {
  assert.deepEqual(parseContentType("Application/JSON"), { type: "application/json", parameters: [] });
  assert.deepEqual(parseContentType(' text/html ; Charset="utf-8";a=b; '), {
    type: "text/html",
    parameters: [
      ["charset", "utf-8"],
      ["a", "b"],
    ],
  });
  assert.deepEqual(parseContentType('multipart/form-data; boundary="a;b\\"c, d"')?.parameters, [["boundary", 'a;b"c, d']]);
});

test("what is no media type", () => {
  for (const value of [
    "",
    "json",
    "/json",
    "application/",
    "a/b c",
    "a/b, c/d",
    "a/b;=x",
    'a/b;x="y',
    "a/b; x = y",
    "a/b;x=",
    "a/b;x",
    'a/b;x="y"z',
    "a/b\u{e9}",
  ])
    assert.equal(parseContentType(value), null, value);
});

test("a parameter that is there twice, or in pieces, has no value", () => {
  const parameter = (value: string): string | null => parameterOf(parseContentType(value) ?? { type: "", parameters: [] }, "boundary");
  assert.deepEqual([parameter("a/b"), parameter("a/b;boundary=x"), parameter('a/b;Boundary=""')], ["", "x", ""]);
  for (const value of [
    "a/b;boundary=x;boundary=y",
    "a/b;boundary*=utf-8''x",
    "a/b;boundary*0=x;boundary*1=y",
    "a/b;boundary=x;boundary*=utf-8''y",
  ])
    assert.equal(parameter(value), null, value);
});

test("a long value takes linear time", () => {
  const begin = performance.now();
  for (const value of [
    `a/b;x="${"\\a".repeat(50_000)}`,
    `a/b${"; ".repeat(50_000)}x`,
    `a/b;${" ".repeat(100_000)}`,
    `a/b;${"x".repeat(100_000)}`,
  ])
    parseContentType(value);
  assert.ok(performance.now() - begin < 1000);
});
