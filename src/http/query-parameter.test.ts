import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { looseValues, parameterValues, withoutParameter } from "./query-parameter.ts";

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

test("what programs may take for a parameter of a name", () => {
  const values = (query: string): readonly string[] => looseValues(`/?${query}`, "q");
  assert.deepEqual(values("q=1&Q=2;%51=3&q[]=4&q%5b0]=5&+q%00=6&%09q [a]=7"), ["1", "2", "3", "4", "5", "6", "7"]);
  assert.deepEqual(values("qq=1&_q=2&q_=3&[q]=4&p=q=5&=6"), []);
  assert.deepEqual(values("a=1;q=%3B"), [";"]);
});
