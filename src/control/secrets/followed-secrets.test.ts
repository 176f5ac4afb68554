/** Secrets that change while a configuration is in use: what is noticed, what comes into use, what stays as it was and what the log says. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { parseConfig } from "../../config/load.ts";
import type { ParsedConfig } from "../../config/load.ts";
import type { ChangedRoute } from "../../config/placed-secrets.ts";
import type { Config } from "../../config/schema/schema.ts";
import type { ReloadOutcome } from "../outcomes.ts";
import { FollowedSecrets, absoluteSecrets } from "./followed-secrets.ts";
import { credentialFileIn } from "./credential-folder.ts";
import { SecretCommands } from "./secret-commands.ts";

interface Timer {
  readonly ms: number;
  readonly run: () => void;
}

/** A configuration in use, as the control plane keeps one. */
class Stage {
  readonly folder: string;
  readonly log: string[] = [];
  readonly used: (readonly ChangedRoute[])[] = [];
  readonly timers: Set<Timer> = new Set();
  /** What a program prints. */
  printed: string = "printed";
  /** Why a configuration cannot be used; null: it can. */
  refuses: (config: Config) => string | null = () => null;
  config: Config;
  readonly secrets: FollowedSecrets;
  private readonly commands: SecretCommands;
  private changing: Promise<void> = Promise.resolve();
  private nowMs: number = 0;
  private planned: (ms: number) => void = () => {};

  constructor(t: TestContext, config: Config) {
    this.config = config;
    this.folder = mkdtempSync(path.join(tmpdir(), "secrets-"));
    const said = (event: string, message: string): void => void this.log.push(`${event}: ${message.replaceAll(`${this.folder}/`, "")}`);
    const after = (ms: number, then: () => void): (() => void) => {
      const timer = { ms, run: then };
      this.timers.add(timer);
      this.planned(ms);
      return () => void this.timers.delete(timer);
    };
    this.commands = new SecretCommands({ environment: {}, now: () => this.nowMs, after, run: async () => Promise.resolve(this.printed) });
    this.secrets = new FollowedSecrets({
      log: { info: said, error: said },
      after,
      commands: this.commands,
      config: () => this.config,
      inTurn: (change) => (this.changing = this.changing.then(change)),
      bringIntoUse: async (next, routes = []) => Promise.resolve(this.bring(next, routes)),
    });
    t.after(() => {
      this.secrets.stop();
      rmSync(this.folder, { recursive: true });
    });
  }

  private bring(next: Config, routes: readonly ChangedRoute[]): ReloadOutcome {
    const problem = this.refuses(next);
    if (problem !== null) return { kind: "refused", lines: [problem] };
    this.config = next;
    this.used.push(routes);
    return { kind: "reloaded", opened: [], closed: [], adminUrl: null, adminClosed: null };
  }

  fileOf(name: string): string {
    return path.join(this.folder, name);
  }

  write(name: string, text: string): void {
    writeFileSync(this.fileOf(name), text);
  }

  async load(text: string): Promise<ParsedConfig> {
    const parsed = await this.commands.loadWith((printed) =>
      parseConfig(text, "f", {}, (name) => readFileSync(path.resolve(this.folder, name), "utf8"), {
        secrets: { folder: this.folder, credentialFile: credentialFileIn(this.folder, { CREDENTIALS_DIRECTORY: this.folder }), printed },
      }),
    );
    assert.ok("config" in parsed, "problems" in parsed ? parsed.problems.map(({ message }) => message).join() : "");
    return { ...parsed, secrets: absoluteSecrets(parsed.secrets, this.folder) };
  }

  /** Takes a configuration into use. */
  async use(text: string): Promise<void> {
    const { config, secrets } = await this.load(text);
    const read = this.secrets.prepare(config, secrets);
    assert.ok("config" in read, "problems" in read ? read.problems.join() : "");
    this.config = read.config;
    this.secrets.settle(true);
  }

  /** The tokens of the first route. */
  get tokens(): readonly string[] {
    return this.config.routes[0]?.authentication?.tokens ?? [];
  }

  /** Lets two looks at the files pass, after which a change that stands still counts, and lets what was gathered come into use. */
  async looks(): Promise<void> {
    for (let looks = 0; looks < 2; looks++) await this.fire(1000, true);
    await this.gathered();
  }

  async gathered(): Promise<void> {
    await this.fire(20);
    await this.changing;
  }

  /** Runs what is planned for so many milliseconds from now. @param again whether it plans itself anew, which is waited for */
  async fire(ms: number, again: boolean = false): Promise<void> {
    this.nowMs += ms;
    // Not those that these plan.
    const planned = [...this.timers];
    for (const timer of planned) {
      if (timer.ms !== ms || !this.timers.delete(timer)) continue;
      const next = new Promise<void>((resolve) => (this.planned = (later) => later === ms && resolve()));
      timer.run();
      if (again) await next;
    }
    await this.changing;
  }
}

const route = (tokens: string): string =>
  `listeners: [{ address: ":80" }]\nroutes:\n  - { match: { path: /a }, respond: {}, authentication: { tokens: [${tokens}] } }\n  - { respond: {} }\n`;

async function begun(t: TestContext, tokens: string, files: Readonly<Record<string, string>>, rest: string = ""): Promise<Stage> {
  const parsed = parseConfig(route("x"), "f", {}, () => "");
  assert.ok("config" in parsed);
  const stage = new Stage(t, parsed.config);
  for (const [name, text] of Object.entries(files)) stage.write(name, text);
  await stage.use(route(tokens) + rest);
  return stage;
}

test("a file that changes comes into use in the routes in which it stands, and in admin.token", async (t) => {
  const stage = await begun(t, "file:token, plain", { token: "one\n" }, 'admin: { address: ":1", token: file:token }\n');
  await stage.looks();
  assert.deepEqual(stage.used, []);
  stage.write("token", "two\nsecond line\n");
  await stage.looks();
  assert.deepEqual([stage.tokens, stage.config.admin?.token], [["two", "plain"], "two"]);
  assert.deepEqual(stage.used, [[{ position: 0, keys: ["authentication"] }]]);
  assert.deepEqual(stage.log, ["secret_read: token has another secret: it is in use"]);
});

test("a version that is empty, missing, too large, in other bytes or unfit keeps the old value, and says why once", async (t) => {
  const stage = await begun(t, "file:token", { token: "one\n" });
  const expected: string[] = [];
  const stays = async (problem: string): Promise<void> => {
    expected.push(`secret_refused: the old secret stays in use: ${problem}`);
    await stage.looks();
    await stage.looks();
    assert.deepEqual([stage.tokens, stage.log], [["one"], expected]);
  };
  stage.write("token", "");
  await stays("the first line of the file token is empty");
  unlinkSync(stage.fileOf("token"));
  await stays("token does not exist");
  stage.write("token", "x".repeat(65_537));
  await stays("token has 65537 bytes, more than the 65536 that it may have");
  stage.write("token", "hunter2\tx");
  await stays("the first line of the file token: expected a token without line ends, tabs and control characters");
  writeFileSync(stage.fileOf("token"), Buffer.from([0xff, 0xfe]));
  await stays("token is not in UTF-8");
  rmSync(stage.fileOf("token"));
  mkdirSync(stage.fileOf("token"));
  await stays("token is a folder, not a file");
  rmSync(stage.fileOf("token"), { recursive: true });
  stage.write("token", "two");
  await stage.looks();
  assert.deepEqual(stage.tokens, ["two"]);
  assert.deepEqual(stage.used.length, 1);
});

test("a mount of Kubernetes is swapped by a link: all its secrets change together", async (t) => {
  const stage = await begun(t, "plain", {});
  for (const [version, token] of [
    ["..2026_1", "one"],
    ["..2026_2", "two"],
  ] as const) {
    mkdirSync(stage.fileOf(version));
    for (const name of ["token", "other"]) writeFileSync(stage.fileOf(`${version}/${name}`), `${name}-${token}`);
  }
  symlinkSync("..2026_1", stage.fileOf("..data"));
  for (const name of ["token", "other"]) symlinkSync(`..data/${name}`, stage.fileOf(name));
  await stage.use(route("credential:token, credential:other"));
  assert.deepEqual(stage.tokens, ["token-one", "other-one"]);
  symlinkSync("..2026_2", stage.fileOf("..data_tmp"));
  renameSync(stage.fileOf("..data_tmp"), stage.fileOf("..data"));
  rmSync(stage.fileOf("..2026_1"), { recursive: true });
  await stage.looks();
  assert.deepEqual(stage.tokens, ["token-two", "other-two"]);
  assert.equal(stage.used.length, 1, "one change for both");
});

test("a program's other value comes into use, and an unfit one does not", async (t) => {
  const stage = await begun(t, "{ exec: [./get, now], renew: 5m }", {});
  assert.deepEqual(stage.tokens, ["printed"]);
  const renewed = async (text: string): Promise<void> => {
    stage.printed = text;
    await stage.fire(300_000);
    // What the program prints is there after some turns of the queue of promises, all before this.
    await new Promise((turn) => setImmediate(turn));
    await stage.gathered();
  };
  await renewed("renewed");
  assert.deepEqual(stage.tokens, ["renewed"]);
  await renewed(" hunter2");
  assert.deepEqual(stage.tokens, ["renewed"]);
  assert.deepEqual(stage.log, [
    "secret_read: the program ./get has another secret: it is in use",
    "secret_refused: the old secret stays in use: expected a token without spaces around it",
  ]);
});

test("what cannot come into use does not hold up the rest, is tried again, and is told once", async (t) => {
  const stage = await begun(t, "file:good, file:bad", { good: "good-1", bad: "bad-1" });
  stage.refuses = ({ routes }) => (routes[0]?.authentication?.tokens?.includes("bad-2") === true ? "its key is another one" : null);
  stage.write("good", "good-2");
  stage.write("bad", "bad-2");
  await stage.looks();
  assert.deepEqual(stage.tokens, ["good-2", "bad-1"]);
  const retries = (): readonly number[] => [...stage.timers].map(({ ms }) => ms).toSorted((a, b) => a - b);
  assert.deepEqual(retries(), [1000, 1000], "the next look, and the next try");
  for (const ms of [1000, 2000, 4000, 8000, 16_000, 30_000]) await stage.fire(ms);
  assert.deepEqual(stage.log, [
    "secret_read: good has another secret: it is in use",
    "secret_refused: the old secret stays in use: its key is another one",
  ]);
  stage.refuses = () => null;
  await stage.fire(30_000);
  assert.deepEqual(stage.tokens, ["good-2", "bad-2"]);
  assert.equal(stage.log.at(-1), "secret_read: bad has another secret: it is in use");
});

test("a configuration that is loaded while a file changes gets the newer value; a refused one changes nothing", async (t) => {
  const stage = await begun(t, "file:token", { token: "one", other: "x" });
  const { config, secrets } = await stage.load(route("file:other, file:token"));
  stage.write("other", "y");
  const read = stage.secrets.prepare(config, secrets);
  assert.ok("config" in read);
  assert.deepEqual(read.config.routes[0]?.authentication?.tokens, ["y", "one"]);
  stage.secrets.settle(false);
  stage.write("other", "z");
  await stage.looks();
  assert.deepEqual([stage.tokens, stage.used, stage.log], [["one"], [], []]);
  unlinkSync(stage.fileOf("other"));
  assert.deepEqual(stage.secrets.prepare(config, secrets), { problems: [`${stage.fileOf("other")} does not exist`] });
  stage.secrets.settle(false);
  assert.deepEqual(stage.tokens, ["one"]);
});
