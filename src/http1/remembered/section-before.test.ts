import { test } from "node:test";
import assert from "node:assert/strict";
import { addFields } from "../../http/build-head.ts";
import { FieldSection } from "../../http/field-section.ts";
import { connectionOptions } from "../../http/connection-options.ts";
import { SectionBefore } from "./section-before.ts";

/** A section with the lines A: 1 and B: 2. */
function filled(section: FieldSection): FieldSection {
  addFields(section, [
    ["A", "1"],
    ["B", "2"],
  ]);
  return section;
}

/** What a reader does when it begins the next message. */
function next(section: FieldSection, before: SectionBefore): void {
  before.take(section);
  section.clear();
}

test("recalled lines are those of the previous message, with the same edition", () => {
  const [section, before] = [filled(new FieldSection()), new SectionBefore()];
  const { text, edition, present } = section;
  next(section, before);
  assert.deepEqual([section.edition, before.edition, before.text, before.count], [0, edition, text, 2]);
  before.recall(section);
  assert.deepEqual([section.text, section.count, section.present, section.edition], [text, 2, present, edition]);
  assert.deepEqual([section.value(0), section.value(1)], ["1", "2"]);
  next(section, before);
  filled(section);
  assert.notEqual(section.edition, edition);
  next(section, before);
  next(section, before);
  assert.equal(before.edition, 0, "a section that was not completed cannot be recalled");
});

test("values computed from known fields are kept as long as these fields are the same", () => {
  const [section, before] = [filled(new FieldSection()), new SectionBefore()];
  const found = {};
  const options = connectionOptions(section);
  section.derived = found;
  next(section, before);
  assert.deepEqual([section.derived, section.connection], [null, null]);
  before.recall(section);
  assert.deepEqual([section.derived, section.connection], [found, options]);
  next(section, before);
  before.recallDerived(section);
  assert.deepEqual([section.derived, section.connection, section.count], [found, options, 0]);
  next(section, before);
  filled(section);
  assert.equal(section.derived, null, "lines that were read anew");
  section.derived = found;
  next(section, before);
  before.forget();
  before.recallDerived(section);
  assert.deepEqual([section.derived, before.text, before.edition, before.count], [null, "", 0, 0]);
});
