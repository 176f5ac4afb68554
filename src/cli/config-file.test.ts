import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { formatProblem } from "../config/problems/problem.ts";
import { loadConfigFile } from "./config-file.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-config-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

const SMALL = 'listeners: [{ address: ":8080" }]\nupstreams: { app: { endpoints: ["http://a"] } }\nroutes: [{ upstream: app }]\n';
const MODULE = `{ listeners: [{ address: ":8080" }], upstreams: { app: { endpoints: ["http://a"] } }, routes: [{ upstream: "app" }] }`;

/** A self-signed certificate of a.test, valid for a hundred years from 2026 on. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIUNIS9cNtoAxMPyJLs9qZVPI7BLB0wCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGYS50ZXN0MCAXDTI2MTEyNjIyNDI0NVoYDzIxMjYxMTAyMjI0
MjQ1WjARMQ8wDQYDVQQDDAZhLnRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AARx4WsC3ac7KHI5jTK3qFoJUEjhO5RLgowsuaaLzONfCYSOCQgchCjdDkW2V+pk
KRp2Arl775E2kl2Do44/mu+3o1MwUTAdBgNVHQ4EFgQUaJBTdthEP274KFkH9ENh
cgywRyMwHwYDVR0jBBgwFoAUaJBTdthEP274KFkH9ENhcgywRyMwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAyp7frydoj+lA64TXhio8TXf1Jfp8
/pSjdaliSspGW10CICk0HRrs5s41udd4wSrcS1QGSqqURRUMktJMdblTe/TG
-----END CERTIFICATE-----
`;

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return file;
}

async function linesOf(file: string): Promise<string> {
  const loaded = await loadConfigFile(file);
  assert.ok("problems" in loaded, "it was accepted");
  return loaded.problems.map(formatProblem).join("\n");
}

async function configOf(file: string) {
  const loaded = await loadConfigFile(file);
  assert.ok("config" in loaded, "problems" in loaded ? JSON.stringify(loaded.problems) : "");
  return loaded.config;
}

describe("a configuration file", () => {
  test("is read, with secrets and certificates from its own folder", async () => {
    write("token.txt", "s3cret\nsecond line\n");
    write("ca.pem", CERTIFICATE);
    const text = SMALL.replace('["http://a"]', '["https://a"], tls: { ca_file: ca.pem }').replace(
      "upstream: app",
      'upstream: app, authentication: { tokens: ["file:token.txt"] }',
    );
    const config = await configOf(write("good.yaml", text));
    assert.deepEqual(config.routes[0]?.authentication?.tokens, ["s3cret"]);
    assert.equal(config.upstreams["app"]?.tls.ca_file, path.join(folder, "ca.pem"));
  });

  test("says in one line why it cannot be read", async () => {
    assert.match(await linesOf(path.join(folder, "none.yaml")), /^.*none\.yaml:1:1: .*none\.yaml does not exist$/);
    // A default file, which the user has not named.
    assert.equal(
      await linesOf("millrace.yaml"),
      "millrace.yaml:1:1: neither millrace.yaml nor millrace.config.ts is in this folder; name a file with --config FILE, write one with millrace init, or serve without one: millrace proxy :8080 http://localhost:3000",
    );
    assert.match(await linesOf(folder), /:1:1: .* is a folder, not a file$/);
    assert.match(await linesOf(write("large.yaml", "#".repeat(4 * 1024 ** 2 + 1))), /large\.yaml has 4194305 bytes, more than the 4194304/);
  });

  test("must be in UTF-8, and so must secrets", async () => {
    const latin1 = fs.mkdtempSync(path.join(folder, "latin1-"));
    fs.writeFileSync(path.join(latin1, "a.yaml"), SMALL.replace("app:", "caf\u{e9}:"), "latin1");
    assert.match(await linesOf(path.join(latin1, "a.yaml")), /a\.yaml:1:1: .*a\.yaml is not in UTF-8$/);
    fs.writeFileSync(path.join(latin1, "token"), "gr\u{fc}n", "latin1");
    fs.writeFileSync(
      path.join(latin1, "b.yaml"),
      SMALL.replace("upstream: app", 'upstream: app, authentication: { tokens: ["file:token"] }'),
    );
    assert.match(
      await linesOf(path.join(latin1, "b.yaml")),
      /authentication\.tokens\.#1: cannot read the secret: .*token is not in UTF-8$/,
    );
  });

  test("notes every file that it is read from, also those that are not there", async () => {
    write("token2.txt", "s3cret");
    write("package.json", '{ "type": "module" }');
    write("noted/own.ts", 'import "./gone.ts";\n');
    write("noted/imports.config.js", `import "./fine.ts";\nexport default ${MODULE};\n`);
    write("noted/fine.ts", "");
    const yaml = SMALL.replace(
      "upstream: app",
      'upstream: app, middleware: [{ use: ./own.ts }], authentication: { tokens: ["file:../token2.txt", "file:none"] }',
    );
    for (const [file, expected] of [
      [write("noted/bad.yaml", yaml), ["noted/bad.yaml", "noted/gone.ts", "noted/none", "noted/own.ts", "token2.txt"]],
      [write("noted/good.yaml", yaml.replace(', "file:none"', "")), ["noted/gone.ts", "noted/good.yaml", "noted/own.ts"]],
      [path.join(folder, "noted/imports.config.js"), ["noted/fine.ts", "noted/imports.config.js"]],
      [path.join(folder, "noted/gone.yaml"), ["noted/gone.yaml"]],
    ] as const) {
      const noted = new Set<string>();
      await loadConfigFile(file, { noted: (each) => noted.add(path.relative(folder, each)) });
      assert.deepEqual([...noted].toSorted(), expected);
    }
  });

  test("gives problems and warnings with their places", async () => {
    const lines = await linesOf(write("bad.yaml", `${SMALL}worker: 1\nadmin: { address: ":9" }\n`));
    assert.match(lines, /^.*bad\.yaml:4:1: worker: unknown key; did you mean "workers"\?\n.*bad\.yaml:5:19: warning: admin\.address: /);
  });

  test("that is a module is read again at each load, with the modules that it imports", async () => {
    const parts = write("parts.ts", `import { host } from "./host.ts";\nexport const endpoint: string = \`http://\${host}\`;\n`);
    const inner = write("host.ts", 'export const host: string = "first";\n');
    const file = write(
      "imports.ts",
      `import { endpoint } from "./parts.ts";\nexport default ${MODULE.replace('"http://a"', "endpoint")};\n`,
    );
    assert.equal((await configOf(file)).upstreams["app"]?.endpoints[0]?.url, "http://first");
    fs.writeFileSync(inner, 'export const host: string = "second";\n');
    assert.equal((await configOf(file)).upstreams["app"]?.endpoints[0]?.url, "http://second");
    fs.writeFileSync(parts, 'export const endpoint: string = "http://third";\n');
    assert.equal((await configOf(file)).upstreams["app"]?.endpoints[0]?.url, "http://third");
  });

  test("is read with the files that it includes, and notes them and the patterns that they were found by", async () => {
    const main = 'listeners: [{ address: ":8080" }]\ninclude: [more/*.yaml, one.json]\ndefaults: { routes: { max_body: 1KiB } }\n';
    const site = (name: string, more: string): string =>
      `upstreams: { ${name}: { endpoints: ["http://a"] } }\nroutes: [{ match: { host: ${name} }, upstream: ${name}, ${more} }]\n`;
    write("several/more/b.yaml", site("b", 'authentication: { tokens: ["file:token"] }'));
    write("several/more/a.yaml", `${site("a", "middleware: [{ use: ./m.mjs }]")}include: [../again/*.yml]\n`);
    write("several/more/token", "s3cret");
    write(
      "several/more/m.mjs",
      'import { defineMiddleware } from "millrace";\nexport default defineMiddleware({ name: "m", setup: () => ({}) });\n',
    );
    write("several/one.json", '{ "routes": [{ "upstream": "b" }] }');
    const file = write("several/millrace.yaml", main);
    const noted = new Set<string>();
    const loaded = await loadConfigFile(file, {
      noted: (each) => each.startsWith(folder) && noted.add(path.relative(path.dirname(file), each)),
    });
    assert.ok("config" in loaded, "problems" in loaded ? loaded.problems.map(formatProblem).join("\n") : "");
    assert.deepEqual(loaded.warnings.map(formatProblem), [
      `${folder}/several/more/a.yaml:3:11: warning: include.#1: there is no folder ${folder}/several/again`,
    ]);
    assert.deepEqual(
      loaded.config.routes.map(({ match, max_body }) => [match, max_body]),
      [
        [{ host: ["a"] }, 1024],
        [{ host: ["b"] }, 1024],
        [{}, 1024],
      ],
    );
    assert.deepEqual(loaded.config.routes[1]?.authentication?.tokens, ["s3cret"]);
    assert.match(loaded.config.routes[0]?.middleware?.[0]?.use ?? "", /\/several\/more\/m\.mjs\?millrace=\w+#m$/);
    assert.deepEqual([...noted].toSorted(), [
      "again/*.yml",
      "millrace.yaml",
      "more/*.yaml",
      "more/a.yaml",
      "more/b.yaml",
      "more/m.mjs",
      "one.json",
    ]);
  });

  test("is told of everything that is wrong at once: keys, regular expressions, modules and their options", async () => {
    write("at-once/package.json", '{ "type": "module" }');
    write(
      "at-once/stamp.ts",
      'import { defineMiddleware } from "millrace";\nimport { z } from "zod";\nexport default defineMiddleware({ name: "stamp", options: z.strictObject({ times: z.number() }), setup: () => ({}) });\n',
    );
    fs.symlinkSync(fileURLToPath(new URL("../../node_modules", import.meta.url)), path.join(folder, "at-once/node_modules"));
    const text = `${SMALL.replace("upstream: app", 'match: { path_regex: "(" }, upstream: app')}
middleware:
  - { use: ./stamp.ts, options: { times: x } }
  - { use: ./gone.ts, options: { token: "\${NOT_SET_ANYWHERE}" } }
  - { uses: ./other.ts }
  - { use: ./none.ts }
worker: 1
`;
    const lines = (await linesOf(write("at-once/bad.yaml", text))).replaceAll(`${folder}/at-once/`, "").split("\n");
    assert.deepEqual(
      lines.map((line) => line.slice(0, 62)),
      [
        "bad.yaml:3:33: routes.#1.match.path_regex: it is no regular ex",
        "bad.yaml:6:42: middleware.#1.options.times: Invalid input: exp",
        "bad.yaml:7:41: middleware.#2.options.token: the environment va",
        'bad.yaml:8:7: middleware.#3.uses: unknown key; did you mean "u',
        "bad.yaml:9:12: middleware.#4.use: the module cannot be used: C",
        'bad.yaml:10:1: worker: unknown key; did you mean "workers"?',
      ],
    );
  });

  test("in a module includes YAML too", async () => {
    write("module/conf.d/a.yaml", "routes: [{ upstream: app, max_body: 1x }]\n");
    const file = write("module/own.mjs", `export default ${MODULE.replace(/routes: .*\] \}$/, 'include: "conf.d/*.yaml" }')};\n`);
    assert.match(await linesOf(file), /^.*module\/conf\.d\/a\.yaml:1:37: routes\.#1\.max_body: expected a size/);
  });

  test("is wrong when it names a certificate file that is none", async () => {
    const text = SMALL.replace('["http://a"]', '["https://a"], tls: { ca_file: missing.pem }');
    assert.match(await linesOf(write("ca.yaml", text)), /ca\.yaml:2:63: upstreams\.app\.tls\.ca_file: .*missing\.pem does not exist$/);
    write("key.pem", "-----BEGIN PRIVATE KEY-----\n");
    assert.match(await linesOf(write("key.yaml", text.replace("missing", "key"))), /key\.pem holds no PEM certificate, but a private key$/);
    write("bundle.pem", `# two\n${CERTIFICATE}\n${CERTIFICATE.replace("MIIB", "MIIX")}`);
    assert.match(
      await linesOf(write("bundle.yaml", text.replace("missing", "bundle"))),
      /bundle\.pem cannot be read: certificate 2 of 2 is damaged$/,
    );
  });
});

describe("a configuration module", () => {
  test("may be TypeScript and import this program by name, wherever it lies", async () => {
    const file = write(
      "a.config.ts",
      `import { defineConfig } from "millrace";\nconst port: number = 8080;\nexport default defineConfig(${MODULE.replace('":8080"', "`:${port}`")});\n`,
    );
    assert.equal((await configOf(file)).listeners[0]?.address, ":8080");
  });

  test("may lie in a package of CommonJS, with what it imports and with the middleware that it names", async () => {
    write("cjs/package.json", '{ "type": "commonjs" }');
    write("cjs/parts.ts", `import { host } from ${JSON.stringify("./host.js")};\nexport const endpoint: string = "http://" + host;\n`);
    write("cjs/host.js", 'const { host } = require("./common.js");\nmodule.exports = { host };\n');
    write("cjs/common.js", 'exports.host = "a";\n');
    write(
      "cjs/stamp.ts",
      'import { defineMiddleware } from "millrace";\nexport default defineMiddleware({ name: "stamp", setup: () => ({}) });\n',
    );
    const routes = 'routes: [{ upstream: "app", middleware: [stamp(), { use: "./stamp.ts" }] }]';
    const code = `import { defineConfig } from "millrace";\nimport { endpoint } from "./parts.ts";\nimport stamp from "./stamp.ts";\nexport default defineConfig(${MODULE.replace(/routes: .*\] \}$/, `${routes} }`).replace('"http://a"', "endpoint")});\n`;
    const config = await configOf(write("cjs/millrace.config.ts", code));
    assert.equal(config.upstreams["app"]?.endpoints[0]?.url, "http://a");
    assert.equal(config.routes[0]?.middleware?.length, 2);
    assert.equal((await configOf(write("cjs/old.js", `module.exports = ${MODULE};\n`))).routes.length, 1);
  });

  test("that fails late, ends or hangs is reported, and what it started ends with it", async () => {
    const cases: readonly (readonly [name: string, before: string, expected: RegExp])[] = [
      ["rejected.mjs", "void Promise.reject(new Error('no secrets'));", /rejected\.mjs:1:21: the module failed: no secrets$/],
      ["waits.mjs", "await new Promise(() => {});", /waits\.mjs:1:1: the module waits for what never comes$/],
      ["exits.mjs", "process.exit(3);", /exits\.mjs:1:1: the module ended its thread \(exit code 3\)$/],
      ["function.mjs", "export const f = 1;", /function\.mjs:1:1: upstreams\.\(key #1\)\.tls is a function; expected plain data$/],
    ];
    for (const [name, before, expected] of cases) {
      const value = name === "function.mjs" ? MODULE.replace('["http://a"]', '["http://a"], tls: () => 1') : MODULE;
      assert.match(await linesOf(write(name, `${before}\nexport default ${value};\n`)), expected);
    }
    await configOf(write("lively.mjs", `setInterval(() => {}, 10);\nexport default ${MODULE};\n`));
  });

  test("sees and changes the environment that its replacements are taken from", async () => {
    const file = write(
      "env.mjs",
      `process.env.MILLRACE_TEST_PORT = "8081";\nexport default ${MODULE.replace(":8080", ":${MILLRACE_TEST_PORT}")};\n`,
    );
    assert.equal((await configOf(file)).listeners[0]?.address, ":8081");
    delete process.env["MILLRACE_TEST_PORT"];
  });

  test("is read again each time, and so is CommonJS that it imports", async () => {
    const part = write("part.cjs", 'module.exports = { address: ":1001" };\n');
    const whole = write(
      "whole.mjs",
      `import part from ${JSON.stringify("./part.cjs")};\nexport default ${MODULE.replace('":8080"', "part.address")};\n`,
    );
    assert.equal((await configOf(whole)).listeners[0]?.address, ":1001");
    fs.writeFileSync(part, 'module.exports = { address: ":1002" };\n');
    assert.equal((await configOf(whole)).listeners[0]?.address, ":1002");

    const file = write("b.config.mjs", `export default ${MODULE};\n`);
    assert.equal((await configOf(file)).listeners[0]?.address, ":8080");
    fs.writeFileSync(file, `export default ${MODULE.replace("8080", "9090")};\n`);
    assert.equal((await configOf(file)).listeners[0]?.address, ":9090");
  });

  test("in TypeScript gives problems where their values stand, and computed ones at their top-level key", async () => {
    const code = `import { defineConfig } from "millrace";
const limit: number = 0;
export default defineConfig({
  listeners: [{ address: ":8080" }],
  upstreams: { app: { endpoints: ["http://a"] } },
  routes: [
    { upstream: "ap" as string, max_body: "1x" as "1KiB" },
    { upstream: \`app\`, rate_limit: { requests_per_minute: limit - 0 } },
  ],
});
`;
    const lines = (await linesOf(write("literal.config.ts", code))).split("\n").filter((line) => !line.includes("warning"));
    assert.deepEqual(
      lines.map((line) => line.replace(/^.*literal\.config\.ts:(\d+:\d+): (\S+): .*$/, "$1 $2")),
      ["6:3 routes.#2.rate_limit.requests_per_minute", "7:17 routes.#1.upstream", "7:43 routes.#1.max_body"],
    );
  });

  test("gives problems in one line each", async () => {
    assert.match(
      await linesOf(write("c.mjs", `export default ${MODULE.replace("routes", "route")};\n`)),
      /c\.mjs:1:102: route: unknown key; did you mean "routes"\?/,
    );
    assert.match(await linesOf(write("d.mjs", "export const config = {};\n")), /d\.mjs:1:1: there is no default export/);
    for (const [name, text] of [
      ["e.mjs", "export default {{;\n"],
      ["f.ts", "enum A { b }\nexport default A;\n"],
      ["g.mjs", "throw new Error('two\\nlines');\n"],
    ] as const) {
      const lines = await linesOf(write(name, text));
      assert.match(lines, /:1:\d+: the module cannot be loaded: /);
      assert.equal(lines.split("\n").length, 1, lines);
    }
  });
});
