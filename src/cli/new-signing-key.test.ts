import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { readKeySet } from "../features/authentication/read-key-set.ts";
import { readSigningKey } from "../features/authentication/read-signing-key.ts";
import { newSigningKeyCommand, publicKeysCommand } from "./new-signing-key.ts";

test("the private key goes to stdout alone, its public half beside it, and both are what they are read for", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-key-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const algorithm of ["ES256", "EdDSA"] as const) {
    let [made, told, again] = ["", "", ""];
    assert.equal(
      newSigningKeyCommand(
        algorithm,
        (text) => (made += text),
        (text) => (told += text),
      ),
      0,
    );
    const read = readSigningKey(made);
    assert.ok("text" in read, JSON.stringify(read));
    const { d } = JSON.parse(made) as { d: string };
    assert.ok(!told.includes(d));
    const [, set = ""] = told.split("\n");
    assert.ok("text" in readKeySet(set));
    const file = path.join(folder, "internal.jwk");
    writeFileSync(file, made);
    assert.equal(
      publicKeysCommand(file, (text) => (again += text), assert.fail),
      0,
    );
    assert.deepEqual(JSON.parse(again), JSON.parse(set));
    writeFileSync(file, set);
    const said: string[] = [];
    assert.equal(
      publicKeysCommand(file, assert.fail, (text) => said.push(text)),
      1,
    );
    assert.match(said.join(""), /internal\.jwk: key #1 is a public key/);
  }
});
