import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { checkCommand } from "./check.ts";
import type { CheckArguments } from "./check.ts";
import { schemaCommand } from "./schema.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-check-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

async function check(text: string, options: Partial<CheckArguments> = {}): Promise<{ code: number; out: string; err: string }> {
  const file = path.join(folder, "millrace.yaml");
  fs.writeFileSync(file, text);
  let [out, err] = ["", ""];
  const code = await checkCommand(
    { file, strict: false, format: "text", colours: false, ...options },
    (more) => (out += more),
    (more) => (err += more),
  );
  return { code, out: out.replaceAll(file, "FILE"), err: err.replaceAll(file, "FILE") };
}

test("check: a summary and exit code 0", async () => {
  const { code, out, err } = await check(`
listeners: [{ address: ":8080" }]
upstreams:
  app: { endpoints: ["http://a", "http://b"], health_check: { path: /up } }
  other: { endpoints: ["http://c"] }
routes:
  - { name: api, match: { path: /api/*, methods: [GET, POST] }, authentication: { tokens: [t0k3n] }, upstream: app }
  - { match: { path_regex: "^/u/([0-9]+)$" }, upstream: other, max_body: 1MiB, access: { deny: [10.0.0.1] }, rewrite: { add_prefix: /v1 } }
  - { upstream: other }
admin: { address: "127.0.0.1:9901" }
`);
  assert.equal(code, 0);
  assert.equal(err, "");
  assert.equal(
    out,
    `FILE is fine
  listener :8080
  upstream app: 2 endpoints, round_robin, probed at /up
  upstream other: 1 endpoint, round_robin, not probed
  route api: GET|POST /api/* to app, with authentication
  route #2: path_regex ^/u/([0-9]+)$ to other, with access, rewrite, max_body
  route #3: everything to other
  admin 127.0.0.1:9901
`,
  );
});

test("check: the summary has what acts on the sides of a split, and the folder of files", async () => {
  const { code, out } = await check(`
listeners: [{ address: ":8080" }]
request_id: true
upstreams:
  a: { endpoints: ["http://a"], response_headers: { remove: [Server] } }
  b: { endpoints: ["http://b"] }
routes:
  - { match: { path: /x }, files: { root: ${folder} } }
  - { split: [{ upstream: a }, { upstream: b }] }
`);
  assert.equal(code, 0);
  assert.ok(out.includes(`route #1: /x from the files of ${folder}, with request_id\n`), out);
  assert.match(out, /route #2: everything to a \(1\) or b \(1\), with request_id, response_headers\n/);
});

test("check: included files are named, and a problem comes with the line of the file in which it stands", async () => {
  const text = 'listeners: [{ address: ":8080" }]\ninclude: sites/*.yaml\n';
  const site = path.join(folder, "sites/site.yaml");
  fs.mkdirSync(path.dirname(site), { recursive: true });
  fs.writeFileSync(site, "routes:\n  - respond: { body: x }\n");
  assert.match((await check(text)).out, /^FILE is fine\n {2}included [^\n]*\/sites\/site\.yaml\n {2}listener :8080\n/);
  fs.writeFileSync(site, "routes:\n  - respond: { body: x, bdoy: hunter2 }\n");
  const { err } = await check(text);
  assert.equal(
    err.replaceAll(site, "SITE"),
    `SITE:2:25: routes.#1.respond.bdoy: unknown key; did you mean "body"?
    2 |   - respond: { body: ... bdoy: ...
      |                          ^
1 error
`,
  );
  for (let more = 1; more <= 30; more++) fs.writeFileSync(path.join(folder, `sites/${more}.yaml`), "");
  fs.writeFileSync(site, "routes: [{ respond: { body: x } }]\n");
  assert.match((await check(text)).out, /\n {2}and 11 more files\n/);
});

const WARNING = 'backends: ["http://a"]\nadmin: { address: ":9" }\n';

test("check: warnings on stderr leave the exit code at 0, unless they count as errors", async () => {
  const { code, out, err } = await check(WARNING);
  assert.equal(code, 0);
  assert.match(out, /^FILE is fine\n/);
  assert.match(err, /^FILE:2:19: warning: admin\.address: [^\n]*\n {4}2 \| admin: \{ address: \.\.\.\n {6}\| {19}\^\n1 warning\n$/);
  const strict = await check(WARNING, { strict: true });
  assert.deepEqual([strict.code, strict.out], [1, ""]);
  assert.equal(strict.err, err.replace("warning: ", "").replace("1 warning", "1 error"));
});

test("check: every problem on stderr with its line, how many there are, and exit code 1", async () => {
  const { code, out, err } = await check('backends: []\nworker: 2\nadmin: { address: ":9" }\n');
  assert.equal(code, 1);
  assert.equal(out, "");
  assert.equal(
    err.replace(/^(FILE:1:11: backends:|FILE:3:19: warning: admin.address:) .*$/gm, "$1"),
    `FILE:1:11: backends:
    1 | backends: ...
      |           ^
FILE:2:1: worker: unknown key; did you mean "workers"?
    2 | worker: ...
      | ^
FILE:3:19: warning: admin.address:
    3 | admin: { address: ...
      |                   ^
2 errors, 1 warning
`,
  );
});

test("check: colours are all that they add", async () => {
  const text = `${WARNING}worker: 2\n`;
  const { err } = await check(text, { colours: true });
  assert.equal(stripVTControlCharacters(err), (await check(text)).err);
  const visible = err.replaceAll("\x1b", "ESC");
  assert.match(visible, /^ESC\[1mFILE:2:19:ESC\[22m ESC\[33mwarning:ESC\[39m admin/);
  assert.match(visible, /ESC\[31m\^ESC\[39m/);
});

test("check: one JSON document on stdout, whether the file is fine or not", async () => {
  const wrong = await check(`${WARNING}worker: 2\n`, { format: "json" });
  assert.deepEqual([wrong.code, wrong.err], [1, ""]);
  const { problems, ...counts }: { problems: Record<string, unknown>[] } = JSON.parse(wrong.out);
  assert.deepEqual(counts, { errors: 1, warnings: 1, programs_not_run: 0 });
  assert.deepEqual(problems[1], {
    file: "FILE",
    line: 3,
    column: 1,
    key: "worker",
    message: 'unknown key; did you mean "workers"?',
    severity: "error",
  });
  assert.deepEqual(Object.keys(problems[0] ?? {}), ["file", "line", "column", "key", "message", "severity"]);
  const fine = await check('backends: ["http://a"]\n', { format: "json" });
  assert.deepEqual([fine.code, JSON.parse(fine.out), fine.err], [0, { problems: [], errors: 0, warnings: 0, programs_not_run: 0 }, ""]);
  const strict = await check(WARNING, { format: "json", strict: true });
  assert.deepEqual([strict.code, JSON.parse(strict.out).errors], [1, 1]);
});

test("schema: prints JSON", async () => {
  let out = "";
  const unused = (): never => assert.fail("not used");
  assert.equal(await schemaCommand(null, (text) => (out += text), unused), 0);
  assert.ok(out.endsWith("}\n"));
  const schema: unknown = JSON.parse(out);
  assert.ok(typeof schema === "object" && schema !== null && "anyOf" in schema);
  assert.doesNotMatch(out, /middleware-options/);
});
