import assert from "node:assert/strict";
import { test } from "node:test";
import { asNode, fileJsonSchema, fullFormJsonSchema, keysAt, shortFormJsonSchema } from "./json-schema.ts";

test("the file's schema offers both forms, in draft 2020-12", () => {
  const schema = fileJsonSchema();
  assert.equal(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  const forms = schema["anyOf"];
  assert.ok(Array.isArray(forms));
  assert.deepEqual(
    forms.map((form) => asNode(form)["required"]),
    [["listeners", "upstreams", "routes"], ["backends"]],
  );
  for (const form of forms) assert.equal(asNode(form)["additionalProperties"], false);
});

test("it describes what people write, not what is made of it", () => {
  const listener = asNode(asNode(asNode(fullFormJsonSchema()["properties"])["listeners"])["items"]);
  const idle = asNode(asNode(asNode(asNode(listener["properties"])["timeouts"])["properties"])["idle"]);
  assert.equal(idle["default"], "60s");
  const [text] = Array.isArray(idle["anyOf"]) ? idle["anyOf"] : [];
  const pattern = asNode(text)["pattern"];
  assert.ok(typeof pattern === "string");
  assert.match("1m30s", new RegExp(pattern));
  assert.doesNotMatch("60", new RegExp(pattern));
});

test("knows the keys at a path, through lists, names and alternatives", () => {
  const full = fullFormJsonSchema();
  assert.deepEqual(keysAt(full, ["upstreams", "any", "endpoints", 0]), ["url", "weight"]);
  assert.deepEqual(keysAt(full, ["routes", 3, "rate_limit"]), ["requests_per_minute", "requests_per_second", "burst", "key"]);
  assert.deepEqual(keysAt(full, ["routes", 0, "match", "headers"]), []);
  assert.deepEqual(keysAt(full, ["nothing", "here"]), []);
  assert.deepEqual(keysAt(full, ["constructor"]), []);
  assert.ok(keysAt(shortFormJsonSchema(), ["health_check"]).includes("frequency"));
});
