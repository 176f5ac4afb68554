import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../config/load.ts";
import { explainFile } from "./explain-file.ts";

const CONFIG = `
listeners: [{ address: ":80" }]
upstreams: { app: { endpoints: ["http://a:1"] }, next: { endpoints: ["http://b:1"] }, off: { endpoints: ["http://c:1"] } }
routes:
  - { name: api, match: { path: /api/* }, upstream: app, rewrite: { strip_prefix: /api }, rate_limit: { requests_per_minute: 1 } }
  - { name: old, match: { path: /old/* }, redirect: { to: "https://{host}/new?key={env.KEY}", status: 308 } }
  - { name: inside, match: { path: /inside, client_ip: 10.0.0.0/8 }, respond: { status: 200, body: hello } }
  - { name: shared, match: { path: /shared }, split: [{ upstream: app, weight: 9 }, { upstream: next }, { upstream: off, weight: 0 }] }
  - { match: { path: /plain }, upstream: next }
`;
const ENVIRONMENT = { KEY: "hunter2" };

async function run(text: string, expects: boolean = true): Promise<{ code: number; out: string; err: string }> {
  const parsed = parseConfig(CONFIG, "m.yaml", ENVIRONMENT, () => "");
  assert.ok("config" in parsed);
  let [out, err] = ["", ""];
  const given = { name: "r.txt", text, expects, environment: ENVIRONMENT };
  const code = await explainFile(
    parsed.config,
    given,
    (line) => (out += line),
    (line) => (err += line),
  );
  return { code, out, err };
}

test("requests that are as expected", async () => {
  const { code, out, err } = await run(`
    # each is the first request of its client, whatever the rate limit
    GET https://a.test/api/users?x=1 => upstream app /users?x=1
    GET https://a.test/api/users => route api upstream app
    GET /api/ => route #1
    GET http://a.test/old/x => 308 https://a.test/new?key=hunter2
    GET /old/x => 308
    GET /inside --client 10.1.2.3 => 200
    GET /inside => 404
    GET /shared => upstream app
    GET /shared => upstream next
    GET /plain -H 'X: 1' => upstream next /plain
    TRACE / => 405
    GET /x -H 'bad name: 1' => 400
  `);
  assert.deepEqual([code, out, err], [0, "12 requests are as expected\n", ""]);
  assert.deepEqual((await run("GET /plain => upstream next")).out, "1 request is as expected\n");
});

test("requests that are not: the line, what was expected and what was found, without secrets", async () => {
  const { code, out, err } = await run(
    [
      "GET /api/a => upstream next",
      "GET /api/a => upstream app /a/b",
      "GET /api/a => 404",
      "GET /api/a?token=hunter2 => route old",
      "GET /nowhere => route old 404",
      "GET http://a.test/old/x => 301",
      "GET http://a.test/old/x => 308 https://a.test/other?key=hunter2",
      "GET /shared => upstream off",
      "GET /plain => upstream next",
    ].join("\n"),
  );
  assert.deepEqual([code, out], [1, ""]);
  assert.deepEqual(err.trimEnd().split("\n"), [
    "r.txt:1: GET /api/a: expected upstream next, found upstream app /a",
    "r.txt:2: GET /api/a: expected upstream app /a/b, found upstream app /a",
    "r.txt:3: GET /api/a: expected 404, found upstream app /a",
    "r.txt:4: GET /api/a?token=(not shown): expected route old, found route api upstream app /a?token=(not shown)",
    "r.txt:5: GET /nowhere: expected route old 404, found route none 404",
    "r.txt:6: GET http://a.test/old/x: expected 301, found 308 https://a.test/new?key=(not shown)",
    "r.txt:7: GET http://a.test/old/x: expected 308 https://a.test/other?key=(not shown), found 308 https://a.test/new?key=(not shown)",
    "r.txt:8: GET /shared: expected upstream off, found upstream app",
    "8 of 9 requests are not as expected",
  ]);
});

test("lines that cannot be read, and requests of which nothing is expected", async () => {
  const { code, err } = await run("GET\nGET /plain\nGET /x --client nobody => 404\nGET no-path => 404\n");
  assert.equal(code, 1);
  assert.match(err, /^r\.txt:1: expected a method and a URL/m);
  assert.match(err, /^r\.txt:2: nothing is expected of it/m);
  assert.match(err, /^r\.txt:3: the client is no IP address/m);
  assert.match(err, /^r\.txt:4: .*neither a URL nor a path/m);
  const empty = await run("# nothing\n");
  assert.deepEqual([empty.code, empty.err], [1, "r.txt: there are no requests in it\n"]);
});

test("without a comparison each request is written with what becomes of it, in the form of the file", async () => {
  const text = "GET /api/a => 404\n\nGET http://a.test/old/x -H 'A: b'\nGET /plain\n";
  const { code, out, err } = await run(text, false);
  assert.deepEqual([code, err], [0, ""]);
  assert.equal(
    out,
    "GET /api/a => upstream app /a\nGET http://a.test/old/x -H 'A: b' => 308 https://a.test/new?key=(not shown)\nGET /plain => upstream next\n",
  );
  assert.equal((await run(out.replace("(not shown)", "hunter2"))).code, 0, "what it writes it takes as expectations");
});
