/**
 * Loaded before each test file by scripts/run-tests.ts. A test that fails may leave open what keeps its process alive, and then the run
 * would stand still and never say what failed. The process is ended a while after its last test, and says what was open.
 */
import { after } from "node:test";

/** What has been closed ends by itself within this time, on a busy machine too. */
const PATIENCE_MS = 10_000;

after(() => {
  const limit = setTimeout(() => {
    process.stderr.write(`left open after the last test: ${process.getActiveResourcesInfo().join(", ")}\n`);
    process.exit(1);
  }, PATIENCE_MS);
  limit.unref();
});
