import assert from "node:assert/strict";
import { test } from "node:test";
import { moduleFaultText } from "./module-fault.ts";

test("a module that Node takes for CommonJS: what to do about it", () => {
  const error = new SyntaxError("Cannot use import statement outside a module");
  assert.equal(
    moduleFaultText(error, "file:///app/", "file:///app/stamp.ts"),
    'SyntaxError: Cannot use import statement outside a module; name it .mts or .mjs, or put "type": "module" into package.json (stamp.ts)',
  );
});
