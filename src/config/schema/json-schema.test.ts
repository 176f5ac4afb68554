import assert from "node:assert/strict";
import { test } from "node:test";
import { asNode, fileJsonSchema, fullFormJsonSchema, keysAt, shortFormJsonSchema } from "./json-schema.ts";

test("the file's schema offers both forms and a file to include, in draft 2020-12", () => {
  const schema = fileJsonSchema();
  assert.equal(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  const forms = schema["anyOf"];
  assert.ok(Array.isArray(forms));
  assert.deepEqual(
    forms.map((form) => asNode(form)["required"]),
    [["listeners"], ["backends"], undefined],
  );
  for (const form of forms) assert.equal(asNode(form)["additionalProperties"], false);
  // What the main file need not have, included files may.
  assert.deepEqual(asNode(forms[0])["anyOf"], [{ required: ["routes"] }, { required: ["include"] }]);
  assert.deepEqual(Object.keys(asNode(asNode(forms[2])["properties"])), ["include", "upstreams", "routes"]);
});

test("the file's schema describes what people write, not the checked values", () => {
  const listener = asNode(asNode(asNode(fullFormJsonSchema()["properties"])["listeners"])["items"]);
  const idle = asNode(asNode(asNode(asNode(listener["properties"])["timeouts"])["properties"])["idle"]);
  assert.equal(idle["default"], "60s");
  const [text] = Array.isArray(idle["anyOf"]) ? idle["anyOf"] : [];
  const pattern = asNode(text)["pattern"];
  assert.ok(typeof pattern === "string");
  assert.match("1m30s", new RegExp(pattern));
  assert.doesNotMatch("60", new RegExp(pattern));
});

test("the file's schema says how many listeners there may be", () => {
  const { minItems, maxItems } = asNode(asNode(fullFormJsonSchema()["properties"])["listeners"]);
  assert.deepEqual([minItems, maxItems], [1, 64]);
});

test("knows the keys at a path, through lists, names and alternatives", () => {
  const full = fullFormJsonSchema();
  assert.deepEqual(keysAt(full, ["upstreams", "any", "endpoints", 0]), ["url", "weight"]);
  const ofLimits = keysAt(full, ["routes", 3, "rate_limit"]);
  for (const key of ["requests_per_minute", "burst", "key", "store", "roles"]) assert.ok(ofLimits.includes(key), key);
  assert.deepEqual(keysAt(full, ["routes", 0, "match", "headers"]), []);
  assert.deepEqual(keysAt(full, ["nothing", "here"]), []);
  assert.deepEqual(keysAt(full, ["constructor"]), []);
  assert.ok(keysAt(shortFormJsonSchema(), ["health_check"]).includes("frequency"));
});

test("the file's schema allows ${NAME} in place of any single value", () => {
  const [full] = fileJsonSchema()["anyOf"] as unknown[];
  const properties = asNode(asNode(full)["properties"]);
  const listener = asNode(asNode(properties["listeners"])["items"]);
  const endpoints = asNode(asNode(asNode(asNode(properties["upstreams"])["additionalProperties"])["properties"])["endpoints"]);
  for (const node of [properties["workers"], asNode(listener["properties"])["address"], endpoints["items"]]) {
    const offered = asNode(node)["anyOf"];
    assert.ok(Array.isArray(offered));
    assert.ok(offered.some((each) => new RegExp(String(asNode(each)["pattern"])).test("${NAME:-x}")));
  }
  assert.equal(typeof asNode(properties["workers"])["description"], "string");
});

test("the file's schema allows false for the keys of routes and upstreams that have no value of their own", () => {
  const [full] = fileJsonSchema()["anyOf"] as unknown[];
  const properties = asNode(asNode(full)["properties"]);
  const route = asNode(asNode(asNode(properties["routes"])["items"])["properties"]);
  const upstream = asNode(asNode(asNode(properties["upstreams"])["additionalProperties"])["properties"]);
  const mayBeFalse = (node: unknown): boolean => JSON.stringify(asNode(node)["anyOf"] ?? []).endsWith('{"const":false}]');
  assert.deepEqual([route["cors"], route["max_body"], upstream["health_check"]].map(mayBeFalse), [true, true, true]);
  assert.deepEqual([route["upstream"], route["match"], route["name"], upstream["timeouts"], upstream["retries"]].some(mayBeFalse), false);
});
