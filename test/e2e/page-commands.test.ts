/** The shell blocks of README.md and docs/, run in order with the package as it is published, installed as README.md says. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { blocksOf, commandsOf, needOf, pagesForReaders, placeOf } from "../support/page-blocks.ts";
import { PageShell } from "../support/page-shell.ts";
import { packPackage } from "../support/packed-package.ts";
import type { PackedPackage } from "../support/packed-package.ts";

const run = promisify(execFile);
const SHELL = pagesForReaders()
  .flatMap(blocksOf)
  .filter(({ language }) => language === "sh");
const RUN = SHELL.filter((block) => needOf(block) === null);
const isInstall = (block: (typeof SHELL)[number]): boolean => commandsOf(block).includes("npm install millrace");

describe("the commands of the pages", () => {
  let folder: string;
  let packed: PackedPackage;
  let shell: PageShell;
  let installing = "";

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "millrace-pages-"));
    packed = await packPackage(folder);
    writeFileSync(path.join(folder, "package.json"), '{ "private": true }\n');
    const [install] = blocksOf("README.md").filter(isInstall);
    assert.ok(install !== undefined, "README.md says how to install it");
    // The package that is on the registry would be an older one.
    const [command = ""] = commandsOf(install).map((line) => line.replace(/ millrace$/, ` ${packed.archive}`));
    const env = { ...process.env, PATH: [path.dirname(process.execPath), process.env["PATH"]].join(path.delimiter) };
    const { stdout, stderr } = await run("bash", ["-c", `${command} --no-audit --no-fund`], { cwd: folder, env });
    installing = stdout + stderr;
    shell = await PageShell.open(folder);
  });

  after(() => {
    shell.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("installing warns of nothing on a Node that is supported, and runs no script", () => {
    assert.doesNotMatch(installing, /warn|deprecat|EBADENGINE/i);
    const lock = JSON.parse(readFileSync(path.join(folder, "package-lock.json"), "utf8")) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    const scripts = Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript === true);
    assert.deepEqual(scripts, []);
  });

  test("every relative link of README.md and docs/ leads to a file of the package", () => {
    const own = path.join(folder, "node_modules/millrace");
    const pages = packed.names.filter((name) => name.endsWith(".md") && !name.startsWith("examples/embed/node_modules"));
    assert.ok(pages.includes("README.md") && pages.length > 20, pages.join(" "));
    const broken = pages.flatMap((page) => {
      const text = readFileSync(path.join(own, page), "utf8").replace(/^```[^]*?^```/gm, "");
      return [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
        .map(([, target = ""]) => target)
        .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(path.join(own, path.dirname(page), target)))
        .map((target) => `${page}: ${target}`);
    });
    assert.deepEqual(broken, []);
  });

  test("the JSON Schema is a file of the package, and every example begins with its name", async () => {
    const own = path.join(folder, "node_modules/millrace");
    const schema = readFileSync(path.join(own, "millrace.schema.json"), "utf8");
    const { stdout } = await run(process.execPath, [path.join(own, "dist/main.js"), "schema"], { maxBuffer: 16 * 1024 ** 2 });
    assert.equal(schema, stdout);
    const examples = packed.names.filter((name) => /^examples\/.*\.yaml$/.test(name));
    assert.ok(examples.length >= 3, examples.join(" "));
    for (const name of examples) {
      const [, named = ""] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(readFileSync(path.join(own, name), "utf8")) ?? [];
      assert.equal(path.join(path.dirname(name), named), "millrace.schema.json", name);
    }
  });

  for (const block of RUN.filter((each) => !isInstall(each))) {
    test(`${placeOf(block)} runs`, { timeout: 60_000 }, () => shell.run(block));
  }

  test("blocks are run, or say what they need", (t) => {
    const needs = SHELL.map(needOf).filter((need) => need !== null);
    t.diagnostic(`shell blocks run: ${RUN.length}; marked: ${needs.length} (${needs.join(", ")})`);
    assert.ok(RUN.length > needs.length);
  });
});
