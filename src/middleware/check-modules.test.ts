import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { configOf, full } from "../config/load.fixture.ts";
import type { MiddlewareEntry } from "../config/schema/middleware-schema.ts";
import { checkModules } from "./check-modules.ts";
import { moduleFolder, moduleWith } from "./module-folder.fixture.ts";
import type { ModuleFolder } from "./module-folder.fixture.ts";

interface Checked {
  readonly uses: readonly string[];
  readonly problems: readonly string[];
}

/** Checks entries for all routes, and entries of a route. */
async function check(
  folder: ModuleFolder,
  top: readonly MiddlewareEntry[],
  route: readonly MiddlewareEntry[] = [],
  limitMs?: number,
): Promise<Checked> {
  const plain = configOf(full({}));
  const routes = plain.routes.map((each) => (route.length === 0 ? each : { ...each, middleware: [...route] }));
  const config = { ...plain, middleware: [...top], routes };
  const checked = await checkModules(config, folder.url, limitMs);
  if ("findings" in checked) return { uses: [], problems: checked.findings.map(({ path, message }) => `${path.join(".")}: ${message}`) };
  const all = [...checked.config.middleware, ...checked.config.routes.flatMap(({ middleware = [] }) => middleware)];
  return { uses: all.map(({ use }) => use.replace(folder.url, "FOLDER/").replace(/millrace=[0-9a-f]{16}/, "millrace=V")), problems: [] };
}

async function problemOf(t: TestContext, text: string, options: unknown = {}, name: string = "tried.mjs"): Promise<string> {
  const folder = moduleFolder(t, { [name]: text });
  const { problems } = await check(folder, [{ use: `./${name}`, options }]);
  assert.equal(problems.length, 1, problems.join("\n"));
  return problems[0] ?? "";
}

test("modules are found by path, by package name and by the name of one of several", async (t) => {
  const folder = moduleFolder(t, {
    "stamp.ts": moduleWith("stamp")
      .replace("(options, context)", "(options: unknown, context: unknown)")
      .replace("(value)", "(value: unknown)"),
    "lib/all.mjs": `${moduleWith("first")}\n${moduleWith("second")
      .replace(/^import.*$/m, "")
      .replace("const any", "const more")
      .replace("options: any", "options: more")
      .replace("export default", "export const two =")}`,
    "node_modules/@acme/gate/package.json": '{ "name": "@acme/gate", "type": "module", "exports": "./main.js" }',
    "node_modules/@acme/gate/main.js": moduleWith("gate"),
    "old.cjs": `const { defineMiddleware } = require("millrace"); module.exports = defineMiddleware({ name: "old", setup: () => ({}) });`,
  });
  const { uses, problems } = await check(
    folder,
    [{ use: "./stamp.ts" }, { use: "@acme/gate" }, { use: "./old.cjs" }],
    [{ use: "./lib/all.mjs#second", options: { a: 1 } }, { use: "./lib/all.mjs" }, { use: `${folder.path}/stamp.ts` }],
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(uses, [
    "FOLDER/stamp.ts?millrace=V#stamp",
    "FOLDER/node_modules/@acme/gate/main.js?millrace=V#gate",
    "FOLDER/old.cjs?millrace=V#old",
    "FOLDER/lib/all.mjs?millrace=V#second",
    "FOLDER/lib/all.mjs?millrace=V#first",
    "FOLDER/stamp.ts?millrace=V#stamp",
  ]);
});

test("the version changes with a module and with what it imports, and with nothing else", async (t) => {
  const folder = moduleFolder(t, {
    "stamp.mjs": moduleWith("stamp", "", `import { value } from "./lib/value.ts"; import data from './data.json' with { type: "json" };`),
    "lib/value.ts": "export const value = 1;",
    "data.json": "{}",
    "other.mjs": "export const x = 1;",
  });
  const versionNow = async (): Promise<string> => {
    const config = configOf(full({ rest: "middleware: [{ use: ./stamp.mjs }]" }));
    const checked = await checkModules(config, folder.url);
    assert.ok("config" in checked, JSON.stringify(checked));
    return checked.config.middleware[0]?.use ?? "";
  };
  const first = await versionNow();
  folder.write("other.mjs", "export const x = 2;");
  assert.equal(await versionNow(), first);
  folder.write("lib/value.ts", "export const value = 2;");
  const second = await versionNow();
  assert.notEqual(second, first);
  folder.write("data.json", '{ "a": 1 }');
  assert.notEqual(await versionNow(), second);
  folder.write("data.json", "{}");
  folder.write("lib/value.ts", "export const value = 1;");
  assert.equal(await versionNow(), first);
});

test("why a module cannot be used, with the place in the user's file", async (t) => {
  const cases: readonly (readonly [text: string, problem: RegExp])[] = [
    [
      "export const x = 1;",
      /^middleware\.0\.use: the module cannot be used: it exports no middleware: export what defineMiddleware returns$/,
    ],
    ['import "./missing.mjs";', /^middleware\.0\.use: .*missing\.mjs/],
    ["const token = ;", /^middleware\.0\.use: the module cannot be used: SyntaxError: .* \(tried\.mjs.*\)$/],
    ['throw new Error("not today");', /^middleware\.0\.use: the module cannot be used: not today \(tried\.mjs:1:7\)$/],
    ["throw null;", /^middleware\.0\.use: the module cannot be used: null/],
    ['throw Symbol("s");', /^middleware\.0\.use: the module cannot be used: /],
    ["throw Object.create(null);", /^middleware\.0\.use: the module cannot be used: something without a readable message/],
    ["process.exit(3);", /^middleware\.0\.use: .* cannot be used: it ended its thread \(exit code 3\)$/],
    ["await new Promise(() => {});", /^middleware\.0\.use: .* cannot be used: it waits for what never comes$/],
    [`${moduleWith("late")}\nPromise.reject(new Error("late"));`, /^middleware\.0\.use: .* cannot be used: late \(tried\.mjs:6:16\)$/],
    [
      'import { defineMiddleware } from "millrace"; export default defineMiddleware({ name: "Bad Name", setup: () => ({}) });',
      /the name of a middleware/,
    ],
    [
      'import { defineMiddleware } from "millrace"; export default defineMiddleware({ name: "a" });',
      /the middleware a has no function setup/,
    ],
    [
      'import { defineMiddleware } from "millrace"; export default defineMiddleware({ name: "a", options: {}, setup: () => ({}) });',
      /no schema/,
    ],
  ];
  await Promise.all(cases.map(async ([text, problem]) => assert.match(await problemOf(t, text), problem, text)));
});

test("a module that ends or blocks its thread is the one that is named", async (t) => {
  const folder = moduleFolder(t, { "good.mjs": moduleWith("good"), "exits.mjs": "process.exit(0);", "blocks.mjs": "for (;;);" });
  const named = async (bad: string, limitMs?: number): Promise<readonly string[]> =>
    (await check(folder, [{ use: "./good.mjs" }], [{ use: "./good.mjs" }, { use: bad }], limitMs)).problems;
  assert.match(
    (await named("./exits.mjs")).join("\n"),
    /^routes\.0\.middleware\.1\.use: the module, or one that was loaded before it, cannot be used: /,
  );
  assert.match((await named("./blocks.mjs", 1000)).join("\n"), /^routes\.0\.middleware\.1\.use: .*it has not loaded within 1 s$/);
});

test("refused options have the path of their value, and no value is shown", async (t) => {
  const folder = moduleFolder(t, {
    "strict.mjs": `import { defineMiddleware } from "millrace";
const issues = [{ message: 'expected a number, was "s3cr3t"', path: ["list", 1] }, { message: "Unrecognized key: S3CR3T-9" }];
const options = { "~standard": { version: 1, vendor: "test", validate: (value) => (value.ok ? { value } : { issues }) } };
export default defineMiddleware({ name: "strict", options, setup: () => ({}) });`,
  });
  const { problems } = await check(
    folder,
    [{ use: "./strict.mjs", options: { ok: true } }],
    [{ use: "./strict.mjs", options: { list: [1, "s3cr3t"], "s3cr3t-9": 1 } }],
  );
  assert.deepEqual(problems, [
    'routes.0.middleware.0.options.list.1: expected a number, was "..."',
    "routes.0.middleware.0.options: Unrecognized key: ...",
  ]);
});

test("what a module changes while it is checked does not reach the process", async (t) => {
  const text = `process.env.MILLRACE_LEAK = "1"; Promise.resolve = null; globalThis.Buffer = null;
process.on("uncaughtException", () => {}); setInterval(() => {}, 1000);
(await import("node:net")).createServer().listen(0);
${moduleWith("greedy")}`;
  const folder = moduleFolder(t, { "greedy.mjs": text });
  const { problems } = await check(folder, [{ use: "./greedy.mjs" }]);
  // Nobody promises that a module works that breaks its globals; the process must.
  assert.ok(problems.length <= 1);
  assert.equal(process.env["MILLRACE_LEAK"], undefined);
  assert.equal(typeof Promise.resolve, "function");
});

test("a module that asks where a file would be, which does not exist", async (t) => {
  const folder = moduleFolder(t, { "asks.mjs": `${moduleWith("asks")}\nexport const where = import.meta.resolve("./nowhere.mjs");` });
  assert.deepEqual((await check(folder, [{ use: "./asks.mjs" }])).problems, []);
});

test("many entries, and options with a hundred thousand values", async (t) => {
  const folder = moduleFolder(t, { "stamp.mjs": moduleWith("stamp") });
  const list = Array.from({ length: 100_000 }, (_, index) => `item-${index}`);
  const { uses, problems } = await check(folder, [
    { use: "./stamp.mjs", options: { list } },
    ...Array.from({ length: 50 }, () => ({ use: "./stamp.mjs" })),
  ]);
  assert.deepEqual([uses.length, problems], [51, []]);
});
