/** The commands, given secrets in right and in wrong places: none of them is in anything that they print, log, or answer. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startMillrace } from "./support/millrace.ts";
import { ask, get, getAdmin } from "./support/raw-client.ts";
import { startRawOrigin } from "./support/raw-origin.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const IN_TURN = fileURLToPath(new URL("./support/commands-in-turn.ts", import.meta.url));
const folder = await mkdtemp(path.join(tmpdir(), "millrace-secrets-"));
after(() => rm(folder, { recursive: true, force: true }));

/** All that the command printed. */
function printed(...given: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...given], (_error, out, err) => resolve(out + err));
  });
}

/** All that each of these commands printed: some in a process of their own, most one after the other in one, which costs less. */
async function allPrinted(commands: readonly (readonly string[])[]): Promise<string[]> {
  const given = commands.map((words) => JSON.stringify(words));
  const output = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, [IN_TURN, ...given], (error, out, err) => (error === null ? resolve(out + err) : reject(error)));
  });
  return output.split(/^#\d+\n/m).slice(1);
}

async function fileOf(name: string, text: string): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
}

const SECRET = /hunter2|c0rrecthorse/;

describe("a configuration with secrets in wrong places is refused without them", () => {
  const cases: readonly (readonly [name: string, text: string])[] = [
    [
      "values.yaml",
      `listeners: [{ address: "admin:hunter2@10.0.0.1:80" }, { address: "hunter2" }]
upstreams:
  app: { endpoints: ["https://h/?token=hunter2", "http://admin:hunter2@h", hunter2, { url: hunter2, token: hunter2 }], tls: { ca_file: "https://u:hunter2@h" } }
  hunter2c0rrecthorse:
routes:
  - { match: { host: "https://hunter2@h", path: hunter2, headers: { "hunter2 x": hunter2 } }, upstream: hunter2, token: hunter2, hunter2: 1 }
  - { authentication: { tokens: { hunter2: hunter2 } }, upstream: app }
  - { authentication: hunter2, upstream: app, cors: { allowed_origins: ["hunter2"] } }
  - { authentication: { tokens: ["\${hunter2}", "\${X:-hunter2"] , hunter2: x }, upstream: app }
admin: { address: hunter2, token: [hunter2] }
logging: { level: hunter2, output: "\${c0rrecthorse}" }
workers: hunter2
hunter2: hunter2
`,
    ],
    ["broken.yaml", 'routes:\n  - authentication: { tokens: ["hunter2] }\nupstreams: hunter2: c0rrecthorse\n'],
    ["alias.yaml", "routes:\n  - authentication: { tokens: [*hunter2, !c0rrecthorse x, @hunter2] }\n"],
    ["broken.json", '{ "routes": [{ "authentication": { "tokens": ["hunter2", hunter2 "c0rrecthorse" ] } } ] }'],
    ["short.yaml", "backends: ['http://u:hunter2@h']\nauthentication: { required_token: [hunter2], hunter2: hunter2 }\nserver: hunter2\n"],
    ["values.mts", 'export default { listeners: "hunter2", hunter2: () => 1, routes: [{ hunter2: { upstream: "c0rrecthorse" } }] };\n'],
    ["syntax.mts", 'const token = "hunter2" "c0rrecthorse";\nexport default {};\n'],
    ["reference.mts", "export default { token: hunter2 };\n"],
    ["thrown.mts", 'throw new Error("bad token hunter2 in https://u:c0rrecthorse@h");\n'],
    ["late.mts", 'void Promise.reject(new Error(`token "hunter2"`));\nexport default {};\n'],
    ["json.mts", "export default JSON.parse('{\"token\": hunter2}');\n"],
    ["enum.mts", "enum hunter2 { c0rrecthorse }\nexport default hunter2;\n"],
    ["nginx.conf", 'http {\n  server {\n    set $token "hunter2";\n  }\n}\n'],
  ];
  /** Through the real command; the others share a process. */
  const alone: Readonly<Record<string, string>> = { "values.yaml": "run", "late.mts": "check" };
  const outputs = new Map<string, string>();

  before(async () => {
    for (const [name, text] of cases) await fileOf(name, text);
    const together = cases.map(([name]) => name).filter((name) => alone[name] === undefined);
    const printedTogether = await allPrinted(together.map((name) => ["check", "--config", path.join(folder, name)]));
    for (const [index, name] of together.entries()) outputs.set(name, printedTogether[index] ?? "");
    for (const [name, command] of Object.entries(alone)) outputs.set(name, await printed(command, "--config", path.join(folder, name)));
  });

  for (const [name] of cases) {
    test(name, () => {
      const output = outputs.get(name) ?? "";
      assert.ok(output.includes(`${path.join(folder, name)}:`), output);
      assert.doesNotMatch(output, SECRET);
    });
  }
});

const valid = (origin: string): string => `listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["${origin}"] } }
routes:
  - match: { path: /keyed, headers: { X-Edge: hunter2 } }
    upstream: app
  - authentication: { tokens: ["\${MILLRACE_TEST_TOKEN}", "hunter2 c0rrecthorse"] }
    upstream: app
admin: { address: "127.0.0.1:0", token: hunter2-admin }
`;

describe("a configuration with secrets in their places shows none", () => {
  test("check and explain", { timeout: 60_000 }, async () => {
    const file = await fileOf("valid.yaml", valid("http://127.0.0.1:9").replace("${MILLRACE_TEST_TOKEN}", "hunter2"));
    const explain = ["explain", "--config", file, "GET"];
    const outputs = await Promise.all([
      printed(...explain, "http://u:hunter2@a.test/keyed?token=hunter2", "-H", "X-Edge: hunter2", "-H", "Cookie: hunter2"),
      printed(...explain, "/", "Authorization: Bearer hunter2"),
      printed("run", "--config", file, "hunter2"),
    ]);
    assert.match(outputs[0] ?? "", /takes it {2}#1/);
    outputs.push(
      ...(await allPrinted([
        ["check", "--config", file],
        [...explain, "/other", "-H", "Authorization: Bearer hunter2"],
        [...explain, "/other?api_key=c0rrecthorse", "-H", "X-API-Key: c0rrecthorse"],
        [...explain, "hunter2:x"],
      ])),
    );
    assert.equal(outputs.length, 7);
    for (const output of outputs) {
      assert.notEqual(output.trim(), "");
      assert.doesNotMatch(output, SECRET);
    }
  });

  test("run: its logs, its reloads, its status and its metrics", { timeout: 60_000 }, async () => {
    const origin = await startRawOrigin({});
    const proxy = await startMillrace(valid(origin.url), { MILLRACE_TEST_TOKEN: "hunter2" });
    const answers = [
      await ask(proxy.port, get("/a?token=hunter2", ["Authorization: Bearer hunter2", "Cookie: c0rrecthorse"])),
      await ask(proxy.port, get("/keyed?c0rrecthorse", ["X-Edge: hunter2"])),
      await ask(proxy.port, get("/a", ["Authorization: Bearer c0rrecthorse"])),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 401],
    );
    assert.doesNotMatch(answers[2]?.body ?? "", SECRET);
    for (const page of ["/status", "/metrics", "/readyz"]) {
      const { status, body } = await ask(proxy.adminPort, getAdmin(page));
      assert.notEqual(status, 404);
      assert.doesNotMatch(body, SECRET);
    }
    await writeFile(proxy.configFile, `${valid(origin.url)}token: hunter2\nhunter2: [c0rrecthorse\n`);
    proxy.process.kill("SIGHUP");
    await proxy.until((output) => output.includes("config_refused"), "the refusal");
    await writeFile(proxy.configFile, `${valid(origin.url).replace("tokens: [", 'tokens: ["file:hunter\\0", ')}hunter2: c0rrecthorse\n`);
    proxy.process.kill("SIGHUP");
    await proxy.until((output) => output.split("the old configuration stays in use").length > 2, "the second refusal");
    assert.equal(await proxy.stop(), 0);
    assert.doesNotMatch(proxy.output(), SECRET);
    await origin.close();
  });
});
