import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadConfigFile } from "../src/cli/config-file.ts";

const folder = fileURLToPath(new URL("../examples/", import.meta.url));

for (const name of readdirSync(folder).filter((file) => file.endsWith(".yaml"))) {
  test(`examples/${name} is accepted without a warning`, async () => {
    const loaded = await loadConfigFile(`${folder}${name}`);
    assert.ok("config" in loaded, JSON.stringify(loaded));
    assert.deepEqual(loaded.warnings, []);
  });
}
