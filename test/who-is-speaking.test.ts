/** Nobody's word about who they are is believed, but that of trusted proxies, in the one field that those write. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { testProxy } from "../src/testing/test-proxy.ts";
import type { LogEntry } from "../src/testing/test-proxy.ts";
import { MemoryOrigin, ask } from "./support/in-memory.ts";
import { get } from "./support/raw-client.ts";
import type { RawResponse } from "./support/raw-client.ts";

const TRUSTED = "127.0.0.1";
const STRANGER = "127.0.0.2";
const FORGED = [
  "X-Forwarded-For: 6.6.6.6",
  "X-Forwarded-Proto: https",
  "X-Forwarded-Host: forged.test",
  "X-Forwarded-Port: 6666",
  "X-Real-IP: 6.6.6.6",
  "Forwarded: for=6.6.6.6;host=forged.test;proto=https",
  "Client-Cert: :Zm9yZ2Vk:",
  "Client-Cert-Chain: :Zm9yZ2Vk:",
  "X-Forwarded-Client-Cert: Hash=forged",
  "Client_Cert: :Zm9yZ2Vk:",
  "X.Forwarded_Client.Cert: Hash=forged",
  "X-Forwarded-Prefix: /forged",
  "X-Forwarded-Method: FORGED",
  "X-Forwarded-Uri: /forged",
  "X-Original-URL: /forged",
  "x-rewrite-url: /forged",
  "X-Original-URL: /forged-again",
  "X_Original_URL: /forged",
  "X.Forwarded_Prefix: /forged",
  "X_Forwarded_For: 6.6.6.6",
  "X.Real.IP: 6.6.6.6",
];

/** The listeners of the one proxy, in the order of its configuration. */
const LISTENERS = {
  usual: '{ address: "127.0.0.1:0" }',
  refusing: '{ address: "127.0.0.1:0", unsafe_field_names: refuse }',
  passing: '{ address: "127.0.0.1:0", unsafe_field_names: forward }',
  pathsToo: '{ address: "127.0.0.1:0", forwarded_path_fields: forward }',
};
type Listener = keyof typeof LISTENERS;

const origin = new MemoryOrigin();
const proxy = await testProxy(config(), { upstreams: { app: origin.script } });
after(() => proxy.close());

function config(more: string = ""): string {
  return `
listeners: [${Object.values(LISTENERS).join(", ")}]
trusted_proxies: [${TRUSTED}/32, 10.0.0.0/8]
${more}
upstreams: { app: { endpoints: ["http://app.test"] } }
routes:
  - { match: { path: /limited }, rate_limit: { requests_per_minute: 1, burst: 1 }, upstream: app }
  - { name: forged, match: { headers: { x-forwarded-host: forged.test } }, upstream: app }
  - { name: forged-too, match: { headers: { x-real-ip: "*" } }, upstream: app }
  - { name: forged-path, match: { headers: { x-original-url: "*" } }, upstream: app }
  - { name: forged-certificate, match: { headers: { client-cert: "*" } }, upstream: app }
  - { name: forged-certificate-too, match: { headers: { x-forwarded-client-cert: "*" } }, upstream: app }
  - { name: usual, upstream: app }
`;
}

const PATHS = [
  "X-Forwarded-Prefix: /a",
  "X-Forwarded-Method: DELETE",
  "X-Forwarded-Uri: /b",
  "X-Original-URL: /c",
  "x-original-url: /d",
  "X-Rewrite-URL: /e",
];
const PATH_NAMES = ["X-Forwarded-Prefix", "X-Forwarded-Method", "X-Forwarded-Uri", "X-Original-URL", "X-Rewrite-URL"];

/** One request from that address; the answer, and the access record. */
async function say(
  from: string,
  path: string,
  fields: readonly string[],
  listener: Listener = "usual",
): Promise<{ answer: RawResponse; record: LogEntry }> {
  const before = proxy.log.length;
  const answer = await ask(proxy, get(path, fields), { from, listener: Object.keys(LISTENERS).indexOf(listener) });
  await proxy.advance(0);
  const record = proxy.log.slice(before).find((entry) => entry["event"] === "access");
  assert.ok(record !== undefined);
  return { answer, record };
}

/** Values of a field at the origin, of its last request. */
function at(name: string): string[] {
  const head = origin.requests.at(-1)?.head ?? "";
  return [...head.matchAll(new RegExp(`^${name}: *(.*?)\\r$`, "gim"))].map(([, value = ""]) => value);
}

describe("a stranger", () => {
  test("reaches neither log, nor limiter, nor matcher, nor origin with a forged address", async () => {
    const { record } = await say(STRANGER, "/", FORGED);
    assert.deepEqual([record["client"], record["route"]], [STRANGER, "usual"]);
    const head = origin.requests.at(-1)?.head ?? "";
    assert.ok(!/6\.6\.6\.6|forged|6666|https|client.cert/i.test(head), head);
    assert.deepEqual([at("X-Forwarded-For"), at("X-Forwarded-Proto")], [[STRANGER], ["http"]]);
    assert.deepEqual(at("Forwarded"), []);
    for (let count = 0; count < 3; count++) {
      const fields = FORGED.map((line) => line.replaceAll("6.6.6.6", `6.6.6.${count}`));
      const { answer } = await say(STRANGER, "/limited", fields);
      assert.equal(answer.status, count === 0 ? 200 : 429);
    }
  });

  test("is refused with an unsafe name, or passes with one that means nothing, as the listener says", async () => {
    const before = origin.requests.length;
    const refused = await say(STRANGER, "/", ["X_Mine: 1"], "refusing");
    assert.deepEqual([refused.answer.status, refused.record["outcome"]], [400, "unsafe_field_name"]);
    assert.equal(origin.requests.length, before);
    const meaningless = ["X_Mine: 1", "x.mine: 2", "X_Forwarded_For: 6.6.6.6", "Content_Length: 5", "Transfer.Encoding: chunked"];
    await say(STRANGER, "/", meaningless, "passing");
    assert.deepEqual([at("X_Mine"), at("x\\.mine")], [["1"], ["2"]]);
    assert.ok(!/6\.6\.6\.6|Content_Length|Transfer\.Encoding/i.test(origin.requests.at(-1)?.head ?? ""));
  });

  test("does not say what was asked for, unless the listener lets everybody say so", async () => {
    for (let count = 0; count < 3; count++) {
      const usual = await say(STRANGER, "/", PATHS);
      assert.deepEqual([usual.record["route"], PATH_NAMES.flatMap(at)], ["usual", []]);
    }
    for (let count = 0; count < 3; count++) {
      const { record } = await say(STRANGER, "/", [...PATHS, "X_Original_URL: /folded", "X-Forwarded-Port: 6666"], "pathsToo");
      assert.deepEqual([record["route"], PATH_NAMES.flatMap(at)], ["forged-path", ["/a", "DELETE", "/b", "/c", "/d", "/e"]]);
      assert.ok(!/folded|6666/.test(origin.requests.at(-1)?.head ?? ""));
    }
  });
});

describe("a trusted proxy that writes X-Forwarded-For", () => {
  const cases: readonly (readonly [said: readonly string[], client: string])[] = [
    [["192.0.2.7"], "192.0.2.7"],
    [["6.6.6.6, 192.0.2.7"], "192.0.2.7"],
    [["6.6.6.6", "192.0.2.7, 10.1.2.3"], "192.0.2.7"],
    [["192.0.2.7:4711"], "192.0.2.7"],
    [["[2001:db8::1]:4711"], "2001:db8::1"],
    [["::ffff:192.0.2.7"], "192.0.2.7"],
    [["6.6.6.6, unknown, 10.1.2.3"], "10.1.2.3"],
    [["6.6.6.6, <script>"], TRUSTED],
    [[`${"6.6.6.6, ".repeat(1000)}192.0.2.7`], "192.0.2.7"],
    [["10.1.2.3"], "10.1.2.3"],
  ];
  test("is believed from the right up to the first address that is not trusted", async () => {
    for (const [said, client] of cases) {
      const { record } = await say(TRUSTED, "/", [...said.map((value) => `X-Forwarded-For: ${value}`), "Forwarded: for=6.6.6.6"]);
      assert.equal(record["client"], client, said.join(" | ").slice(0, 100));
      assert.deepEqual(at("X-Forwarded-For"), [[...said, TRUSTED].join(", ")]);
      // It may have been the client that wrote this one.
      assert.deepEqual(at("Forwarded"), []);
    }
  });

  test("speaks for clients that are limited one by one", async () => {
    const status = async (list: string): Promise<number> => (await say(TRUSTED, "/limited", [`X-Forwarded-For: ${list}`])).answer.status;
    assert.deepEqual([await status("192.0.2.1"), await status("192.0.2.2")], [200, 200]);
    assert.deepEqual([await status("6.6.6.6, 192.0.2.1"), await status("6.6.6.7, 192.0.2.1:80")], [429, 429]);
  });

  test("passes on what was asked for", async () => {
    const { record } = await say(TRUSTED, "/", PATHS);
    assert.deepEqual([record["route"], PATH_NAMES.flatMap(at)], ["forged-path", ["/a", "DELETE", "/b", "/c", "/d", "/e"]]);
  });

  test("passes on protocol and host where they are well formed", async () => {
    await say(TRUSTED, "/", ["X-Forwarded-Proto: https", "X-Forwarded-Host: shop.test:8443"]);
    assert.deepEqual([at("X-Forwarded-Proto"), at("X-Forwarded-Host")], [["https"], ["shop.test:8443"]]);
    await say(TRUSTED, "/", ["X-Forwarded-Proto: javascript:alert(1)", "X-Forwarded-Host: a@b/c"]);
    assert.deepEqual([at("X-Forwarded-Proto"), at("X-Forwarded-Host")], [["http"], ["a.test"]]);
  });
});

/** Every name and spelling of the fields that say which certificate a client has shown. */
const CERTIFICATES = [
  "Client-Cert",
  "Client-Cert-Chain",
  "X-Forwarded-Client-Cert",
  "client_cert",
  "CLIENT.CERT_CHAIN",
  "X_Forwarded_Client-Cert",
];

test("nobody passes on a certificate that this proxy has not verified, trusted proxies included", async () => {
  for (const listener of ["usual", "passing", "pathsToo"] as const) {
    for (const from of [STRANGER, TRUSTED, TRUSTED]) {
      const { record } = await say(from, "/", [...CERTIFICATES.map((name) => `${name}: :Zm9yZ2Vk:`), "X-Mine: 1"], listener);
      assert.equal(record["route"], "usual", `${listener} ${from}: a route has seen the field`);
      assert.deepEqual([at("[\\w.-]*client.cert[\\w.-]*"), at("X-Mine")], [[], ["1"]]);
    }
  }
});

describe("a trusted proxy that writes Forwarded", () => {
  test("is believed there, from the right, and nowhere else", async (t) => {
    await proxy.reload(config("client_address_from: forwarded"));
    t.after(() => proxy.reload(config()));
    const cases: readonly (readonly [said: string, client: string])[] = [
      ["for=192.0.2.7", "192.0.2.7"],
      ['for=6.6.6.6, for="[2001:db8::1]:4711"', "2001:db8::1"],
      ["for=6.6.6.6;proto=http, for=192.0.2.7;proto=https, for=10.1.2.3", "192.0.2.7"],
      ["for=6.6.6.6, for=_hidden", TRUSTED],
      ["for=6.6.6.6, for=192.0.2.7;for=192.0.2.8", TRUSTED],
      ['for="6.6.6.6', TRUSTED],
    ];
    for (const [said, client] of cases) {
      const { record } = await say(TRUSTED, "/", [`Forwarded: ${said}`, "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: forged.test"]);
      assert.deepEqual([record["client"], record["route"]], [client, "usual"], said);
      assert.equal(at("X-Forwarded-Host").length, 1);
      assert.ok(!at("X-Forwarded-Host").includes("forged.test"));
    }
    // Such a proxy does not write these either.
    const { record } = await say(TRUSTED, "/", ["Forwarded: for=192.0.2.7", "X-Real-IP: 6.6.6.6", ...PATHS]);
    assert.deepEqual([record["route"], PATH_NAMES.flatMap(at), at("X-Real-IP")], ["usual", [], []]);
    await say(TRUSTED, "/", ["Forwarded: for=6.6.6.6;host=forged.test, for=192.0.2.7;host=shop.test;proto=https"]);
    assert.deepEqual(at("Forwarded"), [
      "for=6.6.6.6;host=forged.test, for=192.0.2.7;host=shop.test;proto=https, for=127.0.0.1;host=a.test;proto=http",
    ]);
    assert.deepEqual(at("X-Forwarded-For"), ["6.6.6.6, 192.0.2.7, 127.0.0.1"]);
    assert.deepEqual([at("X-Forwarded-Host"), at("X-Forwarded-Proto")], [["shop.test"], ["https"]]);
    for (const node of ["for=_hidden;", "for=unknown;", ""]) {
      await say(TRUSTED, "/", [`Forwarded: for=6.6.6.6;host=forged.test, ${node}host=shop.test;proto=https`]);
      assert.deepEqual([at("X-Forwarded-Host"), at("X-Forwarded-Proto")], [["shop.test"], ["https"]], node);
    }
    await say(TRUSTED, "/", ['Forwarded: for="6.6.6.6']);
    assert.deepEqual(at("Forwarded"), ["for=127.0.0.1;host=a.test;proto=http"]);
  });
});
