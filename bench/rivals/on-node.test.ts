import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { onNode } from "./on-node.ts";

const read = (name: string): string => readFileSync(new URL(`./npm/${name}`, import.meta.url), "utf8");
const { dependencies } = JSON.parse(read("package.json")) as { dependencies: Readonly<Record<string, string>> };

test("every package has a program, every program's package is pinned exactly", () => {
  for (const { name, prepare } of onNode) {
    assert.match(dependencies[name] ?? "", /^\d+\.\d+\.\d+$/, name);
    const program = prepare({ port: 1, originPort: 2, folder: "", certificate: null }).find((part) => part.endsWith(".ts"));
    assert.ok(program !== undefined && existsSync(program), name);
  }
  // Fastify is what its proxy runs in.
  assert.deepEqual(Object.keys(dependencies).toSorted(), [...onNode.map(({ name }) => name), "fastify"].toSorted());
});

test("the lock file agrees and says nothing about where packages came from", () => {
  const text = read("package-lock.json");
  const { packages } = JSON.parse(text) as { packages: Readonly<Record<string, { version?: string }>> };
  for (const [name, version] of Object.entries(dependencies)) assert.equal(packages[`node_modules/${name}`]?.version, version, name);
  assert.doesNotMatch(text, /"resolved"/);
});

test("what is not installed is named with the command that installs it", () => {
  for (const { name, missing } of onNode) {
    const said = missing();
    if (said !== null) assert.equal(said, `${name} is not installed: npm ci --prefix bench/rivals/npm`);
  }
});
