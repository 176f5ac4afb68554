/** No message shows a text that may be a secret, wherever it stands in a configuration. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseConfig } from "./load.ts";
import { CASES, FULL, assertHidden, assertNeverShown, linesOf, noFile } from "./spoiled-configs.fixture.ts";

/** Of the places for a secret, each test here looks at every so many; test/e2e/secrets-everywhere.test.ts looks at all of them. */
const EVERY = 5;

describe("no message shows a secret", () => {
  for (const [position, { form, tree, secret }] of CASES.entries())
    test(`in the ${form} form, wherever ${JSON.stringify(secret.slice(-40))} stands`, () =>
      assertNeverShown(tree, secret, EVERY, position % EVERY));
});

test("no message about YAML quotes the file", () => {
  const faults = [
    "hunter2",
    "- hunter2",
    "a: [hunter2",
    "a: {hunter2",
    'a: "hunter2',
    "a: 'hunter2",
    "a: *hunter2",
    "a: &hunter2",
    "a: !hunter2 x",
    "a: @hunter2",
    "a: `hunter2`",
    "a: %hunter2",
    "%hunter2",
    "a: b: hunter2",
    "a: | hunter2",
    "a: > hunter2",
    'a: "\\hunter2"',
    "a:\n\thunter2: x",
    "hunter2: 1\nhunter2: 2",
    "a: hunter2\n b: hunter2",
    "a: [hunter2]hunter2",
    "? [hunter2]\n: hunter2",
    "a: ${hunter2}\nb: { c: ${hunter2} }",
    "a: {b: hunter2 c: hunter2}",
    "a: hunter2\n---\nb: hunter2",
    "a: ]hunter2",
    "a: - hunter2",
    "hunter2: &a [*a]",
    "<<: hunter2",
    "<<: [hunter2]",
    "a: 'hunter2' hunter2",
    "a: !!binary hunter2",
    "a: !!int hunter2",
    "a: !!map hunter2",
    '{"tokens": ["hunter2]}',
    '{"a": hunter2 "b"}',
  ];
  for (const fault of faults) {
    for (const text of [fault, `${FULL}${fault}\n`, `routes:\n  - ${fault.replaceAll("\n", "\n    ")}\n`]) {
      const result = parseConfig(text, "f", {}, noFile);
      assert.ok("problems" in result, text);
      assertHidden(linesOf(result), text);
    }
  }
});

describe("a message shows a value that is no secret", () => {
  for (const [from, to, expected] of [
    ["connections: 10", "connections: -1", /found -1/],
    ["retries: 1", "retries: 101", /found 101/],
    ["max_body: 1MiB", "max_body: 10M", /found "10M"/],
    ["10.0.0.0/8", "10.0.0.0/33", /found "10\.0\.0\.0\/33"/],
    ["balance: round_robin", "balance: roundrobin", /found "roundrobin"; did you mean "round_robin"\?/],
    ["workers: 1", "workers: true", /found true/],
    ["http://a:1", "ftp://a:1/secret", /found "ftp:\/\/\.\.\."/],
    ["http://a:1", "${ENDPOINT}", /the environment variable ENDPOINT is not set/],
  ] as const) {
    test(to, () => assert.match(linesOf(parseConfig(FULL.replace(from, to), "f", {}, noFile)), expected));
  }
});
