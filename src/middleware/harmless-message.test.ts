import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutTexts } from "./harmless-message.ts";

test("texts of the options are taken out of a message, however deep they lie and however their letters are spelled", () => {
  const harmless = withoutTexts({ token: "s3cr3t-Token", more: [{ deep: "Another one" }], port: 61234 });
  assert.equal(harmless('was "s3cr3t-Token", S3CR3T-TOKEN or another ONE at 61234'), 'was "...", ... or ... at ...');
  assert.equal(harmless("expected string"), "expected string");
});

test("the longest text goes first, characters of regular expressions mean themselves, short texts stay", () => {
  assert.equal(withoutTexts({ a: "secret", b: "secret.*(more)", c: "ing" })("secret.*(more) is nothing"), "... is nothing");
  assert.equal(withoutTexts(["a.b.c-d"])("axbxcxd, a.b.c-d"), "axbxcxd, ...");
});

test("a key that is no plain word may be a secret in a wrong place", () => {
  assert.equal(
    withoutTexts({ "8c1f0a4be7d9": 1, timeout: 1 })('Unrecognized keys: "8c1f0a4be7d9", "timeout"'),
    'Unrecognized keys: "...", "timeout"',
  );
});

test("texts as JSON writes them, trimmed, and the credentials of a URL", () => {
  assert.equal(withoutTexts({ a: 'quo"ted' })(String.raw`got {"a":"quo\"ted"}`), 'got {"a":"..."}');
  assert.equal(withoutTexts({ a: "  padded  " })("got padded"), "got ...");
  const harmless = withoutTexts({ url: "redis://worker:hunter%2122@cache.test:6379/0?auth=abcdef" });
  assert.equal(harmless("NOAUTH for worker with hunter!22, abcdef"), "NOAUTH for ... with ..., ...");
  assert.equal(harmless("cannot reach cache.test"), "cannot reach cache.test");
});

test("options that hold themselves, and many of them", () => {
  const circular: Record<string, unknown> = { token: "s3cr3t" };
  circular["self"] = circular;
  assert.equal(withoutTexts(circular)("s3cr3t"), "...");
  const many = Array.from({ length: 100_000 }, (_, index) => `item-${index}`);
  assert.equal(withoutTexts(many)("item-99999 of many"), "... of many");
  for (const nothing of [undefined, null, true, "", 1]) assert.equal(withoutTexts(nothing)("true, null, 1"), "true, null, 1");
});
