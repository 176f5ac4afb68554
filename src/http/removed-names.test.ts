import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { addFields } from "./build-head.ts";
import { FieldSection } from "./field-section.ts";
import { keptText } from "./forward-fields.ts";
import { Known, bit } from "./known-fields.ts";
import { NO_NAMES } from "./removed-names.ts";
import type { RemovedNames } from "./removed-names.ts";

function listOf(names: readonly string[]): RemovedNames {
  return names.reduce((list, name) => list.and(name), NO_NAMES);
}

const CORS = [
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "access-control-allow-methods",
  "access-control-allow-headers",
  "access-control-expose-headers",
  "access-control-max-age",
  "access-control-allow-private-network",
];
const NAMES = [
  "authorization",
  "x-api-key",
  "x-other",
  "date",
  "client-cert",
  "client-cert-chain",
  "x-forwarded-client-cert",
  "vary",
  ...CORS,
];

test("the same list is the same object, whatever lists were made in between", () => {
  const [both, other, one] = [listOf(["authorization", "x-api-key"]), listOf(["x-api-key", "authorization"]), listOf(["authorization"])];
  assert.deepEqual(
    [both.names, other.names, one.names],
    [["authorization", "x-api-key"], ["x-api-key", "authorization"], ["authorization"]],
  );
  assert.equal(new Set([both, other, one, NO_NAMES]).size, 4);
  assert.equal(listOf(["authorization", "x-api-key"]), both);
  // Another string object with the same text is the same name.
  assert.equal(listOf([["author", "ization"].join("")]), one);
});

test("two lists are one object exactly if they have the same names in the same order; a name is there once", () => {
  const lists = fc.array(fc.constantFrom(...NAMES.slice(0, 4)), { maxLength: 3 });
  fc.assert(
    fc.property(lists, lists, (first, second) => {
      const [a, b] = [listOf(first), listOf(second)];
      const [once, other] = [[...new Set(first)], [...new Set(second)]];
      assert.deepEqual(a.names, once);
      assert.equal(a === b, once.join() === other.join());
    }),
    { numRuns: 1000 },
  );
});

test("a known name is removed by its id only if all names with that id are removed", () => {
  assert.deepEqual([listOf(["authorization"]).known, listOf(["authorization"]).others], [bit(Known.authorization), []]);
  assert.deepEqual([listOf(["x-api-key", "vary"]).known, listOf(["x-api-key", "vary"]).others], [bit(Known.vary), ["x-api-key"]]);
  assert.deepEqual([listOf(["client-cert"]).known, listOf(["client-cert"]).others], [0, ["client-cert"]]);
  assert.deepEqual(
    [listOf(["client-cert-chain", "x-forwarded-client-cert", "client-cert"]).known, listOf(CORS).known],
    [bit(Known.verified), bit(Known.accessControl)],
  );
});

test("removal by id keeps the same lines as removal by name", () => {
  fc.assert(
    fc.property(fc.subarray(NAMES), fc.array(fc.constantFrom(...NAMES)), (removed, received) => {
      const section = new FieldSection();
      addFields(
        section,
        received.map((name) => [name.toUpperCase(), "1"] as const),
      );
      const list = listOf(removed);
      assert.equal(keptText(section, list.known, list.others), keptText(section, 0, removed));
    }),
    { numRuns: 1000 },
  );
});

test("endless new lists are not kept in memory", () => {
  const lists = Array.from({ length: 1000 }, (_, index) => listOf(["x-first", `x-made-up-${index}`]));
  const again = lists.filter((list, index) => list === listOf(["x-first", `x-made-up-${index}`])).length;
  assert.ok(again <= 256, `${again} are kept`);
  assert.deepEqual(lists[999]?.names, ["x-first", "x-made-up-999"]);
  assert.equal(listOf(["authorization"]), listOf(["authorization"]), "those that were there stay");
});
