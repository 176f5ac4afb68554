import assert from "node:assert/strict";
import { test } from "node:test";
import { FieldEdits, fieldLine } from "./field-edits.ts";
import { ReplacedNames } from "./replaced-names.ts";

const LINES = fieldLine("X-A", "1") + fieldLine("X-B", "2");

test("received lines and those of earlier middleware are replaced", () => {
  const edits = new FieldEdits();
  edits.append("X-a", "earlier");
  edits.append("Vary", "Origin");
  edits.append("X-A", "again");
  edits.replaceLines(new ReplacedNames(["x-a", "x-b"], ["x-a"]), LINES);
  assert.deepEqual(edits.removed, ["x-a", "x-b"]);
  assert.equal(edits.added, `Vary: Origin\r\n${LINES}`);
});

test("a line is told by its whole name", () => {
  const edits = new FieldEdits();
  edits.append("X-Ab", "x-a: 1");
  edits.replaceLines(new ReplacedNames(["x-a"], ["x-a", "1", ""]), "");
  assert.equal(edits.added, "X-Ab: x-a: 1\r\n");
});

test("the same edits give the identical names and lines each time", () => {
  const edits = new FieldEdits();
  const names = new ReplacedNames(["x-a", "x-b", "vary"], ["vary"]);
  const cors = fieldLine("Vary", "Origin") + fieldLine("Access-Control-Allow-Origin", "*");
  const results = [1, 2].map(() => {
    edits.reset();
    edits.remove("authorization");
    edits.appendLines(cors);
    edits.replaceLines(names, LINES);
    return { removal: edits.removal, added: edits.added };
  });
  assert.equal(results[0]?.removal, results[1]?.removal);
  assert.equal(results[0]?.added, results[1]?.added);
  // Another middleware before it gives other results.
  edits.reset();
  edits.replaceLines(names, LINES);
  assert.deepEqual([edits.removed, edits.added], [["x-a", "x-b", "vary"], LINES]);
});

test("framing and Host are not to be replaced", () => {
  for (const name of ["host", "content-length", "transfer-encoding"]) {
    assert.throws(() => new FieldEdits().replaceLines(new ReplacedNames([name], []), ""), TypeError);
  }
});
