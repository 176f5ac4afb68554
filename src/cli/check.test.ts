import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { checkCommand } from "./check.ts";
import { schemaCommand } from "./schema.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-check-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

async function check(text: string): Promise<{ code: number; out: string; err: string }> {
  const file = path.join(folder, "millrace.yaml");
  fs.writeFileSync(file, text);
  let [out, err] = ["", ""];
  const code = await checkCommand(
    file,
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
  route #2: everything to other
  admin 127.0.0.1:9901
`,
  );
});

test("check: warnings on stderr leave the exit code at 0", async () => {
  const { code, out, err } = await check('backends: ["http://a"]\nadmin: { address: ":9" }\n');
  assert.equal(code, 0);
  assert.match(out, /^FILE is fine\n/);
  assert.match(err, /^FILE:2:19: warning: admin\.address: [^\n]*\n$/);
});

test("check: every problem on stderr and exit code 1", async () => {
  const { code, out, err } = await check("backends: []\nworker: 2\n");
  assert.equal(code, 1);
  assert.equal(out, "");
  assert.match(err, /^FILE:1:11: backends: [^\n]*\nFILE:2:1: worker: unknown key; did you mean "workers"\?\n$/);
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
