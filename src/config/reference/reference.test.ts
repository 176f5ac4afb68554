import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { asNode, fileJsonSchema, fullFormJsonSchema, shortFormJsonSchema } from "../schema/json-schema.ts";
import { EXAMPLES } from "./reference-examples.ts";
import { optionsOf, referencePage, sectionsOf, shortFormSections } from "./reference.ts";

test("docs/configuration.md is what the schemas say; if not, run `npm run docs`", () => {
  assert.equal(readFileSync(new URL("../../../docs/configuration.md", import.meta.url), "utf8"), referencePage());
});

test("the page has every key of both forms, with a meaning", () => {
  const page = referencePage();
  // Keys are found by another walk than the page's, which would miss the same nodes.
  const keys = new Set<string>();
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(walk);
    else if (typeof node === "object" && node !== null) {
      for (const key of Object.keys(asNode(asNode(node)["properties"]))) keys.add(key);
      Object.values(node).forEach(walk);
    }
  };
  walk(fileJsonSchema());
  assert.ok(keys.size > 60, `${keys.size} keys found`);
  for (const key of keys) assert.match(page, new RegExp(`^\\| \`(?:[\\w[\\].]+\\.)?${key}\``, "m"), key);
  for (const option of [...optionsOf(fullFormJsonSchema()), ...optionsOf(shortFormJsonSchema())]) {
    assert.ok(option.meaning.length > 10 && option.meaning.endsWith("."), `${option.key} lacks a meaning`);
    assert.ok(option.value.length > 0, `${option.key} lacks its kind of value`);
  }
});

test("every section has an example in reference-examples.ts that has its key, and the contents lead to every section", () => {
  const page = referencePage();
  const sections = sectionsOf(fullFormJsonSchema()).flatMap((section) => [section, ...section.inside]);
  for (const { key } of sections) {
    const example = EXAMPLES[key] ?? assert.fail(`${key} has no example`);
    const name = key.slice(key.lastIndexOf(".") + 1);
    assert.match(example, new RegExp(`(^|[\\s{-])${name}:`, "m"), key);
  }
  assert.deepEqual(
    Object.keys(EXAMPLES).filter((key) => !sections.some((section) => section.key === key)),
    [],
  );
  for (const { key } of shortFormSections()) assert.match(page.split("## The short form")[1] ?? "", new RegExp(`^${key}:`, "m"), key);
  // GitHub's anchors: lower case, without anything but words, spaces and hyphens.
  const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, text = ""]) =>
    text
      .toLowerCase()
      .replace(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );
  assert.equal(new Set(headings).size, headings.length, "no heading stands twice");
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = ""]) => anchor);
  assert.deepEqual(
    links.filter((link) => !headings.includes(link)),
    [],
  );
  for (const { title } of sections) assert.ok(links.includes(title.toLowerCase().replace(/[^\w -]/g, "")), title);
});

test("the page has defaults as people write them", () => {
  const standard = new Map(optionsOf(fullFormJsonSchema()).map((option) => [option.key, option.standard]));
  assert.equal(standard.get("listeners"), "required");
  assert.equal(standard.get("listeners[].timeouts.request_head"), "`30s`");
  assert.equal(standard.get("listeners[].limits.head_bytes"), "`32KiB`");
  assert.equal(standard.get("upstreams.NAME.health_check.expected_statuses"), "`[200-399]`");
  assert.equal(standard.get("upstreams.NAME.endpoints[].weight"), "`1`");
  assert.equal(standard.get("routes[].cors.allowed_methods"), "`[GET, HEAD, POST]`");
  assert.equal(standard.get("routes[].match"), "");
  const short = new Map(optionsOf(shortFormJsonSchema()).map((option) => [option.key, option.standard]));
  assert.equal(short.get("startup.require_healthy"), "`true`");
});
