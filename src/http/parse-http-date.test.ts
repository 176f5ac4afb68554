import assert from "node:assert/strict";
import { test } from "node:test";
import { httpDate } from "./http-date.ts";
import { parseHttpDate } from "./parse-http-date.ts";

test("the three forms of an HTTP date", () => {
  const then = Date.UTC(1994, 10, 6, 8, 49, 37);
  for (const text of ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])
    assert.equal(parseHttpDate(text), then, text);
  assert.equal(parseHttpDate(httpDate(then)), then);
  assert.equal(parseHttpDate("Sunday, 06-Nov-22 08:49:37 GMT"), Date.UTC(2022, 10, 6, 8, 49, 37));
  assert.equal(parseHttpDate("Sat, 31 Dec 2016 23:59:60 GMT"), Date.UTC(2017, 0, 1));
});

test("what is none", () => {
  for (const text of [
    "",
    "0",
    "now",
    "1994-11-06T08:49:37Z",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 CET",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun, 06 nov 1994 08:49:37 GMT",
    "Sun, 06 anF 1994 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
  ])
    assert.equal(parseHttpDate(text), null, text);
});
