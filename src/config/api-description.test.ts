import assert from "node:assert/strict";
import { test } from "node:test";
import type { DescribedOperation, DescriptionHead } from "../policy/validate/description.ts";
import { PathRegexes } from "../regex/path-regexes.ts";
import { readApiDocument } from "./api-description.ts";
import type { ApiDocument } from "./api-description.ts";

const regexes = new PathRegexes();
await regexes.load();

function read(files: Readonly<Record<string, string>>): ApiDocument {
  const readFile = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw new Error(`${path} does not exist`);
    return text;
  };
  return readApiDocument("/etc/api/a.yaml", readFile, (pattern) => regexes.compile(pattern));
}

function problemOf(text: string, more: Readonly<Record<string, string>> = {}): string {
  return read({ "/etc/api/a.yaml": text, ...more }).problems.join(" | ");
}

const document = (paths: string): string => `openapi: 3.0.0\npaths:\n${paths}`;

test("a document over several files, with circles, in YAML and JSON", () => {
  const found = read({
    "/etc/api/a.yaml": document(`  /a: { $ref: "paths/a.json" }\n  /b: { get: { parameters: [{ $ref: "common.yaml#/limit" }] } }`),
    "/etc/api/paths/a.json": '{"post":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"../models.yaml#/Node"}}}}}}',
    "/etc/api/models.yaml": 'Node: { properties: { next: { $ref: "#/Node" }, other: { $ref: "models.yaml#/Node" } } }',
    "/etc/api/common.yaml": "limit: { name: limit, in: query, schema: { type: integer } }",
  });
  assert.deepEqual(found.problems, []);
  assert.equal(found.operations, 2);
  assert.deepEqual(found.files, ["/etc/api/a.yaml", "/etc/api/paths/a.json", "/etc/api/models.yaml", "/etc/api/common.yaml"]);
  const [head = "", ...pieces] = found.pieces ?? [];
  const { paths } = JSON.parse(head) as DescriptionHead;
  assert.deepEqual(
    paths.map(({ template }) => template),
    ["/a", "/b"],
  );
  assert.equal(pieces.length, 3, "two operations and one schema");
  const piece = paths[0]?.operations["POST"] ?? 0;
  const operation = JSON.parse(found.pieces?.[piece] ?? "") as DescribedOperation;
  assert.deepEqual(operation.body?.content, { "application/json": { $ref: 1 } });
});

test("the paths of servers stand in front: of the document, of a path, of an operation", () => {
  const found = read({
    "/etc/api/a.yaml": `openapi: 3.1.0
servers: [{ url: "https://{host}/{base}/", variables: { host: { default: a.test }, base: { default: v%31 } } }, { url: /v2 }]
paths:
  /a: { get: {}, post: { servers: [{ url: "http://b.test" }] } }
  /c: { servers: [{ url: "./x/y" }], get: {} }`,
  });
  const { paths } = JSON.parse(found.pieces?.[0] ?? "") as DescriptionHead;
  assert.deepEqual(
    paths.map(({ bases }) => bases),
    [{ GET: ["/v1", "/v2"], POST: [""] }, { GET: ["/x/y"] }],
  );
});

test("what is wrong is said with file, line and pointer", () => {
  assert.equal(problemOf("openapi: 2.0"), "/etc/api/a.yaml:1:10: #/openapi: expected a document of OpenAPI 3.0 or 3.1");
  assert.equal(problemOf("swagger: '2.0'"), "/etc/api/a.yaml:1:10: #/swagger: expected a document of OpenAPI 3.0 or 3.1");
  assert.equal(problemOf("- a"), "/etc/api/a.yaml: expected an OpenAPI document");
  assert.match(problemOf("openapi: [\n"), /^\/etc\/api\/a\.yaml: it is no YAML and no JSON: .* at line 2, column 1$/);
  assert.equal(problemOf(document("  a: {}")), "/etc/api/a.yaml:3:6: #/paths/a: a path begins with a slash");
  const schema = (reference: string): string =>
    document(`  /a:\n    get:\n      parameters:\n        - { name: a, in: query, schema: { $ref: "${reference}" } }`);
  const at = (message: string): string => `/etc/api/a.yaml:6:49: #/paths/~1a/get/parameters/0/schema/$ref: ${message}`;
  assert.equal(problemOf(schema("#/none")), at("the reference leads to nothing"));
  assert.equal(problemOf(schema("b.yaml#/none")), at("/etc/api/b.yaml does not exist"));
  assert.equal(problemOf(schema("../b.yaml")), at("a reference leads out of the folder of the document"));
  assert.equal(problemOf(schema("/etc/passwd")), at("a reference leads out of the folder of the document"));
  assert.equal(problemOf(schema("https://b.test/c.yaml")), at("a reference to another machine is not followed"));
  assert.equal(problemOf(schema("#anchor")), at("a reference to an anchor is not followed: use a JSON Pointer"));
  assert.match(problemOf(document('  /a: { $ref: "#/paths/~1b" }\n  /b: { $ref: "#/paths/~1a" }')), /its references lead in a circle/);
});

test("paths that no request can have are left out, and said", () => {
  const found = read({ "/etc/api/a.yaml": document('  /a: { get: {} }\n  "/a#b": { get: {} }\n  "/a?b=c": { get: {} }') });
  assert.equal(found.operations, 1);
  assert.deepEqual(found.unsupported, [
    "/etc/api/a.yaml:4:11: #/paths/~1a#b: it is left out: a path ends before ? and #",
    "/etc/api/a.yaml:5:13: #/paths/~1a?b=c: it is left out: a path ends before ? and #",
  ]);
});

test("what cannot be checked is said, and the rest is used", () => {
  const found = read({
    "/etc/api/a.yaml": document(
      '  "/a/{b}":\n    get:\n      parameters:\n        - { name: b, in: path, schema: { pattern: "^(?!x)" } }\n        - { name: c, in: path, schema: {} }\n        - { name: d, in: path, style: matrix }',
    ),
  });
  assert.ok(found.pieces !== null);
  assert.deepEqual(found.unsupported, [
    "/etc/api/a.yaml:6:51: #/paths/~1a~1{b}/get/parameters/0/schema/pattern: the pattern cannot be checked: it looks ahead or behind, which the linear-time engine cannot",
    "/etc/api/a.yaml:7:11: #/paths/~1a~1{b}/get/parameters/1: the path has no {c}",
    "/etc/api/a.yaml:8:11: #/paths/~1a~1{b}/get/parameters/2: the path has no {d}",
  ]);
});

test("YAML that grows without end is refused", () => {
  const lines = ["openapi: 3.0.0", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 9; level++)
    lines.push(
      `a${level}: &a${level} [${Array(10)
        .fill(`*a${level - 1}`)
        .join(", ")}]`,
    );
  assert.match(problemOf(lines.join("\n")), /it is no YAML and no JSON: Excessive alias count/);
});
