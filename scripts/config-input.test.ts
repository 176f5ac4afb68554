/** src/config/input.ts says what the schemas say. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { z } from "zod";
import type { ConfigInput, ShortConfigInput } from "../src/config/input.ts";
import type { configSchema } from "../src/config/schema.ts";
import type { shortSchema } from "../src/config/short-form.ts";
import { configInput } from "./config-input.ts";

/** Identity, not assignability: an optional key that only one side has is a difference. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- T is what makes the compiler ask whether A and B are identical
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

test("the file is what the schemas say; `npm run docs` writes it anew", () => {
  assert.equal(readFileSync(new URL("../src/config/input.ts", import.meta.url), "utf8"), configInput());
});

test("the compiler finds its types identical with those of the schemas, in both forms", () => {
  const same: readonly [full: Same<ConfigInput, z.input<typeof configSchema>>, short: Same<ShortConfigInput, z.input<typeof shortSchema>>] =
    [true, true];
  // @ts-expect-error: a key is missing, which identity notices
  const different: Same<Omit<ConfigInput, "workers">, z.input<typeof configSchema>> = true;
  assert.deepEqual([...same, different], [true, true, true]);
});
