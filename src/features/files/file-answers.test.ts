import assert from "node:assert/strict";
import { test } from "node:test";
import type { NoFile } from "../../proxy/feature/file-store.ts";
import { answerFor } from "./file-answers.ts";

test("why there is no file, as clients learn it", () => {
  const answers: Readonly<Record<NoFile, number>> = { missing: 404, refused: 404, folder: 308, unreadable: 403, busy: 503, failed: 500 };
  for (const [reason, status] of Object.entries(answers)) assert.equal(answerFor(reason as NoFile, "/a", "").status, status, reason);
  assert.deepEqual(answerFor("refused", "/a", ""), answerFor("missing", "/b", ""));
  assert.deepEqual(answerFor("busy", "/a", "").fields, [["Retry-After", "1"]]);
  assert.deepEqual(answerFor("folder", "//a b/", "?c=<").fields, [["Location", "/a%20b//?c=%3C"]]);
});
