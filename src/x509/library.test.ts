import assert from "node:assert/strict";
import { test } from "node:test";
import { x509 } from "./library.ts";

test("the library is loaded, and the global Reflect is as it was", () => {
  assert.equal(typeof x509.X509CertificateGenerator.create, "function");
  const added = ["getMetadata", "getOwnMetadata", "defineMetadata", "metadata", "decorate"].filter((name) => name in Reflect);
  assert.deepEqual(added, []);
});
