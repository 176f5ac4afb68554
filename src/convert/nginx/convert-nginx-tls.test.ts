/** What becomes of TLS in configurations of nginx. That the result serves is the business of test/e2e/convert-tls.command.test.ts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { converted } from "../convert.fixture.ts";
import type { ConvertedText } from "../convert.fixture.ts";

const nginx = (text: string, port?: string): Promise<ConvertedText> => converted(text, { format: "nginx", port });
const PAIR = "ssl_certificate /c.pem; ssl_certificate_key /c.key;";
const PASS = "location / { proxy_pass http://a; }";
/** Server with TLS and what else is said of it. */
const secure = (name: string, text: string = PAIR): string => `server { listen 443 ssl; server_name ${name}; ${text} ${PASS} }`;
const tlsOf = async (text: string): Promise<unknown> => tlsIn(await nginx(secure("a.test", `${PAIR} ${text}`)));

function tlsIn({ value }: ConvertedText): unknown {
  const listeners = value["listeners"] as readonly Readonly<Record<string, unknown>>[];
  return listeners.find(({ tls }) => tls !== undefined)?.["tls"];
}

const ENTRY = { cert_file: "/c.pem", key_file: "/c.key" };
const NOBODY = { deny: ["0.0.0.0/0", "::/0"] };

test("an everyday file: port 80 leads to https, and each name has its certificate", async () => {
  const { text, notes } = await nginx(`
http {
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:HIGH:!aNULL;
  ssl_prefer_server_ciphers on;
  ssl_session_cache shared:SSL:10m;
  ssl_session_timeout 1d;
  ssl_buffer_size 4k;
  server { listen 80; listen [::]:80; server_name a.test b.test; return 301 https://$host$request_uri; }
  server { listen 443 ssl http2; listen [::]:443 ssl http2; server_name a.test; ssl_certificate a/fullchain.pem; ssl_certificate_key a/privkey.pem; ${PASS} }
  server { listen 443 ssl; server_name b.test; ssl_certificate b/fullchain.pem; ssl_certificate_key b/privkey.pem; ${PASS} }
}`);
  assert.equal(
    text,
    `# Made of f by \`millrace convert\`. What has no equivalent stands where it would have been: f:LINE: WHAT: WHY.
listeners:
  # f:10: http2: HTTP/2 has no equivalent yet: clients are served in HTTP/1.1
  - address: ":80"
    redirect_to_https: true
  - address: ":443"
    tls:
      certificates:
        - { cert_file: a/fullchain.pem, key_file: a/privkey.pem }
        - { cert_file: b/fullchain.pem, key_file: b/privkey.pem }
      ciphers: ECDHE-RSA-AES128-GCM-SHA256:HIGH:!aNULL
defaults:
  routes:
    max_body: 1MiB
rewrite_location: true
upstreams:
  a:
    endpoints: [ http://a ]
routes:
  # server b.test (f:11)
  # location / (f:11)
  - match: { host: b.test }
    rewrite: { host: upstream }
    upstream: a
  # server for all other hosts (f:10)
  # location / (f:10)
  - rewrite: { host: upstream }
    upstream: a
`,
  );
  assert.equal(notes.length, 1);
});

describe("certificates and keys", () => {
  test("the default server's come first, each once, those of several kinds side by side", async () => {
    const found = await nginx(`
      server { listen 443 ssl; server_name a.test; ssl_certificate a.pem; ssl_certificate_key a.key; ${PASS} }
      server { listen 443 ssl default_server; server_name b.test; ssl_certificate b.pem; ssl_certificate_key b.key; ssl_certificate b-rsa.pem; ssl_certificate_key b-rsa.key; ${PASS} }
      server { listen 443 ssl; server_name c.test; ssl_certificate a.pem; ssl_certificate_key a.key; ${PASS} }`);
    assert.deepEqual(tlsIn(found), {
      certificates: [
        { cert_file: "b.pem", key_file: "b.key" },
        { cert_file: "b-rsa.pem", key_file: "b-rsa.key" },
        { cert_file: "a.pem", key_file: "a.key" },
      ],
    });
  });

  test("passphrases and OCSP responses", async () => {
    const found = await nginx(
      secure("a.test", `${PAIR} ssl_password_file /pass; ssl_stapling on; ssl_stapling_verify on; ssl_stapling_file /o;`),
    );
    assert.deepEqual(tlsIn(found), { certificates: [{ ...ENTRY, key_passphrase: "file:/pass", ocsp_file: "/o" }] });
    assert.match(
      found.notes.join("\n"),
      /ssl_password_file: of the file the first line counts[^]*ssl_stapling: answers of OCSP are not fetched/,
    );
  });

  test("a name without a certificate beside others is told", async () => {
    const { notes } = await nginx(`${secure("a.test")} ${secure("b.test", "include snippets/b.conf;")}`);
    assert.match(notes.join("\n"), /server: it has no certificate that can be taken over, so its names get that of the default server/);
  });

  test("without any certificate the sites are served at loopback alone, and nobody is led to https", async () => {
    for (const pair of [
      "",
      "ssl_certificate $host.pem; ssl_certificate_key $host.key;",
      "ssl_certificate data:$x; ssl_certificate_key data:$y;",
    ]) {
      const { value, notes } = await nginx(`server { listen 80; return 301 https://$host$request_uri; } ${secure("a.test", pair)}`);
      assert.deepEqual(value["listeners"], [{ address: "127.0.0.1:8080" }], pair);
      assert.match(notes.join("\n"), /listen :443 ssl: none of its certificates can be taken over/);
    }
  });
});

describe("where clients come in", () => {
  test("old spellings: ssl on, and a port that one block alone declares", async () => {
    for (const text of [
      `server { listen 443; ssl on; ${PAIR} ${PASS} }`,
      `server { listen 443; ${PAIR} ${PASS} } server { listen 443 ssl; server_name b.test; ${PAIR} ${PASS} }`,
      `server { listen 443; ${PASS} } server { listen 10.0.0.1:443 ssl; server_name b.test; ${PAIR} ${PASS} }`,
    ])
      assert.deepEqual((await nginx(text)).value["listeners"], [{ address: ":443", tls: { certificates: [ENTRY] } }], text);
  });

  test("addresses of their own have their own certificates", async () => {
    const { value } = await nginx(`
      server { listen 10.0.0.1:443 ssl; ssl_certificate a; ssl_certificate_key ak; ${PASS} }
      server { listen 10.0.0.2:443 ssl; server_name b.test; ssl_certificate b; ssl_certificate_key bk; ${PASS} }`);
    assert.deepEqual(value["listeners"], [
      { address: "10.0.0.1:443", tls: { certificates: [{ cert_file: "a", key_file: "ak" }] } },
      { address: "10.0.0.2:443", tls: { certificates: [{ cert_file: "b", key_file: "bk" }] } },
    ]);
  });

  test("a site of one address is not served at others to whom it was closed", async () => {
    const beside = async (address: string): Promise<ConvertedText> =>
      nginx(
        `${secure("open.test")} server { listen ${address} ssl; server_name admin.test; ${PAIR} location / { proxy_pass http://admin; } }`,
      );
    const machine = (await beside("127.0.0.1:443")).value;
    assert.deepEqual(machine["listeners"], [{ address: ":443", tls: { certificates: [ENTRY] } }]);
    assert.deepEqual(machine.routes[0], {
      match: { host: "admin.test", not: { client_ip: ["127.0.0.0/8", "::1"] } },
      respond: { status: 403 },
    });
    const near = await beside("10.0.0.1:443");
    assert.deepEqual(near.value.routes[0]?.["access"], NOBODY);
    assert.match(near.notes.join("\n"), /it listened at an address of its own network/);
    assert.deepEqual((await beside("192.0.2.1:443")).value.routes[0]?.["upstream"], "admin");
    const led = await nginx(
      `server { listen 10.0.0.1:80; return 301 https://$host$request_uri; } server { listen 10.0.0.1:443 ssl; ${PAIR} ${PASS} }`,
    );
    assert.deepEqual(led.value.routes[0]?.["upstream"], "a");
  });

  test("other ports by themselves, and what is left out is told", async () => {
    const text = `server { listen 443 ssl; listen 8443 ssl; ${PAIR} ${PASS} }`;
    assert.match((await nginx(text)).notes.join("\n"), /listen 8443: [^\n]*--port 8443/);
    assert.deepEqual((await nginx(text, "8443")).value["listeners"], [{ address: ":8443", tls: { certificates: [ENTRY] } }]);
  });

  test("clients that a load balancer names in the PROXY protocol", async () => {
    const { value } = await nginx(
      `set_real_ip_from 10.0.0.0/24; real_ip_header proxy_protocol; server { listen 443 ssl proxy_protocol; ${PAIR} ${PASS} }`,
    );
    assert.deepEqual(value["listeners"], [{ address: ":443", proxy_protocol: { from: ["10.0.0.0/24"] }, tls: { certificates: [ENTRY] } }]);
  });

  test("HTTP/3 is neither served nor promised", async () => {
    const { value, notes } = await nginx(
      `server { listen 443 quic reuseport; listen 443 ssl; http2 on; ${PAIR} add_header Alt-Svc 'h3=":443"; ma=86400' always; ${PASS} }`,
    );
    assert.deepEqual(value.routes[0]?.["response_headers"], undefined);
    assert.match(notes.join("\n"), /listen: HTTP\/3 has no equivalent[^]*Alt-Svc: HTTP\/3 has no equivalent/);
  });

  test("plain HTTP on the port of TLS", async () => {
    assert.deepEqual(await tlsOf("error_page 497 =301 https://$host$request_uri;"), { certificates: [ENTRY], plain_http: "redirect" });
  });
});

describe("without TLS beside it", () => {
  const listeners = async (text: string): Promise<unknown> => (await nginx(text)).value["listeners"];
  const REDIRECT = { address: ":80", redirect_to_https: true };
  const TLS = { address: ":443", tls: { certificates: [ENTRY] } };

  test("whatever leads to https, or refuses, becomes redirect_to_https", async () => {
    for (const plain of [
      "return 301 https://$host$request_uri;",
      "location / { return 301 https://$server_name$request_uri; }",
      "rewrite ^(.*) https://$host$1 permanent;",
      "if ($host = a.test) { return 301 https://$host$request_uri; } return 404;",
      "return 444;",
    ])
      assert.deepEqual(await listeners(`server { listen 80; server_name a.test; ${plain} } ${secure("a.test")}`), [REDIRECT, TLS], plain);
    for (const condition of ["$scheme = http", "$scheme != https", '$https = ""', "$server_port !~ 443", "$server_port = 80"])
      assert.deepEqual(
        await listeners(
          `server { listen 80; listen 443 ssl; ${PAIR} if (${condition}) { return 301 https://$host$request_uri; } ${PASS} }`,
        ),
        [REDIRECT, TLS],
        condition,
      );
  });

  test("sites that are served both ways are, if all are", async () => {
    const both = `server { listen 80; listen 443 ssl; ${PAIR} ${PASS} }`;
    assert.deepEqual(await listeners(both), [{ address: ":80" }, TLS]);
    const { value, notes } = await nginx(`${both} ${secure("b.test")}`);
    assert.deepEqual(value["listeners"], [REDIRECT, TLS]);
    assert.match(notes.join("\n"), /f:1: server: it serves without TLS too/);
  });

  test("a site of its own without TLS is left out, and can be converted by itself", async () => {
    const text = `${secure("a.test")} server { listen 80; server_name plain.test; location / { proxy_pass http://plain; } }`;
    const { value, notes } = await nginx(text);
    assert.deepEqual([value["listeners"], value.routes.length], [[TLS], 1]);
    assert.match(notes.join("\n"), /left out: convert it by itself with --port 80/);
    const alone = (await nginx(text, "80")).value;
    assert.deepEqual([alone["listeners"], alone.routes.map(({ upstream }) => upstream)], [[{ address: ":80" }], ["plain"]]);
  });

  test("files of challenges are found at https, where the authority is led", async () => {
    const { value } = await nginx(`
      server { listen 80; server_name a.test; root /var/www; location /.well-known/acme-challenge/ { allow all; } location / { return 301 https://$host$request_uri; } }
      ${secure("a.test")}`);
    assert.deepEqual(value["listeners"], [REDIRECT, TLS]);
    assert.deepEqual(value.routes[0]?.["files"], { root: "/var/www" });
  });

  test("a name that is led to another one needs a certificate", async () => {
    const { value, notes } = await nginx(`
      server { listen 80; server_name old.test; return 301 https://new.test$request_uri; }
      ${secure("new.test")}`);
    assert.deepEqual(value.routes.find(({ redirect }) => redirect !== undefined)?.["redirect"], {
      to: "https://new.test{uri}",
      status: 301,
    });
    assert.match(notes.join("\n"), /its names need a certificate/);
  });

  test("without any TLS a redirect to https stays a route", async () => {
    const { value } = await nginx("server { listen 80; if ($scheme = http) { return 301 https://$host$request_uri; } }");
    assert.deepEqual(value.routes[0], { redirect: { to: "https://{host}{uri}", status: 301 } });
  });
});

describe("versions, ciphers and tickets", () => {
  test("keys of tls", async () => {
    assert.deepEqual(await tlsOf("ssl_protocols TLSv1.3;"), { certificates: [ENTRY], min_version: "1.3" });
    assert.deepEqual(await tlsOf("ssl_ecdh_curve X25519:secp384r1;"), { certificates: [ENTRY], curves: "X25519:secp384r1" });
    assert.deepEqual(await tlsOf("ssl_ecdh_curve auto;"), { certificates: [ENTRY] });
    assert.deepEqual(await tlsOf("ssl_conf_command Ciphersuites TLS_AES_256_GCM_SHA384; ssl_ciphers 'ECDHE+AES:!MD5';"), {
      certificates: [ENTRY],
      ciphers: "TLS_AES_256_GCM_SHA384:ECDHE+AES:!MD5",
    });
    assert.deepEqual(await tlsOf("ssl_session_tickets off; ssl_session_ticket_key t;"), { certificates: [ENTRY], tickets: false });
  });

  test("what has no equivalent is told", async () => {
    const notes = async (text: string): Promise<string> => (await nginx(secure("a.test", `${PAIR} ${text}`))).notes.join("\n");
    assert.match(await notes("ssl_protocols TLSv1 TLSv1.2;"), /older versions than TLS 1\.2[^]*TLS 1\.3 is spoken too/);
    assert.match(await notes("ssl_ciphers PROFILE=SYSTEM;"), /what Mozilla recommends is offered/);
    assert.match(await notes("ssl_ciphers ECDHE-RSA-AES128-SHA:DES-CBC3-SHA;"), /OpenSSL does not know DES-CBC3-SHA$/);
    assert.deepEqual(await tlsOf("ssl_ciphers ECDHE-RSA-AES128-SHA:DES-CBC3-SHA:!MD5; ssl_ecdh_curve secp384r1:sect571r0;"), {
      certificates: [ENTRY],
      ciphers: "ECDHE-RSA-AES128-SHA:!MD5",
      curves: "secp384r1",
    });
    assert.match(await notes("ssl_session_ticket_key t;"), /base64 -w0/);
    assert.match(await notes("ssl_early_data on;"), /0-RTT/);
    assert.match(await notes("ssl_conf_command Options KTLS;"), /other than `Ciphersuites`/);
    assert.match(await notes("ssl_something_new x;"), /ssl_something_new: has no equivalent/);
    assert.equal(await notes("ssl_session_cache shared:a:1m; ssl_dhparam d; ssl_buffer_size 4k;"), "");
    const { notes: two } = await nginx(`${secure("a.test")} ${secure("b.test", `${PAIR} ssl_ciphers HIGH;`)}`);
    assert.match(two.join("\n"), /that of the default server counts/);
  });

  test("names that no certificate has", async () => {
    const found = await nginx(
      `server { listen 443 ssl default_server; ssl_reject_handshake on; } ${secure("a.test", `${PAIR} ssl_session_tickets off;`)}`,
    );
    assert.deepEqual(tlsIn(found), { certificates: [ENTRY], strict_sni: true, tickets: false });
    assert.deepEqual(found.value.routes.at(-1), { respond: { status: 421 } });
  });
});

describe("clients' certificates", () => {
  const ON = "ssl_client_certificate /ca.pem; ssl_verify_client on;";
  const rule = { ca_file: "/ca.pem" };

  test("one rule for all stands in the listener", async () => {
    assert.deepEqual(await tlsOf(ON), { certificates: [ENTRY], client_certificates: rule });
    assert.deepEqual(await tlsOf("ssl_client_certificate /ca.pem; ssl_verify_client optional; ssl_crl /crl.pem; ssl_verify_depth 3;"), {
      certificates: [ENTRY],
      client_certificates: { mode: "optional", ca_file: "/ca.pem", crl_file: "/crl.pem", verify_depth: 3 },
    });
    assert.deepEqual(await tlsOf("ssl_trusted_certificate /t.pem; ssl_verify_client on;"), {
      certificates: [ENTRY],
      client_certificates: { ca_file: "/t.pem" },
    });
    assert.deepEqual((await nginx(secure("a.test", `${PAIR} ${ON}`))).value.routes[0]?.["upstream"], "a");
  });

  test("a rule of one name stands with its certificate, and its routes look at it again", async () => {
    const found = await nginx(
      `${secure("open.test")} ${secure("closed.test", `ssl_certificate /d.pem; ssl_certificate_key /d.key; ${ON}`)}`,
    );
    assert.deepEqual(tlsIn(found), { certificates: [ENTRY, { cert_file: "/d.pem", key_file: "/d.key", client_certificates: rule }] });
    assert.deepEqual(found.value.routes[0], {
      match: { host: "closed.test", not: { client_certificate: {} } },
      respond: { status: 403 },
    });
  });

  test("names that share a certificate are told apart by routes", async () => {
    const found = await nginx(`${secure("open.test")} ${secure("closed.test", `${PAIR} ${ON}`)}`);
    assert.deepEqual(tlsIn(found), { certificates: [{ ...ENTRY, client_certificates: { mode: "optional", ca_file: "/ca.pem" } }] });
    assert.deepEqual(found.value.routes[0]?.["match"], { host: "closed.test", not: { client_certificate: {} } });
  });

  test("a rule that cannot be kept admits nobody", async () => {
    const other = "ssl_client_certificate /other.pem; ssl_verify_client on;";
    const shared = await nginx(`${secure("one.test", `${PAIR} ${ON}`)} ${secure("two.test", `${PAIR} ${other}`)}`);
    assert.deepEqual(shared.value.routes.find(({ match }) => JSON.stringify(match).includes("two.test"))?.["access"], NOBODY);
    for (const text of ["ssl_verify_client on;", `${ON} ssl_ocsp on;`, "ssl_client_certificate $ca; ssl_verify_client optional;"]) {
      const { value, notes } = await nginx(secure("a.test", `${PAIR} ${text}`));
      assert.deepEqual(value.routes[0]?.["access"], NOBODY, text);
      assert.match(notes.join("\n"), /ssl_verify_client: what it asks of clients cannot be kept/);
    }
    const { value } = await nginx(`server { listen 443 ssl; server_name a.test; ${ON} location / { return 200 secret; } }`);
    assert.deepEqual(value.routes[0]?.["access"], NOBODY, "no certificate, so no TLS");
  });

  test("a listener without TLS beside it does not let in who shows none", async () => {
    const { value } = await nginx(`server { listen 80; listen 443 ssl; server_name a.test; ${PAIR} ${ON} ${PASS} }`);
    assert.deepEqual(value.routes[0], { match: { not: { client_certificate: {} } }, respond: { status: 403 } });
  });

  test("conditions on the certificate", async () => {
    const match = async (condition: string): Promise<unknown> => {
      const optional = `${PAIR} ssl_client_certificate /ca.pem; ssl_verify_client optional; if (${condition}) { return 403; }`;
      const { value } = await nginx(secure("a.test", optional));
      return value.routes.find(({ respond }) => respond !== undefined)?.["match"];
    };
    const none = { not: { client_certificate: {} } };
    assert.deepEqual(await match("$ssl_client_verify != SUCCESS"), none);
    assert.deepEqual(await match('$ssl_client_verify = "NONE"'), none);
    assert.deepEqual(await match("$ssl_client_verify = SUCCESS"), { client_certificate: {} });
    assert.deepEqual(await match('$ssl_client_s_dn != "CN=alice,O=Example"'), {
      not: { client_certificate: { subject: "CN=alice,O=Example" } },
    });
    assert.equal(await match("$ssl_client_verify ~ ^FAILED"), undefined);
  });

  test("what told the origin of the certificate is not left to clients", async () => {
    const { value, notes } = await nginx(secure("a.test", `${PAIR} ${ON} proxy_set_header X-SSL-Verify $ssl_client_verify;`));
    assert.deepEqual(value.routes[0]?.["request_headers"], { remove: ["X-SSL-Verify"] });
    assert.match(notes.join("\n"), /`forward` of `client_certificates`[^]*left out, also what clients send in it/);
  });

  test("certificates that nobody verifies are not asked for, and those that are not trusted are refused", async () => {
    assert.deepEqual(await tlsOf("ssl_verify_client optional_no_ca;"), { certificates: [ENTRY] });
    const found = await nginx(secure("a.test", `${PAIR} ssl_client_certificate /ca.pem; ssl_verify_client optional_no_ca;`));
    assert.deepEqual(tlsIn(found), { certificates: [ENTRY], client_certificates: { mode: "optional", ca_file: "/ca.pem" } });
    assert.match(found.notes.join("\n"), /is served nothing/);
  });
});

test("whatever is put together, the result passes the check", async () => {
  const directive = fc.constantFrom(
    PAIR,
    "ssl_certificate d; ssl_certificate_key dk;",
    "ssl_certificate $x; ssl_certificate_key $y;",
    "ssl_password_file p;",
    "ssl_protocols TLSv1.3;",
    "ssl_protocols SSLv3;",
    "ssl_ciphers 'A B,C';",
    'ssl_ciphers "{";',
    "ssl_ecdh_curve a:b;",
    "ssl_session_tickets off;",
    "ssl_verify_client on;",
    "ssl_verify_client optional;",
    "ssl_client_certificate ca;",
    "ssl_client_certificate other;",
    "ssl_crl crl;",
    "ssl_verify_depth 99;",
    "ssl_reject_handshake on;",
    "ssl_stapling_file o;",
    "error_page 497 https://$host;",
    "return 301 https://$host$request_uri;",
    "if ($scheme = http) { return 301 https://$host$uri; }",
    "if ($ssl_client_verify != SUCCESS) { return 403; }",
    "location /.well-known/acme-challenge { root /w; }",
    PASS,
  );
  const listen = fc.constantFrom("80", "443 ssl", "443", "443 ssl default_server", "[::]:443 ssl http2", "10.0.0.1:443 ssl", "8443 ssl");
  const block = fc
    .tuple(
      fc.uniqueArray(listen, { maxLength: 3 }),
      fc.constantFrom("a.test", "*.b.test", "_"),
      fc.uniqueArray(directive, { maxLength: 8 }),
    )
    .map(
      ([listens, name, own]) => `server { ${listens.map((each) => `listen ${each};`).join(" ")} server_name ${name}; ${own.join(" ")} }`,
    );
  await fc.assert(
    fc.asyncProperty(fc.array(block, { minLength: 1, maxLength: 3 }), async (blocks) => void (await nginx(blocks.join("\n")))),
    { numRuns: 150 },
  );
});
