import assert from "node:assert/strict";
import { test } from "node:test";
import { readText } from "../test/support/source-files.ts";
import { chartOfPage } from "./page-chart.ts";

test("the picture of docs/benchmarks.md shows its first table (npm run docs draws it anew)", () => {
  const page = readText("docs/benchmarks.md");
  const picture = readText("docs/benchmarks.svg");
  assert.equal(picture, chartOfPage(page));
  assert.doesNotMatch(picture, /NaN/);
  assert.equal(picture.match(/>Millrace</g)?.length, 2);
});

test("another number gives another picture", () => {
  const page = readText("docs/benchmarks.md");
  const [, rate = ""] = /^\| Millrace \| (\d+) \|/m.exec(page) ?? [];
  assert.notEqual(chartOfPage(page.replace(rate, "1")), chartOfPage(page));
});
