import assert from "node:assert/strict";
import { test } from "node:test";
import { didYouMean } from "./did-you-mean.ts";

const KEYS = ["address", "timeouts", "limits", "request_head", "requests_per_minute"];

test("finds the key that a mistyped one was meant for", () => {
  for (const [word, meant] of [
    ["adress", "address"],
    ["addres", "address"],
    ["ADDRESS", "address"],
    ["timeout", "timeouts"],
    ["tiemouts", "timeouts"],
    ["request_haed", "request_head"],
    ["request_per_minute", "requests_per_minute"],
    ["limit", "limits"],
  ] as const) {
    assert.equal(didYouMean(word, KEYS), `; did you mean "${meant}"?`, word);
  }
});

test("suggests nothing when no key is near", () => {
  for (const word of ["", "x", "tls", "compression", "address_of_the_listener"]) assert.equal(didYouMean(word, KEYS), "", word);
  assert.equal(didYouMean("address", []), "");
});

test("suggests the nearest key, and the first of equally near ones", () => {
  assert.equal(didYouMean("ap", ["app", "api"]), '; did you mean "app"?');
  assert.equal(didYouMean("apii", ["app", "api"]), '; did you mean "api"?');
});

test("suggests nothing for a very long word, whatever it begins with", () => {
  assert.equal(didYouMean(`${"a".repeat(64)}secret`, ["a".repeat(64)]), "");
});
