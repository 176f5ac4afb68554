/**
 * Secrets from files, credentials and programs under the real command: every value that they have had is a canary, which must be in nothing that the process
 * writes or answers. What is noticed, and when: src/control/secrets.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import tls from "node:tls";
import { moduleFolder } from "../../src/middleware/module-folder.fixture.ts";
import type { ModuleFolder } from "../../src/middleware/module-folder.fixture.ts";
import { TestAuthority } from "../support/certificates.ts";
import type { TestCertificate } from "../support/certificates.ts";
import { ask, get, getAdmin } from "../support/raw-client.ts";
import { MAIN, millrace, reached, said } from "../support/run-command.ts";
import type { Process } from "../support/run-command.ts";

const CANARY = /canary/i;

/** Prints the secret in the file `value`; fails if there is none, and blurts out something. */
const PROGRAM = `#!/bin/sh
echo "run $$" >> runs
if [ -s value ]; then cat value; else echo canary-blurted; echo "no value: canary-blurted" >&2; exit 3; fi
`;

const MODULE = `import { defineMiddleware } from "millrace";
export default defineMiddleware({ name: "once", setup: (_, { log }) => { log.info("set up once"); return { onResponse: (_e, changes) => changes.set("X-Once", "yes") }; } });
`;

const route = (name: string, token: string): string =>
  `  - { name: ${name}, match: { path: /${name} }, authentication: { tokens: [${token}] }, respond: { body: in } }\n`;

const YAML = `listeners:
  - address: "127.0.0.1:0"
  - address: "127.0.0.1:0"
    tls: { certificates: [{ cert_file: live/site.pem, key_file: live/site.key, key_passphrase: credential:passphrase }] }
workers: 2
secrets: { folder: mount }
middleware: [{ use: ./once.ts }]
routes:
${route("file", "file:token")}${route("mounted", "credential:token")}${route("program", "{ exec: [./get, x], renew: 1s }")}${route("same", "plain, { exec: [./get, x], renew: 10m }")}  - { name: open, respond: { body: open } }
admin: { address: "127.0.0.1:0", token: { exec: [./get, admin], renew: 1s }, hosts: [admin.test] }
`;

/** Lays a version of the mounted secrets as Kubernetes does: in a folder of its own, to which a link leads that is replaced as a whole. */
function mount(folder: ModuleFolder, version: number, secrets: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(secrets)) folder.write(`mount/..v${version}/${name}`, text);
  const at = (name: string): string => path.join(folder.path, "mount", name);
  symlinkSync(`..v${version}`, at("..data_tmp"));
  renameSync(at("..data_tmp"), at("..data"));
  if (version > 1) rmSync(at(`..v${version - 1}`), { recursive: true });
  else for (const name of Object.keys(secrets)) symlinkSync(`..data/${name}`, at(name));
}

function encrypted({ key }: TestCertificate, passphrase: string): string {
  return createPrivateKey(key).export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase });
}

async function setting(t: TestContext) {
  const authority = await TestAuthority.create();
  const [first, second] = await Promise.all([authority.issue(["a.test"]), authority.issue(["a.test"])]);
  const folder = moduleFolder(t, {
    "millrace.yaml": YAML,
    "once.ts": MODULE,
    get: PROGRAM,
    value: "canary-p1\n",
    token: "canary-f1\n",
    "live/site.pem": first.chain,
    "live/site.key": encrypted(first, "canary-phrase1"),
  });
  chmodSync(path.join(folder.path, "get"), 0o755);
  mkdirSync(path.join(folder.path, "mount"));
  mount(folder, 1, { token: "canary-m1", passphrase: "canary-phrase1" });
  return { authority, first, second, folder, config: path.join(folder.path, "millrace.yaml") };
}

interface Ports {
  readonly plain: number;
  readonly secure: number;
  readonly admin: number;
}

async function portsOf(running: Process): Promise<Ports> {
  await said(running, /all listeners accept connections/);
  const port = (pattern: RegExp): number => Number(pattern.exec(running.out)?.[1]);
  return {
    plain: port(/listening on http:\/\/127\.0\.0\.1:(\d+)/),
    secure: port(/listening on https:\/\/127\.0\.0\.1:(\d+)/),
    admin: port(/admin on http:\/\/127\.0\.0\.1:(\d+)/),
  };
}

/** The status with that token, the same at several connections, which the system spreads over the workers; 0: it differs. */
async function statusOf(port: number, name: string, token: string): Promise<number> {
  const answers = await Promise.all(Array.from({ length: 6 }, () => ask(port, get(`/${name}`, [`Authorization: Bearer ${token}`]))));
  const [status = 0, ...others] = answers.map((answer) => answer.status);
  assert.ok(answers.every(({ body }) => !CANARY.test(body)));
  return others.every((other) => other === status) ? status : 0;
}

test(
  "all kinds of secrets are read anew without a reload of anything else, and none of their values gets out",
  { timeout: 120_000 },
  async (t) => {
    const { authority, second, first, folder, config } = await setting(t);
    const running = millrace(t, "run", "--config", config);
    const ports = await portsOf(running);
    const count = (event: string): number => running.out.split(`"event":"${event}"`).length - 1;
    const certificate = (): Promise<string> => certificateOf(ports.secure, authority);
    for (const [name, token] of [
      ["file", "canary-f1"],
      ["mounted", "canary-m1"],
      ["program", "canary-p1"],
      ["same", "canary-p1"],
    ] as const)
      assert.equal(await statusOf(ports.plain, name, token), 200, name);
    assert.equal(await statusOf(ports.plain, "file", "canary-wrong"), 401);
    assert.equal(await certificate(), first.fingerprint);
    const setUps = count("middleware_log");

    // What stands in the file now must not come into use: nobody has asked for a reload.
    folder.write("millrace.yaml", `${YAML}canary-key: canary-value\n`);
    folder.write("token", "canary-f2\n");
    folder.write("value", "canary-p2\n");
    mount(folder, 2, { token: "canary-m2", passphrase: "canary-phrase1" });
    for (const [name, before, after] of [
      ["file", "canary-f1", "canary-f2"],
      ["mounted", "canary-m1", "canary-m2"],
      ["program", "canary-p1", "canary-p2"],
      ["same", "canary-p1", "canary-p2"],
    ] as const) {
      await reached(async () => (await statusOf(ports.plain, name, after)) === 200);
      assert.equal(await statusOf(ports.plain, name, before), 401, name);
    }
    assert.equal(await statusOf(ports.plain, "same", "plain"), 200);
    const answer = await ask(ports.plain, get("/file", ["Authorization: Bearer canary-f2"]));
    assert.match(answer.head, /^x-once: yes$/im, "the middleware still acts");

    // The passphrase changes first, and its key after it; in between the old certificate is served.
    mount(folder, 3, { token: "canary-m2", passphrase: "canary-phrase2" });
    folder.write("next.key", encrypted(second, "canary-phrase2"));
    folder.write("live/site.pem", second.chain);
    renameSync(path.join(folder.path, "next.key"), path.join(folder.path, "live/site.key"));
    await reached(async () => (await certificate()) === second.fingerprint);

    const refusals = count("secret_refused");
    folder.write("token", "");
    folder.write("value", "");
    rmSync(path.join(folder.path, "mount/..data/token"));
    await reached(() => count("secret_refused") >= refusals + 4);
    for (const [name, token] of [
      ["file", "canary-f2"],
      ["mounted", "canary-m2"],
      ["program", "canary-p2"],
    ] as const)
      assert.equal(await statusOf(ports.plain, name, token), 200, `${name} keeps the old value`);

    assert.deepEqual([count("config_reloaded"), count("config_refused"), count("middleware_log")], [0, 0, setUps]);
    running.child.kill("SIGHUP");
    await reached(() => count("config_refused") > 0);
    for (const page of ["/status", "/metrics", "/readyz", "/healthz"]) {
      const { status, body } = await ask(ports.admin, getAdmin(page));
      assert.equal(status, 200, page);
      assert.doesNotMatch(body, CANARY);
    }
    running.child.kill("SIGTERM");
    assert.equal(await running.ended, 0);
    assert.match(running.out, /the program \.\/get ended with exit code 3/);
    assert.doesNotMatch(running.out + running.err, CANARY);
  },
);

test("check and explain run no program unless they are told to, say so, and show no secret", { timeout: 60_000 }, async (t) => {
  const { folder, config } = await setting(t);
  folder.write("value", "");
  const [check, json, explain] = [
    await printed("check", "--config", config),
    await printed("check", "--config", config, "--format", "json"),
    await printed("explain", "--config", config, "GET", "/program", "-H", "Authorization: Bearer canary-p1"),
  ];
  assert.match(check.out, /is fine[^]* {2}2 programs that print secrets were not run, .*; --exec runs them\n$/);
  assert.equal(JSON.parse(json.out).programs_not_run, 2);
  assert.match(explain.err, /2 programs that print secrets were not run/);
  const failing = await printed("check", "--config", config, "--exec", "--format", "json");
  assert.equal(failing.code, 1);
  assert.equal(JSON.parse(failing.out).programs_not_run, 0);
  assert.match(failing.out, /the program \.\/get ended with exit code 3 \(its message is not shown/);
  const start = await printed("run", "--config", config);
  assert.equal(start.code, 1);
  assert.match(start.err, /^2 errors$|3 errors/m);
  folder.write("value", "canary-p1");
  const right = await printed("check", "--config", config, "--exec");
  assert.doesNotMatch(right.out, /not run/);
  const known = await printed("explain", "--config", config, "--exec", "GET", "/program", "-H", "Authorization: Bearer canary-p1");
  for (const { code } of [check, json, right, known]) assert.equal(code, 0);
  for (const { out, err } of [check, json, explain, failing, start, right, known]) assert.doesNotMatch(out + err, CANARY);
});

interface Printed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function printed(...given: readonly string[]): Promise<Printed> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...given], (_error, out, err) => resolve({ code: child.exitCode ?? -1, out, err }));
  });
}

/** SHA-256 of the certificate that a client gets, in hexadecimal. */
async function certificateOf(port: number, authority: TestAuthority): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ port, host: "127.0.0.1", servername: "a.test", ca: authority.certificate }, () => {
      resolve(socket.getPeerCertificate().fingerprint256.replaceAll(":", "").toLowerCase());
      socket.destroy();
    });
    socket.once("error", reject);
  });
}
