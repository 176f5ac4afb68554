import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { loadConfigFile } from "./config-file.ts";
import { convertCommand } from "./convert.ts";
import type { ConvertArguments } from "./convert.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-convert-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function put(name: string, text: string): string {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return file;
}

async function run(file: string, given: Partial<ConvertArguments> = {}): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const code = await convertCommand(
    { file, force: false, ...given },
    (text) => (out += text),
    (text) => (err += text.replaceAll(folder, "DIR")),
  );
  return { code, out, err };
}

test("the configuration goes to stdout, what has no equivalent to stderr", async () => {
  const { code, out, err } = await run(
    put("nginx.conf", "server {\n  listen 80;\n  limit_rate 1m;\n  location / { proxy_pass http://${APP_HOST}:3000; }\n}\n"),
  );
  assert.equal(code, 0);
  assert.match(out, /^# Made of nginx\.conf by[^]*^ {2}# nginx\.conf:3: limit_rate: [^]*upstream: APP_HOST-3000\n$/m);
  assert.equal(
    err,
    `DIR/nginx.conf:3: limit_rate: limiting the rate of answers has no equivalent
DIR/nginx.conf: it needs these variables of the environment: APP_HOST
1 thing has no equivalent, or another effect
`,
  );
});

test("--output writes a file that millrace check takes, and keeps one that is there", async () => {
  const source = put("Caddyfile", ":8080\nrespond hello\n");
  const output = path.join(folder, "millrace.yaml");
  assert.deepEqual((await run(source, { output })).code, 0);
  const loaded = await loadConfigFile(output);
  assert.ok("config" in loaded, JSON.stringify(loaded));
  const again = await run(source, { output });
  assert.deepEqual([again.code, again.err], [1, "millrace convert: DIR/millrace.yaml is there already; --force overwrites it\n"]);
  assert.equal((await run(source, { output, force: true })).code, 0);
  assert.equal((await run(source, { output: path.join(folder, "none/x.yaml") })).code, 1);
});

test("included files are found beside the file, also where nginx has them in /etc/nginx", async () => {
  const main = put("site/nginx.conf", "http { include /etc/nginx/conf.d/*.conf; include sites/?.conf; include /etc/nginx/none.conf; }");
  put("site/conf.d/b.conf", "server { listen 80; server_name b.test; return 200 b; }");
  put("site/conf.d/a.conf", "server { listen 80; server_name a.test; include ../shared.conf; }");
  put("site/conf.d/.hidden.conf", "server { listen 81; }");
  put("site/sites/c.conf", "server { listen 80; server_name c.test; return 200 c; }");
  put("site/sites/dd.conf", "nonsense");
  put("shared.conf", "return 200 shared;");
  const { code, out, err } = await run(main);
  assert.equal(code, 0);
  assert.deepEqual(
    [...out.matchAll(/body: (\w+)/g)].map(([, body]) => body),
    ["b", "c", "shared"],
  );
  assert.match(err, /^DIR\/site\/nginx\.conf:1: include: the file is not there/);
});

test("what cannot be converted ends with exit code 1 and its line", async () => {
  assert.deepEqual(await run(put("x.conf", "server {\n listen 80;\n")), {
    code: 1,
    out: "",
    err: "DIR/x.conf:1: a block is not closed: } is missing at the end of the file\n",
  });
  assert.match((await run(path.join(folder, "none"))).err, /none cannot be read \(ENOENT\)/);
  assert.match((await run(put("y.txt", "hello"))).err, /looks like neither nginx\.conf nor Caddyfile; --from/);
  assert.equal((await run(put("z.txt", "{\n debug\n}\n"), { from: "caddy" })).code, 1);
});

test("users of a Caddyfile go to a file beside the configuration, which only its owner reads", async () => {
  const hash = "$2y$04$duSyZyDL3b9b1zi/BPkPV.GKV26VHn33dCZk4jjKkz9RctDe82B9e";
  const source = put("users/Caddyfile", `:8080 {\nbasic_auth {\n alice ${hash}\n}\nrespond hello\n}\n`);
  const [output, users] = [path.join(folder, "users/millrace.yaml"), path.join(folder, "users/users.htpasswd")];
  assert.match((await run(source)).out, /\n# The file users\.htpasswd [^\n]*:\n# alice:\$2y\$04\$[^\n]*\n$/);
  assert.equal((await run(source, { output })).code, 0);
  assert.equal(fs.readFileSync(users, "utf8"), `alice:${hash}\n`);
  assert.equal(fs.statSync(users).mode & 0o777, 0o600);
  assert.ok("config" in (await loadConfigFile(output)));
  // Nothing is written where one of them is there.
  fs.rmSync(output);
  const again = await run(source, { output });
  assert.deepEqual(
    [again.code, again.err, fs.existsSync(output)],
    [1, "millrace convert: DIR/users/users.htpasswd is there already; --force overwrites it\n", false],
  );
  assert.equal((await run(source, { output, force: true })).code, 0);
});
