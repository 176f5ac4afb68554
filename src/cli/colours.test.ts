import assert from "node:assert/strict";
import { test } from "node:test";
import { wantsColours } from "./colours.ts";

test("colours: on a terminal, unless the environment says otherwise", () => {
  for (const [environment, onTerminal, elsewhere] of [
    [{}, true, false],
    [{ TERM: "xterm-256color", NO_COLOR: "" }, true, false],
    [{ NO_COLOR: "1" }, false, false],
    [{ NODE_DISABLE_COLORS: "1" }, false, false],
    [{ TERM: "dumb" }, false, false],
    [{ FORCE_COLOR: "1", NO_COLOR: "1", TERM: "dumb" }, true, true],
    [{ FORCE_COLOR: "" }, true, true],
    [{ FORCE_COLOR: "0" }, false, false],
    [{ FORCE_COLOR: "false" }, false, false],
  ] as const)
    assert.deepEqual(
      [wantsColours(environment, true), wantsColours(environment, false)],
      [onTerminal, elsewhere],
      JSON.stringify(environment),
    );
});
