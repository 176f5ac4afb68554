import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parameterValues, withoutParameter } from "./query-parameter.ts";

test("a parameter in every spelling of its name and value", () => {
  for (const [target, values, rest] of [
    ["/", [], "/"],
    ["/?", [], "/?"],
    ["/a?key=1", ["1"], "/a"],
    ["/a?key=1&b=2", ["1"], "/a?b=2"],
    ["/a?b=%32&key=1", ["1"], "/a?b=%32"],
    ["/a?b&key&c", [""], "/a?b&c"],
    ["/a?%6bey=a%20b+c", ["a b c"], "/a"],
    ["/a?k%65y=1&key=2", ["1", "2"], "/a"],
    ["/a?key=%zz%", ["%zz%"], "/a"],
    ["/a?keys=1&Key=2&akey=3", [], "/a?keys=1&Key=2&akey=3"],
    ["/key=1?b=key=1", [], "/key=1?b=key=1"],
    ["/a?key==1?key=2", ["=1?key=2"], "/a"],
    ["*", [], "*"],
  ] as const) {
    assert.deepEqual(parameterValues(target, "key"), values, target);
    assert.equal(withoutParameter(target, "key"), rest, target);
  }
});

test("of no query is anything left that URLSearchParams reads as the parameter, and all else is as it was", () => {
  const piece = fc.constantFrom("key", "%6Bey", "k%65y", "=", "&", "+", "%", "%2", "a", "?", "1", ";");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const target = `/p?${pieces.join("")}`;
      const [before, after] = [target, withoutParameter(target, "key")].map((each) => new URLSearchParams(`&${each.slice(3)}`));
      assert.equal(after?.has("key"), false);
      assert.deepEqual(
        [...(after ?? [])],
        [...(before ?? [])].filter(([name]) => name !== "key"),
      );
    }),
  );
});
