import assert from "node:assert/strict";
import { test } from "node:test";
import { readApiDocument } from "../../config/api-description.ts";
import { noRegex } from "../../policy/route/path-regex.ts";
import { ApiDescription, sharedPieces } from "../../shared/api-descriptions.ts";
import { DescribedApi } from "./described-api.ts";

function api(document: object, basePath: string | null = null): DescribedApi {
  const { pieces } = readApiDocument("api.json", () => JSON.stringify({ openapi: "3.0.0", ...document }), noRegex);
  assert.ok(pieces !== null);
  const description = new ApiDescription({ path: "api.json", version: 1, memory: sharedPieces(pieces) });
  return new DescribedApi(description, basePath, { compileRegex: noRegex, refusesUndeclared: false, decode: () => "" });
}

test("each method stands below the paths of its own servers", () => {
  const found = api({
    servers: [{ url: "/v1" }, { url: "/v2/" }],
    paths: { "/b": {}, "/a": { get: {}, post: { servers: [{ url: "/admin" }] } } },
  });
  assert.ok("operation" in (found.find("GET", "/v2/a", false) as object));
  assert.ok("operation" in (found.find("POST", "/admin/a", false) as object));
  assert.deepEqual(found.find("POST", "/v1/a", false), ["GET", "HEAD"]);
  assert.deepEqual(found.find("GET", "/admin/a", false), ["POST"]);
  assert.equal(found.find("GET", "/a", false), "path");
  assert.equal(found.find("GET", "/v1/b", false), "path", "a path without operations");
});

test("whoever has written the configuration is told where the paths of the document stand", () => {
  const paths = { "/a": { get: {} } };
  const why = (given: DescribedApi): string => given.whyNoPath;
  assert.match(why(api({ paths })), /begin with \/ \(/);
  assert.match(why(api({ paths, servers: [{ url: "https://a.test/v1" }, { url: "/v2" }] })), /begin with \/v1\/ or \/v2\/ \(/);
  assert.match(why(api({ paths }, "/x")), /begin with \/x\/ \(/);
});
