import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { parseConfig } from "../config/load.ts";
import { loadConfigFile } from "./config-file.ts";
import { initCommand, initialConfig } from "./init.ts";
import type { InitArguments } from "./init.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-init-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function init(name: string, given: Partial<InitArguments> = {}): { code: number; out: string; err: string; file: string } {
  const file = path.join(folder, name);
  let [out, err] = ["", ""];
  const code = initCommand(
    { file, listen: ":8080", upstreams: ["http://localhost:3000"], force: false, ...given },
    (text) => (out += text.replace(file, "FILE")),
    (text) => (err += text.replace(file, "FILE")),
  );
  return { code, out, err, file };
}

test("init: a file that millrace run takes as it is, with what it was told", async () => {
  const { code, out, err, file } = init("a.yaml", { listen: "127.0.0.1:80", upstreams: ["http://a:1", "https://b/"] });
  assert.deepEqual([code, out, err], [0, "FILE is written; serve it with: millrace run --config FILE\n", ""]);
  const loaded = await loadConfigFile(file);
  assert.ok("config" in loaded, JSON.stringify(loaded));
  assert.deepEqual(loaded.warnings, []);
  assert.deepEqual(
    loaded.config.listeners.map(({ address }) => address),
    ["127.0.0.1:80"],
  );
  assert.deepEqual(
    loaded.config.upstreams["app"]?.endpoints.map(({ url }) => url),
    ["http://a:1", "https://b"],
  );
  assert.equal(loaded.config.routes.length, 1);
});

test("init: all that is commented out is valid as it stands", () => {
  const text = initialConfig(":8080", ["http://a"]);
  const uncommented = text.replace(/^( *)# ((?:- |  )?(?:[a-z_]+: \S.*|# .*))$/gm, "$1$2");
  const parsed = parseConfig(uncommented, "f", { API_TOKEN: "t" }, () => "");
  assert.ok("config" in parsed, JSON.stringify(parsed));
  assert.deepEqual(parsed.warnings, []);
  const { routes, upstreams, admin, logging } = parsed.config;
  assert.deepEqual(routes.length, 3);
  assert.ok(routes[0]?.authentication !== undefined && routes[0].max_body !== undefined && routes[1]?.rewrite !== undefined);
  assert.ok(upstreams["app"]?.health_check !== undefined && admin !== undefined && logging.format === "json");
});

test("init: editors find the schema where the package is installed beside the file", async () => {
  assert.match(fs.readFileSync(init("plain.yaml").file, "utf8"), /^# A configuration of Millrace/);
  fs.mkdirSync(path.join(folder, "project/node_modules/millrace"), { recursive: true });
  fs.writeFileSync(path.join(folder, "project/node_modules/millrace/millrace.schema.json"), "{}");
  const { file } = init("project/millrace.yaml");
  assert.match(
    fs.readFileSync(file, "utf8"),
    /^# yaml-language-server: \$schema=\.\/node_modules\/millrace\/millrace\.schema\.json\n# A configuration/,
  );
  assert.ok("config" in (await loadConfigFile(file)));
});

test("init: a file that is there stays as it is without --force", () => {
  const file = path.join(folder, "there.yaml");
  fs.writeFileSync(file, "mine");
  const { code, out, err } = init("there.yaml");
  assert.deepEqual([code, out, err], [1, "", "millrace init: FILE is there already; --force overwrites it\n"]);
  assert.equal(fs.readFileSync(file, "utf8"), "mine");
  // A link counts as there, wherever it leads.
  fs.symlinkSync(path.join(folder, "nowhere.yaml"), path.join(folder, "link.yaml"));
  assert.equal(init("link.yaml").code, 1);
  assert.ok(!fs.existsSync(path.join(folder, "nowhere.yaml")));
  assert.equal(init("there.yaml", { force: true }).code, 0);
  assert.match(fs.readFileSync(file, "utf8"), /^listeners:$/m);
});

test("init: what is wrong is said all at once, without the values, and nothing is written", () => {
  const { code, err, file } = init("b.txt", { listen: "hunter2", upstreams: ["http://a", "http://u:hunter2@b"] });
  assert.equal(code, 1);
  assert.match(err, /^millrace init: --config: [^\n]*\nmillrace init: --listen: [^\n]*\nmillrace init: --upstream: [^\n]*\n$/);
  assert.doesNotMatch(err, /hunter2/);
  assert.ok(!fs.existsSync(file));
  assert.deepEqual(init("none/c.yaml").err, "millrace init: FILE cannot be written (ENOENT)\n");
});

test("init: an endpoint that is the proxy itself is warned about", () => {
  assert.match(init("d.yaml", { listen: ":8080", upstreams: ["http://localhost:8080"] }).err, /^FILE:\d+:\d+: warning: upstreams\.app/);
});
