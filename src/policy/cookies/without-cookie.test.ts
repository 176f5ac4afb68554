import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutCookie } from "./without-cookie.ts";

test("every cookie of the name goes, the others keep their order and text", () => {
  assert.equal(withoutCookie(["a=1; session=x; b=2"], "session"), "a=1; b=2");
  assert.equal(withoutCookie(["session=x", " session = y ;a=session=z; ;Session=u"], "session"), "a=session=z; Session=u");
  assert.equal(withoutCookie(["session=x"], "session"), "");
  assert.equal(withoutCookie(["a=1; sessions=2; session"], "session"), null);
  assert.equal(withoutCookie([], "session"), null);
});
