/**
 * Sites that ask clients for a certificate are not opened by `millrace convert`: whatever stands beside them, a request without a certificate that
 * comes in at some listener, as over a connection that was made for another name, reaches no origin.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { sources } from "../../src/convert/convert.fixture.ts";
import { convert } from "../../src/convert/convert.ts";
import type { Format } from "../../src/convert/convert.ts";
import { asAgreed } from "../../src/convert/model/sample-environment.ts";
import { testProxy } from "../../src/testing/test-proxy.ts";

const RUNS = 60;
const HOST = "closed.test";
const TARGETS = ["/", "/admin/x", "/x.php"];

interface Listener {
  readonly redirect_to_https?: boolean;
  readonly tls?: {
    readonly certificates?: readonly { readonly client_certificates?: unknown }[];
    readonly client_certificates?: { mode?: string };
  };
}

/** Whether no connection comes to be without a certificate, so that routes need not look. */
function isKeptByListeners(listeners: readonly Listener[]): boolean {
  return listeners.every(({ tls }) => {
    const rules = [
      tls?.client_certificates,
      ...(tls?.certificates ?? []).map((entry) => entry.client_certificates ?? tls?.client_certificates),
    ];
    return rules.every((rule) => typeof rule === "object" && rule !== null && !("mode" in rule && rule.mode === "optional"));
  });
}

async function staysClosed(text: string, format: Format, files: Readonly<Record<string, string>>): Promise<void> {
  const made = convert(text, format === "nginx" ? "nginx.conf" : "Caddyfile", { format }, sources(files));
  if (made.fault !== undefined) return;
  const config = parse(made.text) as { readonly listeners: readonly Listener[]; readonly upstreams?: Record<string, unknown> };
  if (isKeptByListeners(config.listeners)) return;
  const upstreams = Object.keys(config.upstreams ?? {});
  using proxy = await testProxy(asAgreed(made.text), {
    upstreams: Object.fromEntries(upstreams.map((name) => [name, () => Promise.resolve(new Response("origin"))])),
    files: { "srv/index.html": "the page" },
  });
  for (const [listener, { tls }] of config.listeners.entries())
    for (const target of TARGETS) {
      const client = tls === undefined ? {} : { tls: {} };
      const response = await proxy.fetch(`http://${HOST}${target}`, { listener, ...client });
      const body = await response.text();
      assert.ok(
        response.status >= 300 && body !== "origin",
        `${target} at listener ${listener}: ${response.status}\n${text}\n${made.text}`,
      );
    }
}

test("nginx", async () => {
  const trust = fc.constantFrom("ca.pem", "other.pem");
  const mode = fc.constantFrom("off", "optional", "on");
  const pair = fc.constantFrom("ssl_certificate a; ssl_certificate_key ak;", "ssl_certificate b; ssl_certificate_key bk;", "");
  const listen = fc.constantFrom(
    "listen 443 ssl;",
    "listen 443 ssl default_server;",
    "listen 80; listen 443 ssl;",
    "listen 127.0.0.1:443 ssl;",
    "listen 80;",
  );
  const inside = fc.constantFrom(
    "location / { proxy_pass http://a; }",
    "return 301 https://$host$request_uri;",
    "if ($scheme = http) { return 301 https://$host$uri; } location / { proxy_pass http://b; }",
    "ssl_reject_handshake on;",
    "return 444;",
  );
  const other = fc
    .tuple(listen, fc.constantFrom("open.test", "*.test", "_"), pair, trust, mode, inside)
    .map(
      ([where, name, own, ca, asked, content]) =>
        `server { ${where} server_name ${name}; ${own} ssl_client_certificate ${ca}; ssl_verify_client ${asked}; ${content} }`,
    );
  const closed = fc
    .tuple(
      fc.constantFrom("listen 443 ssl;", "listen 443 ssl default_server;", "listen 443 ssl http2;"),
      pair,
      trust,
      fc.constantFrom("", "ssl_ocsp on;", "if ($request_method = POST) { return 405; }"),
    )
    .map(
      ([where, own, ca, more]) =>
        `server { ${where} server_name ${HOST}; ${own} ssl_client_certificate ${ca}; ssl_verify_client on; ${more} location / { proxy_pass http://secret; } location ~ \\.php$ { return 200 origin; } }`,
    );
  await fc.assert(
    fc.asyncProperty(fc.array(other, { maxLength: 3 }), closed, fc.array(other, { maxLength: 1 }), async (before, own, after) =>
      staysClosed([...before, own, ...after].join("\n"), "nginx", {}),
    ),
    { numRuns: RUNS },
  );
});

test("Caddy", async () => {
  const source = fc.constantFrom("tls internal", "tls a ak", "tls b bk", "");
  const auth = fc.constantFrom(
    "",
    "tls {\nclient_auth {\ntrusted_ca_cert_file ca.pem\n}\n}",
    "tls {\nclient_auth {\nmode verify_if_given\ntrusted_ca_cert_file ca.pem\n}\n}",
    "tls {\nclient_auth {\ntrusted_ca_cert_file other.pem\n}\n}",
  );
  const other = fc
    .tuple(fc.constantFrom("open.test", "https://", "*.test", "http://open.test", ":80", "a.example.com"), source, auth)
    .map(([name, own, asked]) => `${name} {\n${own}\n${asked}\nreverse_proxy a\n}`);
  const closed = fc
    .tuple(
      fc.constantFrom(HOST, `${HOST}, http://${HOST}`),
      source,
      fc.constantFrom("ca.pem", "other.pem"),
      fc.constantFrom("", "mode require\n"),
    )
    .map(
      ([name, own, ca, mode]) =>
        `${name} {\n${own}\ntls {\nclient_auth {\n${mode}trusted_ca_cert_file ${ca}\n}\n}\nrespond *.php origin 200\nreverse_proxy secret\n}`,
    );
  await fc.assert(
    fc.asyncProperty(fc.array(other, { maxLength: 3 }), closed, fc.array(other, { maxLength: 1 }), async (before, own, after) =>
      staysClosed([...before, own, ...after].join("\n"), "caddy", {}),
    ),
    { numRuns: RUNS },
  );
});
