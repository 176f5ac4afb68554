/** docs/conformance.md names an item, a verdict and a proof a line: that none is missing and no proof is made up. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { ROOT, readText, textFiles } from "./support/source-files.ts";

interface Row {
  readonly number: string;
  readonly verdict: string;
  readonly shownBy: string;
}

interface Proof {
  readonly number: string;
  readonly file: string;
  readonly title: string;
}

const CONFORMANCE = readText("docs/conformance.md");
const THREATS = readText("docs/threat-model.md");
const ROWS = rowsOf(CONFORMANCE);

/** Files whose rows or cases have ids. */
const CASES = textFiles().filter((file) => /^(test\/corpus\/[^/]+|fuzz\/found[^/]*)\.json$/.test(file));

describe("docs/conformance.md", () => {
  test("has every number once and in order", () => {
    const wanted = [...numbers("", 111), ...numbers("A", 57), ...numbers("F", 42)];
    assert.deepEqual(
      ROWS.map(({ number }) => number),
      wanted,
    );
  });

  test("says of every item how it stands, and what shows it", () => {
    const verdict = /^(holds|holds, differently: .+|not yet: .+)$/;
    const wrong = ROWS.filter((row) => !verdict.test(row.verdict) || row.shownBy === "");
    assert.deepEqual(wrong, []);
  });

  test("shows what holds by a test, a case, or code that is said to have none", () => {
    const wrong = ROWS.filter(({ verdict, shownBy }) => {
      const named = proofs([{ number: "", verdict, shownBy }]).length > 0 || idsOf(shownBy).length > 0;
      if (verdict === "holds") return !named && !shownBy.startsWith("no test of its own: ");
      return !named && pathsOf(shownBy).length === 0 && !shownBy.startsWith("nothing ");
    });
    assert.deepEqual(wrong, []);
  });

  test("counts its verdicts right", () => {
    const count = (kind: string): number => ROWS.filter(({ verdict }) => verdict.split(":")[0] === kind).length;
    const said = `${count("holds")} items hold, ${count("holds, differently")} hold differently, ${count("not yet")} do not hold yet`;
    assert.ok(CONFORMANCE.includes(said), said);
  });

  test("names titles that stand in their files", () => {
    const found = proofs(ROWS);
    assert.ok(found.length > 100);
    assert.deepEqual(madeUp(found), []);
  });

  test("names cases that the corpora have", () => {
    const known = new Set(CASES.flatMap((file) => [...readText(file).matchAll(/"id": *"([^"]+)"/g)].map(([, id]) => id)));
    const named = ROWS.flatMap(({ shownBy }) => idsOf(shownBy));
    assert.ok(known.size > 500 && named.length > 150);
    assert.deepEqual(
      named.filter((id) => !known.has(id)),
      [],
    );
  });
});

test("both pages name files that exist", () => {
  for (const [page, text] of [
    ["docs/conformance.md", CONFORMANCE],
    ["docs/threat-model.md", THREATS],
  ] as const) {
    const named = pathsOf(text);
    assert.ok(named.length > 15, page);
    assert.deepEqual(
      named.filter((name) => !existsSync(path.join(ROOT, name))),
      [],
      page,
    );
  }
});

test("docs/threat-model.md names titles that stand in their files", () => {
  const found = THREATS.split("\n").flatMap((line) => titlesOf(line, "threat-model"));
  assert.ok(found.length > 15);
  assert.deepEqual(madeUp(found), []);
});

/** `prefix1` to `prefixLast`. */
function numbers(prefix: string, last: number): string[] {
  return Array.from({ length: last }, (_, index) => `${prefix}${index + 1}`);
}

function rowsOf(page: string): Row[] {
  return page.split("\n").flatMap((line) => {
    const [, number = "", , verdict = "", shownBy = "", ...rest] = line.split("|").map((cell) => cell.trim());
    if (!/^[AF]?[0-9]+$/.test(number)) return [];
    assert.deepEqual(rest, [""], `four cells: ${line}`);
    return [{ number, verdict, shownBy }];
  });
}

function proofs(rows: readonly Row[]): Proof[] {
  return rows.flatMap(({ number, shownBy }) => titlesOf(shownBy, number));
}

/** Each `file` "title" of a text. */
function titlesOf(text: string, number: string): Proof[] {
  return [...text.matchAll(/`([^`]+\.test\.ts)` "([^"]+)"/g)].map(([, file = "", title = ""]) => ({ number, file, title }));
}

/** Titles that are no whole string of their file: of a test, or of a row that a test is made of. */
function madeUp(found: readonly Proof[]): Proof[] {
  return found.filter(({ file, title }) => !existsSync(path.join(ROOT, file)) || !readText(file).includes(`"${title}"`));
}

/** Words in code type without a slash: ids of cases. */
function idsOf(shownBy: string): string[] {
  return [...shownBy.matchAll(/`([^`]*)`/g)].map(([, word]) => word ?? "").filter((word) => !word.includes("/"));
}

/** Files of the repository in code type. */
function pathsOf(text: string): string[] {
  return [...text.matchAll(/`([\w.-]+(?:\/[\w.-]+)*\.(?:ts|json|md))`/g)]
    .map(([, name]) => name ?? "")
    .filter((name) => name.includes("/"));
}
