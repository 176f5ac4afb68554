/** docs/adding-a-feature.md leads to a feature: its files and its line, put into a copy of src/, compile and pass the tests that it names. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { ROOT, readText } from "../support/source-files.ts";

const run = promisify(execFile);
const FOLDER = "src/features/closed";
const GENERATORS = ["scripts/feature-lists.ts", "scripts/config-input.ts"];

describe("the feature of docs/adding-a-feature.md", () => {
  let copy: string;

  before(() => {
    copy = mkdtempSync(path.join(tmpdir(), "millrace-feature-"));
    mkdirSync(path.join(copy, "scripts"));
    // Tests of some features use the tests' helpers.
    for (const folder of ["src", "test/support"]) cpSync(path.join(ROOT, folder), path.join(copy, folder), { recursive: true });
    for (const name of ["package.json", "tsconfig.json", ...GENERATORS]) cpSync(path.join(ROOT, name), path.join(copy, name));
    symlinkSync(path.join(ROOT, "node_modules"), path.join(copy, "node_modules"));
    const page = readText("docs/adding-a-feature.md");
    mkdirSync(path.join(copy, FOLDER));
    const [, readme] = /^````markdown\n([^]*?)^````$/m.exec(page) ?? [];
    writeFileSync(path.join(copy, FOLDER, "README.md"), readme ?? assert.fail("the page has no README"));
    const files = [...page.matchAll(/^```ts feature\n\/\/ (\S+)\n([^]*?)^```$/gm)];
    assert.equal(files.length, 4);
    for (const [, file = "", text = ""] of files) writeFileSync(path.join(copy, file), text);
    const lines = [...page.matchAll(/^```ts feature\n([^/][^\n]*)\n```$/gm)].map(([, line = ""]) => line);
    assert.equal(lines.length, 1);
    const registry = path.join(copy, "src/features/registry.ts");
    const text = readFileSync(registry, "utf8");
    const edited = text.replace(/^ {2}"cors",\n/m, `$&  ${lines.join()}\n`);
    assert.notEqual(edited, text, "the registry has no line for cors");
    writeFileSync(registry, edited);
  });

  after(() => rmSync(copy, { recursive: true, force: true }));

  test("compiles", async () => {
    // What `npm run docs` does to the lists of features, and to the types of what people write.
    await run(process.execPath, ["scripts/feature-lists.ts"], { cwd: copy });
    const write = `import { writeFileSync } from "node:fs";
import { configInput } from "./scripts/config-input.ts";
writeFileSync("src/config/input.ts", configInput());
`;
    await run(process.execPath, ["--input-type=module", "--eval", write], { cwd: copy });
    const config = { extends: "./tsconfig.json", compilerOptions: { incremental: false }, include: ["src/features/**/*.ts"] };
    writeFileSync(path.join(copy, "tsconfig.feature.json"), JSON.stringify(config));
    const tsc = path.join(ROOT, "node_modules/typescript/bin/tsc");
    const faults = await run(process.execPath, [tsc, "-p", "tsconfig.feature.json"], { cwd: copy }).then(
      () => "",
      ({ stdout }: { stdout: string }) => stdout,
    );
    assert.equal(faults, "");
  });

  test("passes the contract suite and its own test", async () => {
    // Not a part of this run: its results are its own.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const files = ["src/features/contract.test.ts", `${FOLDER}/closed.test.ts`];
    const { stdout } = await run(process.execPath, ["--test", "--test-reporter=spec", ...files], { cwd: copy, env });
    assert.match(stdout, /✔ closed/);
    assert.match(stdout, /✔ 503 for everybody but those with the field/);
    assert.match(stdout, /fail 0\n/);
  });
});
