/** `millrace run --watch`: the real command takes changed files into use by itself. Which changes are noticed: src/cli/file-watch.test.ts. */
import assert from "node:assert/strict";
import { renameSync, rmSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { moduleFolder, moduleWith } from "../../src/middleware/module-folder.fixture.ts";
import { ask, get } from "../support/raw-client.ts";
import { listening, millrace, reached } from "../support/run-command.ts";

const YAML = `listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["http://127.0.0.1:1"] } }
routes:
  - { match: { path: /secret }, authentication: { tokens: ["file:token"] }, respond: { body: known } }
  - { middleware: [{ use: ./stamp.ts }], respond: { body: first } }
`;
const STAMP = moduleWith("stamp", "onRequest: () => answer(503, { detail: word })", 'import { word } from "./word.ts";');

test("run --watch: a changed configuration, a module's import and a secret are taken into use, a wrong one is not", async (t) => {
  const folder = moduleFolder(t, { "millrace.yaml": YAML, token: "one", "stamp.ts": STAMP, "word.ts": 'export const word = "one";' });
  const running = millrace(t, "run", "--watch", "--config", path.join(folder.path, "millrace.yaml"));
  const port = await listening(running);
  const bodyOf = async (target: string): Promise<string> => (await ask(port, get(target, ["Authorization: Bearer two"]))).body;
  const until = (target: string, body: string): Promise<void> => reached(async () => (await bodyOf(target)).includes(body));
  await until("/", "one");

  folder.write("word.ts", 'export const word = "two";');
  await until("/", "two");

  folder.write("token", "two");
  await until("/secret", "known");

  folder.write("word.ts", "export const word = ;");
  await reached(() => running.out.includes("config_refused"));
  await until("/", "two");
  folder.write("word.ts", 'export const word = "three";');
  await until("/", "three");

  // An import that is not there yet.
  folder.write("word.ts", 'export { word } from "./new.ts";');
  await reached(() => running.out.split("the old configuration stays in use").length > 2);
  folder.write("new.ts", 'export const word = "four";');
  await until("/", "four");

  folder.write("millrace.yaml.new", YAML.replace("middleware: [{ use: ./stamp.ts }], ", "").replace("first", "five"));
  renameSync(path.join(folder.path, "millrace.yaml.new"), path.join(folder.path, "millrace.yaml"));
  await until("/", "five");

  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0);
});

test("run --watch: an included file is watched, and so are new names; SIGHUP reads them again as well", async (t) => {
  const main = 'listeners: [{ address: "127.0.0.1:0" }]\nworkers: 1\nupstreams: {}\ninclude: [conf.d/*.yaml, last.yaml]\n';
  const route = (path: string, body: string): string => `routes: [{ match: { path: ${path} }, respond: { body: ${body} } }]\n`;
  const folder = moduleFolder(t, { "millrace.yaml": main, "conf.d/b.yaml": route("/", "one"), "last.yaml": route("/*", "last") });
  const running = millrace(t, "run", "--watch", "--config", path.join(folder.path, "millrace.yaml"));
  const port = await listening(running);
  const until = (target: string, body: string): Promise<void> => reached(async () => (await ask(port, get(target))).body.includes(body));
  await until("/", "one");
  folder.write("conf.d/b.yaml", route("/", "two"));
  await until("/", "two");
  folder.write("conf.d/a.yaml", route("/", "three"));
  await until("/", "three");
  folder.write("conf.d/c.yaml", "routes: [");
  await reached(() => running.out.includes("conf.d/c.yaml:1:"));
  await until("/", "three");
  rmSync(path.join(folder.path, "conf.d/c.yaml"));
  rmSync(path.join(folder.path, "conf.d/a.yaml"));
  await until("/", "two");
  rmSync(path.join(folder.path, "conf.d/b.yaml"));
  await until("/", "last");
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0);

  const other = millrace(t, "run", "--config", path.join(folder.path, "millrace.yaml"));
  const there = await listening(other);
  folder.write("conf.d/a.yaml", route("/", "hung up"));
  other.child.kill("SIGHUP");
  await reached(async () => (await ask(there, get("/"))).body.includes("hung up"));
  other.child.kill("SIGTERM");
  assert.equal(await other.ended, 0);
});
