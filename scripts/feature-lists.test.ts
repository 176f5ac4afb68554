/** The lists of features that the program loads are made from the registry. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { featureLists } from "./feature-lists.ts";

test("the files are what `npm run docs` makes from the registry", () => {
  for (const [file, text] of Object.entries(featureLists())) {
    assert.equal(readFileSync(new URL(`../src/features/${file}`, import.meta.url), "utf8"), text, file);
  }
});

test("the names of a feature's key, declaration and code follow from its folder", () => {
  const { "declared.ts": declared, "features.ts": code } = featureLists(["rate-limit"]);
  assert.match(
    declared ?? "",
    /^import \{ rateLimitDeclaration \} from "\.\/rate-limit\/schema\.ts";\n\nexport const DECLARED = \{\n {2}rate_limit: /m,
  );
  assert.match(code ?? "", /^import \{ rateLimit \} from "\.\/rate-limit\/rate-limit\.ts";\n\nexport .* = \[\n {2}rateLimit,\n\];\n$/m);
});
