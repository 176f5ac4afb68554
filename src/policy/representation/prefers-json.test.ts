import assert from "node:assert/strict";
import { test } from "node:test";
import { prefersJson } from "./prefers-json.ts";

test("whoever names JSON, and does not like HTML better", () => {
  for (const accept of [
    "application/json",
    "application/problem+json",
    "application/*",
    "APPLICATION/JSON;q=0.5",
    "application/json, text/plain, */*",
    "application/json, text/html",
    "text/html;q=0.8, application/json;q=0.9",
    "application/json;charset=utf-8;q=0.9, text/html;q=0.8",
  ])
    assert.equal(prefersJson(accept), true, accept);
  for (const accept of [
    undefined,
    "",
    "*/*",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
    "text/html, application/json;q=0.9",
    "application/json;q=0",
    "application/json;q=0.000, */*",
    "application/jsonp",
    "x application/json",
  ])
    assert.equal(prefersJson(accept), false, String(accept));
});
