/**
 * Loaded before each test file by scripts/run-tests.ts. A failed test may leave something open that keeps its process alive; then the run would hang
 * and never say what failed. So the process is ended some time after its last test, and says what was still open.
 */
import { after } from "node:test";

/** Closed sockets and processes end by themselves within this time, even on a busy machine. */
const PATIENCE_MS = 10_000;

after(() => {
  const limit = setTimeout(() => {
    process.stderr.write(`left open after the last test: ${process.getActiveResourcesInfo().join(", ")}\n`);
    process.exit(1);
  }, PATIENCE_MS);
  limit.unref();
});
