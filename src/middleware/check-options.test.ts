import assert from "node:assert/strict";
import { test } from "node:test";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { checkOptions } from "./check-options.ts";
import { defineMiddleware } from "./define-middleware.ts";
import type { AnyMiddleware } from "./define-middleware.ts";
import type { StandardSchema } from "./standard-schema.ts";

const using = (options?: StandardSchema): AnyMiddleware =>
  defineMiddleware({ name: "tried", ...(options === undefined ? {} : { options }), setup: () => ({}) });

/** A schema of nobody's library. */
function schemaOf(validate: (value: unknown) => unknown): StandardSchema {
  return { "~standard": { version: 1, vendor: "test", validate: validate as StandardSchema["~standard"]["validate"] } };
}

const libraries: Readonly<Record<string, StandardSchema>> = {
  zod: z.object({ header: z.string().default("X-Stamp"), list: z.array(z.object({ size: z.number() })) }),
  valibot: v.object({ header: v.optional(v.string(), "X-Stamp"), list: v.array(v.object({ size: v.number() })) }),
  arktype: type({ header: "string = 'X-Stamp'", list: type({ size: "number" }).array() }),
};

for (const [library, schema] of Object.entries(libraries)) {
  test(`${library}: defaults are filled in, and an issue has the path of its value`, async () => {
    const middleware = using(schema);
    assert.deepEqual(await checkOptions(middleware, { list: [{ size: 1 }] }), { options: { header: "X-Stamp", list: [{ size: 1 }] } });
    const result = await checkOptions(middleware, { list: [{ size: 1 }, { size: "hunter22" }], header: 7 });
    assert.ok("issues" in result);
    assert.deepEqual(result.issues.map(({ path }) => path).toSorted(), [["header"], ["list", 1, "size"]]);
    for (const { message } of result.issues) assert.match(message, /^[^\n]*(?:number|string)[^\n]*$/);
  });
}

test("no options count as an empty object; a middleware without a schema takes none", async () => {
  assert.deepEqual(await checkOptions(using(z.object({ on: z.boolean().default(true) })), undefined), { options: { on: true } });
  assert.deepEqual(await checkOptions(using(), undefined), { options: undefined });
  const none = { issues: [{ path: [], message: "this middleware takes no options" }] };
  assert.deepEqual(await checkOptions(using(), {}), none);
  assert.deepEqual(await checkOptions(using(), null), none);
});

test("a schema may be asynchronous, and has a time limit", async () => {
  const slow = z.object({ name: z.string().refine(async (name) => Promise.resolve(name !== "taken"), "taken") });
  assert.deepEqual(await checkOptions(using(slow), { name: "free" }), { options: { name: "free" } });
  assert.deepEqual(await checkOptions(using(slow), { name: "taken" }), { issues: [{ path: ["name"], message: "taken" }] });
  const never = using(schemaOf(async () => new Promise(() => undefined)));
  assert.deepEqual(await checkOptions(never, {}, 5), {
    issues: [{ path: [], message: "the schema of the options failed: it has not settled within 0.005 s" }],
  });
});

test("a schema that throws, rejects or gives nonsense is a problem of the options, not of the process", async () => {
  const bad: readonly ((value: unknown) => unknown)[] = [
    () => {
      throw new Error("broken");
    },
    async () => Promise.reject(new Error("broken")),
    () => null,
    () => undefined,
    () => ({ issues: "many" }),
    () => ({ issues: [null] }),
    () => ({ issues: [{ message: 7 }] }),
    () => ({ issues: [{ message: "x", path: null }] }),
  ];
  for (const validate of bad) {
    const result = await checkOptions(using(schemaOf(validate)), {});
    assert.ok("issues" in result && result.issues.length === 1, String(validate));
    assert.match(result.issues[0]?.message ?? "", /^the schema of the options failed: /);
  }
  assert.deepEqual(await checkOptions(using(schemaOf(() => ({ issues: [] }))), {}), {
    issues: [{ path: [], message: "the schema of the options refuses them, and does not say why" }],
  });
});

test("parts of a path may be objects or symbols, and a message is one line", async () => {
  const issue = { message: "  two\n   lines ", path: [{ key: "a" }, 0, Symbol("s")] };
  assert.deepEqual(await checkOptions(using(schemaOf(() => ({ issues: [issue] }))), {}), {
    issues: [{ path: ["a", 0, "Symbol(s)"], message: "two lines" }],
  });
});

test("of very many issues the first are reported, and how many more there are", async () => {
  const middleware = using(z.object({ list: z.array(z.number()) }));
  const result = await checkOptions(middleware, { list: Array.from({ length: 100_000 }, () => "wrong") });
  assert.ok("issues" in result);
  assert.equal(result.issues.length, 51);
  assert.deepEqual(result.issues.at(-1), { path: [], message: "and 99950 more" });
});

test("keys that objects have of themselves are keys like others", async () => {
  const given: unknown = JSON.parse('{"__proto__":{"admin":true},"constructor":1}');
  const result = await checkOptions(using(z.strictObject({})), given);
  assert.ok("issues" in result);
  assert.match(result.issues[0]?.message ?? "", /__proto__|constructor/);
  assert.equal(Object.hasOwn(Object.prototype, "admin"), false);
});
