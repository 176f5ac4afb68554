import assert from "node:assert/strict";
import { test } from "node:test";
import { PathTable, namesOf } from "./path-table.ts";

function found(templates: readonly string[], path: string): string[] {
  const table = new PathTable<string>();
  for (const template of templates) table.add(template, template);
  return table.find(path).map(({ value, texts }) => [value, ...texts].join(" "));
}

test("the most specific template comes first, and the others follow", () => {
  const templates = ["/users/{id}", "/users/me", "/users/{id}.{format}", "/{any}/me", "/users/{id}/posts", "/users/me/{what}"];
  assert.deepEqual(found(templates, "/users/me"), ["/users/me", "/users/{id} me", "/{any}/me users"]);
  assert.deepEqual(found(templates, "/users/a.json"), ["/users/{id}.{format} a json", "/users/{id} a.json"]);
  assert.deepEqual(found(templates, "/users/me/posts"), ["/users/me/{what} posts", "/users/{id}/posts me"]);
  assert.deepEqual(found(templates, "/users/"), []);
  assert.deepEqual(found(templates, "/users"), []);
});

test("parameters beside literal text, and several in a segment", () => {
  assert.deepEqual(found(["/v1/{name}:undelete"], "/v1/a:b:undelete"), ["/v1/{name}:undelete a:b"]);
  assert.deepEqual(found(["/report({year}-{month})"], "/report(2024-05)"), ["/report({year}-{month}) 2024 05"]);
  assert.deepEqual(found(["/report({year}-{month})"], "/report(2024-)"), []);
  assert.deepEqual(found(["/{a}x{b}"], "/x"), []);
  assert.deepEqual(namesOf("/a/{b}/{c}.{d}"), ["b", "c", "d"]);
});

test("a path with many segments is found in no time, whatever the templates", () => {
  const templates = Array.from(
    { length: 12 },
    (_, index) => `/${Array.from({ length: 20 }, (_, at) => ((index >> (at % 4)) & 1 ? "a" : "{p}")).join("/")}/end${index}`,
  );
  const before = performance.now();
  assert.deepEqual(found(templates, `/${"a/".repeat(20)}nowhere`), []);
  assert.ok(performance.now() - before < 1000);
});
