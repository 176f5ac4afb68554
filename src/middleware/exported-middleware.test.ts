import assert from "node:assert/strict";
import { test } from "node:test";
import { defineMiddleware } from "./define-middleware.ts";
import type { AnyMiddleware } from "./define-middleware.ts";
import { exportedMiddleware } from "./exported-middleware.ts";

const named = (name: string): AnyMiddleware => defineMiddleware({ name, setup: () => ({}) });
const [stamp, gate] = [named("stamp"), named("gate")];

test("the default export is the one, else the only middleware of the module", () => {
  assert.equal(exportedMiddleware({ default: stamp, gate }, ""), stamp);
  assert.equal(exportedMiddleware({ anything: gate, other: 7, help: () => 1 }, ""), gate);
  assert.equal(exportedMiddleware({ default: stamp, stamp }, ""), stamp, "exported twice is one");
});

test("a name is that of the middleware, or else that of the export", () => {
  assert.equal(exportedMiddleware({ default: gate, first: stamp }, "stamp"), stamp);
  assert.equal(exportedMiddleware({ first: stamp, second: gate }, "second"), gate);
  assert.equal(exportedMiddleware({ stamp: gate, other: stamp }, "stamp"), stamp, "threads look for it by its own name");
});

test("what is wrong is said with the names that are there", () => {
  const wrong: readonly [loaded: unknown, name: string, message: RegExp][] = [
    [{}, "", /^it exports no middleware: export what defineMiddleware returns$/],
    [{ default: { listeners: [] } }, "", /^it exports no middleware: export what defineMiddleware returns$/],
    [{ default: { definition: { name: "fake" }, setup: () => ({}) } }, "", /^it exports no middleware/],
    [null, "", /^it exports no middleware/],
    [{ stamp, gate }, "", /^it exports several middleware: name one of them at the end, as in #stamp; it has stamp, gate$/],
    [{ stamp, gate }, "gaet", /^it exports no middleware named gaet; it has stamp, gate$/],
    [{ stamp }, "constructor", /^it exports no middleware named constructor; it has stamp$/],
    [{ a: named("twin"), b: named("twin") }, "a", /^it exports several middleware named twin: give each a name of its own$/],
    [{ a: named("twin"), b: named("twin") }, "twin", /^it exports several middleware named twin: give each a name of its own$/],
  ];
  for (const [loaded, name, message] of wrong) assert.throws(() => exportedMiddleware(loaded, name), { message });
});
