/** Middleware of the user's own in the real command: what it breaks costs one exchange, and SIGHUP brings what has changed. */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { formatProblem } from "../../src/config/problems/problem.ts";
import { loadConfigFile } from "../../src/cli/config-file.ts";
import { moduleFolder } from "../../src/middleware/module-folder.fixture.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { RawClient, ask, get } from "../support/raw-client.ts";
import { startRawOrigin } from "../support/raw-origin.ts";
import { listening, millrace } from "../support/run-command.ts";
import { Scrape } from "../support/scrape.ts";

/** Fails in the way that the request's path says, in whichever phase it says: `/onResponse/reject`. */
const FAULTS = `
import { defineMiddleware, type ExchangeView } from "millrace";
import { appendFileSync } from "node:fs";

const ways: Record<string, () => unknown> = {
  throw: () => { throw new Error("thrown on purpose"); },
  null: () => { throw null; },
  reject: async () => { throw new Error("rejected on purpose"); },
  timer: () => void setTimeout(() => { throw new Error("thrown in a timer"); }),
  promise: () => void Promise.reject(new Error("nobody awaits it")),
  misuse: () => void setTimeout(() => context?.counter("x").add(-1)),
  exit: () => process.exit(1),
  fetch: () => void context?.fetch("app", { path: "no slash" }),
};
let context: { counter(name: string): { add(by: number): void }; fetch(upstream: string, request: object): unknown } | null = null;

const act = (phase: string, { request }: ExchangeView): null => {
  const [, wanted, way = ""] = request.path.split("/");
  return (wanted === phase ? (ways[way]?.() ?? null) : null) as null;
};
const stage = (phase: string, exchange: ExchangeView) => ({
  length: -1,
  start: (output: never) => { out = output; act(phase + "Start", exchange); },
  data: (bytes: Buffer, start: number, end: number) => { out?.write(Buffer.from(bytes.subarray(start, end))); return act(phase + "Data", exchange) as never; },
  end: (trailers: null) => { out?.end(trailers); },
});
let out: { write(bytes: Buffer): void; end(trailers: null): void } | null = null;

export const faults = defineMiddleware({
  name: "faults",
  setup: (_options, given) => {
    context = given as never;
    return {
      onRequest: (x) => act("onRequest", x),
      source: (x) => x.request.path.startsWith("/sourceStart/") ? { start: () => (act("sourceStart", x), {}) } : act("source", x),
      onUpstreamRequest: (x) => act("onUpstreamRequest", x),
      onUpstreamResponse: (x) => act("onUpstreamResponse", x),
      onResponse: (x) => x.request.path.startsWith("/stage") ? stage("stage", x) : act("onResponse", x),
      onFinish: (x) => act("onFinish", x),
      dispose: () => { if (process.env.DISPOSED !== undefined) appendFileSync(process.env.DISPOSED, "disposed\\n"); },
    };
  },
});
`;

const STAMP = `
import { defineMiddleware } from "millrace";
import { value } from "./lib/value.ts";
let setups = 0;
export default defineMiddleware({
  name: "stamp",
  setup: (_options, context) => {
    setups++;
    const stamped = context.counter("stamped");
    return { onResponse: (_exchange, response) => { stamped.add(); response.set("X-Stamp", value + " " + setups); } };
  },
});
`;

interface Failure {
  readonly message: unknown;
  readonly middleware: unknown;
}

function failures(proxy: Millrace): readonly Failure[] {
  return proxy
    .output()
    .split("\n")
    .filter((line) => line.includes('"event":"middleware_failed"'))
    .map((line): Failure => JSON.parse(line) as Failure);
}

test(
  "one process: every fault costs its exchange, reloads bring what has changed, and the end disposes",
  { timeout: 60_000 },
  async (t) => {
    const folder = moduleFolder(t, { "all.ts": FAULTS, "stamp.ts": STAMP, "lib/value.ts": 'export const value: string = "one";' });
    const origin = await startRawOrigin({});
    t.after(() => origin.close());
    const config = (middleware: string): string => `
listeners: [{ address: "127.0.0.1:0" }]
workers: 2
upstreams: { app: { endpoints: ["${origin.url}"] } }
middleware: [${middleware}]
routes: [{ upstream: app }]
admin: { address: "127.0.0.1:0" }
`;
    const all = `{ use: "${folder.path}/all.ts#faults" }, { use: "${folder.path}/stamp.ts" }`;
    const disposed = path.join(folder.path, "disposed.txt");
    const proxy = await startMillrace(config(all), { DISPOSED: disposed });
    t.after(() => proxy.stop());
    const healthy = await RawClient.connect(proxy.port);
    t.after(() => healthy.destroy());
    let served = 0;
    /** A connection that was there all the time is served, so no worker has died; new ones are served too. */
    const serves = async (): Promise<string> => {
      healthy.send(get("/fine"));
      const answers = await healthy.responses(++served);
      assert.equal(answers.at(-1)?.status, 200);
      const { status, head } = await ask(proxy.port, get("/fine"));
      assert.equal(status, 200);
      return /^X-Stamp: (.*)\r$/m.exec(head)?.[1] ?? "";
    };
    assert.equal(await serves(), "one 1");

    for (const [request, status, message] of [
      ["/onRequest/throw", 500, "thrown on purpose"],
      ["/onRequest/null", 500, "null"],
      ["/onRequest/reject", 500, "rejected on purpose"],
      ["/onRequest/exit", 500, "process.exit was called: a middleware cannot end its worker"],
      ["/source/throw", 500, "thrown on purpose"],
      ["/source/reject", 500, "rejected on purpose"],
      ["/sourceStart/throw", 500, "thrown on purpose"],
      ["/onUpstreamRequest/throw", 500, "thrown on purpose"],
      ["/onUpstreamRequest/reject", 500, "the hook returned a promise; only onRequest and source may be asynchronous"],
      ["/onUpstreamResponse/throw", 500, "thrown on purpose"],
      ["/onResponse/throw", 500, "thrown on purpose"],
      ["/onResponse/reject", 500, "the hook returned a promise; only onRequest and source may be asynchronous"],
      ["/onFinish/throw", 200, "thrown on purpose"],
      ["/onFinish/reject", 200, "rejected on purpose"],
      ["/stageStart/throw", null, "thrown on purpose"],
      ["/stageData/throw", null, "thrown on purpose"],
      ["/onRequest/timer", 200, "an error was thrown outside of all hooks: thrown in a timer"],
      ["/onRequest/promise", 200, "a promise was rejected, and nobody awaited it: nobody awaits it"],
      ["/onRequest/misuse", 200, "an error was thrown outside of all hooks: a counter cannot count -1"],
      [
        "/onRequest/fetch",
        200,
        'a promise was rejected, and nobody awaited it: the request cannot be sent: the target "no slash" is none for GET',
      ],
    ] as const) {
      const before = failures(proxy).length;
      const answer = await ask(proxy.port, get(request)).catch(() => null);
      if (status !== null) assert.equal(answer?.status, status, request);
      await proxy.until(() => failures(proxy).length > before, `the failure of ${request}`);
      const failure = failures(proxy)[before];
      const [, part = "", way = ""] = request.split("/");
      const hook = part.startsWith("stage") ? "onResponse: " : `${part.replace("Start", "")}: `;
      const place = / \(all\.ts:\d+:\d+\)$/;
      const outside = ["timer", "promise", "misuse", "fetch"].includes(way);
      assert.equal(String(failure?.message).replace(place, ""), `${outside ? "" : hook}${message}`);
      if (way === "throw") assert.match(String(failure?.message), place);
      // A rejected fetch has no code of the middleware on its stack.
      if (!request.endsWith("/fetch")) assert.equal(failure?.middleware, "faults", request);
      await serves();
    }
    assert.equal(proxy.count("worker_exited"), 0);

    const before = (await Scrape.of(proxy.adminPort)).sum("millrace_middleware_total");
    assert.ok(before > 20, String(before));

    // A reload without a changed module sets up anew, in the module that is there.
    await proxy.reload(config(all));
    assert.equal(await serves(), "one 2");
    // A changed import brings its importers.
    folder.write("lib/value.ts", 'export const value: string = "two";');
    await proxy.reload(config(all));
    assert.equal(await serves(), "two 1");
    await Scrape.until(proxy.adminPort, (scrape) => scrape.sum("millrace_middleware_total") > before, "counters that go on");

    // Broken modules, options and setups leave the good configuration serving.
    const broken: readonly (readonly [file: string, text: string, problem: RegExp])[] = [
      ["syntax.ts", "export default defineMiddleware({ name: ;", /middleware\.#2\.use: the module cannot be used: .*\(.*syntax\.ts/],
      ["absent.ts", 'import "./nowhere.ts";', /middleware\.#2\.use: the module cannot be used: .*nowhere\.ts/],
      [
        "setup.ts",
        'import { defineMiddleware } from "millrace"; export default defineMiddleware({ name: "bad", setup: () => { throw new Error("not today"); } });',
        /middleware\.#2: bad: setup failed: not today/,
      ],
      [
        "one.ts",
        'import { defineMiddleware } from "millrace"; export default defineMiddleware({ name: "bad", setup: (_, { worker }) => { if (worker === 1) throw new Error("not here"); return {}; } });',
        /middleware\.#2: bad: setup failed: not here/,
      ],
      ["exits.ts", "process.exit(3);", /middleware\.#2\.use: .* it ended its thread \(exit code 3\)/],
    ];
    for (const [index, [file, text, problem]] of broken.entries()) {
      folder.write(file, text);
      await writeFile(proxy.configFile, config(`{ use: "${folder.path}/stamp.ts" }, { use: "${folder.path}/${file}" }`));
      const refusals = proxy.count("config_refused");
      proxy.process.kill("SIGHUP");
      await proxy.until(() => proxy.count("config_refused") >= refusals + 2, `the refusal of ${file}`);
      assert.match(proxy.output(), problem);
      assert.equal(await serves(), "two 1", `${index}`);
    }

    // A package beside the configuration.
    const packaged = path.join(path.dirname(proxy.configFile), "node_modules/@acme/gate");
    await mkdir(packaged, { recursive: true });
    await writeFile(path.join(packaged, "package.json"), '{ "name": "@acme/gate", "type": "module", "exports": "./gate.js" }');
    await writeFile(
      path.join(packaged, "gate.js"),
      'import { answer, defineMiddleware } from "millrace";\nexport default defineMiddleware({ name: "gate", setup: () => ({ onRequest: () => answer(403) }) });\n',
    );
    await proxy.reload(config('{ use: "@acme/gate" }'));
    assert.equal((await ask(proxy.port, get("/"))).status, 403);

    await proxy.reload(config(all));
    const count = async (): Promise<number> => (await readFile(disposed, "utf8")).split("\n").length - 1;
    const disposedBefore = await count();
    assert.equal(await proxy.stop(), 0);
    assert.equal(await count(), disposedBefore + 2, "once in each worker");
  },
);

test("a middleware given itself in a TypeScript configuration: workers load it by its module", { timeout: 60_000 }, async (t) => {
  const origin = await startRawOrigin({});
  t.after(() => origin.close());
  const config = (exported: string, entry: string): string => `
import { answer, defineConfig, defineMiddleware } from "millrace";
import stamp from "./stamp.ts";
${exported} gate = defineMiddleware({ name: "gate", setup: () => ({ onRequest: ({ request }) => (request.path === "/shut" ? answer(403) : null) }) });
export default defineConfig({
  listeners: [{ address: "127.0.0.1:0" }],
  workers: 1,
  upstreams: { app: { endpoints: ["${origin.url}"] } },
  middleware: [${entry}],
  routes: [{ upstream: "app" }],
});
`;
  const folder = moduleFolder(t, {
    "stamp.ts": STAMP,
    "lib/value.ts": 'export const value: string = "given";',
    "millrace.config.ts": config("export const", "stamp(), gate()"),
  });
  const file = path.join(folder.path, "millrace.config.ts");
  const running = millrace(t, "run", "--config", file);
  const port = await listening(running);
  assert.match((await ask(port, get("/"))).head, /^X-Stamp: given 1\r$/m);
  assert.equal((await ask(port, get("/shut"))).status, 403);
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0);

  const problemWith = async (text: string): Promise<string> => {
    folder.write("millrace.config.ts", text);
    const loaded = await loadConfigFile(file);
    assert.ok("problems" in loaded);
    return loaded.problems.map(formatProblem).join("\n").replaceAll(folder.path, "FOLDER");
  };
  assert.match(
    await problemWith(config("const", "gate()")),
    /^FOLDER\/millrace\.config\.ts:9:16: middleware\.#1\.use: the module cannot be used: it exports no middleware/,
  );
  assert.match(await problemWith(config("const", "stamp")), /^FOLDER\/millrace\.config\.ts:1:1: .*function/);
  const regex = `{ use: "./stamp.ts", options: { when: /a/ } } as never`;
  assert.match(await problemWith(config("const", regex)), /^FOLDER\/millrace\.config\.ts:1:1: .*is no plain object; expected plain data$/);
});

test(
  "twenty reloads with changed modules under load: no request is lost, and no instance is left behind",
  { timeout: 60_000 },
  async (t) => {
    const origin = await startRawOrigin({});
    t.after(() => origin.close());
    const folder = moduleFolder(t, { "all.ts": FAULTS, "stamp.ts": STAMP, "lib/value.ts": 'export const value: string = "0";' });
    const config = `
listeners: [{ address: "127.0.0.1:0" }]
workers: 2
upstreams: { app: { endpoints: ["${origin.url}"] } }
routes: [{ upstream: app, middleware: [{ use: "${folder.path}/all.ts#faults" }, { use: "${folder.path}/stamp.ts" }] }]
logging: { access: false }
`;
    const disposed = path.join(folder.path, "disposed.txt");
    const proxy = await startMillrace(config, { DISPOSED: disposed });
    t.after(() => proxy.stop());
    let isOver = false;
    const load = Array.from({ length: 8 }, async () => {
      const client = await RawClient.connect(proxy.port);
      let sent = 0;
      try {
        while (!isOver) {
          client.send(get("/load"));
          const answers = await client.responses(++sent);
          assert.equal(answers.at(-1)?.status, 200);
        }
      } finally {
        client.destroy();
      }
      return sent;
    });
    for (let round = 1; round <= 20; round++) {
      folder.write("lib/value.ts", `export const value: string = "${round}";`);
      await proxy.reload(config);
      assert.match((await ask(proxy.port, get("/"))).head, new RegExp(`^X-Stamp: ${round} 1\\r$`, "m"));
    }
    isOver = true;
    const counts = await Promise.all(load);
    assert.ok(
      counts.every((count) => count > 20),
      counts.join(" "),
    );
    const instances = async (): Promise<number> => (await readFile(disposed, "utf8")).split("\n").length - 1;
    assert.equal(await proxy.stop(), 0);
    assert.equal(await instances(), 2 * 21, "each instance of each worker, once");
  },
);
