/** What becomes of TLS in a Caddyfile, where names alone mean certificates. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { converted } from "../convert.fixture.ts";
import type { ConvertedText } from "../convert.fixture.ts";

const caddy = (text: string, port?: string): Promise<ConvertedText> => converted(text, { format: "caddy", port });
const PASS = "reverse_proxy a";
const REDIRECT = { address: ":80", redirect_to_https: true };
const NOBODY = { deny: ["0.0.0.0/0", "::/0"] };

function tlsIn({ value }: ConvertedText): Readonly<Record<string, unknown>> {
  const listeners = value["listeners"] as readonly Readonly<Record<string, unknown>>[];
  return (listeners.find(({ tls }) => tls !== undefined)?.["tls"] ?? {}) as Readonly<Record<string, unknown>>;
}
const tlsOf = async (text: string): Promise<Readonly<Record<string, unknown>>> => tlsIn(await caddy(text));
const ofSite = (text: string): Promise<Readonly<Record<string, unknown>>> => tlsOf(`a.example.com {\n${text}\n${PASS}\n}`);
const ordered = (more: object = {}): object => ({ domains: ["a.example.com"], ...more, storage: "./acme", terms_agreed: false });

test("an everyday file: names are ordered, and port 80 leads to https", async () => {
  const { text, notes } = await caddy(`{
	email ops@example.com
}
example.com, www.example.com {
	reverse_proxy app:3000
}
api.example.com {
	reverse_proxy api:4000
}
`);
  assert.equal(
    text,
    `# Made of f by \`millrace convert\`. What has no equivalent stands where it would have been: f:LINE: WHAT: WHY.
listeners:
  # f:4: https: read the terms of service of the authority, then write \`terms_agreed: true\`: nothing is ordered before; \`storage\` must outlive the process (docs/acme.md)
  - address: ":80"
    redirect_to_https: true
  - address: ":443"
    tls:
      acme:
        domains: [ example.com, www.example.com, api.example.com ]
        email: ops@example.com
        storage: ./acme
        terms_agreed: false
upstreams:
  app-3000:
    endpoints: [ http://app:3000 ]
  api-4000:
    endpoints: [ http://api:4000 ]
routes:
  # site example.com www.example.com (f:4)
  # reverse_proxy (f:5)
  - match: { host: [ example.com, www.example.com ] }
    upstream: app-3000
  # site api.example.com (f:7)
  # reverse_proxy (f:8)
  - match: { host: api.example.com }
    upstream: api-4000
`,
  );
  assert.equal(notes.length, 1);
});

describe("where certificates come from", () => {
  test("local names from the local authority, also by tls internal and local_certs", async () => {
    for (const text of [
      `localhost {\n${PASS}\n}`,
      `app.localhost, 127.0.0.1, [::1] {\n${PASS}\n}`,
      `app.internal {\n${PASS}\n}`,
      `:443 {\ntls internal\n${PASS}\n}`,
      `app.test {\ntls {\nissuer internal\n}\n${PASS}\n}`,
      `{\nlocal_certs\n}\nhttps:// {\n${PASS}\n}`,
    ])
      assert.deepEqual(await tlsOf(text), { internal: {} }, text);
  });

  test("files, also at a port of its own", async () => {
    const found = { certificates: [{ cert_file: "/c.pem", key_file: "/c.key" }] };
    assert.deepEqual(await ofSite("tls /c.pem /c.key"), found);
    const { value } = await caddy(`:8443 {\ntls /c.pem /c.key\n${PASS}\n}`);
    assert.deepEqual(value["listeners"], [REDIRECT, { address: ":8443", tls: found }]);
    assert.deepEqual(await ofSite("tls both.pem both.pem"), { certificates: [{ cert_file: "both.pem" }] });
  });

  test("names that nobody gives a certificate for are told", async () => {
    const notes = async (text: string): Promise<string> => (await caddy(text)).notes.join("\n");
    const beside = `b.example.com {\ntls /c.pem /c.key\n${PASS}\n}`;
    assert.match(await notes(`printer.local {\n${PASS}\n}\n${beside}`), /no authority gives certificates for the name/);
    assert.match(await notes(`*.example.com {\n${PASS}\n}\n${beside}`), /a wildcard needs `challenge: dns-01`/);
    assert.match(await notes(`app.example.com {\ntls internal\n${PASS}\n}\n${beside}`), /this name has none/);
    assert.match(await notes(`{\nauto_https disable_certs\n}\na.example.com {\n${PASS}\n}\n${beside}`), /none is given/);
  });

  test("where there is no certificate at all sites are served at loopback alone", async () => {
    const { value, notes } = await caddy(`printer.local {\n${PASS}\n}`);
    assert.deepEqual(value["listeners"], [{ address: "127.0.0.1:8080" }]);
    assert.match(notes.join("\n"), /it has no certificate that can be had here/);
  });

  test("a site that the local authority has no certificate for is left out where there is no other", async () => {
    const { value } = await caddy(`app.example.com {\ntls internal\n${PASS}\n}\nlocalhost {\nreverse_proxy b\n}`);
    assert.deepEqual(value.routes, [{ match: { host: "localhost" }, upstream: "b" }]);
  });

  test("names of the environment", async () => {
    const { value } = await caddy(
      `{$DOMAIN}, www.{$DOMAIN} {\n${PASS}\n}\nadmin.{$DOMAIN} {\nforward_auth a {\n uri /{path}\n}\nreverse_proxy b\n}`,
    );
    assert.deepEqual((tlsIn({ value, text: "", notes: [], files: [] })["acme"] as { domains: unknown }).domains, [
      "${DOMAIN}",
      "www.${DOMAIN}",
      "admin.${DOMAIN}",
    ]);
    assert.deepEqual(
      value.routes.map(({ match, access }) => [match, access]),
      [
        [{ host: ["${DOMAIN}", "www.${DOMAIN}"] }, undefined],
        [{ host: "admin.${DOMAIN}" }, NOBODY],
      ],
    );
    const local = await caddy(`{$SERVER_NAME:localhost} {\n${PASS}\n}`);
    assert.deepEqual(tlsIn(local), { internal: {} });
    assert.match(local.notes.join("\n"), /its name comes from the environment/);
  });
});

describe("authorities", () => {
  test("keys of acme, from global options and from sites", async () => {
    const globals = `{
	acme_ca https://ca.example/directory
	acme_ca_root /root.pem
	acme_eab {
		key_id kid
		mac_key abc_-
	}
	key_type rsa2048
}
`;
    assert.deepEqual(await tlsOf(`${globals}a.example.com {\n${PASS}\n}`), {
      acme: ordered({
        directory: "https://ca.example/directory",
        ca_file: "/root.pem",
        key: "rsa",
        eab: { key_id: "kid", hmac_key: "abc_-" },
      }),
    });
    assert.deepEqual(await ofSite("tls me@example.com"), { acme: ordered({ email: "me@example.com" }) });
    assert.deepEqual(await ofSite("tls {\nca https://ca.example/d\neab kid abc\ndisable_tlsalpn_challenge\n}"), {
      acme: ordered({ directory: "https://ca.example/d", challenge: "http-01", eab: { key_id: "kid", hmac_key: "abc" } }),
    });
    assert.deepEqual(await ofSite("tls {\nissuer acme {\nemail x@example.com\ndir https://ca.example/e\n}\n}"), {
      acme: ordered({ email: "x@example.com", directory: "https://ca.example/e" }),
    });
  });

  test("nobody agrees to terms but the owner, and the report says so", async () => {
    const { text, notes } = await caddy(`a.example.com {\n${PASS}\n}`);
    assert.match(text, /terms_agreed: false/);
    assert.match(notes.join("\n"), /write `terms_agreed: true`/);
  });

  test("records of a provider are set by a program that is still to be written, and no token is shown", async () => {
    const found = await caddy(`*.example.com {\ntls {\ndns cloudflare hunter2\n}\n${PASS}\n}`);
    assert.deepEqual(tlsIn(found), {
      acme: { ...ordered(), domains: ["*.example.com"], challenge: "dns-01", dns: { command: ["./acme-record"] } },
    });
    assert.match(found.notes.join("\n"), /write the program \.\/acme-record, which sets the record at cloudflare/);
    assert.ok(!`${found.text}${found.notes.join()}`.includes("hunter2"));
  });

  test("on demand only what a service admits", async () => {
    const globals = "{\non_demand_tls {\nask http://localhost:5555/check\n}\n}\n";
    const { value } = await caddy(`${globals}https:// {\ntls {\non_demand\n}\n${PASS}\n}`);
    assert.deepEqual(value["listeners"], [
      REDIRECT,
      { address: ":443", tls: { acme: { on_demand: { ask: "http://localhost:5555/check" }, storage: "./acme", terms_agreed: false } } },
    ]);
    const open = await caddy(`https:// {\ntls {\non_demand\n}\n${PASS}\n}\nb.example.com {\n${PASS}\n}`);
    assert.deepEqual((tlsIn(open)["acme"] as { on_demand?: unknown }).on_demand, undefined);
    assert.match(open.notes.join("\n"), /anybody could have certificates ordered/);
  });

  test("what one acme of a listener cannot say is told", async () => {
    const { notes } = await caddy(`a.example.com {\ntls a@example.com\n${PASS}\n}\nb.example.com {\ntls b@example.com\n${PASS}\n}`);
    assert.match(notes.join("\n"), /a listener has one `acme` for all names/);
    assert.match((await caddy(`a.example.com {\ntls {\nca http://ca.example\n}\n${PASS}\n}`)).notes.join("\n"), /over https only/);
    assert.match(
      (await caddy(`a.example.com {\ntls {\nload /certs\nmust_staple\n}\n${PASS}\n}`)).notes.join("\n"),
      /folders of certificates[^]*stapling/,
    );
  });
});

describe("where clients come in", () => {
  const listeners = async (text: string, port?: string): Promise<unknown> => (await caddy(text, port)).value["listeners"];
  const site = `localhost {\n${PASS}\n}`;
  const TLS = { address: ":443", tls: { internal: {} } };

  test("ports of the global options, and redirects that are switched off", async () => {
    assert.deepEqual(await listeners(site), [REDIRECT, TLS]);
    assert.deepEqual(await listeners(`{\nauto_https disable_redirects\n}\n${site}`), [TLS]);
    assert.deepEqual(await listeners(`{\nhttp_port 8080\nhttps_port 8443\n}\n${site}`), [
      { address: ":8080", redirect_to_https: true },
      { address: ":8443", tls: { internal: {} } },
    ]);
    assert.deepEqual(await listeners(`{\nauto_https off\n}\nlocalhost {\n${PASS}\n}`), [{ address: ":80" }]);
    assert.deepEqual(await listeners(`localhost:3443 {\n${PASS}\n}`), [REDIRECT, { address: ":3443", tls: { internal: {} } }]);
    assert.deepEqual(await listeners(`${site}\nlocalhost:3443 {\n${PASS}\n}`, "3443"), [{ address: ":3443", tls: { internal: {} } }]);
  });

  test("sites without TLS beside others with it", async () => {
    assert.deepEqual(await listeners(`localhost, http://localhost {\n${PASS}\n}`), [{ address: ":80" }, TLS]);
    assert.deepEqual(await listeners(`http:// {\nredir https://{host}{uri}\n}\n${site}`), [REDIRECT, TLS]);
    const { value, notes } = await caddy(`${site}\nhttp://plain.example.com {\nreverse_proxy plain\n}`);
    assert.deepEqual(value.routes.length, 1);
    assert.match(notes.join("\n"), /left out: convert it by itself with --port 80/);
    const alone = await caddy(`${site}\nhttp://plain.example.com {\nreverse_proxy plain\n}`, "80");
    assert.deepEqual([alone.value["listeners"], alone.value.routes[0]?.["upstream"]], [[{ address: ":80" }], "plain"]);
    const mixed = await caddy(`localhost, http://localhost {\n${PASS}\n}\napp.localhost {\n${PASS}\n}`);
    assert.deepEqual(mixed.value["listeners"], [REDIRECT, TLS]);
    assert.match(mixed.notes.join("\n"), /its clients are led to https/);
  });

  test("addresses of bind, and sites that were for the machine alone", async () => {
    assert.deepEqual(await listeners(`localhost {\nbind 127.0.0.1 ::1\n${PASS}\n}`), [
      { address: "127.0.0.1:80", redirect_to_https: true },
      { address: "[::1]:80", redirect_to_https: true },
      { address: "127.0.0.1:443", tls: { internal: {} } },
      { address: "[::1]:443", tls: { internal: {} } },
    ]);
    const { value } = await caddy(`${site}\nadmin.localhost {\nbind 127.0.0.1\nreverse_proxy admin\n}`);
    assert.deepEqual(value["listeners"], [REDIRECT, TLS]);
    assert.deepEqual(value.routes.find(({ respond }) => respond !== undefined)?.["match"], {
      host: "admin.localhost",
      not: { client_ip: ["127.0.0.0/8", "::1"] },
    });
  });

  test("load balancers that speak the PROXY protocol", async () => {
    const wrapped = "{\nservers {\nlistener_wrappers {\nproxy_protocol {\nallow 10.0.0.0/8\n}\ntls\n}\n}\n}\n";
    assert.deepEqual(await listeners(`${wrapped}:80 {\n${PASS}\n}`), [{ address: ":80", proxy_protocol: { from: ["10.0.0.0/8"] } }]);
    assert.match((await caddy(`${wrapped.replace("allow 10.0.0.0/8\n", "")}:80 {\n${PASS}\n}`)).notes.join(), /proxy_protocol\.from/);
  });
});

test("versions, ciphers and curves", async () => {
  const found = await ofSite(
    "tls /c /k {\nprotocols tls1.3\nciphers TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256\ncurves x25519 secp256r1\n}",
  );
  assert.deepEqual(found, {
    certificates: [{ cert_file: "/c", key_file: "/k" }],
    min_version: "1.3",
    ciphers: ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"],
    curves: ["X25519", "prime256v1"],
  });
  assert.match(
    (await caddy("a.example.com {\ntls /c /k {\nprotocols tls1.2 tls1.2\ncurves x\n}\n}")).notes.join("\n"),
    /no highest version[^]*no equivalent/,
  );
});

describe("clients' certificates", () => {
  const auth = (text: string): string => `tls /c /k {\nclient_auth {\n${text}\n}\n}`;
  const rule = async (text: string): Promise<unknown> => (await ofSite(auth(text)))["client_certificates"];

  test("modes", async () => {
    const file = "trusted_ca_cert_file /ca.pem";
    assert.deepEqual(await rule(file), { ca_file: "/ca.pem" });
    assert.deepEqual(await rule(`mode require_and_verify\n${file}`), { ca_file: "/ca.pem" });
    assert.deepEqual(await rule("mode verify_if_given\ntrust_pool file /ca.pem"), { mode: "optional", ca_file: "/ca.pem" });
    assert.deepEqual(await rule("trust_pool file {\npem_file /ca.pem\n}"), { ca_file: "/ca.pem" });
    assert.deepEqual(await rule("mode request"), undefined);
  });

  test("what cannot be kept admits nobody", async () => {
    for (const text of [
      "mode require",
      "trusted_ca_cert MIIB",
      "trusted_ca_cert_file /ca.pem\ntrusted_leaf_cert_file /leaf.pem",
      "trust_pool pki_root {\nauthority a\n}",
    ]) {
      const { value, notes } = await caddy(`a.example.com {\n${auth(text)}\n${PASS}\n}`);
      assert.deepEqual(value.routes[0]?.["access"], NOBODY, text);
      assert.match(notes.join("\n"), /nobody is let in here/);
    }
  });

  test("sites that share a listener without files are told apart by routes", async () => {
    const found = await caddy(
      `closed.localhost {\ntls {\nclient_auth {\ntrusted_ca_cert_file /ca.pem\n}\n}\n${PASS}\n}\nopen.localhost {\n${PASS}\n}`,
    );
    assert.deepEqual(tlsIn(found), { client_certificates: { mode: "optional", ca_file: "/ca.pem" }, internal: {} });
    assert.deepEqual(found.value.routes[0], {
      match: { host: "closed.localhost", not: { client_certificate: {} } },
      respond: { status: 403 },
    });
  });
});

test("whatever is put together, the result passes the check", async () => {
  const line = fc.constantFrom(
    "tls internal",
    "tls a@example.com",
    "tls /c.pem /c.key",
    "tls {http.x} /k",
    "tls {\non_demand\n}",
    "tls {\ndns x y\n}",
    "tls {\nissuer zerossl key\n}",
    "tls {\nkey_type rsa4096\neab a b\n}",
    "tls {\nprotocols tls1.3\nciphers X\n}",
    "tls {\nclient_auth {\nmode require\n}\n}",
    "tls {\nclient_auth {\ntrusted_ca_cert_file /ca\n}\n}",
    "bind 127.0.0.1",
    PASS,
    "redir https://{host}{uri}",
  );
  const address = fc.constantFrom(
    "a.example.com",
    "*.b.example.com",
    "localhost",
    "app.internal",
    "printer.local",
    "http://a.example.com",
    "https://",
    ":443",
    ":80",
    ":8443",
    "{$DOMAIN}",
    "www.{$DOMAIN}",
    "{$SERVER_NAME:localhost}",
    "127.0.0.1",
    "single",
  );
  const option = fc.constantFrom(
    "auto_https off",
    "auto_https disable_redirects",
    "auto_https disable_certs",
    "local_certs",
    "email {$EMAIL}",
    "acme_ca {$CA}",
    "acme_dns x",
    "https_port 8443",
    "on_demand_tls {\nask {$ASK}\n}",
  );
  const block = fc
    .tuple(fc.uniqueArray(address, { minLength: 1, maxLength: 3 }), fc.uniqueArray(line, { maxLength: 4 }))
    .map(([where, lines]) => `${where.join(", ")} {\n${lines.join("\n")}\n}`);
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(option, { maxLength: 3 }), fc.array(block, { minLength: 1, maxLength: 3 }), async (options, blocks) => {
      const text = `${options.length === 0 ? "" : `{\n${options.join("\n")}\n}\n`}${blocks.join("\n")}`;
      await caddy(text).catch((error: unknown) => {
        // A file of which nothing is left is a fault, and no configuration.
        if (!String(error).includes("none of its sites can be converted")) throw error;
      });
    }),
    { numRuns: 200 },
  );
});
