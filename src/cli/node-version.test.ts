import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeProblem } from "./node-version.ts";

test("with an older Node a line says which one is needed, with a newer one there is none", () => {
  assert.equal(nodeProblem("v20.20.2", ">=22.18"), "millrace needs Node 22.18 or later; this is Node 20.20.2");
  assert.equal(nodeProblem("v22.17.1", ">=22.18"), "millrace needs Node 22.18 or later; this is Node 22.17.1");
  for (const version of ["v22.18.0", "v22.21.4", "v23.0.0", "v24.1.0", "v26.10.0"])
    assert.equal(nodeProblem(version, ">=22.18"), null, version);
});
