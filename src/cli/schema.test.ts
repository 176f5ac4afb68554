/** `millrace schema --config FILE`: the options of the middleware that a configuration uses are described. */
import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { asNode } from "../config/schema/json-schema.ts";
import type { SchemaNode } from "../config/schema/json-schema.ts";
import { moduleFolder, moduleWith } from "../middleware/module-folder.fixture.ts";
import { schemaCommand } from "./schema.ts";

const ZOD = pathToFileURL(path.resolve("node_modules/zod/index.js")).href;
const STAMP = `import { defineMiddleware } from "millrace";
import { z } from "${ZOD}";
const tree = z.strictObject({ name: z.string(), get more() { return z.array(tree).optional(); } });
const options = z.strictObject({ header: z.string().default("X-Stamp"), times: z.int(), tree: tree.optional() });
export default defineMiddleware({ name: "stamp", options, setup: () => ({}) });
export const bare = defineMiddleware({ name: "bare", setup: () => ({}) });
export const dated = defineMiddleware({ name: "dated", options: z.object({ at: z.date() }), setup: () => ({}) });
`;

function yaml(top: string, route: string): string {
  return `listeners: [{ address: ":8080" }]
upstreams: { app: { endpoints: ["http://a:1"] } }
middleware: [${top}]
routes: [{ upstream: app, middleware: [${route}] }]
`;
}

async function schemaOf(t: TestContext, config: string): Promise<{ code: number; schema: SchemaNode; err: string }> {
  const folder = moduleFolder(t, { "stamp.mjs": STAMP, "plain.mjs": moduleWith("plain"), "millrace.yaml": config });
  let [out, err] = ["", ""];
  const code = await schemaCommand(
    path.join(folder.path, "millrace.yaml"),
    (text) => (out += text),
    (text) => (err += text.replaceAll(folder.path, "FOLDER")),
  );
  return { code, schema: out === "" ? {} : asNode(JSON.parse(out)), err };
}

/** The items of `middleware` in the full form: at the top, and in a route. */
function itemsOf(schema: SchemaNode): readonly SchemaNode[] {
  const [full] = listOf(schema["anyOf"]);
  const properties = asNode(full?.["properties"]);
  const route = asNode(asNode(asNode(properties["routes"])["items"])["properties"]);
  // In a route `false` may stand there too.
  const [list] = listOf(asNode(route["middleware"])["anyOf"]);
  return [properties["middleware"], list].map((each) => asNode(asNode(each)["items"]));
}

function listOf(value: unknown): readonly SchemaNode[] {
  return Array.isArray(value) ? value.map(asNode) : [];
}

test("entries are offered by their modules, as the file writes them, and others beside them", async (t) => {
  const { code, schema, err } = await schemaOf(
    t,
    yaml(
      "{ use: ./stamp.mjs, options: { times: 1 } }",
      "{ use: ./plain.mjs }, { use: ./stamp.mjs#bare }, { use: ./stamp.mjs, options: { times: 2 } }",
    ),
  );
  assert.deepEqual([code, err], [0, ""]);
  const [top, route] = itemsOf(schema);
  assert.deepEqual(top, route, "any of them may stand in either list");
  const entries = listOf(top?.["anyOf"]).map(({ properties, required, additionalProperties }) => {
    const { use, options } = asNode(properties);
    return [asNode(use)["const"] ?? asNode(use)["allOf"] ?? null, asNode(options)["$ref"] ?? "anything", required, additionalProperties];
  });
  assert.deepEqual(entries.slice(0, 3), [
    ["./stamp.mjs", "#/$defs/middleware-options-1", ["use", "options"], false],
    ["./plain.mjs", "anything", ["use"], false],
    ["./stamp.mjs#bare", "#/$defs/middleware-options-3", ["use"], false],
  ]);
  // A mistake in the options of a known module must not pass as an entry for another module.
  assert.deepEqual(listOf(entries[3]?.[0])[1], { not: { enum: ["./stamp.mjs", "./plain.mjs", "./stamp.mjs#bare"] } });
  assert.deepEqual(Object.keys(asNode(schema["$defs"])), ["middleware-options-1", "middleware-options-3"]);
  assert.deepEqual(asNode(schema["$defs"])["middleware-options-3"], { not: {} });
});

test("the options are those of the library, with variables allowed and references that lead somewhere", async (t) => {
  const { schema } = await schemaOf(t, yaml("{ use: ./stamp.mjs, options: { times: 1 } }", ""));
  const options = asNode(asNode(schema["$defs"])["middleware-options-1"]);
  assert.deepEqual([options["type"], options["required"], options["additionalProperties"]], ["object", ["times"], false]);
  const { header, times } = asNode(options["properties"]);
  assert.equal(asNode(header)["default"], "X-Stamp");
  assert.deepEqual(
    listOf(asNode(times)["anyOf"]).map(({ type, pattern }) => [type, typeof pattern]),
    [
      ["integer", "undefined"],
      ["string", "string"],
    ],
  );
  const references: string[] = [];
  JSON.stringify(schema, (key, value: unknown) => {
    if (key === "$ref") references.push(String(value));
    return value;
  });
  assert.ok(references.length >= 3, "the tree refers to itself");
  for (const reference of references) {
    let node: unknown = schema;
    for (const part of reference.slice(2).split("/")) node = asNode(node)[part];
    assert.equal(typeof node, "object", reference);
  }
});

test("options that are wrong or that the library cannot describe are no problem here", async (t) => {
  const { code, schema } = await schemaOf(t, yaml("{ use: ./stamp.mjs, options: { tmies: 1 } }, { use: ./stamp.mjs#dated }", ""));
  assert.equal(code, 0);
  const [top] = itemsOf(schema);
  assert.equal(listOf(top?.["anyOf"]).length, 3);
  assert.deepEqual(Object.keys(asNode(schema["$defs"])), ["middleware-options-1"]);
});

test("without middleware it is the generic schema; a module that cannot be loaded is a problem with its place", async (t) => {
  const plain = await schemaOf(t, yaml("", ""));
  let generic = "";
  await schemaCommand(null, (text) => (generic += text), assert.fail);
  assert.deepEqual(plain.schema, JSON.parse(generic));
  const broken = await schemaOf(t, yaml("{ use: ./stamp.mjs }, { use: ./missing.mjs }", ""));
  assert.equal(broken.code, 1);
  assert.match(
    broken.err,
    /^FOLDER\/millrace\.yaml:3:43: middleware\.#2\.use: the module cannot be used: [^\n]*missing\.mjs[^\n]*\n {4}3 \| [^\n]*\n {6}\| +\^\n1 error\n$/,
  );
  const wrong = await schemaOf(t, "listeners: 1\n");
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /^FOLDER\/millrace\.yaml:1:/);
});
