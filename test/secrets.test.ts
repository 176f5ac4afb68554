/**
 * `check` and `explain`, given secrets in right and in wrong places, and secrets that are read from elsewhere: none of them is in anything that they print. All run in one process. The real
 * commands, and what `run` logs and answers: e2e/secrets.command.test.ts.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { MISPLACED, SECRET, wellPlaced } from "./support/secret-configs.ts";

/** Its programs fail, each in its own way, and the secret is among what they print and among their arguments. */
const FAILING = `listeners: [{ address: ":80" }]
routes:
  - { respond: {}, authentication: { tokens: [file:unfit, credential:none, { exec: [sh, -c, "echo hunter2; echo hunter2 >&2; exit 1"] }] } }
  - { respond: {}, authentication: { tokens: [{ exec: [sh, -c, "echo hunter2; echo c0rrecthorse"] }, { exec: [sh, -c, "printf 'hunter2\\tx'"] }] } }
admin: { address: ":1", token: { exec: [sh, -c, "echo $0 >&2; exit 1", "\${HOME_OF_HUNTER}"] } }
`;

/** Configurations that are refused. */
const WRONG: readonly (readonly [name: string, text: string])[] = [
  ["values.yaml", MISPLACED],
  ["broken.yaml", 'routes:\n  - authentication: { tokens: ["hunter2] }\nupstreams: hunter2: c0rrecthorse\n'],
  ["alias.yaml", "routes:\n  - authentication: { tokens: [*hunter2, !c0rrecthorse x, @hunter2] }\n"],
  ["broken.json", '{ "routes": [{ "authentication": { "tokens": ["hunter2", hunter2 "c0rrecthorse" ] } } ] }'],
  ["short.yaml", "backends: ['http://u:hunter2@h']\nauthentication: { required_token: [hunter2], hunter2: hunter2 }\nserver: hunter2\n"],
  ["values.mts", 'export default { listeners: "hunter2", hunter2: () => 1, routes: [{ hunter2: { upstream: "c0rrecthorse" } }] };\n'],
  ["syntax.mts", 'const token = "hunter2" "c0rrecthorse";\nexport default {};\n'],
  ["reference.mts", "export default { token: hunter2 };\n"],
  ["thrown.mts", 'throw new Error("bad token hunter2 in https://u:c0rrecthorse@h");\n'],
  ["json.mts", "export default JSON.parse('{\"token\": hunter2}');\n"],
  ["enum.mts", "enum hunter2 { c0rrecthorse }\nexport default hunter2;\n"],
  [
    "sources.yaml",
    'routes:\n  - authentication: { tokens: [credential:../hunter2, "credential:c0rrecthorse/x", { exec: hunter2, c0rrecthorse: 1 }, { exec: [x], renew: hunter2 }, { run: [hunter2] }] }\nadmin: { token: { exec: [{ hunter2: x }] } }\nsecrets: { hunter2: c0rrecthorse }\n',
  ],
  ["failing.yaml", FAILING],
  ["nginx.conf", 'http {\n  server {\n    set $token "hunter2";\n  }\n}\n'],
];

const IN_TURN = fileURLToPath(new URL("./support/commands-in-turn.ts", import.meta.url));
const folder = await mkdtemp(path.join(tmpdir(), "millrace-secrets-"));
after(() => rm(folder, { recursive: true, force: true }));

const valid = path.join(folder, "valid.yaml");
const explain = ["explain", "--config", valid, "GET"];
const sourced = path.join(folder, "sourced.yaml");
/** Its secrets are read from elsewhere. */
const SOURCED = `listeners: [{ address: ":80" }]
secrets: { folder: . }
routes: [{ respond: {}, authentication: { tokens: [file:token, credential:token, { exec: [echo, hunter2] }] } }]
admin: { address: ":1", token: { exec: [echo, hunter2] } }
`;
/** Commands with a configuration that has its secrets in their places. */
const ASKED: readonly (readonly string[])[] = [
  ["check", "--config", valid],
  [...explain, "/other", "-H", "Authorization: Bearer hunter2"],
  [...explain, "/other?api_key=c0rrecthorse", "-H", "X-API-Key: c0rrecthorse"],
  [...explain, "hunter2:x"],
  ["check", "--config", sourced],
  ["check", "--config", sourced, "--exec"],
  ["check", "--config", sourced, "--exec", "--format", "json"],
  ["explain", "--config", sourced, "--exec", "GET", "/", "-H", "Authorization: Bearer hunter2"],
  ["explain", "--config", sourced, "GET", "/", "-H", "X-API-Key: c0rrecthorse"],
];

let outputs: readonly string[] = [];
before(async () => {
  await writeFile(valid, wellPlaced("http://127.0.0.1:9").replace("${MILLRACE_TEST_TOKEN}", "hunter2"));
  await writeFile(path.join(folder, "unfit"), "hunter2\tc0rrecthorse\n");
  await writeFile(path.join(folder, "token"), "c0rrecthorse\n");
  await writeFile(sourced, SOURCED);
  for (const [name, text] of WRONG) await writeFile(path.join(folder, name), text);
  outputs = await allPrinted([...WRONG.map(([name]) => ["check", "--config", path.join(folder, name), "--exec"]), ...ASKED]);
});

for (const [index, [name]] of WRONG.entries()) {
  test(`${name}, with secrets in wrong places, is refused without them`, () => {
    const output = outputs[index] ?? "";
    assert.ok(output.includes(`${path.join(folder, name)}:`), output);
    assert.doesNotMatch(output, SECRET);
  });
}

test("check and explain show no secret of a configuration that has them in their places", () => {
  const asked = outputs.slice(WRONG.length);
  assert.equal(asked.length, ASKED.length);
  for (const output of asked) {
    assert.notEqual(output.trim(), "");
    assert.doesNotMatch(output, SECRET);
  }
});

/** All that each of these commands printed. They run one after the other in one process. */
async function allPrinted(commands: readonly (readonly string[])[]): Promise<string[]> {
  const given = commands.map((words) => JSON.stringify(words));
  const output = await new Promise<string>((resolve, reject) => {
    const env = { ...process.env, HOME_OF_HUNTER: "hunter2" };
    execFile(process.execPath, [IN_TURN, ...given], { env }, (error, out, err) => (error === null ? resolve(out + err) : reject(error)));
  });
  return output.split(/^#\d+\n/m).slice(1);
}
