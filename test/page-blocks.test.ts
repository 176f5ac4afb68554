/** Every block of configuration and of shell in README.md and docs/ is right, as far as that can be told without starting anything. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { parseArguments } from "../src/cli/arguments.ts";
import { blocksIn, blocksOf, commandsOf, needOf, pagesForReaders, placeOf, wordsOf } from "./support/page-blocks.ts";
import type { Block } from "./support/page-blocks.ts";
import { completed, problemsOf } from "./support/page-config.ts";

const BLOCKS = pagesForReaders().flatMap(blocksOf);

/** The marks that a block may have, by its language; what a mark means stands in docs/README.md. */
const MARKS: Readonly<Record<string, RegExp>> = {
  yaml: /^(fragment|foreign)$/,
  sh: /^(config|needs=(docker|systemd|internet|checkout|pid|system))$/,
  // `shown` are lines of examples/, `feature` what docs/adding-a-feature.md builds; other tests compile both.
  ts: /^(hooks|test|shown|feature)$/,
  nginx: /^(http|server)$/,
};
/** Blocks that are read and not run. */
const SHOWN = ["text", "json", "markdown", "html", "console", "ini", "dockerfile", "caddyfile", "haproxy", "http"];

const those = (language: string): Block[] => BLOCKS.filter((block) => block.language === language);

test("blocks have a language that a test knows, and marks that mean something", () => {
  for (const block of BLOCKS) {
    const marks = MARKS[block.language];
    assert.ok(marks !== undefined || SHOWN.includes(block.language), `${placeOf(block)}: ${block.language}`);
    for (const mark of block.marks) assert.match(mark, marks ?? /^$/, placeOf(block));
  }
  // What a page shows of curl is compared with what comes back by the test of its recipe.
  assert.deepEqual(
    those("console")
      .filter(({ page }) => !page.startsWith("docs/recipes/"))
      .map(placeOf),
    [],
  );
  assert.ok(BLOCKS.length > 40, `${BLOCKS.length} blocks`);
});

test("YAML and JSON of other programs parses", () => {
  for (const block of those("yaml").filter(({ marks }) => marks.includes("foreign"))) {
    for (const document of parseAllDocuments(block.text)) assert.deepEqual(document.errors, [], placeOf(block));
  }
  for (const block of those("json")) {
    // One document, or one a line.
    const texts = block.text.startsWith('{"') ? block.text.trimEnd().split("\n") : [block.text];
    for (const text of texts) assert.doesNotThrow(() => JSON.parse(text), placeOf(block));
  }
});

test("every command of Millrace in a shell block has arguments that it takes", () => {
  let count = 0;
  for (const block of [...those("sh"), ...those("console")]) {
    const commands = commandsOf(block).flatMap((line) => line.replace(/^\$ /, "").split(/\s*(?:&&|\|)\s*/));
    for (const command of commands) {
      const [, given] = /^(?:npx |npm run )?millrace(?: --)? ?([^&<>]*)/.exec(command) ?? [];
      if (given === undefined) continue;
      count += 1;
      const parsed = parseArguments(wordsOf(given), "millrace.yaml");
      assert.notEqual(parsed.command, "wrong", `${placeOf(block)}: ${command}: ${"problem" in parsed ? parsed.problem : ""}`);
    }
  }
  assert.ok(count > 10, `${count} commands`);
});

test("what needs an engine or the internet is not most of what there is", () => {
  const marked = those("sh").filter((block) => needOf(block) !== null);
  assert.ok(marked.length < those("sh").length / 2, `${marked.length} of ${those("sh").length} shell blocks are marked`);
});

test("blocks are found by their fences, and a fragment gets what it lacks", async () => {
  const [outer, second] = blocksIn("page", "````markdown\n```yaml\na: 1\n```\n````\n```yaml fragment\nroutes: []\n```\n");
  assert.equal(outer?.text, "```yaml\na: 1\n```\n");
  assert.deepEqual([second?.language, second?.marks, second?.line], ["yaml", ["fragment"], 6]);
  assert.throws(() => blocksIn("page", "```sh\nls\n"), /page:1: the block has no end/);
  assert.deepEqual(await problemsOf(completed("routes: [{ upstream: shop }]\n"), "page"), []);
  assert.deepEqual(await problemsOf(completed("upstreams: { app: { endpoints: [http://a], via: false } }\n"), "page"), []);
  assert.match((await problemsOf(completed("routes: [{ upsteam: shop }]\n"), "page")).join(), /unknown key/);
});
