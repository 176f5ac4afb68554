import assert from "node:assert/strict";
import { test } from "node:test";
import { fullFormJsonSchema, keysAt, placesOf, shortFormJsonSchema } from "./json-schema.ts";
import { configOf, full, problemsOf } from "../load.fixture.ts";
import { middlewareEntries } from "./middleware-entries.ts";

test("entries for all routes come first, then those of each route, each with its path", () => {
  const config = configOf(
    full({ route: "middleware: [{ use: ./b.ts }, { use: ./c.ts }]", rest: "middleware: [{ use: ./a.ts, options: { x: [1] } }]" }),
  );
  assert.deepEqual(middlewareEntries(config), [
    { path: ["middleware", 0], route: null, entry: { use: "./a.ts", options: { x: [1] } } },
    { path: ["routes", 0, "middleware", 0], route: 0, entry: { use: "./b.ts" } },
    { path: ["routes", 0, "middleware", 1], route: 0, entry: { use: "./c.ts" } },
  ]);
});

test("the schema has the key at the top of both forms, in routes and in their defaults, with anything as options", () => {
  for (const schema of [fullFormJsonSchema(), shortFormJsonSchema()]) {
    assert.deepEqual(keysAt(schema, ["middleware", 0]), ["use", "options"]);
    assert.deepEqual(keysAt(schema, ["middleware", 0, "options"]), []);
  }
  assert.deepEqual(
    placesOf(fullFormJsonSchema())
      .filter((place) => place.includes("middleware"))
      .toSorted(),
    [
      "defaults.routes.middleware",
      "defaults.routes.middleware[].options",
      "defaults.routes.middleware[].use",
      "middleware",
      "middleware[].options",
      "middleware[].use",
      "routes[].middleware",
      "routes[].middleware[].options",
      "routes[].middleware[].use",
    ],
  );
});

test("an entry needs `use` and has no further keys", () => {
  const [missing = ""] = problemsOf(full({ rest: "middleware: [{ options: {} }]" }));
  assert.match(missing, /^4:14: middleware\.#1\.use: is missing/);
  const [unknown = ""] = problemsOf(full({ rest: "middleware: [{ use: ./a.ts, option: {} }]" }));
  assert.match(unknown, /^4:29: middleware\.#1\.option: .*did you mean .?options/);
});

test("two entries that share their options by an anchor, and variables within options", () => {
  const rest = 'middleware:\n  - { use: ./a.ts, options: &shared { token: "${TOKEN}" } }\n  - { use: ./b.ts, options: *shared }';
  const { middleware } = configOf(full({ rest }), { TOKEN: "s3cr3t" });
  assert.deepEqual(
    middleware.map(({ options }) => options),
    [{ token: "s3cr3t" }, { token: "s3cr3t" }],
  );
  const [unset = ""] = problemsOf(full({ rest }), {});
  assert.match(unset, /TOKEN/);
});
