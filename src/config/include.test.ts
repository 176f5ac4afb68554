/** Configurations in several files, read from memory. How files are found is tested in control/named-files/included-files.test.ts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Includes } from "./include.ts";
import { parseConfig } from "./load.ts";
import type { ParseResult } from "./load.ts";
import { formatProblem } from "./problems/problem.ts";

const MAIN = 'listeners: [{ address: ":8080" }]\n';

/** Files by name. A pattern is the names that it stands for, separated by spaces. */
function inMemory(files: Readonly<Record<string, string>>): Includes {
  return {
    mainId: "main.yaml",
    find: (pattern) => ({ files: pattern.split(" ").map((name) => ({ name, id: name })), doubt: null }),
    textOf: ({ name }) => {
      const text = files[name];
      if (text === undefined) throw new Error(`${name} does not exist`);
      return text;
    },
    resolve: (path, from) => `/${from.replace(/[^/]*$/, "")}${path}`,
  };
}

function parsed(main: string, files: Readonly<Record<string, string>>, environment: Record<string, string> = {}): ParseResult {
  const readSecret = (path: string): string => `the text of ${path}`;
  return parseConfig(`${MAIN}${main}`, "main.yaml", environment, readSecret, { includes: inMemory(files) });
}

function configOf(...given: Parameters<typeof parsed>) {
  const result = parsed(...given);
  assert.ok("config" in result, "problems" in result ? result.problems.map(formatProblem).join("\n") : "");
  return result.config;
}

function problemsOf(...given: Parameters<typeof parsed>): string[] {
  const result = parsed(...given);
  assert.ok("problems" in result, "it was accepted");
  return result.problems.map(formatProblem);
}

const site = (name: string, more = ""): string =>
  `upstreams: { ${name}: { endpoints: ["http://${name}:1"] } }\nroutes: [{ name: ${name}, match: { host: ${name}.test }, upstream: ${name} }]\n${more}`;

describe("an included file", () => {
  test("brings upstreams, and routes that come after those of the file that includes it, in the order of inclusion", () => {
    const { routes, upstreams } = configOf(
      'include: ["b a", c]\nupstreams: { own: { endpoints: ["http://own:1"] } }\nroutes: [{ name: own, match: { path: / }, upstream: own }]\n',
      {
        a: site("a", "include: [below]\n"),
        b: site("b"),
        below: site("below"),
        c: site("c"),
      },
    );
    assert.deepEqual(
      routes.map(({ name }) => name),
      ["own", "b", "a", "below", "c"],
    );
    assert.deepEqual(Object.keys(upstreams), ["own", "b", "a", "below", "c"]);
    assert.ok(!("include" in configOf("include: a\n", { a: site("a") })));
  });

  test("may hold everything, some of it, or nothing", () => {
    assert.deepEqual(configOf("include: a\n", { a: site("a") }).routes.length, 1);
    const halves = { up: 'upstreams: { app: { endpoints: ["http://app:1"] } }', down: '{ "routes": [{ "upstream": "app" }] }' };
    assert.deepEqual(configOf("include: [down, up, none]\n", { ...halves, none: "# nothing yet\n" }).routes[0]?.upstream, "app");
    assert.match(problemsOf("include: up\n", halves).join(), /^main\.yaml:1:1: routes: is missing: expected a list$/);
  });

  test("counts once, where it is named first", () => {
    const { routes } = configOf('include: [z, "a z"]\n', { a: site("a", "include: z\n"), z: site("z") });
    assert.deepEqual(
      routes.map(({ name }) => name),
      ["z", "a"],
    );
  });

  test("may use an upstream of another file, and the environment", () => {
    const files = { a: site("a"), b: 'routes: [{ match: { host: "${HOST}" }, upstream: a }]' };
    assert.deepEqual(configOf("include: [b, a]\n", files, { HOST: "h.test" }).routes[0]?.match, { host: ["h.test"] });
    assert.deepEqual(configOf("include: ${FIRST}\n", { a: site("a") }, { FIRST: "a" }).routes.length, 1);
  });

  test("has its paths in its own folder: secrets, files of features, certificates, modules; but no packages", () => {
    const { routes, upstreams } = configOf("include: [etc/conf.d/a]\n", {
      "etc/conf.d/a": `upstreams: { a: { endpoints: ["https://a:1"], tls: { ca_file: ca.pem } } }
routes:
  - { match: { path: /x }, authentication: { tokens: ["file:token"] }, respond: { file: page.html } }
  - { upstream: a, middleware: [{ use: ../m.ts#one }, { use: "@acme/stamp" }, { use: /srv/m.ts }, { use: ./b.ts, options: { use: ./c.ts } }] }
`,
    });
    assert.deepEqual(routes[0]?.authentication?.tokens, ["the text of /etc/conf.d/token"]);
    assert.equal(routes[0]?.respond?.file, "/etc/conf.d/page.html");
    assert.equal(upstreams["a"]?.tls.ca_file, "/etc/conf.d/ca.pem");
    assert.deepEqual(routes[1]?.middleware, [
      { use: "file:///etc/conf.d/../m.ts#one" },
      { use: "@acme/stamp" },
      { use: "/srv/m.ts" },
      { use: "file:///etc/conf.d/./b.ts", options: { use: "./c.ts" } },
    ]);
  });
});

describe("problems of included files", () => {
  test("name the file in which they stand, and come in the order of the files", () => {
    assert.deepEqual(
      problemsOf("include: [b, a]\nroutes: [{ match: { path: /b }, upstream: b, max_body: 1x }]\n", {
        a: 'upstreams: { a: { endpoints: [], retires: 1 } }\nroutes:\n  - upstream: none\n    max_body: "${N}"\n  - upstream: a\n',
        b: `${site("b")}workers: 2\n`,
      }).map((line) => line.replace(/;.*/, "")),
      [
        "main.yaml:3:56: routes.#1.max_body: expected a size such as 64KiB, 10MiB, 10MB or a number of bytes, found a text (not shown)",
        "b:3:1: workers: it holds for all files and stands in the file that Millrace is started with: an included file has upstreams and routes",
        "a:1:30: upstreams.a.endpoints: expected at least one endpoint, found an empty list",
        "a:1:34: upstreams.a.retires: unknown key",
        "a:3:15: routes.#3.upstream: no upstream has this name",
        "a:4:15: routes.#3.max_body: the environment variable N is not set",
        "a:5:5: warning: routes.#4: it is never reached: route #3 stands before it and takes every request that it would take",
      ],
    );
  });

  test("are told where it is no YAML, another program's, or a mapping of something else", () => {
    const told = (text: string): string => problemsOf(`include: a\n${site("b")}`, { a: text }).join("\n");
    assert.match(told("routes: [\n"), /^a:\d:\d: /);
    assert.match(told("upstream x {\n  server 127.0.0.1:80;\n}\n"), /^a:1:1: this is an nginx configuration/);
    assert.match(told("- a\n"), /^a:1:1: expected a mapping/);
    assert.match(told("routes:\n"), /^a:1:\d: routes: expected a list, found nothing$/);
    assert.match(told("upstreams: []\n"), /^a:1:12: upstreams: expected a mapping of names, found a list$/);
    assert.match(told('backends: ["http://a:1"]\n'), /^a:1:1: backends: a file in the short form stands alone/);
    assert.match(told("route: []\n"), /^a:1:1: route: unknown key; did you mean "routes"\?$/);
    assert.match(told("defaults: { routes: { hold: 1s } }\n"), /^a:1:1: defaults: it holds for all files/);
    assert.match(told("include: [1]\n"), /^a:1:11: include\.#1: expected the path of a file, or a list of paths$/);
    assert.match(told("include: ${N}\n"), /^a:1:10: include: the environment variable N is not set/);
  });

  test("an upstream that two files have is an error that names both places", () => {
    const files = { a: '\nupstreams: { app: { endpoints: ["http://app:1"] } }', b: site("app") };
    assert.deepEqual(problemsOf("include: [a, b]\n", files), ["b:1:14: upstreams.app: an upstream of this name stands at a:2:14 already"]);
    assert.match(problemsOf(`include: a\n${site("app")}`, files).join("\n"), /^a:2:14: .* stands at main\.yaml:3:14 already$/);
  });

  test("a file that includes itself is an error, on whatever way", () => {
    const files = { a: "include: b\n", b: "include: [c, a]\n", c: site("c"), self: "include: self\n", up: "include: main.yaml\n" };
    const told = (name: string): string => problemsOf(`include: ${name}\n${site("x")}`, files).join("\n");
    assert.equal(told("a"), "b:1:14: include.#2: the file would include itself: a includes b includes a");
    assert.equal(told("self"), "self:1:10: include: the file would include itself: self includes self");
    assert.equal(told("up"), "up:1:10: include: the file would include itself: main.yaml includes up includes main.yaml");
    assert.equal(told("main.yaml"), "main.yaml:2:10: include: the file would include itself: main.yaml includes main.yaml");
  });

  test("nesting, number and size have limits", () => {
    const chain = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`f${index}`, `include: f${index + 1}\n`]));
    assert.match(
      problemsOf(`include: f0\n${site("x")}`, chain).join("\n"),
      /^f15:1:10: include: files include files more than 16 levels deep$/,
    );
    const many = Array.from({ length: 10_001 }, (_, index) => `f${index}`);
    const empty = Object.fromEntries(many.map((name) => [name, ""]));
    assert.match(
      problemsOf(`include: "${many.join(" ")}"\n${site("x")}`, empty).join("\n"),
      /^main\.yaml:2:10: include: more than 10000 files/,
    );
    const large = Object.fromEntries(many.slice(0, 9).map((name) => [name, `#${"x".repeat(2 * 1024 ** 2)}\n`]));
    assert.match(
      problemsOf(`include: "${Object.keys(large).join(" ")}"\n${site("x")}`, large).join("\n"),
      /^main\.yaml:2:10: include: with f7 the/,
    );
  });

  test("one that cannot be read is a problem at the key that names it, and hides no other", () => {
    const lines = problemsOf(`include: [gone, a]\n${site("x")}`, { a: "routes: 1\n" });
    assert.deepEqual(lines, ["main.yaml:2:11: include.#1: gone does not exist", "a:1:9: routes: expected a list, found a single value"]);
  });

  test("where there are no files, and in the short form", () => {
    const none = parseConfig(`${MAIN}include: a\n${site("x")}`, "f", {}, () => "");
    assert.match("problems" in none ? none.problems.map(formatProblem).join("\n") : "", /^f:2:10: include: files cannot be included here/);
    const short = parseConfig('include: a\nbackends: ["http://a:1"]\n', "f", {}, () => "", { includes: inMemory({}) });
    assert.match("problems" in short ? short.problems.map(formatProblem).join("\n") : "", /^f:1:1: include: unknown key/);
  });
});

test("a thousand files", () => {
  const names = Array.from({ length: 1000 }, (_, index) => `s${index}`);
  const { routes } = configOf(`include: "${names.join(" ")}"\n`, Object.fromEntries(names.map((name) => [name, site(name)])));
  assert.deepEqual(
    routes.map(({ name }) => name),
    names,
  );
});
