import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkConfig } from "../config/load.ts";
import { placeOf } from "../config/document/document.ts";
import { readObject } from "../config/document/read-object.ts";
import { isVocabulary } from "../config/schema/foreign-keys.ts";
import type { KeyPath } from "../values/finding.ts";
import { withLiteralPlaces } from "./literal-places.ts";

/** The line and the column of the value, or of the key, at each of these paths. */
async function placesIn(text: string, paths: readonly KeyPath[], atKey: boolean = false): Promise<string[]> {
  const loaded: unknown = await import(`data:text/javascript,${encodeURIComponent(text)}`);
  assert.ok(typeof loaded === "object" && loaded !== null && "default" in loaded);
  const root = readObject(loaded.default, isVocabulary);
  assert.ok(typeof root !== "string", String(root));
  const located = withLiteralPlaces(root, text, false);
  return paths.map((path) => {
    const { line, column, computed } = placeOf(located, path, atKey);
    return `${line}:${column}${computed === true ? " computed" : ""}`;
  });
}

describe("a value of a module", () => {
  test("that stands there literally has its own place, and so have keys and what is in lists", async () => {
    const text = `export default {
  workers: 2,
  "listeners": [{ address: ":8080", limits: { headers: -1 } }],
  upstreams: { app: { endpoints: [\`http://a\`, 'http://b'] } },
};`;
    const values: KeyPath[] = [
      ["workers"],
      ["listeners", 0, "address"],
      ["listeners", 0, "limits", "headers"],
      ["upstreams", "app", "endpoints", 1],
    ];
    assert.deepEqual(await placesIn(text, values), ["2:12", "3:28", "3:56", "4:47"]);
    assert.deepEqual(await placesIn(text, [["listeners"], ["upstreams", "app"], ["upstreams", "app", "endpoints"]], true), [
      "3:3",
      "4:16",
      "4:23",
    ]);
    assert.deepEqual(await placesIn(text, [["none"], ["upstreams", "none"]]), ["1:16", "4:3"]);
  });

  test("that is computed has the place of its top-level key", async () => {
    const text = `const one = () => 1;
export default {
  workers: one() + 1,
  routes: [1, 2].map((each) => ({ upstream: \`app\${each}\` })),
  admin: { address: "127.0.0.1:" + 9901, hosts: ["a.test"] },
};`;
    assert.deepEqual(await placesIn(text, [["workers"], ["routes", 1, "upstream"], ["admin", "address"], ["admin", "hosts", 0]]), [
      "3:3 computed",
      "4:3 computed",
      "5:3 computed",
      "5:50",
    ]);
  });

  test("is found in constants of the module, and through defineConfig and Object.freeze", async () => {
    const text = `const defineConfig = (config) => config;
const app = { endpoints: ["http://a"] };
export const listeners = [{ address: ":1" }];
let changed = 1;
const config = Object.freeze({ listeners, upstreams: { app, b: app }, workers: changed });
export { config as default };`;
    assert.deepEqual(await placesIn(text, [["listeners", 0, "address"], ["upstreams", "b", "endpoints", 0], ["workers"]]), [
      "3:38",
      "2:27",
      "5:71 computed",
    ]);
    assert.deepEqual(
      await placesIn("const defineConfig = (c) => c;\nconst c = { workers: 1 };\nexport default defineConfig(c);", [["workers"]]),
      ["2:22"],
    );
  });

  test("is found beside what is spread into an object or a list, where that is sure", async () => {
    const text = `const more = [{ name: "x" }, { name: "y" }], base = { name: "base", max_body: 1 };
export default {
  routes: [{ name: "a" }, ...more, { name: "b" }],
  middleware: [...more, { use: "c" }, ...more],
  logging: { ...base, level: "info" },
  admin: { address: "1", ...base },
};`;
    const paths: KeyPath[] = [
      ["routes", 0, "name"],
      ["routes", 1, "name"],
      ["routes", 3, "name"],
      ["middleware", 2, "use"],
    ];
    assert.deepEqual(await placesIn(text, paths), ["3:20", "3:3 computed", "3:44", "4:3 computed"]);
    assert.deepEqual(
      await placesIn(text, [
        ["logging", "level"],
        ["logging", "name"],
        ["admin", "address"],
      ]),
      ["5:30", "5:3 computed", "6:3 computed"],
    );
  });

  test("is not taken for a literal that has another value by now", async () => {
    const text = "const c = { workers: 1, admin: { address: 'a' } };\nc.workers = 2;\nc.admin.address = 'b';\nexport default c;";
    assert.deepEqual(await placesIn(text, [["workers"], ["admin", "address"]]), ["1:13 computed", "1:25 computed"]);
  });

  test("of whose module nothing is understood has no place of its own", async () => {
    assert.deepEqual(await placesIn("const make = () => ({ workers: 1 });\nexport default make();", [["workers"]]), ["2:16 computed"]);
    const root = readObject({ workers: 1 }, isVocabulary);
    assert.ok(typeof root !== "string");
    for (const text of [
      "",
      "export default class {}",
      "const a = b;\nconst b = a;\nexport default a;",
      "export default {{",
      "import c from 'c'; export default c;",
    ]) {
      const { line } = placeOf(withLiteralPlaces(root, text, false), ["workers"], false);
      assert.ok(line <= 3, text);
    }
  });

  test("of TypeScript has the place that it has among types, and no warning is printed", () => {
    const text = `import type { A } from "a";
const limit: number = 2 as const satisfies number;
export default defineConfig<A>({ workers: "many" as string, routes: [] } satisfies A);`;
    let warnings = 0;
    const count = (): void => void warnings++;
    process.on("warning", count);
    const root = readObject({ workers: "many", routes: [] }, isVocabulary);
    assert.ok(typeof root !== "string");
    const located = withLiteralPlaces(root, text, true);
    process.off("warning", count);
    assert.deepEqual(placeOf(located, ["workers"], false), { line: 3, column: 43 });
    assert.equal(warnings, 0);
  });
});

test("a middleware that is called has its own place, and its options have theirs", () => {
  const root = readObject({ middleware: [{ use: "file:///s.ts#stamp", options: { header: "X", times: 2 } }] }, isVocabulary);
  assert.ok(typeof root !== "string");
  const located = withLiteralPlaces(root, 'export default {\n  middleware: [stamp({ header: "X", times: n })],\n};', false);
  const at = (...path: KeyPath): string => {
    const { line, column } = placeOf(located, path, false);
    return `${line}:${column}`;
  };
  assert.deepEqual(
    [at("middleware", 0, "use"), at("middleware", 0, "options", "header"), at("middleware", 0, "options", "times")],
    ["2:16", "2:32", "2:3"],
  );
});

test("problems at the same place are told apart where their values are computed, and told once where a constant is used twice", () => {
  const value = {
    listeners: [{ address: ":1" }],
    upstreams: {},
    routes: [
      { respond: { body: "a" }, max: 1 },
      { respond: { body: "b" }, max: 1 },
    ],
  };
  const problemsIn = (text: string): string[] => {
    const root = readObject(value, isVocabulary);
    assert.ok(typeof root !== "string");
    const result = checkConfig(withLiteralPlaces(root, text, false), "f", {}, () => "");
    return "problems" in result
      ? result.problems.filter(({ message }) => message.startsWith("unknown")).map(({ line, key }) => `${line} ${key}`)
      : [];
  };
  assert.deepEqual(problemsIn("export default {\n  routes: make(),\n};"), ["2 routes.#1.max", "2 routes.#2.max"]);
  assert.deepEqual(problemsIn("const route = { max: 1 };\nexport default {\n  routes: [route, route],\n};"), ["1 routes.#1.max"]);
});
