/** The configuration as a person meets it: the predecessor's file, problems with their places, environment, secrets, TypeScript. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { checkCommand } from "../src/cli/check.ts";
import { loadConfigFile } from "../src/cli/config-file.ts";
import { explainCommand } from "../src/cli/explain.ts";
import { parseConfig } from "../src/config/load.ts";
import { formatProblem } from "../src/config/problems/problem.ts";
import { PREDECESSOR } from "../src/config/load.fixture.ts";
import type { Config } from "../src/config/schema/schema.ts";
import { startMillrace } from "./support/millrace.ts";
import { ask, get } from "./support/raw-client.ts";
import { startRawOrigin } from "./support/raw-origin.ts";

function accepted(text: string, environment: Record<string, string> = {}): { config: Config; warnings: string[] } {
  const loaded = parseConfig(text, "m.yaml", environment, () => "a-secret\nand more");
  assert.ok("config" in loaded, "problems" in loaded ? loaded.problems.map(formatProblem).join("\n") : "");
  return { config: loaded.config, warnings: loaded.warnings.map(formatProblem) };
}

function refused(text: string, environment: Record<string, string> = {}): string[] {
  const loaded = parseConfig(text, "m.yaml", environment, (name) => {
    throw new Error(`${name} does not exist`);
  });
  assert.ok("problems" in loaded, "it was accepted");
  return loaded.problems.map(formatProblem);
}

const MINIMAL = "listeners: [{ address: ':80' }]\nupstreams: { app: { endpoints: ['http://a:1'] } }\nroutes: [{ upstream: app }]\n";

describe("the predecessor's file", () => {
  test("runs unchanged", { timeout: 30_000 }, async () => {
    const [a, b] = await Promise.all([startRawOrigin({}), startRawOrigin({})]);
    const proxy = await startMillrace(
      PREDECESSOR.replace('":8080"', '"127.0.0.1:0"').replace("http://localhost:60408", a.url).replace("http://localhost:60409", b.url),
    );
    const bearer = "Authorization: Bearer some secret token";
    for (const field of [bearer, "X-API-Key: some secret token"]) assert.equal((await ask(proxy.port, get("/", [field]))).status, 200);
    for (const field of ["Authorization: Bearer some", "X-API-Key: some secret  token"]) {
      assert.equal((await ask(proxy.port, get("/", [field]))).status, 401);
    }
    assert.equal((await ask(proxy.port, get("/"))).status, 401);
    const preflight = await ask(
      proxy.port,
      "OPTIONS / HTTP/1.1\r\nHost: a.test\r\nOrigin: https://x.test\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n",
    );
    assert.equal(preflight.status, 204);
    assert.deepEqual(preflight.fields.get("access-control-allow-origin"), ["*"]);
    assert.equal(preflight.fields.has("access-control-allow-credentials"), false);
    assert.deepEqual(preflight.fields.get("access-control-max-age"), ["3600"]);
    const status = await ask(proxy.port, get("/status"));
    const document: { status: string; upstreams: Record<string, { endpoints: { health: string }[] }> } = JSON.parse(status.body);
    assert.equal(document.status, "ok");
    assert.deepEqual(
      document.upstreams["default"]?.endpoints.map(({ health }) => health),
      ["healthy", "healthy"],
    );
    // Ten at once, then the bucket is empty: the two above that passed the limiter count.
    const more = await Promise.all(Array.from({ length: 12 }, () => ask(proxy.port, get("/", [bearer]))));
    assert.ok(more.filter((answer) => answer.status === 429).length >= 3);
    assert.ok(!proxy.output().includes("secret token"));
    assert.match(proxy.output(), /authentication\.required_token: it holds spaces: many clients cannot send it as a Bearer token/);
    assert.equal(await proxy.stop(), 0);
    await Promise.all([a.close(), b.close()]);
  });
});

describe("problems", () => {
  test("come all at once, each with its place, what was expected and what may have been meant", () => {
    const problems = refused(`listeners:
  - adress: ":8080"
    timeouts: { request_head: 30 }
upstreams:
  app:
    endpoints: [ftp://a]
    balance: round_robbin
routes:
  - match: { path: api }
    upstream: ap
loging: {}
`);
    for (const expected of [
      /^m\.yaml:2:5: .*adress.*did you mean "?address"?/,
      /^m\.yaml:3:\d+: .*request_head.*duration/,
      /^m\.yaml:6:\d+: .*endpoints.*ftp/,
      /^m\.yaml:7:\d+: .*round_robin/,
      /^m\.yaml:9:\d+: .*path.*\//,
      /^m\.yaml:10:\d+: .*did you mean "?app"?/,
      /^m\.yaml:11:1: .*did you mean "?logging"?/,
    ]) {
      assert.ok(
        problems.some((problem) => expected.test(problem)),
        `${String(expected)} in\n${problems.join("\n")}`,
      );
    }
  });

  for (const [name, text, expected] of [
    ["YAML that is none", "a: [1\n", /^m\.yaml:\d+:\d+: /],
    ["an empty file", "", /^m\.yaml:1:1: /],
    ["a list at the top", "- a\n", /^m\.yaml:1:1: /],
    ["a key given twice", `${MINIMAL}workers: 1\nworkers: 2\n`, /^m\.yaml:5:\d+: /],
    ["two documents", `${MINIMAL}---\n${MINIMAL}`, /^m\.yaml:\d+:\d+: /],
    ["both forms at once", `${MINIMAL}backends: ['http://a:1']\n`, /form/],
    [
      "both rates",
      MINIMAL.replace("{ upstream: app }", "{ upstream: app, rate_limit: { requests_per_minute: 1, requests_per_second: 1 } }"),
      /^m\.yaml:3:\d+: .*requests_per_/,
    ],
    ["a variable that is not set", MINIMAL.replace("':80'", '"${NOT_SET}"'), /^m\.yaml:1:\d+: .*NOT_SET/],
    [
      "a secret that cannot be read",
      MINIMAL.replace("{ upstream: app }", "{ upstream: app, authentication: { tokens: ['file:gone'] } }"),
      /^m\.yaml:3:\d+: .*gone/,
    ],
  ] as const) {
    test(`for ${name}`, () => {
      const problems = refused(text);
      assert.ok(
        problems.some((problem) => expected.test(problem)),
        problems.join("\n"),
      );
    });
  }

  test("never show a secret", () => {
    const problems = refused(MINIMAL.replace("{ upstream: app }", "{ upstream: app, authentication: { tokens: ['1234 56789 '] } }"));
    assert.ok(!problems.join("\n").includes("56789"), problems.join("\n"));
  });
});

test("environment variables and secrets are read", () => {
  const text = `${MINIMAL.replace("{ upstream: app }", "{ upstream: app, authentication: { tokens: ['${TOKEN}', 'file:secret'] } }")}workers: \${WORKERS:-3}\n`;
  const { config } = accepted(text, { TOKEN: "from:the#environment" });
  assert.deepEqual(config.routes[0]?.authentication?.tokens, ["from:the#environment", "a-secret"]);
  assert.equal(config.workers, 3);
  assert.equal(accepted(text, { TOKEN: "t", WORKERS: "2" }).config.workers, 2);
});

describe("files", () => {
  test("in TypeScript are checked by the same schema", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "millrace-config-"));
    const entry = new URL("../src/millrace.ts", import.meta.url).href;
    const good = path.join(folder, "good.ts");
    await writeFile(
      good,
      `import { defineConfig } from ${JSON.stringify(entry)};
const port: number = 8081;
export default defineConfig({ listeners: [{ address: \`:\${port}\` }], upstreams: { app: { endpoints: ["http://a:1"] } }, routes: [{ upstream: "app" }] });`,
    );
    const loaded = await loadConfigFile(good);
    assert.ok("config" in loaded, JSON.stringify(loaded));
    assert.equal(loaded.config.listeners[0]?.address, ":8081");
    const wrong = path.join(folder, "wrong.ts");
    await writeFile(wrong, `export default { listeners: [], upstreams: {}, routes: [{ upstream: "x" }] };`);
    const lines = await linesOfCheck(wrong);
    assert.match(lines.pop() ?? "", /^\d errors$/);
    const places = lines.filter((line) => line.startsWith(wrong)).map((line) => line.slice(wrong.length).split(": ", 1)[0]);
    assert.deepEqual(places, [":1:29", ":1:69"], lines.join("\n"));
    const broken = path.join(folder, "broken.ts");
    await writeFile(broken, "export default {");
    const [said = "", summary, more] = await linesOfCheck(broken);
    assert.ok(said.startsWith(`${broken}:`), said);
    assert.deepEqual([summary, more], ["1 error", undefined], "no stack trace");
    await rm(folder, { recursive: true, force: true });
  });

  test("that are missing or folders are a plain line", async () => {
    for (const file of ["/does/not/exist.yaml", tmpdir()]) {
      const [said = "", ...more] = await linesOfCheck(file);
      assert.ok(said.startsWith(file), said);
      assert.deepEqual(more, ["1 error"]);
    }
  });
});

/** What `millrace check` says about a file that is wrong. */
async function linesOfCheck(file: string): Promise<string[]> {
  let said = "";
  const code = await checkCommand({ file, strict: false, format: "text", colours: false }, assert.fail, (text) => (said += text));
  assert.equal(code, 1);
  return said.trimEnd().split("\n");
}

test("explain says which route takes a request, why the others do not, and what would be sent", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-explain-"));
  const file = path.join(folder, "m.yaml");
  await writeFile(
    file,
    `listeners: [{ address: ":80" }]
upstreams: { app: { endpoints: ["http://a:1"] }, other: { endpoints: ["http://b:1"], via: false } }
routes:
  - { name: admin, match: { path: /admin/*, methods: [POST] }, upstream: other }
  - { name: api, match: { path: /api/* }, upstream: app, rate_limit: { requests_per_minute: 5 }, authentication: { tokens: [t0ken] } }
  - { name: old, match: { path: /old/* }, upstream: app, rewrite: { strip_prefix: /old, add_prefix: /new, host: upstream } }
`,
  );
  let out = "";
  let err = "";
  const run = (method: string, url: string, fields: string[] = []): Promise<number> =>
    explainCommand(
      { file, method, url, fields },
      (text) => (out += text),
      (text) => (err += text),
    );
  assert.equal(await run("GET", "http://x.test/api/%61?q=1", ["Authorization: Bearer t0ken", "X-A: 1"]), 0);
  assert.match(out, /takes it +api/);
  assert.match(out, /no +admin: \S/);
  assert.match(out, /rate.limit.*authentication/i);
  assert.match(out, /GET \/api\/%61\?q=1 HTTP\/1\.1/);
  assert.match(out, /Host: x\.test/);
  assert.match(out, /Via: 1\.1 millrace/);
  assert.ok(!out.includes("t0ken"), "the token would not be forwarded, and is not shown");
  out = "";
  assert.equal(await run("POST", "/admin/"), 0);
  assert.match(out, /POST \/admin\/ HTTP\/1\.1/);
  assert.ok(!out.includes("Via:"), "the upstream of that route has turned it off");
  out = "";
  assert.equal(await run("GET", "http://x.test/old/page?q=1"), 0);
  assert.match(out, /middleware, in order: rewrite\n/);
  assert.match(out, /GET \/new\/page\?q=1 HTTP\/1\.1\n +Host: a:1\n/);
  assert.match(out, /X-Forwarded-Prefix: \/old\n/);
  assert.match(out, /X-Forwarded-Host: x\.test/);
  out = "";
  assert.equal(await run("GET", "/nowhere"), 3);
  assert.match(out, /404/);
  out = "";
  assert.equal(await run("G T", "/"), 3);
  assert.match(out, /refused with 400/);
  assert.equal(await run("GET", "no target"), 1);
  assert.match(err, /neither a URL nor a path/);
  await rm(folder, { recursive: true, force: true });
});

test("explain says among which upstreams a route splits its requests, and which one takes a request", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-explain-"));
  const file = path.join(folder, "m.yaml");
  const split = "split: [{ upstream: app, weight: 900 }, { upstream: next, weight: 95 }, { upstream: off, weight: 0 }]";
  await writeFile(
    file,
    `listeners: [{ address: ":80" }]
upstreams:
  app: { endpoints: ["http://a:1"], request_headers: { set: { X-Side: app } } }
  next: { endpoints: ["http://b:1"], request_headers: { set: { X-Side: next } } }
  off: { endpoints: ["http://c:1"] }
routes:
  - { match: { path: /chance }, ${split} }
  - { match: { path: /user }, ${split}, split_by: { header: X-User } }
`,
  );
  const run = async (url: string, fields: string[] = []): Promise<string> => {
    let out = "";
    assert.equal(
      await explainCommand(
        { file, method: "GET", url, fields },
        (text) => (out += text),
        (text) => assert.fail(text),
      ),
      0,
    );
    return out;
  };
  const chance = await run("/chance");
  assert.match(chance, /split among 3 upstreams, by chance for each request; shown for the one with the greatest share:\n/);
  assert.match(chance, /\n {12}app: 90.45 %\n {12}next: 9.55 %\n {12}off: 0 %\n\nupstream app \(/);
  assert.match(chance, /X-Side: app\n/);
  assert.match(await run("/user"), /by header X-User, which the request has not: by chance; shown for/);
  const shown = new Set<string>();
  for (let at = 0; at < 60; at++) {
    const out = await run("/user", [`X-User: user ${at}`]);
    const [, side = ""] = /by header X-User:\n[^]* takes it +(\w+): [\d.]+ %\n/.exec(out) ?? [];
    assert.match(out, new RegExp(`upstream ${side} \\([^]*X-Side: ${side}\n`));
    shown.add(side);
  }
  assert.deepEqual([...shown].sort(), ["app", "next"]);
  await rm(folder, { recursive: true, force: true });
});

test("explain says that endpoints are told of the client", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-explain-"));
  const file = path.join(folder, "m.yaml");
  const config = `listeners: [{ address: ":80" }]
upstreams: { app: { endpoints: ["unix:/run/app.sock"], proxy_protocol: v2 } }
routes: [{ upstream: app, rewrite: { host: upstream } }]
`;
  await writeFile(file, config);
  let out = "";
  const write = (text: string): void => void (out += text);
  assert.equal(await explainCommand({ file, method: "GET", url: "/", fields: [] }, write, write), 0);
  assert.match(out, /\n {2}unix:\/run\/app\.sock\n {2}each connection begins with a PROXY header \(v2\), and serves one client\n/);
  assert.match(out, /\n {2}Host: localhost\n/);
  await rm(folder, { recursive: true, force: true });
});

test("explain says that a copy would be sent, and where to", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-explain-"));
  const file = path.join(folder, "m.yaml");
  await writeFile(
    file,
    `listeners: [{ address: ":80" }]
upstreams: { app: { endpoints: ["http://a:1"] }, shadow: { endpoints: ["http://b:1"] } }
routes: [{ upstream: app, mirror: { upstream: shadow, share: 12.5% } }]
`,
  );
  let out = "";
  const write = (text: string): void => void (out += text);
  assert.equal(await explainCommand({ file, method: "GET", url: "/", fields: [] }, write, write), 0);
  assert.match(out, /\nmirror: a copy, of 12\.5 % of the requests, would be sent to shadow as well, if the body has at most 1MiB\n/);
  assert.doesNotMatch(out, /X-Mirrored/, "the request itself is not marked");
  await rm(folder, { recursive: true, force: true });
});

describe("explain says what the proxy itself would answer", () => {
  const explain = async (method: string, url: string, fields: string[] = []): Promise<{ code: number; out: string; err: string }> => {
    const folder = await mkdtemp(path.join(tmpdir(), "millrace-explain-"));
    const file = path.join(folder, "m.yaml");
    await writeFile(
      file,
      `listeners: [{ address: ":80", unsafe_field_names: refuse, limits: { head_bytes: 1KiB, request_line: 512B } }]
upstreams: { app: { endpoints: ["http://a:1"] } }
routes:
  - { name: secure, match: { headers: { X-Forwarded-Proto: https } }, upstream: app }
  - { name: secret, match: { path: /secret }, upstream: app, authentication: { tokens: [t0ken] }, max_body: 10B }
  - { name: shared, match: { path: /shared, methods: [POST] }, upstream: app, cors: { allowed_origins: ["https://page.test"] } }
  - { name: rest, upstream: app, max_body: 10B }
`,
    );
    let out = "";
    let err = "";
    const given = { file, method, url, fields };
    const code = await explainCommand(
      given,
      (text) => (out += text),
      (text) => (err += text),
    );
    await rm(folder, { recursive: true, force: true });
    return { code, out, err };
  };

  for (const [what, method, fields, said] of [
    ["a method that is not forwarded", "TRACE", [], /refused with 405/],
    ["an expectation that nobody knows", "GET", ["Expect: foo"], /refused with 417/],
    ["a name that the listener refuses", "GET", ["X_Foo: 1"], /refused with 400/],
    ["a connection option that names what is needed", "GET", ["Connection: host"], /refused with 400/],
    ["a body over the route's limit", "POST", ["Content-Length: 11"], /takes it +rest[^]*at most 10 bytes\n[^]*\nrefused with 413/],
    ["a forged scheme, which no route sees", "GET", ["X-Forwarded-Proto: https"], /no +secure[^]*takes it +rest/],
    [
      "a WebSocket handshake",
      "GET",
      ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
      /would be sent[^]*Upgrade: websocket/,
    ],
    [
      "a protocol that its route does not admit",
      "GET",
      ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA"],
      /would be sent(?![^]*(?:h2c|settings))[^]*the request goes without Upgrade: [^]*\(its route admits websocket\)/,
    ],
  ] as const) {
    test(what, async () => {
      const { code, out } = await explain(method, "/", [...fields]);
      assert.equal(code, /refused/.test(out) ? 3 : 0);
      assert.match(out, said);
      if (/refused/.test(out)) assert.doesNotMatch(out, /would be sent/);
    });
  }

  test("a request without the token that its route asks for, whatever else is wrong with it", async () => {
    const { out } = await explain("POST", "/secret", ["Content-Length: 11"]);
    assert.match(out, /takes it +secret[^]*authentication: refused with 401/);
    assert.doesNotMatch(out, /413|would be sent/);
  });

  test("a preflight", async () => {
    const { code, out } = await explain("OPTIONS", "/shared", ["Origin: https://page.test", "Access-Control-Request-Method: POST"]);
    assert.equal(code, 0, "which is no error");
    assert.match(
      out,
      /takes it +shared[^]*Allow-Origin: https:\/\/page.test[^]*cors: answered with 204: a preflight: pages of that origin may/,
    );
    const refused = await explain("OPTIONS", "/shared", ["Origin: https://evil.test", "Access-Control-Request-Method: POST"]);
    assert.equal(refused.code, 0);
    assert.match(refused.out, /cors: answered with 204: a preflight that allows nothing, [^]*the origin is not allowed/);
    assert.doesNotMatch(out, /would be sent/);
  });

  test("a head over the listener's limit", async () => {
    const { code, out } = await explain("GET", "/", [`X-Long: ${"x".repeat(2000)}`]);
    assert.equal(code, 3);
    assert.match(out, /refused with 431/);
  });
});
