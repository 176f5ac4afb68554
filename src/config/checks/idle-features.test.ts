import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { idleFeatures } from "./idle-features.ts";

const keys = (route: object): unknown[] => idleFeatures(route, 0).map(({ path }) => path.at(-1));

const EDITS = {
  request_headers: { set: { "X-A": "1" } },
  response_headers: { remove: ["Server"] },
  rewrite: { host: "upstream" },
  rewrite_location: true,
  rewrite_cookies: { secure: true },
  security_headers: "strict",
  cors: { allowed_origins: ["*"] },
};

test("edits of what comes from an upstream or goes there, in a route that answers by itself", () => {
  const idle = ["request_headers", "response_headers", "rewrite", "rewrite_cookies", "rewrite_location"];
  for (const end of ["redirect", "respond"]) assert.deepEqual(keys({ [end]: {}, ...EDITS }).toSorted(), idle);
});

test("a route with files rewrites paths and edits responses", () => {
  assert.deepEqual(keys({ files: {}, ...EDITS }).toSorted(), ["request_headers", "rewrite", "rewrite_cookies", "rewrite_location"]);
  assert.deepEqual(keys({ files: {}, rewrite: { strip_prefix: "/a", host: "upstream" } }), []);
});

test("no warning about what acts on own answers, or where there is an upstream", () => {
  assert.deepEqual(keys({ respond: {}, response_headers: { remove: ["Server"], own_answers: true } }), []);
  assert.deepEqual(keys({ upstream: "app", ...EDITS }), []);
  fc.assert(fc.property(fc.anything(), (value) => void keys({ respond: {}, response_headers: value, request_headers: value })));
});
