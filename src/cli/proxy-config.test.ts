import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseConfig } from "../config/load.ts";
import type { Config } from "../config/schema/schema.ts";
import { printProxyConfig } from "./proxy.ts";
import { proxyConfig } from "./proxy-config.ts";

function textOf(listen: string, target: string, ...prefixes: readonly string[]): string {
  const made = proxyConfig({ listen, target, prefixes });
  assert.ok("text" in made, "problems" in made ? made.problems.join("\n") : "");
  return made.text;
}

/** What `millrace run` takes the printed configuration for. */
function configOf(...given: readonly [listen: string, target: string, ...prefixes: string[]]): Config {
  const parsed = parseConfig(textOf(...given), "millrace.yaml", {}, () => "");
  assert.ok("config" in parsed, JSON.stringify(parsed));
  return parsed.config;
}

function problemsOf(listen: string, target: string, ...prefixes: readonly string[]): readonly string[] {
  const made = proxyConfig({ listen, target, prefixes });
  assert.ok("problems" in made, "it was accepted");
  return made.problems;
}

/** Where each route leads: its path and the URL of the endpoint. */
function routesOf({ routes, upstreams }: Config): readonly string[] {
  return routes.map((route) => {
    const match = Array.isArray(route.match) ? route.match[0] : route.match;
    return `${match?.path?.join() ?? "everything"} ${upstreams[route.upstream ?? ""]?.endpoints[0]?.url}`;
  });
}

describe("the configuration of millrace proxy", () => {
  test("one target", () => {
    assert.equal(
      textOf(":8080", "http://localhost:3000"),
      `listeners:
  - address: ":8080"
upstreams:
  app: { endpoints: ["http://localhost:3000"] }
routes:
  - rewrite: { host: upstream }
    hold: 5s
    upstream: app
`,
    );
  });

  test("is one that millrace run takes, whatever the address", () => {
    for (const listen of [":8080", "127.0.0.1:0", "[::1]:8080", "localhost:80", "fd:3", "unix:/run/a b\n#${HOME}.sock", "*:80"])
      assert.deepEqual(
        configOf(listen, "http://a").listeners.map(({ address }) => address),
        [listen],
      );
    assert.equal(configOf("8080", "http://a").listeners[0]?.address, ":8080");
  });

  test("https and a local name: a listener with certificates of the local authority", () => {
    const made = proxyConfig({ listen: "https://app.localhost", target: "http://localhost:3000", prefixes: [] });
    assert.ok("text" in made);
    assert.match(made.text, /^listeners:\n {2}- address: "localhost:443"\n {4}tls: internal\n/);
    assert.equal(made.url, "https://app.localhost/");
    const addresses = [
      ["https://localhost:8443/", "localhost:8443"],
      ["HTTPS://A.App.LOCALHOST:8443", "localhost:8443"],
      ["https://app.test", "app.test:443"],
      ["https://192.168.1.5:8443", "192.168.1.5:8443"],
      ["https://[fd00::1]", "[fd00::1]:443"],
    ] as const;
    for (const [given, address] of addresses) {
      const [listener] = configOf(given, "http://a").listeners;
      assert.equal(listener?.address, address);
      assert.ok(listener?.tls?.internal !== undefined);
    }
  });

  test("https and another name: what to do instead; nothing of a URL is shown", () => {
    assert.match(problemsOf("https://app.example.com", "http://a").join(), /LISTEN: .*localhost.* only; .*tls\.certificates or tls\.acme/);
    for (const listen of [
      "https://",
      "https://u:secret@app.test",
      "https://app.test/secret",
      "https://app.test?secret",
      "https://app.test:99999",
    ])
      assert.match(
        problemsOf(listen, "http://a").join(),
        /^LISTEN: expected https:\/\/HOST or https:\/\/HOST:PORT, such as https:\/\/app\.localhost$/,
      );
  });

  test("prefixes: the longest first, in every spelling", () => {
    assert.deepEqual(routesOf(configOf(":1", "http://a/", "/api=http://b:1", "/api/v2/=https://c", "/static/*=http://d")), [
      "/api/v2/* https://c",
      "/static/* http://d",
      "/api/* http://b:1",
      "everything http://a",
    ]);
  });

  test("a target has one upstream, however many prefixes lead to it, and names are told apart", () => {
    const config = configOf(":1", "http://a", "/x=http://b", "/y=http://b", "/app=http://c", "/1e3=http://d", "/~=http://e", "/z=http://a");
    assert.deepEqual(
      Object.entries(config.upstreams).map(([name, { endpoints }]) => `${name} ${endpoints[0]?.url}`),
      ["app http://a", "app-2 http://c", "path-1e3 http://d", "x http://b", "path http://e"],
    );
    assert.deepEqual(routesOf(config), [
      "/app/* http://c",
      "/1e3/* http://d",
      "/x/* http://b",
      "/y/* http://b",
      "/~/* http://e",
      "/z/* http://a",
      "everything http://a",
    ]);
  });

  test("what is wrong is said all at once, and no argument is quoted", () => {
    const problems = problemsOf(
      "hunter2",
      "http://u:hunter2@a",
      "hunter2",
      "/hunter2=hunter2",
      "/a=http://b",
      "/a/*=http://c",
      "/=http://d",
      "/h*=http://e",
    );
    assert.doesNotMatch(problems.join("\n"), /hunter2/);
    for (const [index, pattern] of [
      /^LISTEN: expected an address/,
      /^TARGET: .*no user and no password/,
      /^\/PREFIX=TARGET #1: expected a prefix and a target/,
      /^\/PREFIX=TARGET #2: expected a URL .*http:\/\/ or https:\/\/ is missing/,
      /^\/PREFIX=TARGET #4: the prefix is the same as that of #3$/,
      /^\/PREFIX=TARGET #5: the prefix \/ takes every path/,
      /^\/PREFIX=TARGET #6: expected a path/,
    ].entries())
      assert.match(problems[index] ?? "", pattern);
  });

  test("a prefix in the place of the target", () => {
    assert.match(problemsOf(":1", "/api=http://b").join(), /the target of all other paths comes first$/);
  });
});

test("--print: the configuration on stdout, warnings and problems on stderr", () => {
  const print = (listen: string, target: string): [number, string, string] => {
    let [out, err] = ["", ""];
    const code = printProxyConfig(
      { listen, target, prefixes: [] },
      (text) => (out += text),
      (text) => (err += text),
    );
    return [code, out, err];
  };
  assert.deepEqual(print(":80", "http://a"), [0, textOf(":80", "http://a"), ""]);
  const [code, out, err] = print(":80", "http://127.0.0.1");
  assert.deepEqual([code, out], [0, textOf(":80", "http://127.0.0.1")]);
  assert.match(err, /^millrace proxy: warning: upstreams\.app\.endpoints\.#1: [^\n]*\n$/);
  const [wrongCode, wrongOut, wrongErr] = print(":80", "a:1");
  assert.deepEqual([wrongCode, wrongOut], [1, ""]);
  assert.match(wrongErr, /^millrace proxy: TARGET: [^\n]*\nusage: millrace proxy LISTEN TARGET [^\n]*\n$/);
});
