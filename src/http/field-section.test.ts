import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { FieldSection } from "./field-section.ts";
import { Known, bit } from "./known-fields.ts";
import type { KnownId } from "./known-fields.ts";

type Line = readonly [name: string, value: string, id?: KnownId];

/** A section of those lines, as a reader would leave it. */
function fill(section: FieldSection, lines: readonly Line[]): FieldSection {
  section.clear();
  let text = "";
  for (const [name, value, id] of lines) {
    const valueStart = text.length + name.length + 2;
    section.addLine(text.length, text.length + name.length, valueStart, valueStart + value.length, id ?? Known.none);
    text += `${name}: ${value}\r\n`;
  }
  section.complete(text);
  return section;
}

const LINES: readonly Line[] = [
  ["Host", "a.test", Known.host],
  ["X-One", "1"],
  ["x-two", ""],
  ["X-ONE", "one"],
  ["Via", "1.0 x", Known.via],
  ["VIA", "1.1 y", Known.via],
];

test("lines keep the spelling and order in which they came", () => {
  const section = fill(new FieldSection(), LINES);
  assert.equal(section.count, 6);
  const told = LINES.map((_, index) => [section.name(index), section.value(index), section.knownId(index)]);
  assert.deepEqual(
    told,
    LINES.map(([name, value, id]) => [name, value, id ?? Known.none]),
  );
});

test("names are found in any case, first or all", () => {
  const section = fill(new FieldSection(), LINES);
  assert.equal(section.get("x-one"), "1");
  assert.deepEqual(section.values("x-one"), ["1", "one"]);
  assert.equal(section.get("x-two"), "");
  assert.equal(section.has("x-two"), true);
  for (const name of ["x-three", "x-on", "x-onee", "", "ne"]) {
    assert.equal(section.has(name), false, name);
    assert.equal(section.get(name), undefined);
    assert.deepEqual(section.values(name), []);
  }
  assert.equal(section.isNamed(3, "x-one"), true);
  assert.equal(section.isNamed(3, "x-two"), false);
});

test("known fields are found by id", () => {
  const section = fill(new FieldSection(), LINES);
  assert.equal(section.present, bit(Known.host) | bit(Known.via) | bit(Known.none));
  assert.equal(section.knownValue(Known.host), "a.test");
  assert.equal(section.knownValue(Known.via), "1.0 x");
  assert.deepEqual(section.knownValues(Known.via), ["1.0 x", "1.1 y"]);
  assert.equal(section.knownValue(Known.te), undefined);
  assert.deepEqual(section.knownValues(Known.te), []);
});

test("a line ends where the next begins, the last one where the section ends", () => {
  const section = fill(new FieldSection(), LINES);
  const cut = LINES.map((_, index) => section.text.slice(section.nameStart(index), section.lineEnd(index)));
  assert.deepEqual(
    cut,
    LINES.map(([name, value]) => `${name}: ${value}\r\n`),
  );
});

test("names of object members, such as constructor, are names like others", () => {
  const section = fill(new FieldSection(), [["constructor", "1"]]);
  assert.equal(section.has("__proto__"), false);
  assert.equal(section.has("tostring"), false);
  assert.equal(section.get("constructor"), "1");
});

test("a cleared section holds nothing of the previous message", () => {
  const section = fill(new FieldSection(), LINES);
  section.clear();
  assert.deepEqual(
    [section.count, section.present, section.text, section.has("host"), section.knownValue(Known.host)],
    [0, 0, "", false, undefined],
  );
  fill(section, [["X-New", "2"]]);
  assert.deepEqual([section.count, section.get("x-new"), section.get("x-one")], [1, "2", undefined]);
  assert.equal(section.lineEnd(0), section.text.length);
});

test("restored lines are the old ones and have the old edition", () => {
  const section = fill(new FieldSection(), LINES);
  const { text, edition, present } = section;
  section.clear();
  assert.deepEqual([section.text, section.count, section.edition], ["", 0, 0]);
  section.restore(text, LINES.length, present, edition);
  assert.deepEqual([section.text, section.count, section.present, section.edition], [text, LINES.length, present, edition]);
  assert.deepEqual(
    LINES.map((_, index) => [section.name(index), section.value(index)]),
    LINES.map(([name, value]) => [name, value]),
  );
  fill(section, [["X-New", "2"]]);
  assert.notEqual(section.edition, edition);
});

test("forget clears a section", () => {
  const section = fill(new FieldSection(), LINES);
  section.derived = {};
  section.forget();
  assert.deepEqual([section.count, section.text, section.present, section.edition, section.derived], [0, "", 0, 0, null]);
});

test("a section holds any number of lines, also when it is reused", () => {
  const section = new FieldSection();
  const line = fc.tuple(fc.constantFrom("A", "a", "B-b", "Cc"), fc.constantFrom("", "1", "two"));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 200 }), (lines) => {
      fill(section, lines);
      assert.equal(section.count, lines.length);
      assert.deepEqual(
        lines.map((_, index) => [section.name(index), section.value(index)]),
        lines,
      );
      assert.deepEqual(
        section.values("a"),
        lines.filter(([name]) => name.toLowerCase() === "a").map(([, value]) => value),
      );
    }),
    { seed: 21, numRuns: 100 },
  );
});

test("going through a section gives the lines in their order and spelling, without those that count as absent", () => {
  const section = fill(new FieldSection(), LINES);
  const lines = LINES.map(([name, value]) => [name, value]);
  assert.deepEqual([...section], lines);
  section.hidden = bit(Known.via);
  assert.deepEqual([...section], lines.slice(0, 4));
  assert.deepEqual([...new FieldSection()], []);
});
