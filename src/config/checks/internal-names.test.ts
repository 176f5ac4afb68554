import assert from "node:assert/strict";
import { test } from "node:test";
import { internalNames } from "./internal-names.ts";

const INTERNAL = { tls: "internal" };
const places = (host: unknown, ...listeners: unknown[]): string[] =>
  internalNames(host, ["match", "host"], { listeners }).map(({ path, severity }) => `${severity} ${path.join(".")}`);

test("a host that the local authority serves no certificate for", () => {
  assert.deepEqual(places("example.com", INTERNAL), ["error match.host"]);
  assert.deepEqual(places("*.example.com", { tls: { internal: {} } }), ["error match.host"]);
  assert.deepEqual(places(["app.test", "example.com"], INTERNAL), ["error match.host.1"]);
  assert.deepEqual(places("[2001:db8::1]", INTERNAL), ["error match.host"]);
  for (const host of ["app.test", "App.Test.", "*.app.localhost", "localhost", "10.0.0.1", "[::1]", "*", undefined, 7, ["a.internal"]])
    assert.deepEqual(places(host, INTERNAL), [], String(host));
});

test("it may be reached by another listener, or by another certificate of this one", () => {
  assert.deepEqual(places("example.com", INTERNAL, { address: ":8080" }), []);
  assert.deepEqual(places("example.com", INTERNAL, { tls: { certificates: [{ cert_file: "site.pem" }] } }), []);
  assert.deepEqual(places("example.com", { tls: { internal: {}, certificates: [{ cert_file: "site.pem" }] } }), []);
  assert.deepEqual(places("example.com", { tls: { internal: {}, acme: {} } }), []);
  assert.deepEqual(places("example.com"), []);
});
