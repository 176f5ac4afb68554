/**
 * The recipes of examples/middleware behind the real command, and what SIGHUP does with modules: a changed one is loaded with what it imports,
 * and a broken one leaves the old configuration serving, with a message that names the place.
 */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { startHttpOrigin } from "../support/http-origin.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { ask, get } from "../support/raw-client.ts";
import { Scrape } from "../support/scrape.ts";
import { readText } from "../support/source-files.ts";

const RECIPES = fileURLToPath(new URL("../../examples/middleware/", import.meta.url));
const SECRET = { SIGNING_SECRET: "a secret of at least thirty-two bytes" };

/** examples/middleware/millrace.yaml, on a free port. */
function recipes(origin: string): string {
  return readText("examples/middleware/millrace.yaml")
    .replace("127.0.0.1:8080", "127.0.0.1:0")
    .replace("http://127.0.0.1:60408", origin)
    .replaceAll("use: ./", `use: ${RECIPES}`)
    .replace("allow: [10.0.0.0/8", "allow: [127.0.0.0/8")
    .concat("workers: 1\nadmin: { address: 127.0.0.1:0 }\n");
}

test("all recipes in one configuration, through the command", { timeout: 60_000 }, async (t) => {
  const seen: Record<string, unknown> = {};
  const origin = await startHttpOrigin(t, (request, response) => {
    Object.assign(seen, request.headers);
    const isPage = request.url?.endsWith("/") === true;
    response.setHeader("Content-Type", isPage ? "text/html" : "application/json");
    response.end(isPage ? "<html><head></head>" : '{"password":"x","usage":{"input_tokens":2,"output_tokens":3}}');
  });
  const proxy = await startMillrace(recipes(origin), SECRET);
  t.after(() => proxy.stop());
  const page = await ask(proxy.port, get("/"));
  assert.match(page.head, /^X-Served-By: eu-1 worker 0\r$/m);
  assert.match(page.head, /^Set-Cookie: checkout=(old|new); /m);
  assert.equal(page.body, '<html><head><script src="/banner.js" async></script></head>');
  const api = await ask(proxy.port, get("/api/me"));
  assert.match(api.body, /^\{"password":"\*\*\*",/);
  assert.match(String(seen["signature-input"]), /^millrace=\("@method"/);
  const deep = `/graphql?query=${encodeURIComponent("{a".repeat(9) + "}".repeat(9))}`;
  assert.equal((await ask(proxy.port, get(deep))).status, 400);
  assert.equal((await ask(proxy.port, get("/v1/messages"))).status, 200);
  const counted = (scrape: Scrape): boolean => scrape.sum("millrace_middleware_total", 'counter="output_tokens"') === 3;
  await Scrape.until(proxy.adminPort, counted, "the counted tokens");
});

const STAMP = `import type { MiddlewareHooks } from "millrace";
import { defineMiddleware } from "millrace";
import { value } from "./lib/value.ts";
import { schema } from "./lib/schema.ts";

export default defineMiddleware({
  name: "stamp",
  options: schema,
  setup: (): MiddlewareHooks => ({ onResponse: (_exchange, response) => response.set("X-Stamp", value) }),
});
`;
const VALUE = (value: string): string => `export const value: string = "${value}";\n`;
const SCHEMA = (key: string): string => `import type { StandardSchema } from "millrace";
export const schema: StandardSchema<Record<string, unknown>> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (given) => {
      const issues = Object.keys(given as object).filter((key) => key !== "${key}").map((key) => ({ message: "no such option", path: [key] }));
      return issues.length > 0 ? { issues } : { value: given as Record<string, unknown> };
    },
  },
};
`;

test("SIGHUP loads changed modules and their imports; a broken one leaves the old serving", { timeout: 60_000 }, async (t) => {
  const origin = await startHttpOrigin(t, (_request, response) => void response.end("hi"));
  const config = (middleware: string): string => `listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["${origin}"] } }
routes:
  - upstream: app
${middleware}`;
  const proxy = await startMillrace(config(""));
  t.after(() => proxy.stop());
  const folder = path.dirname(proxy.configFile);
  await mkdir(path.join(folder, "lib"));
  const write = (file: string, text: string): Promise<void> => writeFile(path.join(folder, file), text);
  const stamp = async (): Promise<string | undefined> => /^X-Stamp: (.*)\r$/m.exec((await ask(proxy.port, get("/"))).head)?.[1];
  assert.equal(await stamp(), undefined);

  const used = config("    middleware:\n      - use: ./stamp.ts\n        options: { key: secret }\n");
  await write("stamp.ts", STAMP);
  await write("lib/value.ts", VALUE("one"));
  await write("lib/schema.ts", SCHEMA("key"));
  await proxy.reload(used);
  assert.equal(await stamp(), "one");
  await write("lib/value.ts", VALUE("two"));
  await proxy.reload(used);
  assert.equal(await stamp(), "two", "what an imported module says now");

  const use = `${proxy.configFile}:7:14: routes.#1.middleware.#1.use: `;
  const brokenFiles: readonly (readonly [file: string, text: string, message: string | RegExp])[] = [
    ["stamp.ts", STAMP.replace("setup: ()", "setup: ("), new RegExp(`^${escaped(use)}the module cannot be used: .*\\(stamp\\.ts:9\\)$`)],
    [
      "lib/value.ts",
      "export const value: string = ;\n",
      new RegExp(`^${escaped(use)}the module cannot be used: .*\\(lib/value\\.ts:1\\)$`),
    ],
    [
      "lib/value.ts",
      'export const value = 1;\nthrow new Error("not now");\n',
      `${use}the module cannot be used: not now (lib/value.ts:2:7)`,
    ],
    [
      "lib/value.ts",
      "export const other = 1;\n",
      new RegExp(`^${escaped(use)}the module cannot be used: SyntaxError: .*\\(stamp\\.ts:3\\)$`),
    ],
    ["lib/schema.ts", SCHEMA("other"), `${proxy.configFile}:8:25: routes.#1.middleware.#1.options.key: no such option`],
    [
      "stamp.ts",
      STAMP.replace("setup: ()", 'setup: () => { throw new Error("no secret seal"); }, other: ()'),
      "routes.#1.middleware.#1: stamp: setup failed: no ... seal (stamp.ts:9:24)",
    ],
  ];
  const whole: Readonly<Record<string, string>> = { "stamp.ts": STAMP, "lib/value.ts": VALUE("two"), "lib/schema.ts": SCHEMA("key") };
  for (const [file, text, expected] of brokenFiles) {
    await write(file, text);
    const message = await refusal(proxy);
    if (typeof expected === "string") assert.equal(message, expected);
    else assert.match(message, expected);
    assert.ok(!message.includes("secret"), "no value of the options is shown");
    assert.equal(await stamp(), "two", `still serving: ${message}`);
    await write(file, whole[file] ?? "");
  }

  await write("lib/value.ts", VALUE("three"));
  await proxy.reload(used);
  assert.equal(await stamp(), "three");
});

/** Sends SIGHUP, and resolves with the first line that says why the configuration is refused. */
async function refusal(proxy: Millrace): Promise<string> {
  const before = proxy.output().length;
  const since = (): string => proxy.output().slice(before);
  proxy.process.kill("SIGHUP");
  await proxy.until(() => since().includes("the old configuration stays in use"), "the refusal");
  const line = since()
    .split("\n")
    .find((each) => each.includes('"config_refused"'));
  return String((JSON.parse(line ?? "{}") as Record<string, unknown>)["message"]);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
