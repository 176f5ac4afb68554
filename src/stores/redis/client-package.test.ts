import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CLIENT_PACKAGE, CLIENT_VERSIONS, clientProblem } from "./client-package.ts";

test("a missing package is named with what to run", () => {
  assert.equal(clientProblem(), null);
  const missing = (): string => {
    throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
  };
  assert.match(
    clientProblem(missing) ?? "",
    /^a store of type redis needs the package @redis\/client, which is not installed: npm install @redis\/client@6$/,
  );
});

test("the versions that are asked for are those of package.json, of which one is tested", () => {
  const { peerDependencies, devDependencies } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
    peerDependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  assert.equal(peerDependencies[CLIENT_PACKAGE], CLIENT_VERSIONS);
  assert.equal(devDependencies[CLIENT_PACKAGE]?.split(".")[0], CLIENT_VERSIONS);
});
