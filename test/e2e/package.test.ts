/** What is published: packed, installed in an empty folder and run there, by every Node at hand (the oldest supported among them in CI). */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ask, get } from "../support/raw-client.ts";
import { startRawOrigin } from "../support/raw-origin.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);

/** The tests' own, and the first on PATH that npm did not put there: often the machine's older one. */
const NODES = [
  process.execPath,
  ...(process.env["PATH"] ?? "")
    .split(path.delimiter)
    .filter((folder) => !folder.includes("node_modules"))
    .map((folder) => path.join(folder, "node"))
    .filter(existsSync)
    .slice(0, 1),
];

describe("the published package", () => {
  let folder: string;
  let main: string;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millrace-package-"));
    const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: ROOT });
    const [{ filename, files }] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as [{ filename: string; files: { path: string }[] }];
    const names = files.map((file) => file.path);
    for (const name of ["dist/main.js", "dist/worker.js", "dist/millrace.js", "dist/millrace.d.ts", "LICENSE", "README.md"])
      assert.ok(names.includes(name), name);
    assert.deepEqual(
      names.filter((name) => /\.(test|fixture)\.|^src\/|^node_modules\//.test(name)),
      [],
    );
    await writeFile(path.join(folder, "package.json"), '{ "private": true }\n');
    await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", path.join(folder, filename)], { cwd: folder });
    main = path.join(folder, "node_modules/millrace/dist/main.js");
  });

  after(() => rm(folder, { recursive: true, force: true }));

  test("installs an executable named millrace", async () => {
    const { version } = JSON.parse(await readFile(path.join(ROOT, "package.json"), "utf8")) as { version: string };
    const { stdout } = await run("npx", ["--no-install", "millrace", "--version"], { cwd: folder });
    assert.equal(stdout.trim(), `millrace ${version}`);
  });

  test("lends its types and defineConfig to a TypeScript configuration", async () => {
    const file = path.join(folder, "use.mjs");
    await writeFile(file, 'import { defineConfig } from "millrace";\nconsole.log(typeof defineConfig);\n');
    assert.equal((await run(process.execPath, [file], { cwd: folder })).stdout.trim(), "function");
  });

  for (const node of NODES) {
    test(`serves and ends in order on ${node === process.execPath ? process.version : "the machine's Node"}`, async () => {
      const origin = await startRawOrigin({});
      const file = path.join(folder, "millrace.yaml");
      await writeFile(
        file,
        `listeners: [{ address: "127.0.0.1:0" }]
workers: 2
upstreams: { app: { endpoints: ["${origin.url}"] } }
routes: [{ upstream: app }]
`,
      );
      await run(node, [main, "check", "--config", file]);
      const child = spawn(node, [main, "run", "--config", file], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
      try {
        let output = "";
        child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
        for await (const text of child.stdout.setEncoding("utf8")) {
          output += String(text);
          if (/listening on http:\/\/[^\s"]*:\d+/.test(output)) break;
        }
        const port = Number(/listening on http:\/\/[^\s"]*?:(\d+)/.exec(output)?.[1] ?? 0);
        assert.ok(port > 0, output);
        assert.equal((await ask(port, get("/"))).status, 200);
      } finally {
        child.kill("SIGTERM");
      }
      if (child.exitCode === null) await once(child, "exit");
      await origin.close();
      assert.equal(child.exitCode, 0);
    });
  }
});
