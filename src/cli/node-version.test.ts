import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeProblem } from "./node-version.ts";

test("an older Node is told which one is needed, a newer one is not", () => {
  assert.equal(nodeProblem("v20.20.2", ">=22.18"), "millrace needs Node 22.18 or later; this is Node 20.20.2");
  assert.equal(nodeProblem("v22.17.1", ">=22.18"), "millrace needs Node 22.18 or later; this is Node 22.17.1");
  for (const version of ["v22.18.0", "v22.21.4", "v23.0.0", "v24.1.0", "v26.10.0"])
    assert.equal(nodeProblem(version, ">=22.18"), null, version);
});
