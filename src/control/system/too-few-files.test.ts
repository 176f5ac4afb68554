import assert from "node:assert/strict";
import { test } from "node:test";
import { filesProblem, tooFewFiles } from "./too-few-files.ts";

test("each kind of error about too many open files gives the same line", () => {
  for (const error of [
    Object.assign(new Error("x"), { code: "EMFILE" }),
    Object.assign(new Error("x"), { code: "ENFILE" }),
    new Error("EMFILE: too many open files, open 'a.ts'\n    at Object.openSync"),
    new Error("Cannot read package config /a/package.json: too many open files."),
    "worker 0: ended: Error: EMFILE: too many open files",
  ]) {
    assert.match(filesProblem(error) ?? "", /^the limit of open files is too low: raise it [^\n]*$/);
  }
  for (const error of [new Error("EACCES"), "nothing", null]) assert.equal(filesProblem(error), null);
});

test("the limit of this process is high enough", () => assert.equal(tooFewFiles(), null));
