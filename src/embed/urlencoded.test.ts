import assert from "node:assert/strict";
import { test } from "node:test";
import { urlencoded } from "./urlencoded.ts";

test("a form is written as the usual parsers read it", () => {
  assert.equal(
    urlencoded({ a: "1", b: ["x", "y"], c: { d: "e f", g: { h: 2 } }, i: [{ j: "k" }] }),
    "a=1&b=x&b=y&c%5Bd%5D=e+f&c%5Bg%5D%5Bh%5D=2&i%5B%5D%5Bj%5D=k",
  );
  assert.equal(
    urlencoded({ "ä&=": "ö+", n: null, u: undefined, f: false, "\ud800": "" }),
    "%C3%A4%26%3D=%C3%B6%2B&n=&u=&f=false&%EF%BF%BD=",
  );
  assert.equal(urlencoded({}), "");
});
