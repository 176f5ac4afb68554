import { test } from "node:test";
import assert from "node:assert/strict";
import { bearerToken, readCredentials } from "./credentials.ts";

function tokens(authorization: readonly string[], apiKey: readonly string[] = []): readonly string[] | null {
  return (
    readCredentials({ values: (name) => [...(name === "authorization" ? authorization : name === "x-api-key" ? apiKey : [])] })?.tokens ??
    null
  );
}

test("reads the token of a Bearer credential", () => {
  assert.deepEqual(["Bearer abc", "bearer abc", "BEARER   abc", "Bearer abc "].map(bearerToken), ["abc", "abc", "abc", "abc"]);
  assert.deepEqual(["Bearer", "Bearer ", "bearer   "].map(bearerToken), ["", "", ""]);
  assert.equal(bearerToken("Bearer a b"), "a b");
  assert.equal(bearerToken("Bearer \u00a0abc"), "\u00a0abc");
});

test("Authorization of another scheme carries no token", () => {
  for (const value of ["Basic YTpi", "Bearerabc", "Bear", "", "xBearer abc", "Bearer2 abc", "Bearer.a b"])
    assert.equal(bearerToken(value), null, value);
});

test("a scheme ends before whatever no scheme has, so that no server finds a token that was not looked at", () => {
  const found = ["Bearer\tabc", "Bearer \t abc", "Bearer=abc", "Bearer\u00a0abc", "Bearer,abc", 'Bearer"abc"'].map(bearerToken);
  assert.deepEqual(found, ["abc", "abc", "=abc", "\u00a0abc", ",abc", '"abc"']);
});

test("collects the tokens of both fields", () => {
  assert.deepEqual(tokens([]), []);
  assert.deepEqual(tokens(["Basic YTpi"]), []);
  assert.deepEqual(tokens(["Bearer a"]), ["a"]);
  assert.deepEqual(tokens([], ["b"]), ["b"]);
  assert.deepEqual(tokens(["Bearer a"], ["b"]), ["a", "b"]);
  assert.deepEqual(tokens(["Basic YTpi"], ["b"]), ["b"]);
  assert.deepEqual(tokens([], [""]), [""]);
});

test("two lines of one field are refused, be they equal or of another scheme", () => {
  assert.equal(tokens(["Bearer a", "Bearer a"]), null);
  assert.equal(tokens(["Bearer a", "Basic YTpi"]), null);
  assert.equal(tokens([], ["b", "b"]), null);
});
