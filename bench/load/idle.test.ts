import assert from "node:assert/strict";
import { test } from "node:test";
import { filesFor, mostIdle, openFiles, tooFewFiles } from "./idle.ts";

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

test("as many connections as the files allow", () => {
  assert.equal(mostIdle(10_000, 20_000), 9275);
  assert.equal(mostIdle(10_000, Infinity), 10_000);
  assert.equal(mostIdle(10_000, filesFor(10_000)), 10_000);
  assert.equal(mostIdle(10_000, filesFor(10_000) - 2), 9999);
});

test("too few files", () => {
  assert.equal(tooFewFiles(filesFor(3000)), null);
  assert.equal(tooFewFiles(1024), "1024 open files are allowed and 6614 are needed: ulimit -n 6614, as root");
});
