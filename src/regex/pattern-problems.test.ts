import assert from "node:assert/strict";
import { test } from "node:test";
import { testProxy } from "../testing/test-proxy.ts";
import { problemsOfPatterns } from "./pattern-problems.ts";

test("groups of the route's pattern are variables", async (t) => {
  const proxy = await testProxy({
    upstreams: {},
    routes: [
      { match: { path_regex: "^/u/(?<id>[0-9]+)(/.*)?$" }, redirect: { to: "/users?id={match.id}&rest={match.2}&none={match.none}" } },
      { match: [{ path_regex: "^/a" }, { path_regex: "^/(?<what>b)" }], respond: { body: "[{match.what}]" } },
    ],
  });
  t.after(() => proxy.close());
  const location = async (path: string): Promise<string | null> => (await proxy.fetch(`http://a.test${path}`)).headers.get("location");
  assert.equal(await location("/u/12/x%20y"), "/users?id=12&rest=/x%20y&none=");
  assert.equal(await location("//u/%312"), "/users?id=12&rest=&none=");
  assert.equal(await (await proxy.fetch("http://a.test/b")).text(), "[b]");
  assert.equal(await (await proxy.fetch("http://a.test/a")).text(), "[]");
  assert.equal((await proxy.fetch("http://a.test/u/x")).status, 404);
});

test("what is no pattern is reported with its place", async () => {
  const config = `
listeners: [{ address: ":0" }]
upstreams: {}
routes:
  - match: { path_regex: "^/(a" }
    respond: {}
  - match:
      - path: /a
        not: [{ path_regex: "(?=b)" }]
    respond: {}
  - match: { path_regex: '(a)\\1' }
    respond: {}
`;
  await assert.rejects(testProxy(config), (error) => {
    assert.ok(error instanceof Error);
    const lines = error.message.split("\n");
    assert.match(
      lines[0] ?? "",
      /^config:5:26: routes\.#1\.match\.path_regex: it is no regular expression in the syntax of RE2: missing closing/,
    );
    assert.match(lines[1] ?? "", /^config:9:29: routes\.#2\.match\.#1\.not\.#1\.path_regex: /);
    assert.match(
      lines[2] ?? "",
      /^config:11:26: routes\.#3\.match\.path_regex: .*invalid escape sequence; it has no references back to a group$/,
    );
    assert.equal(lines.length, 3);
    return true;
  });
});

test("no part of a pattern is shown: it may come from the environment", async () => {
  const config = `
listeners: [{ address: ":0" }]
upstreams: {}
routes:
  - match: { path_regex: "^/hunter2(\\n[" }
    respond: {}
`;
  await assert.rejects(testProxy(config), (error) => error instanceof Error && !error.message.split("\n", 1)[0]?.includes("hunter2"));
});

test("a pattern that repeats too much is refused", async () => {
  const config = `
listeners: [{ address: ":0" }]
upstreams: {}
routes:
  - match: { path_regex: "(.*a){1000}" }
    respond: {}
`;
  await assert.rejects(testProxy(config), /^Error: config:5:26: routes\.#1\.match\.path_regex: it is too large: it has 5002 steps/);
});

test("what takes the place of lookaround is said", async () => {
  const message = async (pattern: string): Promise<string> =>
    (await problemsOfPatterns([{ pattern, path: ["routes", 0] }])).map((problem) => problem.message).join();
  for (const pattern of ["^/(?!admin)", "^/(?=admin)", "(?<!a)b", "(?<=a)b"])
    assert.match(await message(pattern), /RE2: .*; it has no lookahead and no lookbehind: an exception is `not` in `match`$/);
  for (const pattern of ["(a", String.raw`(\\1`]) assert.doesNotMatch(await message(pattern), /look|back/);
  assert.equal(await message("(?<name>a)"), "");
});
