/**
 * `explain` and the data plane agree on generated requests over a configuration that uses everything (test/agreement/). The same with 10,000 requests is
 * among the end-to-end tests.
 */
import { test } from "node:test";
import { runAgreement } from "./agreement/run.ts";

test("explain says of 2,000 generated requests what the proxy does with them", { timeout: 120_000 }, async () => {
  await runAgreement(2_000, 3);
});
