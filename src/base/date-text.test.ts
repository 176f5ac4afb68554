import assert from "node:assert/strict";
import { test } from "node:test";
import { dateOf } from "./date-text.ts";

test("a date is its beginning in UTC, a time has a zone", () => {
  for (const [text, iso] of [
    ["2027-01-31", "2027-01-31T00:00:00.000Z"],
    ["2028-02-29", "2028-02-29T00:00:00.000Z"],
    ["2027-01-31T12:00:00Z", "2027-01-31T12:00:00.000Z"],
    ["2027-01-31T12:00+02:00", "2027-01-31T10:00:00.000Z"],
    ["2027-01-31T12:00:00.5Z", "2027-01-31T12:00:00.500Z"],
  ] as const)
    assert.equal(dateOf(text), Date.parse(iso), text);
});

test("nothing is guessed", () => {
  for (const text of ["", "1", "2027", "2027-1-5", "01/02/2027", "until 1", "2027-02-29", "2027-02-31", "2027-13-01", "0000-00-00"])
    assert.equal(dateOf(text), null, text);
  for (const text of ["2027-01-31T12:00:00", "2027-01-31 12:00Z", "2027-01-31T25:00Z", "2027-01-31\n", " 2027-01-31", "+275760-09-13"])
    assert.equal(dateOf(text), null, text);
});
