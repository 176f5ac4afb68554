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
import { apiExports } from "../../scripts/api-page.ts";
import type { Exported } from "../../scripts/api/entry-exports.ts";
import { nodeProblem } from "../../src/cli/node-version.ts";
import { lowestNode } from "../support/lowest-node.ts";
import { packPackage } from "../support/packed-package.ts";
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
    const { archive, names } = await packPackage(folder);
    for (const name of [
      "dist/main.js",
      "dist/worker.js",
      "dist/millrace.js",
      "dist/millrace.d.ts",
      "LICENSE",
      "README.md",
      "docs/configuration.md",
      "examples/embed/express.ts",
      "docs/api.md",
    ])
      assert.ok(names.includes(name), name);
    assert.deepEqual(
      // A recipe of examples/ shows its test as well.
      names.filter((name) => /^dist\/.*\.(test|fixture)\.|\.fixture\.|^src\/|(^|\/)node_modules\//.test(name)),
      [],
    );
    await writeFile(path.join(folder, "package.json"), '{ "private": true }\n');
    await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", archive], { cwd: folder });
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

  /** The types of Node, which those of the package refer to. */
  const ofNode = { types: ["node"], typeRoots: [path.join(ROOT, "node_modules/@types")], lib: ["es2024", "esnext.disposable"] };

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
    assert.equal(await compile(config("routes"), ofNode), "");
    assert.match(await compile(config("route"), ofNode), /^typed\.mts\(5,\d+\): error/);
    // Without the types of Node the compiler cannot check the package's own declarations; the configuration is still checked.
    assert.equal(await compile(config("routes"), { types: [], skipLibCheck: true }), "");
    assert.match(await compile(config("route"), { types: [], skipLibCheck: true }), /^typed\.mts\(5,\d+\): error/);
  });

  test("its types hold for a test that is compiled", async () => {
    const program = `import { defineConfig } from "millrace";
import type { ConfigInput, DefinedConfig, ShortConfigInput } from "millrace";
import { TestProxy, script, testProxy } from "millrace/testing";
import type {
  Awaited, ClientOptions, LogEntry, Metrics, OriginContext, OriginFunction, OriginScript, ReceivedRequest, TestConfig, TestConnection, TestOrigin, TestProxyOptions,
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
    assert.equal(await compile(program, ofNode), "");
    assert.match(
      await compile(`${program}new TestProxy(config, options);\n`, ofNode),
      /error TS2673: Constructor of class 'TestProxy' is private/,
    );
  });

  test("its types hold for a middleware that is compiled, which cannot call what is the proxy's own", async () => {
    const middleware = (
      call: string,
    ): string => `import { ExchangeState, NO_INPUT, answer, buildRequestHead, buildResponseHead, defineMiddleware, fieldLine } from "millrace";
import type { BodyStage, ExchangeView, FetchResult, LocalAnswer, RequestHead, ResponseSource, SourceResponse, StageOutput } from "millrace";

const users: ExchangeState<string> = new ExchangeState();
const kept: RequestHead[] = [];
const line: string = fieldLine("X-Stamp", "1");
const source: ResponseSource = {
  start: ({ request }, response: SourceResponse) => {
    response.respond(buildResponseHead({ status: 200 }, [["Content-Type", "text/plain"]]), request.method.length);
    response.write(Buffer.from(request.method));
    response.end(null);
    return NO_INPUT;
  },
};
const counted = (): BodyStage => {
  let out: StageOutput | null = null;
  return {
    length: -1,
    start: (output) => void (out = output),
    data: (bytes, start, end) => out?.write(Buffer.from(bytes.subarray(start, end))),
    end: (trailers) => { for (const [name, value] of trailers ?? []) console.log(name, value); out?.end(trailers); },
  };
};
async function admit(exchange: ExchangeView): Promise<LocalAnswer | null> {
  const { request } = exchange;
  const copy = buildRequestHead({ method: request.method, target: request.target, authority: request.authority }, request);
  const result: FetchResult = await exchange.fetch("users", { head: copy.detach() });
  if (result.failure !== null) return answer(503, { headers: new Map(request) });
  users.keep(exchange, result.head.get("x-user") ?? result.body.toString());
  ${call};
  return request.has("cookie") && request.values("cookie").length > 1 ? answer(400) : null;
}
export default defineMiddleware({
  name: "typed",
  setup: (_options, { counter, log, state }) => ({
    onRequest: admit,
    source: ({ request }) => (request.path === "/own" ? source : null),
    onUpstreamRequest: (exchange, request) => request.set("X-User", users.of(exchange) ?? state<string>().of(exchange) ?? ""),
    onUpstreamResponse: (_exchange, { failure }) => (failure?.kind === "dns_error" ? "retry" : null),
    onResponse: (_exchange, response) => { response.appendLines(line); return response.status === 200 ? counted() : null; },
    onFinish: ({ status, durationMs }) => { counter("seen").add(); log.info("seen", { status, durationMs }); },
  }),
});
`;
    assert.equal(await compile(middleware("kept.push(request.detach())"), ofNode), "");
    for (const call of ["request.clear()", "request.addLine(0, 1, 2, 3, 0)", "request.hidden = 0", "request.derived = {}"])
      assert.match(await compile(middleware(call), ofNode), /^typed\.mts\(30,\d+\): error TS2339/, call);
  });

  test("its types hold for a program that runs the proxy", async () => {
    const program = `import { createServer } from "node:http";
import { createProxy } from "millrace";
import type { Explanation, FetchHandler, MillraceProxy, OpenListener, Reloaded } from "millrace";

await using proxy: MillraceProxy = await createProxy({ upstreams: { app: { endpoints: ["http://127.0.0.1:9"] } }, routes: [{ upstream: "app" }] });
const listeners: readonly OpenListener[] = await proxy.listen();
const changes: Reloaded = await proxy.reload({ backends: ["http://127.0.0.1:9"] });
const explained: Explanation = await proxy.explain({ url: "http://a.test/" });
const server = createServer(proxy.handler).on("upgrade", proxy.upgrade);
const fetch: FetchHandler = proxy.fetch;
const response: Response = await fetch(new Request("http://a.test/"), { client: "192.0.2.1" });
proxy.on("log", ({ event }) => console.log(event, listeners, changes.opened, explained.route?.why, response.status));
server.close();
`;
    assert.equal(await compile(program, ofNode), "");
  });

  test("its types hold for a program that was written for http-proxy-middleware", async () => {
    const program = `import http from "node:http";
import type { Socket } from "node:net";
import { createProxyMiddleware, definePlugin, errorResponsePlugin, fixRequestBody, responseInterceptor } from "millrace/http-proxy-middleware";
import type { Filter, Options, RequestHandler } from "millrace/http-proxy-middleware";

interface Mine extends http.IncomingMessage { user: string }
const pathFilter: Filter<Mine> = (path, req) => path.startsWith("/api") && req.user !== "";
const options: Options = { target: { host: "127.0.0.1", port: 3000 }, logger: console, on: { proxyReq: fixRequestBody }, plugins: [errorResponsePlugin] };
const handler: RequestHandler<Mine> = createProxyMiddleware({
  router: async (req) => (req.user === "a" ? "http://a.test" : undefined),
  pathFilter,
  pathRewrite: { "^/api": "" },
  cookieDomainRewrite: { "*": "" },
  plugins: [definePlugin((server) => void server.on("proxyRes", (proxyRes) => console.log(proxyRes.statusCode)))],
  on: {
    proxyReq: (proxyReq: http.ClientRequest, req) => void proxyReq.setHeader("x-user", req.user),
    proxyRes: responseInterceptor(async (buffer, _proxyRes, req, res) => { res.setHeader("x-user", req.user); return buffer; }),
    error: (error: Error & { code?: string }, _req, res) => void res.end(error.code ?? ""),
    open: (socket: Socket) => void socket.on("data", console.log),
  },
});
http.createServer(createProxyMiddleware(options)).on("upgrade", handler.upgrade);
`;
    assert.equal(await compile(program, ofNode), "");
    assert.match(await compile(program.replace("pathRewrite", "pathRewrites"), ofNode), /error TS/);
  });

  test("every name of the API page is exported, and the declarations need no other package than Node's types", async () => {
    const lines = [...apiExports()].map(([entry, exported], index) => {
      const named = (isType: boolean): string =>
        exported
          .filter((each) => isValue(each) !== isType)
          .map(({ name }) => `${name} as ${name}${index}`)
          .join(", ");
      return `export { ${named(false)} } from "${entry}";\nexport type { ${named(true)} } from "${entry}";\n`;
    });
    assert.equal(await compile(lines.join(""), { ...ofNode, isolatedModules: true }), "");
    const dist = path.join(folder, "node_modules/millrace/dist");
    const files = new Set(
      ["millrace.d.ts", "testing/test-proxy.d.ts", "http-proxy-middleware/create-proxy-middleware.d.ts"].map((name) =>
        path.join(dist, name),
      ),
    );
    for (const file of files) {
      const imported = readFileSync(file, "utf8").matchAll(/(?:\bfrom |\bimport\(|^import )"([^"]+)"|\/\/\/ <reference [^>]*"([^"]+)"/gm);
      for (const [, from = "", reference = from] of imported) {
        if (reference.startsWith(".")) files.add(path.resolve(path.dirname(file), reference.replace(/\.[jt]s$/, ".d.ts")));
        else assert.match(reference, /^node:|^millrace$/, `${path.relative(dist, file)} imports ${reference}`);
      }
    }
    assert.ok(files.size > 20, `${files.size} declarations were followed`);
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
    test(`hashes and verifies passwords on ${name}, in a thread of its own`, async (t) => {
      const node = await program();
      if (nodeProblem((await run(node, ["--version"])).stdout.trim(), PACKAGE.engines.node) !== null) return t.skip("too old");
      const verify = path.join(folder, "verify.mjs");
      await writeFile(
        verify,
        `import { PasswordPool } from ${JSON.stringify(path.join(path.dirname(main), "passwords/password-pool.js"))};
const pool = new PasswordPool();
for (const password of ["pässwörd", "password"]) console.log(await pool.verify(process.argv[2], Buffer.from(password)));
`,
      );
      for (const algorithm of ["argon2id", "bcrypt"]) {
        const hashing = run(node, [main, "hash-password", "--algorithm", algorithm]);
        hashing.child.stdin?.end("pässwörd\n");
        const { stdout: hash, stderr } = await hashing;
        assert.equal(stderr, "");
        assert.deepEqual(await run(node, [verify, hash.trimEnd()]), { stdout: "match\ndiffers\n", stderr: "" });
      }
    });

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

/** Whether a name can be called or constructed, so that it is exported as a value. */
function isValue({ kind, isType }: Exported): boolean {
  return !isType && kind !== "interface" && kind !== "type";
}
