import assert from "node:assert/strict";
import { test } from "node:test";
import { CallersMistake } from "../base/errors.ts";
import { isOwn, modulesOf } from "./late-failures.ts";

const OWN = new URL("../net/thread.ts", import.meta.url).href;

function thrown(error: Error, ...places: readonly string[]): Error {
  error.stack = ["Error: wrong", ...places.map((place) => `    at someone (${place})`)].join("\n");
  return error;
}

test("an error is this program's own when nothing but its code was running", () => {
  assert.equal(isOwn(thrown(new Error("wrong"), `${OWN}:1:2`, "node:internal/timers:569:17")), true);
  assert.equal(isOwn(thrown(new Error("wrong"), "file:///srv/stamp.ts?millrace=12:3:4")), false);
  assert.equal(isOwn(thrown(new Error("wrong"), "/srv/node_modules/pool/index.js:3:4")), false);
  assert.equal(isOwn(thrown(new Error("wrong"), "data:text/javascript,x:1:1")), false);
});

test("where code of a middleware called a function of this program wrongly, the error is the middleware's", () => {
  assert.equal(isOwn(thrown(new RangeError("wrong"), `${OWN}:1:2`, "file:///srv/stamp.ts:3:4", "node:internal/timers:569:17")), false);
  assert.equal(isOwn(thrown(new CallersMistake("wrong"), `${OWN}:1:2`)), false);
});

test("whatever else is thrown is nobody's of ours", () => {
  const unreadable = Object.defineProperty(new Error("x"), "stack", {
    get: () => {
      throw new Error("no");
    },
  });
  for (const other of [null, undefined, "text", 7, Symbol("s"), {}, Object.create(null), thrown(new Error("x")), unreadable])
    assert.equal(isOwn(other), false);
  const strange = Object.assign(new Error("x"), { stack: [{ site: 1 }] });
  assert.equal(isOwn(strange), false, "a module may install an Error.prepareStackTrace");
});

test("the modules on a stack, the innermost first, without Node's own", () => {
  const error = thrown(new Error("x"), "node:fs:1:2", "file:///srv/lib/a.ts?millrace=9:10:11", "/srv/node_modules/p/i.js:5:6");
  error.stack += "\n    at async file:///srv/stamp.ts:7:8\n    at file:///srv/top.mjs:9:1";
  assert.deepEqual(modulesOf(error), [
    "file:///srv/lib/a.ts?millrace=9",
    "/srv/node_modules/p/i.js",
    "file:///srv/stamp.ts",
    "file:///srv/top.mjs",
  ]);
});
