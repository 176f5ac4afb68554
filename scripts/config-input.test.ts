/** src/config/input.ts agrees with the schemas: its text is generated from them, and its types are identical to theirs. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { z } from "zod";
import type { ConfigInput, ShortConfigInput } from "../src/config/input.ts";
import type { configSchema } from "../src/config/schema/schema.ts";
import type { shortSchema } from "../src/config/schema/short-form.ts";
import { configInput } from "./config-input.ts";

/** `true` if A and B are identical. Assignability is not enough: a missing optional key would pass. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- T is what makes the compiler ask whether A and B are identical
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

test("the file is what `npm run docs` generates from the schemas", () => {
  assert.equal(readFileSync(new URL("../src/config/input.ts", import.meta.url), "utf8"), configInput());
});

test("its types are identical to those of the schemas, in the full and the short form", () => {
  const same: readonly [full: Same<ConfigInput, z.input<typeof configSchema>>, short: Same<ShortConfigInput, z.input<typeof shortSchema>>] =
    [true, true];
  // @ts-expect-error: a key is missing, which identity notices
  const different: Same<Omit<ConfigInput, "workers">, z.input<typeof configSchema>> = true;
  assert.deepEqual([...same, different], [true, true, true]);
});

test("every key has a text for editors", () => {
  const lines = configInput().split("\n");
  const keys = [...lines.entries()].filter(([, line]) => /^ {2}\w+\??: /.test(line));
  assert.ok(keys.length > 150, `${keys.length} keys`);
  assert.deepEqual(
    keys.filter(([index]) => !lines[index - 1]?.endsWith("*/")).map(([, line]) => line),
    [],
  );
});
