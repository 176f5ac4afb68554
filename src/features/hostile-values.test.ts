/** Whatever a client sends, no variable in any place brings a line, a field or a second message. A new variable is tested by being in the tables. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { VARIABLES } from "../policy/template/template.ts";
import type { KEYED_VARIABLES } from "../policy/template/template.ts";
import { testProxy } from "../testing/test-proxy.ts";
import type { TestConfig, TestProxy } from "../testing/test-proxy.ts";

type Full = Extract<TestConfig, { routes: unknown }>;

/** For each kind of variable that has a key, the key that is used here. */
const KEYS: Readonly<Record<keyof typeof KEYED_VARIABLES, string>> = { header: "X-A", cookie: "c", query: "q", match: "rest", env: "E" };

const ALL: readonly string[] = [
  ...Object.keys(VARIABLES).map((name) => `{${name}}`),
  ...Object.entries(KEYS).map(([name, key]) => `{${name}.${key}}`),
];

// Cut to one octet, U+010D and U+010A would be CR and LF.
const ENVIRONMENT = { E: "/e\r\nX-Evil: 1\u{10d}\u{10a}X-Evil: 2\0\u{10d}\u{10a}\u{10d}\u{10a}HTTP/1.1 200 OK" };

const CLIENT = "192.0.2.1";

function configOf(variable: string): Full {
  const edits = { set: { "X-Set": variable, "X-Both": `a ${variable} b` }, add: { "X-Add": [variable, `"${variable}"`] } };
  return {
    trusted_proxies: [CLIENT],
    upstreams: { app: { endpoints: ["http://127.0.0.1:17001"] } },
    routes: [
      {
        match: { path_regex: "^/(?:redirect|%2e)(?<rest>.*)$" },
        redirect: { to: variable },
        response_headers: { ...edits, own_answers: true },
      },
      {
        match: { path_regex: "^/respond(?<rest>.*)$" },
        respond: { headers: { "X-Own": variable, "Content-Type": "text/plain" }, body: `body ${variable}` },
        response_headers: { ...edits, own_answers: true },
      },
      {
        match: { path_regex: "^/error(?<rest>.*)$" },
        respond: { status: 404 },
        error_pages: { "404": { body: `<a title="${variable}">${variable}</a>` } },
      },
      {
        match: { path_regex: "^/(?<rest>.*)$" },
        upstream: "app",
        request_headers: edits,
        response_headers: edits,
        rewrite_location: [{ from: "/there", to: variable }],
      },
    ],
  };
}

interface Hostile {
  readonly method: string;
  readonly rest: string;
  readonly lines: readonly string[];
}

/** What is sent and not refused: the octets that a method, a target and the value of a field may hold. */
const octets = (from: number, to: number): fc.Arbitrary<string> =>
  fc.integer({ min: from, max: to }).map((code) => String.fromCharCode(code));
const value = fc.oneof(
  fc.constantFrom(
    "\t",
    "a\tb",
    "%0d%0aX-Evil:1",
    "\\r\\nX-Evil: 1",
    "\x8a\x8d",
    "\xc4\x8d\xc4\x8a",
    "//evil.test",
    "https://evil.test",
    "{env.E}",
    "x".repeat(2000),
  ),
  fc.string({ unit: fc.oneof(octets(0x21, 0x7e), octets(0x80, 0xff)), maxLength: 20 }),
);
const target = fc.oneof(
  fc.constantFrom("", "/%0d%0aX-Evil:%201", "?q=%0d%0aX-Evil:1&q=2", "?q=//evil.test", "//evil.test/?q=\\evil.test", "?q={env.E}"),
  fc.string({ unit: octets(0x21, 0x7e).filter((character) => character !== "#"), maxLength: 20 }).map((text) => `/a?q=${text}`),
);
const hostile: fc.Arbitrary<Hostile> = fc.record({
  method: fc.constantFrom("GET", "POST", "!#$%&'*+-.^_`|~A"),
  rest: target,
  lines: fc
    .tuple(value, value, value, value)
    .map(([a, c, from, proto]) => [
      `X-A: ${a}`,
      `Cookie: c=${c}`,
      `X-Forwarded-For: ${from}`,
      `X-Forwarded-Proto: ${proto}`,
      `X-Forwarded-Host: ${a}`,
    ]),
});

/** Names of the lines of a head, in lower case; fails if something is no field line. */
function namesOf(head: string): string[] {
  return head
    .split("\r\n")
    .slice(1)
    .map((line) => {
      const [, name] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t -~\x80-\xff]*$/.exec(line) ?? [];
      assert.ok(name !== undefined, JSON.stringify(line));
      return name.toLowerCase();
    });
}

/** Fails where a name stands more often than the configuration says. */
function check(names: readonly string[], known: ReadonlySet<string>): void {
  for (const name of names) assert.ok(known.has(name), name);
  const lines = names.filter((name) => name.startsWith("x-add")).length;
  assert.ok(lines <= 2 && names.filter((name) => name === "x-set").length <= 1 && names.filter((name) => name === "x-both").length <= 1);
  for (const name of ["location", "content-length", "transfer-encoding", "host"])
    assert.ok(names.filter((each) => each === name).length <= 1, name);
}

const TO_ORIGIN = new Set(
  "host x-a cookie x-forwarded-for x-forwarded-proto x-forwarded-host x-set x-both x-add via content-length connection".split(" "),
);
const TO_CLIENT = new Set(
  "date location content-type content-length connection x-set x-both x-add x-own cache-control proxy-status".split(" "),
);

async function exchange(proxy: TestProxy, path: string, { method, rest, lines }: Hostile): Promise<void> {
  const before = proxy.requests("app").length;
  const client = proxy.connect({ from: CLIENT });
  client.send(
    [`${method} ${path}${rest} HTTP/1.1`, "Host: a.test", "Content-Length: 0", ...lines, "Connection: close", "", ""].join("\r\n"),
  );
  const response = await client.untilEnded();
  client.close();
  const end = response.indexOf("\r\n\r\n");
  check(namesOf(response.slice(0, end)), TO_CLIENT);
  const length = Number(/^content-length: (\d+)\r$/im.exec(response)?.[1] ?? "0");
  assert.equal(response.length, end + 4 + length, "one message and nothing after it");
  const [sent, second] = proxy.requests("app").slice(before);
  assert.equal(second, undefined);
  if (sent !== undefined) check(namesOf(sent.head.trimEnd()), TO_ORIGIN);
  // A page holds no more than the one element that it was written with.
  if (path === "/error" && response.startsWith("HTTP/1.1 404")) assert.match(response.slice(end + 4), /^<a title="[^"<>]*">[^"<>]*<\/a>$/);
  const location = /^location: (.*)\r$/im.exec(response)?.[1] ?? "";
  if (response.startsWith("HTTP/1.1 3")) assert.ok(new URL(location, "http://a.test/").host === "a.test", location);
}

for (const variable of ALL) {
  test(`${variable} in every place, whatever a client sends`, async (t) => {
    const proxy = await testProxy(configOf(variable), {
      environment: ENVIRONMENT,
      upstreams: { app: () => new Response("here", { headers: { Location: "/there/x" } }) },
    });
    t.after(() => proxy.close());
    for (const path of ["/redirect", "/respond", "/error", "/app"]) {
      await fc.assert(
        fc.asyncProperty(hostile, async (request) => {
          await exchange(proxy, path, request);
        }),
        { numRuns: 40 },
      );
    }
    const count = (outcome: string): number => proxy.log.filter((entry) => entry["outcome"] === outcome).length;
    assert.ok(count("completed") > 20 && count("respond") > 20, "most requests are admitted");
    assert.ok(count("redirect") > 20);
    assert.deepEqual(
      proxy.log.filter(({ event }) => event === "middleware_failed"),
      [],
    );
  });
}
