/** The commands, given secrets in right and in wrong places: none of them is in anything that they print, log, or answer. More: test/secrets.test.ts. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startMillrace } from "../support/millrace.ts";
import { ask, get, getAdmin } from "../support/raw-client.ts";
import { startRawOrigin } from "../support/raw-origin.ts";
import { MISPLACED, SECRET, wellPlaced } from "../support/secret-configs.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const folder = await mkdtemp(path.join(tmpdir(), "millrace-secrets-"));
after(() => rm(folder, { recursive: true, force: true }));

/** All that the command printed. */
function printed(...given: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...given], (_error, out, err) => resolve(out + err));
  });
}

async function fileOf(name: string, text: string): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
}

describe("a configuration with secrets in wrong places is refused without them", () => {
  for (const [command, name, text] of [
    ["run", "values.yaml", MISPLACED],
    ["check", "late.mts", 'void Promise.reject(new Error(`token "hunter2"`));\nexport default {};\n'],
  ] as const) {
    test(`${command}, ${name}`, async () => {
      const file = await fileOf(name, text);
      const output = await printed(command, "--config", file);
      assert.ok(output.includes(`${file}:`), output);
      assert.doesNotMatch(output, SECRET);
    });
  }
});

describe("a configuration with secrets in their places shows none", () => {
  test("explain, and wrong arguments", { timeout: 60_000 }, async () => {
    const file = await fileOf("valid.yaml", wellPlaced("http://127.0.0.1:9").replace("${MILLRACE_TEST_TOKEN}", "hunter2"));
    const explain = ["explain", "--config", file, "GET"];
    const outputs = await Promise.all([
      printed(...explain, "http://u:hunter2@a.test/keyed?token=hunter2", "-H", "X-Edge: hunter2", "-H", "Cookie: hunter2"),
      printed(...explain, "/", "Authorization: Bearer hunter2"),
      printed("run", "--config", file, "hunter2"),
    ]);
    assert.match(outputs[0], /takes it {2}#1/);
    for (const output of outputs) {
      assert.notEqual(output.trim(), "");
      assert.doesNotMatch(output, SECRET);
    }
  });

  test("run: its logs, its reloads, its status and its metrics", { timeout: 60_000 }, async () => {
    const origin = await startRawOrigin({});
    const proxy = await startMillrace(wellPlaced(origin.url), { MILLRACE_TEST_TOKEN: "hunter2" });
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
    await writeFile(proxy.configFile, `${wellPlaced(origin.url)}token: hunter2\nhunter2: [c0rrecthorse\n`);
    proxy.process.kill("SIGHUP");
    await proxy.until((output) => output.includes("config_refused"), "the refusal");
    await writeFile(
      proxy.configFile,
      `${wellPlaced(origin.url).replace("tokens: [", 'tokens: ["file:hunter\\0", ')}hunter2: c0rrecthorse\n`,
    );
    proxy.process.kill("SIGHUP");
    await proxy.until((output) => output.split("the old configuration stays in use").length > 2, "the second refusal");
    assert.equal(await proxy.stop(), 0);
    assert.doesNotMatch(proxy.output(), SECRET);
    await origin.close();
  });
});
