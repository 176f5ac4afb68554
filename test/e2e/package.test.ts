/** What is published: packed, installed in an empty folder and run there, by the newest and the oldest Node that it allows, and by the machine's. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { nodeProblem } from "../../src/cli/node-version.ts";
import { lowestNode } from "../support/lowest-node.ts";
import { ask, get } from "../support/raw-client.ts";
import { startRawOrigin } from "../support/raw-origin.ts";
import { ROOT, readText } from "../support/source-files.ts";

const run = promisify(execFile);
const PACKAGE = JSON.parse(readText("package.json")) as { readonly version: string; readonly engines: { readonly node: string } };

/** The first on PATH that npm did not put there: often the machine's older one. */
const MACHINES = (process.env["PATH"] ?? "")
  .split(path.delimiter)
  .filter((folder) => !folder.includes("node_modules"))
  .map((folder) => path.join(folder, "node"))
  .find(existsSync);

/** Whom the package runs on, and how to get it. */
const NODES: readonly (readonly [name: string, program: () => Promise<string>])[] = [
  [`Node ${process.versions.node}`, () => Promise.resolve(process.execPath)],
  ["the oldest Node that it allows", lowestNode],
  ["the machine's Node", () => Promise.resolve(MACHINES ?? process.execPath)],
];

describe("the published package", () => {
  let folder: string;
  let main: string;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millrace-package-"));
    const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: ROOT });
    const [{ filename, files }] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as [{ filename: string; files: { path: string }[] }];
    const names = files.map((file) => file.path);
    for (const name of [
      "dist/main.js",
      "dist/worker.js",
      "dist/millrace.js",
      "dist/millrace.d.ts",
      "LICENSE",
      "README.md",
      "docs/configuration.md",
    ])
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
    // The file's first line takes the first Node on PATH.
    const env = { ...process.env, PATH: [path.dirname(process.execPath), process.env["PATH"]].join(path.delimiter) };
    const { stdout } = await run("npx", ["--no-install", "millrace", "--version"], { cwd: folder, env });
    assert.equal(stdout.trim(), `millrace ${PACKAGE.version}`);
  });

  test("lends its types and defineConfig to a TypeScript configuration", async () => {
    const file = path.join(folder, "use.mjs");
    await writeFile(file, 'import { defineConfig } from "millrace";\nconsole.log(typeof defineConfig);\n');
    assert.equal((await run(process.execPath, [file], { cwd: folder })).stdout.trim(), "function");
  });

  test("its types hold for a configuration that is compiled, and refuse an unknown key", async () => {
    const config = (key: string): string => `import { defineConfig } from "millrace";
import type { Config, ConfigInput, ShortConfigInput } from "millrace";
const routes: ConfigInput["routes"] = [{ upstream: "app", rate_limit: { requests_per_minute: 10 }, cors: { allowed_origins: ["*"] } }];
export const short: ShortConfigInput = { backends: ["http://127.0.0.1:9"], server: { read_timeout: 5 } };
export const idleMs = (config: Config): number => config.upstreams["app"]?.timeouts.idle ?? config.listeners[0]?.timeouts.idle ?? 0;
export default defineConfig({ listeners: [{ address: ":8080" }], upstreams: { app: { endpoints: ["http://127.0.0.1:9"] } }, ${key}: routes });
`;
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      module: "nodenext",
      target: "es2024",
      types: [],
      noEmit: true,
    };
    await writeFile(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["typed.mts"] }));
    const compile = async (key: string): Promise<string> => {
      await writeFile(path.join(folder, "typed.mts"), config(key));
      const tsc = path.join(ROOT, "node_modules/typescript/bin/tsc");
      return await run(process.execPath, [tsc, "-p", "."], { cwd: folder }).then(
        ({ stdout }) => stdout,
        ({ stdout }: { stdout: string }) => stdout,
      );
    };
    assert.equal(await compile("routes"), "");
    assert.match(await compile("route"), /^typed\.mts\(6,\d+\): error/);
  });

  test("runs the tests that docs/testing.md shows, under node:test", async () => {
    const [, example = ""] = /```ts\n([^]*?)```/.exec(readText("docs/testing.md")) ?? [];
    const file = path.join(folder, "page.test.mts");
    await writeFile(file, example);
    // Not a part of this run: its results are its own.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { stdout } = await run(process.execPath, ["--test", "--test-reporter=spec", file], { cwd: folder, env });
    assert.match(stdout, /pass 2\n/);
  });

  test("names the oldest Node in package.json and in the folder that brings it", async () => {
    const { stdout } = await run(await lowestNode(), ["--version"]);
    assert.equal(stdout.trim().replace("v", ">="), `${PACKAGE.engines.node}.0`);
  });

  for (const [name, program] of NODES) {
    test(`serves and ends in order on ${name}, or says that it is too old`, async (t) => {
      const node = await program();
      const origin = await startRawOrigin({});
      t.after(() => origin.close());
      const file = path.join(folder, "millrace.yaml");
      await writeFile(
        file,
        `listeners: [{ address: "127.0.0.1:0" }]
workers: 2
upstreams: { app: { endpoints: ["${origin.url}"] } }
routes: [{ upstream: app }]
`,
      );
      const version = (await run(node, ["--version"])).stdout.trim();
      const unfit = nodeProblem(version, PACKAGE.engines.node);
      if (unfit !== null) {
        await assert.rejects(run(node, [main, "check", "--config", file]), { code: 2, stdout: "", stderr: `${unfit}\n` });
        return;
      }
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
      assert.equal(child.exitCode, 0);
    });
  }

  test("reads a configuration in TypeScript on the oldest Node", async () => {
    const file = path.join(folder, "millrace.config.ts");
    await writeFile(
      file,
      `import { defineConfig } from "millrace";
const origin: string = "http://127.0.0.1:9";
export default defineConfig({ listeners: [{ address: ":8080" }], upstreams: { app: { endpoints: [origin] } }, routes: [{ upstream: "app" }] });
`,
    );
    const { stdout } = await run(await lowestNode(), [main, "check", "--config", file]);
    assert.match(stdout, /route #1: everything to app/);
  });
});
