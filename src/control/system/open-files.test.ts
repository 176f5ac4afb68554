import { test } from "node:test";
import assert from "node:assert/strict";
import { openFilesMax, socketsMax } from "./open-files.ts";

test("the soft limit is read from the system's table", () => {
  const table =
    "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 4096                 files     \n";
  assert.equal(openFilesMax(table), 1024);
  assert.equal(openFilesMax(table.replace("1024 ", "unlimited ")), Infinity);
  assert.equal(openFilesMax("nothing"), Infinity);
});

test("some descriptors are kept for endpoints and files, and clients always get some", () => {
  assert.ok(socketsMax(1) > socketsMax(100));
  assert.equal(socketsMax(1_000_000_000), socketsMax(1) === Infinity ? Infinity : 16);
});
