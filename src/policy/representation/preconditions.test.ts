import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluate, rangeHolds } from "./preconditions.ts";
import type { Conditions } from "./preconditions.ts";

const NONE: Conditions = { ifMatch: [], ifNoneMatch: [], ifModifiedSince: undefined, ifUnmodifiedSince: undefined, ifRange: undefined };
const THEN = Date.UTC(2026, 0, 2, 3, 4, 5);
const [BEFORE, AT, AFTER] = ["Fri, 02 Jan 2026 03:04:04 GMT", "Fri, 02 Jan 2026 03:04:05 GMT", "Fri, 02 Jan 2026 03:04:06 GMT"];
const STRONG = { tag: '"a"', modifiedMs: THEN };
const WEAK = { tag: 'W/"a"', modifiedMs: THEN };

test("each field alone", () => {
  for (const [given, strong, weak] of [
    [{}, "perform", "perform"],
    [{ ifMatch: ['"a"'] }, "perform", "failed"],
    [{ ifMatch: ["*"] }, "perform", "perform"],
    [{ ifMatch: ['W/"a"'] }, "failed", "failed"],
    [{ ifMatch: ['"b", "a"'] }, "perform", "failed"],
    [{ ifMatch: ['"b"', '"a"'] }, "perform", "failed"],
    [{ ifMatch: ['"b"'] }, "failed", "failed"],
    [{ ifMatch: [""] }, "failed", "failed"],
    [{ ifNoneMatch: ['"a"'] }, "not_modified", "not_modified"],
    [{ ifNoneMatch: ['W/"a"'] }, "not_modified", "not_modified"],
    [{ ifNoneMatch: ['"b" , W/"a"'] }, "not_modified", "not_modified"],
    [{ ifNoneMatch: [" * "] }, "not_modified", "not_modified"],
    [{ ifNoneMatch: ["a"] }, "perform", "perform"],
    [{ ifNoneMatch: ['"b"'] }, "perform", "perform"],
    [{ ifModifiedSince: BEFORE }, "perform", "perform"],
    [{ ifModifiedSince: AT }, "not_modified", "not_modified"],
    [{ ifModifiedSince: AFTER }, "not_modified", "not_modified"],
    [{ ifModifiedSince: "Friday, 02-Jan-26 03:04:05 GMT" }, "not_modified", "not_modified"],
    [{ ifModifiedSince: "Fri Jan  2 03:04:05 2026" }, "not_modified", "not_modified"],
    [{ ifModifiedSince: "2026-01-03" }, "perform", "perform"],
    [{ ifModifiedSince: "" }, "perform", "perform"],
    [{ ifUnmodifiedSince: BEFORE }, "failed", "failed"],
    [{ ifUnmodifiedSince: AT }, "perform", "perform"],
    [{ ifUnmodifiedSince: "soon" }, "perform", "perform"],
  ] as const) {
    assert.equal(evaluate({ ...NONE, ...given }, STRONG), strong, JSON.stringify(given));
    assert.equal(evaluate({ ...NONE, ...given }, WEAK), weak, JSON.stringify(given));
  }
});

test("in the order of RFC 9110 section 13.2.2", () => {
  for (const [given, verdict] of [
    // If-Match makes If-Unmodified-Since nothing.
    [{ ifMatch: ['"a"'], ifUnmodifiedSince: BEFORE }, "perform"],
    [{ ifMatch: ['"b"'], ifUnmodifiedSince: AFTER }, "failed"],
    // If-None-Match makes If-Modified-Since nothing.
    [{ ifNoneMatch: ['"b"'], ifModifiedSince: AFTER }, "perform"],
    [{ ifNoneMatch: ['"a"'], ifModifiedSince: BEFORE }, "not_modified"],
    // 412 comes before 304.
    [{ ifMatch: ['"b"'], ifNoneMatch: ['"a"'] }, "failed"],
    [{ ifUnmodifiedSince: BEFORE, ifNoneMatch: ['"a"'] }, "failed"],
    [{ ifMatch: ['"a"'], ifNoneMatch: ['"a"'] }, "not_modified"],
  ] as const)
    assert.equal(evaluate({ ...NONE, ...given }, STRONG), verdict, JSON.stringify(given));
});

test("If-Range holds for the same strong tag, or the very date", () => {
  for (const [ifRange, holds] of [
    [undefined, true],
    ['"a"', true],
    [' "a" ', true],
    ['"b"', false],
    ['W/"a"', false],
    [AT, true],
    [BEFORE, false],
    [AFTER, false],
    ["a", false],
    ["", false],
  ] as const) {
    assert.equal(rangeHolds({ ifRange }, STRONG), holds, String(ifRange));
    assert.equal(rangeHolds({ ifRange }, WEAK), ifRange === undefined, String(ifRange));
  }
});
