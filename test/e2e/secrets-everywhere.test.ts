/** No message shows a text that may be a secret: every secret in every place of configurations that together have all keys. */
import { describe, test } from "node:test";
import { parse } from "yaml";
import { EXAMPLES } from "../../src/config/reference/reference-examples.ts";
import { CASES, SECRETS, assertNeverShown } from "../../src/config/spoiled-configs.fixture.ts";

describe("no message shows a secret", () => {
  for (const { form, tree, secret } of CASES)
    test(`in the ${form} form, everywhere ${JSON.stringify(secret.slice(-40))}`, () => assertNeverShown(tree, secret, 1, 0));

  for (const [key, example] of Object.entries(EXAMPLES))
    test(`in the example of ${key}`, () => {
      const tree: unknown = parse(example);
      for (const secret of SECRETS) assertNeverShown(tree, secret, 1, 0);
    });
});
