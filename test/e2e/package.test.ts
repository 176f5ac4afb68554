/** What is published: packed, installed in an empty folder and run there, by the newest and the oldest Node that it allows, and by the machine's. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
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

  /** Compiles a module of a user, and returns what the compiler says. */
  const compile = async (text: string, options: Readonly<Record<string, unknown>>): Promise<string> => {
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      module: "nodenext",
      moduleResolution: "nodenext",
      target: "es2024",
      noEmit: true,
      ...options,
    };
    await writeFile(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["typed.mts"] }));
    await writeFile(path.join(folder, "typed.mts"), text);
    const tsc = path.join(ROOT, "node_modules/typescript/bin/tsc");
    return await run(process.execPath, [tsc, "-p", "."], { cwd: folder }).then(
      ({ stdout }) => stdout,
      ({ stdout }: { stdout: string }) => stdout,
    );
  };

  test("its types hold for a configuration that is compiled, and refuse an unknown key", async () => {
    const config = (key: string): string => `import { defineConfig } from "millrace";
import type { ConfigInput, ShortConfigInput } from "millrace";
const routes: ConfigInput["routes"] = [{ upstream: "app", rate_limit: { requests_per_minute: 10 }, cors: { allowed_origins: ["*"] } }];
export const short: ShortConfigInput = { backends: ["http://127.0.0.1:9"], server: { read_timeout: 5 } };
export default defineConfig({ listeners: [{ address: ":8080" }], upstreams: { app: { endpoints: ["http://127.0.0.1:9"] } }, ${key}: routes });
`;
    assert.equal(await compile(config("routes"), { types: [] }), "");
    assert.match(await compile(config("route"), { types: [] }), /^typed\.mts\(5,\d+\): error/);
  });

  test("every public name compiles for a user who has the types of Node, and the declarations need no other package", async () => {
    const program = `import { defineConfig } from "millrace";
import type { ConfigInput, DefinedConfig, ShortConfigInput } from "millrace";
import { Metrics, TestConnection, TestProxy, script, testProxy } from "millrace/testing";
import type {
  Awaited, ClientOptions, LogEntry, OriginContext, OriginFunction, OriginScript, ReceivedRequest, TestConfig, TestOrigin, TestProxyOptions,
} from "millrace/testing";

const short: ShortConfigInput = { backends: ["http://app.test"] };
const full: ConfigInput = { listeners: [{ address: ":80" }], upstreams: { app: { endpoints: ["http://app.test"] } }, routes: [{ upstream: "app" }] };
export const defined: readonly DefinedConfig[] = [defineConfig(short), defineConfig(full)];

const answer: OriginFunction = async (request: Request, { endpoint, sleep }: OriginContext): Promise<Response> => {
  await sleep(5);
  return new Response(endpoint + request.url);
};
const scripts: readonly OriginScript[] = [
  script.refuse(), script.unknownName(), script.silent(), script.stall(), script.resetAfter(1, answer), script.stallAfter(1, answer),
  script.slow(1, answer), script.raw((connection: TestConnection) => void connection.send("HTTP/1.1 204 No Content\\r\\n\\r\\n")),
];
const origins: readonly TestOrigin[] = [answer, ...scripts];
const options: TestProxyOptions = { upstreams: { app: answer }, environment: {}, files: {}, startsAt: 0 };
const from: ClientOptions = { from: "192.0.2.7", listener: 0 };
const config: TestConfig = { routes: [{ upstream: "app" }] };
const proxy: TestProxy = await testProxy(config, options);
const response: Response = await proxy.fetch("http://a.test/", from);
const status: number = response.status;
const metrics: Metrics = proxy.metrics;
const counted: number = metrics.value("millrace_exchanges_total", { route: "#1" });
const log: readonly LogEntry[] = proxy.log;
const [request]: readonly ReceivedRequest[] = proxy.requests("app");
const connection: TestConnection = proxy.connect(from);
const wanted: Awaited = /200/;
connection.send("GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n");
const text: string = await connection.until(wanted);
proxy.serve("app", origins);
await proxy.advance("1s");
await proxy.reload(config, { upstreams: { app: answer } });
const health: "healthy" | "unhealthy" | "unknown" | undefined = proxy.status.upstreams["app"]?.endpoints[0]?.health;
proxy.close();
export const seen: readonly unknown[] = [status, counted, log, request?.method, text, health];
`;
    const types = { types: ["node"], typeRoots: [path.join(ROOT, "node_modules/@types")], lib: ["es2024", "esnext.disposable"] };
    assert.equal(await compile(program, types), "");
    const dist = path.join(folder, "node_modules/millrace/dist");
    const entries = ["millrace.d.ts", "testing/test-proxy.d.ts"].map((name) => path.join(dist, name));
    for (const entry of entries)
      for (const name of publicNames(readFileSync(entry, "utf8")))
        assert.match(program, new RegExp(`\\b${name}\\b`), `${name} is not used`);
    const files = new Set(entries);
    for (const file of files) {
      const imported = readFileSync(file, "utf8").matchAll(/(?:\bfrom |\bimport\(|^import )"([^"]+)"|\/\/\/ <reference [^>]*"([^"]+)"/gm);
      for (const [, from = "", reference = from] of imported) {
        if (reference.startsWith(".")) files.add(path.resolve(path.dirname(file), reference.replace(/\.[jt]s$/, ".d.ts")));
        else assert.match(reference, /^node:|^millrace$/, `${path.relative(dist, file)} imports ${reference}`);
      }
    }
    assert.ok(files.size > 5, "the declarations were followed");
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

/** The names that a declaration file exports. */
function publicNames(text: string): string[] {
  const declared = [...text.matchAll(/^export declare (?:async )?(?:function|class|const) (\w+)|^export (?:type|interface) (\w+)/gm)];
  const listed = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names = ""]) => names.split(","));
  return [...declared.map(([, value, type]) => value ?? type ?? ""), ...listed.map((name) => name.trim())].filter((name) => name !== "");
}
