import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { script, testProxy } from "../../testing/test-proxy.ts";
import type { TestConfig, TestProxy } from "../../testing/test-proxy.ts";
import { SECURITY_FIELDS } from "./presets.ts";

type Full = Extract<TestConfig, { routes: unknown }>;
type Route = Full["routes"][number];

function proxyOf(route: Route, top: Partial<Full> = {}, headers: Record<string, string> = {}): Promise<TestProxy> {
  const config = { trusted_proxies: ["192.0.2.1"], routes: [{ upstream: "app", ...route }], ...top };
  return testProxy(config, { upstreams: { app: () => new Response("here", { headers }) } });
}

/** The fields of the presets in a response, null where one is missing. */
async function fieldsOf(proxy: TestProxy, scheme: "http" | "https" = "http"): Promise<Record<string, string | null>> {
  const { headers } = await proxy.fetch("http://a.test/", { headers: { "X-Forwarded-Proto": scheme } });
  return Object.fromEntries(SECURITY_FIELDS.map(({ name }) => [name, headers.get(name)]));
}

const NAMED =
  "HTTP/1.1 200 OK\r\nConnection: x-frame-options\r\nX-Frame-Options: ALLOWALL\r\nReferrer-Policy: origin\r\nContent-Length: 0\r\n\r\n";

for (const preset of ["standard", "strict"] as const) {
  test(`${preset}: all fields, but Strict-Transport-Security only over TLS`, async (t) => {
    const proxy = await proxyOf({ security_headers: preset });
    t.after(() => proxy.close());
    const all = Object.fromEntries(SECURITY_FIELDS.map((field) => [field.name, field[preset]]));
    assert.deepEqual(await fieldsOf(proxy, "https"), all);
    assert.deepEqual(await fieldsOf(proxy, "http"), { ...all, "Strict-Transport-Security": null });
  });
}

for (const preset of ["standard", "strict"] as const) {
  test(`${preset}: Strict-Transport-Security over TLS of this proxy's own, with answers of its own too, and never without`, async (t) => {
    const upstreams = { app: () => new Response("here") };
    const config = { security_headers: preset, routes: [{ match: { path: "/app" }, upstream: "app" }, { respond: { status: 404 } }] };
    const proxy = await testProxy(config, { upstreams });
    t.after(() => proxy.close());
    for (const path of ["/app", "/other"]) {
      const secure = await proxy.fetch(`http://a.test${path}`, { tls: { serverName: "a.test" } });
      assert.match(secure.headers.get("strict-transport-security") ?? "", /^max-age=\d+/, path);
      const claimed = await proxy.fetch(`http://a.test${path}`, { headers: { "X-Forwarded-Proto": "https" } });
      assert.equal(claimed.headers.get("strict-transport-security"), null, path);
    }
  });
}

test("a redirect to https has no Strict-Transport-Security, which would mean nothing there", async (t) => {
  const listeners = [{ address: "127.0.0.1:0", redirect_to_https: true } as const];
  const proxy = await testProxy({ listeners, security_headers: "strict", routes: [{ respond: { status: 200 } }], upstreams: {} });
  t.after(() => proxy.close());
  const { status, headers } = await proxy.fetch("http://a.test/");
  assert.deepEqual([status, headers.get("strict-transport-security")], [308, null]);
});

test("standard sends a field that the origin's Connection keeps from clients", async (t) => {
  const upstreams = { app: script.raw((endpoint) => void endpoint.send(NAMED)) };
  const proxy = await testProxy({ routes: [{ upstream: "app", security_headers: "standard" }] }, { upstreams });
  t.after(() => proxy.close());
  const { headers } = await proxy.fetch("http://a.test/");
  assert.deepEqual([headers.get("x-frame-options"), headers.get("referrer-policy")], ["SAMEORIGIN", "origin"]);
});

test("standard leaves what the origin sends, strict replaces it, also what came without TLS", async (t) => {
  const sent = { "x-frame-options": "ALLOWALL", "Referrer-Policy": "origin", "strict-transport-security": "max-age=1" };
  const standard = await proxyOf({ security_headers: "standard" }, {}, sent);
  t.after(() => standard.close());
  const fields = await fieldsOf(standard);
  assert.deepEqual(
    [fields["X-Frame-Options"], fields["Referrer-Policy"], fields["X-Content-Type-Options"]],
    ["ALLOWALL", "origin", "nosniff"],
  );
  assert.equal(fields["Strict-Transport-Security"], "max-age=1");
  const strict = await proxyOf({ security_headers: "strict" }, {}, sent);
  t.after(() => strict.close());
  const replaced = await fieldsOf(strict);
  assert.deepEqual(
    [replaced["X-Frame-Options"], replaced["Referrer-Policy"], replaced["Strict-Transport-Security"]],
    ["DENY", "no-referrer", null],
  );
});

test("the proxy's own answers have them, once each", async (t) => {
  const headers = { "x-frame-options": "ALLOWALL" };
  for (const [security_headers, frame] of [
    ["standard", "ALLOWALL"],
    ["strict", "DENY"],
  ] as const) {
    const proxy = await testProxy({ upstreams: {}, routes: [{ respond: { headers }, security_headers }] });
    t.after(() => proxy.close());
    const response = await proxy.fetch("http://a.test/");
    assert.deepEqual([response.headers.get("x-frame-options"), response.headers.get("x-content-type-options")], [frame, "nosniff"]);
  }
});

test("the most particular place counts, and response_headers has the last word", async (t) => {
  const top = { security_headers: "strict" } as const;
  const off = await proxyOf({ security_headers: "off" }, top);
  t.after(() => off.close());
  assert.deepEqual(new Set(Object.values(await fieldsOf(off))), new Set([null]));
  const edited = await proxyOf({ response_headers: { set: { "X-Frame-Options": "SAMEORIGIN" }, remove: ["Permissions-Policy"] } }, top);
  t.after(() => edited.close());
  const fields = await fieldsOf(edited);
  assert.deepEqual(
    [fields["X-Frame-Options"], fields["Permissions-Policy"], fields["Referrer-Policy"]],
    ["SAMEORIGIN", null, "no-referrer"],
  );
});

test("what a configuration may not say", async () => {
  const wrong = "paranoid" as "strict";
  await assert.rejects(proxyOf({ security_headers: wrong }), /routes\.#1\.security_headers: expected standard, strict or off/);
});

test("docs/headers.md and the README name the fields, and the page their values", () => {
  const page = readFileSync(new URL("../../../docs/headers.md", import.meta.url), "utf8");
  const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");
  for (const { name, standard, strict } of SECURITY_FIELDS) {
    for (const text of [page, readme]) assert.ok(text.includes(`\`${name}\``), name);
    if (name !== "Permissions-Policy") for (const value of [standard, strict]) assert.ok(page.includes(`\`${value}\``), value);
  }
});
