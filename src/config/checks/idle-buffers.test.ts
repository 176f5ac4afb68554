import assert from "node:assert/strict";
import { test } from "node:test";
import { idleBuffer } from "./idle-buffers.ts";

const messages = (route: object, memory?: unknown): string[] =>
  idleBuffer({ upstream: "app", ...route }, 0, memory).map(({ path, message }) => `${path.join(".")}: ${message}`);

test("a buffer that holds nothing, or stands where nothing is forwarded", () => {
  for (const buffer of [{}, { request: 0 }, { request: "0" }, { request: "0KiB" }])
    assert.match(messages({ buffer }).join(), /^routes\.0\.buffer: it holds nothing/);
  assert.match(messages({ buffer: { request: "1MiB" }, upstream: undefined, redirect: { to: "/" } }).join(), /answers by itself/);
  assert.deepEqual(messages({ buffer: { request: "1MiB" } }), []);
});

test("a size above what all bodies together may take", () => {
  assert.match(messages({ buffer: { request: "2MiB" } }, "1MiB").join(), /^routes\.0\.buffer\.request: it is above limits\.buffered_bytes/);
  assert.match(messages({ buffer: { request: 2000 } }, 1000).join(), /above/);
  assert.deepEqual(messages({ buffer: { request: "64MiB" } }), []);
});

test("values of the wrong kind are left to the schema", () => {
  for (const buffer of [null, 1, "1MiB", [], { request: true }, { request: "many" }]) assert.deepEqual(messages({ buffer }), []);
});
