/** `explain` and the data plane agree on as many generated requests as take some seconds, over a configuration that uses everything. */
import { test } from "node:test";
import { runAgreement } from "../agreement/run.ts";

test("explain says of 10,000 generated requests what the proxy does with them", { timeout: 120_000 }, async () => {
  await runAgreement(10_000, 27);
});
