import assert from "node:assert/strict";
import fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { acmeSchema } from "../../config/schema/tls/acme-schema.ts";
import { acmeFindings } from "./acme-findings.ts";

const folder = fs.mkdtempSync(path.join(tmpdir(), "millrace-findings-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function found(change: Record<string, unknown>, problem: string | null = null): readonly string[] {
  const acme = acmeSchema.parse({ domains: ["example.com"], storage: "acme", terms_agreed: true, ...change });
  return acmeFindings(acme, [], folder, () => problem).map(
    ({ severity, path: place, message }) => `${severity} ${place.join(".")}: ${message.replaceAll(folder, "FOLDER")}`,
  );
}

test("a storage that is not there yet is fine where it can be made", () => {
  assert.deepEqual(found({}), []);
  assert.deepEqual(found({ storage: "deep/down/acme" }), []);
});

test("a storage that is a file, or below one, is wrong", () => {
  fs.writeFileSync(path.join(folder, "file"), "");
  for (const storage of ["file", "file/acme"]) assert.match(found({ storage })[0] ?? "", /^error storage: .*file is a file, not a folder$/);
});

test("a storage that others can read is told", () => {
  fs.mkdirSync(path.join(folder, "open"), { mode: 0o755 });
  assert.match(
    found({ storage: "open" })[0] ?? "",
    /^warning storage: .*open is open to other users, and private keys are in it: chmod 700$/,
  );
  fs.chmodSync(path.join(folder, "open"), 0o700);
  assert.deepEqual(found({ storage: "open" }), []);
});

test("a program that is missing or cannot be run is wrong; one without a path is left to the system", () => {
  fs.writeFileSync(path.join(folder, "hook"), "", { mode: 0o644 });
  assert.match(found({ dns: { command: ["./none"] } })[0] ?? "", /^error dns\.command\.0: .*none does not exist$/);
  assert.match(found({ dns: { command: ["./hook"] } })[0] ?? "", /^error dns\.command\.0: .*hook is no program that this user may run$/);
  fs.chmodSync(path.join(folder, "hook"), 0o755);
  assert.deepEqual(found({ dns: { command: ["./hook"] } }), []);
  assert.deepEqual(found({ dns: { command: ["acme-record"] } }), []);
});

test("trusted certificates that cannot be read are wrong", () => {
  assert.deepEqual(found({ ca_file: "ca.pem" }, "ca.pem holds no PEM certificate"), ["error ca_file: ca.pem holds no PEM certificate"]);
});
