import assert from "node:assert/strict";
import { test } from "node:test";
import { openFiles } from "./idle.ts";

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             95915                95915                processes
Max open files            20000                524288               files
Max locked memory         8388608              8388608              bytes
`;

test("the soft limit of open files", () => {
  assert.equal(openFiles(LIMITS), 20_000);
  assert.equal(openFiles(LIMITS.replace("20000 ", "unlimited")), Infinity);
  assert.equal(openFiles(""), 0);
});
