import assert from "node:assert/strict";
import { test } from "node:test";
import { traceIdOf } from "./trace-id.ts";

const [TRACE, PARENT] = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"] as const;

test("the trace id of a well-formed value, of later versions too", () => {
  for (const value of [
    `00-${TRACE}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-ff`,
    `cc-${TRACE}-${PARENT}-01`,
    `01-${TRACE}-${PARENT}-01-what-comes`,
  ])
    assert.equal(traceIdOf(value), TRACE, value);
});

test("nothing of a malformed one", () => {
  for (const value of [
    "",
    TRACE,
    `ff-${TRACE}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-01-more`,
    `00-${TRACE}-${PARENT}-01.`,
    `01-${TRACE}-${PARENT}-01.more`,
    `00-${TRACE}-${PARENT}-1`,
    `00-${"0".repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${TRACE.slice(1)}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-01\n`,
    ` 00-${TRACE}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`,
  ])
    assert.equal(traceIdOf(value), "", JSON.stringify(value));
});
