/** What a client's verified certificate is good for: routes, the access log, middleware, and what endpoints get of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../src/config/load.ts";
import { defineMiddleware } from "../src/millrace.ts";
import { explain } from "../src/explain/explanation.ts";
import { testProxy } from "../src/testing/test-proxy.ts";
import { TestAuthority } from "./support/certificates.ts";

const ALICE = {
  subject: "CN=alice,O=Example",
  issuer: "CN=Example CA",
  serialNumber: "0A",
  dnsNames: ["alice.test"],
  fingerprint: "ab".repeat(32),
};

test("routes by certificate; without one the client gets what the next route says, whatever fields it sends", async (t) => {
  const proxy = await testProxy(
    `
listeners: [{ address: "127.0.0.1:0" }, { address: "127.0.0.1:0" }]
trusted_proxies: [192.0.2.0/24]
upstreams: { app: { endpoints: ["http://app.test"] } }
routes:
  - { name: alice, match: { client_certificate: { subject: "CN=alice,O=Example" } }, upstream: app }
  - { name: any, match: { client_certificate: {} }, upstream: app }
  - { name: none, respond: { status: 403 } }
`,
    { upstreams: { app: () => new Response("here") } },
  );
  t.after(() => proxy.close());
  const routeFor = async (tls?: { certificate?: { subject: string } }): Promise<unknown> => {
    const headers = { "Client-Cert": ":AA==:", "X-Forwarded-Client-Cert": 'Subject="CN=alice,O=Example"' };
    await proxy.fetch("http://a.test/", { headers, ...(tls === undefined ? {} : { tls }) });
    return proxy.log.at(-1)?.["route"];
  };
  assert.equal(await routeFor({ certificate: ALICE }), "alice");
  assert.equal(await routeFor({ certificate: { subject: "CN=bob" } }), "any");
  assert.equal(await routeFor({}), "none");
  assert.equal(await routeFor(), "none");
});

test("the log shows it where it is asked to, with what no line can be broken by", async (t) => {
  const fields = [
    "status",
    "tls_version",
    "tls_cipher",
    "tls_server_name",
    "client_certificate_subject",
    "client_certificate_issuer",
  ] as const;
  const proxy = await testProxy(
    {
      logging: { access: { fields: [...fields, "client_certificate_serial", "client_certificate_fingerprint"] } },
      routes: [{ respond: { status: 204 } }],
      upstreams: {},
    },
    {},
  );
  t.after(() => proxy.close());
  await proxy.fetch("http://a.test/", { tls: { serverName: "a.test", certificate: { ...ALICE, subject: 'CN=\u00fc"\n{"x":1}' } } });
  await proxy.fetch("http://a.test/");
  const [first, second] = proxy.log
    .filter(({ event }) => event === "access")
    .map((line) => Object.fromEntries(Object.entries(line).filter(([key]) => !["time", "level", "event"].includes(key))));
  assert.deepEqual(first, {
    status: 204,
    tls_version: "TLSv1.3",
    tls_cipher: "TLS_AES_128_GCM_SHA256",
    tls_server_name: "a.test",
    client_certificate_subject: 'CN=\u00fc"\n{"x":1}',
    client_certificate_issuer: "CN=Example CA",
    client_certificate_serial: "0A",
    client_certificate_fingerprint: "ab".repeat(32),
  });
  assert.deepEqual(second, { status: 204 });
});

test("middleware sees it, and so does a template of the log", async (t) => {
  const seen: unknown[] = [];
  const watch = defineMiddleware({
    name: "watch",
    setup: () => ({
      onRequest: ({ tls, scheme }) => {
        seen.push([scheme, tls?.version, tls?.serverName, tls?.certificate?.subject, tls?.certificate?.dnsNames]);
        return null;
      },
      onUpstreamRequest: ({ tls }, request) => request.set("X-User", tls?.certificate?.subject ?? "nobody"),
    }),
  });
  const proxy = await testProxy(
    {
      logging: { access: { template: "{status} {tls_version} {client_certificate_subject}" } },
      routes: [{ upstream: "app", middleware: [watch()] }],
    },
    { upstreams: { app: () => new Response("here") } },
  );
  t.after(() => proxy.close());
  await proxy.fetch("http://a.test/", { tls: { serverName: "a.test", certificate: ALICE } });
  await proxy.fetch("http://a.test/", { headers: { "X-User": "CN=alice" } });
  assert.deepEqual(seen, [
    ["https", "TLSv1.3", "a.test", "CN=alice,O=Example", ["alice.test"]],
    ["http", undefined, undefined, undefined, undefined],
  ]);
  assert.deepEqual(
    proxy.requests("app").map(({ headers }) => headers.get("x-user")),
    ["CN=alice,O=Example", "nobody"],
  );
  assert.deepEqual(
    proxy.log.flatMap(({ line }) => (line === undefined ? [] : [line])),
    ["200 TLSv1.3 CN=alice,O=Example", "200 - -"],
  );
});

test("endpoints get it as its rule says, but not those that learn nothing of clients, and not what a route removes", async (t) => {
  const proxy = await testProxy(
    {
      upstreams: { ours: { endpoints: ["http://ours.test"] }, theirs: { endpoints: ["http://theirs.test"], x_forwarded: false } },
      routes: [
        { match: { path: "/theirs" }, upstream: "theirs" },
        { match: { path: "/without" }, upstream: "ours", request_headers: { remove: ["Client-Cert-Chain"] } },
        { upstream: "ours" },
      ],
    },
    { upstreams: { ours: () => new Response("here"), theirs: () => new Response("there") } },
  );
  t.after(() => proxy.close());
  const certificate = { ...ALICE, der: Uint8Array.from([1]), chain: [Uint8Array.from([2])] };
  const got = async (path: string, forward: "Client-Cert" | "xfcc"): Promise<string[]> => {
    await proxy.fetch(`http://a.test${path}`, {
      tls: { certificate: { ...certificate, forward } },
      headers: { client_cert: ":Zm9yZ2Vk:" },
    });
    const { head } = proxy.requests(path === "/theirs" ? "theirs" : "ours").at(-1) ?? assert.fail("nobody was asked");
    return head.split("\r\n").filter((line) => /^[^:]*client.cert/i.test(line));
  };
  assert.deepEqual(await got("/", "Client-Cert"), ["Client-Cert: :AQ==:", "Client-Cert-Chain: :Ag==:"]);
  assert.deepEqual(await got("/", "xfcc"), [
    `X-Forwarded-Client-Cert: Hash=${"ab".repeat(32)};Subject="CN=alice,O=Example";DNS=alice.test`,
  ]);
  assert.deepEqual(await got("/without", "Client-Cert"), ["Client-Cert: :AQ==:"]);
  assert.deepEqual(await got("/theirs", "Client-Cert"), []);
});

const ASKING = `
listeners:
  - { address: ":8080" }
  - { address: ":8443", tls: { certificates: [{ cert_file: a.pem }], client_certificates: { mode: optional, ca_file: ca.pem, forward: xfcc } } }
upstreams: { app: { endpoints: ["http://app.test"] } }
routes:
  - { name: devices, match: { client_certificate: { dns: "*.devices.test" } }, upstream: app }
  - { name: others, respond: { status: 403 } }
`;

test("explain asks as a client without a certificate, or with one", async () => {
  const parsed = parseConfig(ASKING, "millrace.yaml", {}, () => "");
  assert.ok("config" in parsed, JSON.stringify(parsed));
  const { config } = parsed;
  const authority = await TestAuthority.create();
  const { certificate, fingerprint } = await authority.issue(["7.devices.test"], {
    use: "client",
    subject: "C=DE, O=Example+OU=Sales, CN=J\u00fcrgen",
  });
  const ask = async (url: string, shown?: string): Promise<readonly string[]> => {
    const explained = await explain(config, { method: "GET", url, fields: [], certificate: shown }, {});
    return typeof explained === "string" ? [explained] : explained.lines;
  };
  const without = await ask("https://a.test/");
  assert.ok(
    without.some((line) => line.includes("devices: the client has shown no certificate (client_certificate)")),
    without.join("\n"),
  );
  for (const url of ["https://a.test/", "/"]) {
    const lines = (await ask(url, certificate)).map((line) => line.trim());
    assert.ok(lines.includes("takes it  devices: its conditions hold (client_certificate)"), lines.join("\n"));
    const subject = "CN=J\\C3\\BCrgen,O=Example+OU=Sales,C=DE";
    assert.ok(lines.includes(`X-Forwarded-Client-Cert: Hash=${fingerprint};Subject="${subject}";DNS=7.devices.test`), lines.join("\n"));
    assert.ok(lines.includes("X-Forwarded-Proto: https"));
  }
  assert.deepEqual(await ask("https://a.test/", "no certificate"), ["the file of the client's certificate holds none in PEM"]);
});

test("check says which route that asks for a certificate is never reached", () => {
  const routes = `
  - { match: { client_certificate: { subject: [CN=a, CN=b] } }, upstream: app }
  - { match: { client_certificate: { subject: [CN=a, CN=b] } }, respond: { status: 204 } }
  - { match: { client_certificate: { subject: CN=a } }, respond: { status: 204 } }
`;
  const parsed = parseConfig(ASKING.replace(/routes:[^]*$/, `routes:${routes}`), "millrace.yaml", {}, () => "");
  assert.ok("config" in parsed, JSON.stringify(parsed));
  assert.deepEqual(
    parsed.warnings.map(({ message }) => message.slice(0, 24)),
    ["it is never reached: rou"],
  );
});

test("check warns of a condition that no client can meet, and refuses what is no fingerprint", () => {
  const file = (condition: string): string =>
    `listeners: [{ address: ":8080" }]\nroutes: [{ match: { client_certificate: ${condition} }, respond: { status: 204 } }]`;
  const parsed = parseConfig(file("{}"), "millrace.yaml", {}, () => "");
  assert.ok("config" in parsed, JSON.stringify(parsed));
  assert.match(parsed.warnings.map(({ message }) => message).join("\n"), /no listener asks clients for a certificate/);
  const wrong = parseConfig(file("{ fingerprint: abc, cn: alice }"), "millrace.yaml", {}, () => "");
  assert.ok("problems" in wrong);
  assert.match(wrong.problems.map(({ message }) => message).join("\n"), /expected a SHA-256 fingerprint/);
});
