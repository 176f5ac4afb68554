import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { defineMiddleware } from "./define-middleware.ts";
import { GivenMiddleware, withModules } from "./given-middleware.ts";
import type { LoadMiddleware } from "./installed-middleware.ts";

const stamp = defineMiddleware({ name: "stamp", options: z.object({ value: z.string() }), setup: () => ({}) });
const plain = defineMiddleware({ name: "plain", setup: () => ({}) });
const others: LoadMiddleware = async ({ use }) => Promise.reject(new Error(`asked others for ${use}`));

test("each middleware of a configuration is replaced by a text, and found by it again", async () => {
  const given = stamp({ value: "1" });
  const config = { middleware: [given, { use: "./a.ts" }], routes: [{ upstream: "app", middleware: [plain(), given] }, { upstream: "b" }] };
  const held = new GivenMiddleware(config);
  assert.deepEqual(held.names, ["stamp", "plain", "stamp"]);
  assert.deepEqual(held.config, {
    middleware: [{ use: "given/0.0#stamp" }, { use: "./a.ts" }],
    routes: [{ upstream: "app", middleware: [{ use: "given/0.1#plain" }, { use: "given/0.2#stamp" }] }, { upstream: "b" }],
  });
  const load = held.loadOr(others);
  assert.deepEqual(await load({ use: "given/0.2#stamp" }), { middleware: stamp, options: { value: "1" } });
  assert.deepEqual(await load({ use: "given/0.1#plain" }), { middleware: plain, options: undefined });
  await assert.rejects(load({ use: "./a.ts" }), /asked others for \.\/a\.ts/);
  await assert.rejects(load({ use: "given/0.3#stamp" }), /asked others/);
  assert.deepEqual(new GivenMiddleware({ middleware: [given] }, 7).config, { middleware: [{ use: "given/7.0#stamp" }] });
});

test("a configuration without middleware stays the object that it is, and nonsense passes to the checks", () => {
  const config = { routes: [{ upstream: "app" }] };
  assert.deepEqual(new GivenMiddleware(config).config, config);
  for (const nonsense of [
    null,
    7,
    "text",
    [],
    { routes: "x" },
    { routes: [null, 7] },
    { middleware: "x" },
    { middleware: [null, 7, [stamp]] },
  ])
    assert.deepEqual(new GivenMiddleware(nonsense).config, nonsense);
});

test("for other threads a middleware names the module that defined it", () => {
  assert.deepEqual(withModules({ middleware: [stamp({ value: "1" }), plain()] }), {
    middleware: [{ use: `${import.meta.url}#stamp`, options: { value: "1" } }, { use: `${import.meta.url}#plain` }],
  });
  const homeless = { ...stamp({ value: "1" }), use: Object.assign(() => stamp({ value: "1" }), stamp, { module: "" }) };
  assert.throws(() => withModules({ middleware: [homeless] }), /^Error: it is not known which module defines the middleware stamp/);
});

test("a getter or a proxy that throws is an error of its configuration", () => {
  const throwing = Object.defineProperty({}, "middleware", {
    enumerable: true,
    get: () => {
      throw new Error("no");
    },
  });
  assert.throws(() => withModules(throwing), /^Error: no$/);
  const trapped = new Proxy({ middleware: [stamp({ value: "1" })] }, {});
  assert.match(JSON.stringify(withModules(trapped)), /"use":"file:.*#stamp"/);
});
