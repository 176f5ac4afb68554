/** What becomes of directives of nginx. That the result answers as nginx does is the business of test/e2e/convert-nginx.command.test.ts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { converted, faultOf } from "../convert.fixture.ts";
import type { ConvertedText } from "../convert.fixture.ts";

const nginx = (text: string, files: Readonly<Record<string, string>> = {}, port?: string): Promise<ConvertedText> =>
  converted(text, { format: "nginx", port }, files);
const server = (text: string): Promise<ConvertedText> => nginx(`server { listen 80; ${text} }`);
/** The only route of a server. */
const route = async (text: string): Promise<Readonly<Record<string, unknown>>> => (await server(text)).value.routes[0] ?? {};

test("an everyday file", async () => {
  const { text, notes } = await nginx(`
user nginx;
events { worker_connections 1024; }
http {
  include mime.types;
  gzip on;
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  upstream app { server 10.0.0.1:8080 weight=2; server 10.0.0.2:8080; keepalive 16; }
  server {
    listen 80 default_server;
    listen [::]:80 default_server;
    server_name example.com www.example.com;
    client_max_body_size 20m;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
    location /api/ { proxy_pass http://127.0.0.1:3000/; proxy_read_timeout 5m; }
  }
}`);
  assert.equal(
    text,
    `# Made of f by \`millrace convert\`. What has no equivalent stands where it would have been: f:LINE: WHAT: WHY.
listeners:
  - address: ":80"
defaults:
  routes:
    max_body: 20MiB
    compression: { encodings: [ gzip ], types: [ text/html ] }
rewrite_location: true
upstreams:
  127.0.0.1-3000:
    endpoints: [ http://127.0.0.1:3000 ]
    timeouts: { response_head: 5m, idle: 5m }
  app:
    endpoints: [ { url: http://10.0.0.1:8080, weight: 2 }, http://10.0.0.2:8080 ]
routes:
  # server for all other hosts (f:9)
  # location /api/ (f:24)
  - match: { path: /api }
    redirect: { to: "/api/?{query}", status: 301 }
  # location /api/ (f:24)
  - match: { path: /api/* }
    rewrite: { strip_prefix: /api, host: upstream }
    upstream: 127.0.0.1-3000
  # location / (f:14)
  - request_headers: { set: { X-Real-IP: "{client_ip}" } }
    upstream: app
`,
  );
  assert.deepEqual(notes, []);
});

describe("what must not come open", () => {
  test("a location behind a login that cannot be told, or a client's certificate, admits nobody", async () => {
    for (const guard of [
      "auth_basic x;",
      "auth_basic x; auth_basic_user_file $y;",
      "auth_request $auth;",
      "ssl_verify_client on;",
      'auth_jwt "x";',
    ]) {
      const { value, notes } = await server(`location / { ${guard} proxy_pass http://a; }`);
      assert.deepEqual(value.routes[0]?.["access"], { deny: ["0.0.0.0/0", "::/0"] }, guard);
      assert.match(notes.join(), /nobody is let in here/);
    }
    assert.deepEqual(
      (await route('location / { satisfy any; allow 10.0.0.0/8; deny all; auth_jwt "x"; proxy_pass http://a; }'))["access"],
      { allow: ["10.0.0.0/8"] },
    );
  });

  test("what is not served any more does not fall to another location", async () => {
    const { value } = await server(
      String.raw`root /srv; location / { } location ~ \.php$ { fastcgi_pass unix:/x; } location /x { proxy_pass http://$target; } location ~ /\. { deny all; }`,
    );
    assert.deepEqual(
      value.routes.map(({ respond, files }) => respond ?? files),
      [{ status: 501 }, { status: 403 }, { status: 501 }, { root: "/srv" }],
    );
  });

  test("sources of PHP are not sent as files, also where nginx would have led to a program", async () => {
    const { value } = await nginx(`server { listen 80; server_name a.test; root /srv; location / { try_files $uri /index.php?$args; }
        location ^~ /cloud { rewrite ^ /cloud/index.php$request_uri; } location = /x { fastcgi_pass unix:/x; } }
      server { listen 80 default_server; location / { proxy_pass http://b; } }`);
    const php = { path_regex: "\\.php(/|$)" };
    assert.deepEqual(
      value.routes.map(({ match, respond, files, upstream }) => [match, respond ?? files ?? upstream]),
      [
        [{ host: "a.test", path: "/x" }, { status: 501 }],
        [{ host: "a.test", path_regex: "^/cloud" }, { status: 501 }],
        [{ host: "a.test", not: php }, { root: "/srv" }],
        [{ host: "a.test" }, { status: 404 }],
        [undefined, "b"],
      ],
    );
  });

  test("TLS towards origins: names, trust and the proxy's own certificate", async () => {
    const { value, notes } =
      await nginx(`server { listen 80; proxy_ssl_verify on; proxy_ssl_name app.test; proxy_ssl_trusted_certificate /ca.pem;
      proxy_ssl_crl /crl.pem; proxy_ssl_certificate /me.pem; proxy_ssl_certificate_key /me.key; proxy_ssl_password_file /pass; proxy_ssl_protocols TLSv1.3;
      location / { proxy_pass https://a; } location /v { proxy_ssl_name x; proxy_ssl_certificate $cert; proxy_ssl_protocols TLSv1.2 TLSv1.3; proxy_pass https://b; } }`);
    const { a, b } = value["upstreams"] as Readonly<Record<string, { readonly tls: unknown }>>;
    assert.deepEqual(a?.tls, {
      server_name: "app.test",
      ca_file: "/ca.pem",
      crl_file: "/crl.pem",
      cert_file: "/me.pem",
      key_file: "/me.key",
      key_passphrase: "file:/pass",
      min_version: "1.3",
    });
    assert.deepEqual(b?.tls, { server_name: "x", ca_file: "/ca.pem", crl_file: "/crl.pem" });
    assert.deepEqual(notes, ["f:3: proxy_ssl_certificate: a value with a variable has no equivalent here"]);
  });

  test("what a server guards as a whole is guarded where no location is", async () => {
    assert.deepEqual((await route("root /srv; auth_request /x;"))["access"], { deny: ["0.0.0.0/0", "::/0"] });
    assert.deepEqual((await route("root /srv; deny all;"))["respond"], { status: 403 });
  });

  test("what kept clients away by a condition without equivalent admits nobody", async () => {
    const nobody = { deny: ["0.0.0.0/0", "::/0"] };
    for (const where of [
      (text: string) => `${text} location / { proxy_pass http://a; }`,
      (text: string) => `location / { ${text} proxy_pass http://a; }`,
    ]) {
      const first = async (text: string): Promise<unknown> => (await route(where(text)))["access"];
      assert.deepEqual(await first('if ($ssl_client_s_dn !~ "CN=alice") { return 403; }'), nobody);
      assert.deepEqual(await first("if ($allowed_country = no) { return 444; }"), nobody);
      assert.deepEqual(await first("if ($http_authorization !~ ^Bearer) { return 401; }"), nobody);
      assert.equal(await first("if ($http_user_agent ~* bot) { return 403; }"), undefined);
      assert.equal(await first("if ($mobile) { return 302 /m; }"), undefined);
    }
  });

  test("a location that keeps clients away takes more where its expression cannot be written", async () => {
    const { value, notes } = await server(
      String.raw`location ~ ^/(?=adm)admin(?<!x)/ { auth_basic x; proxy_pass http://a; } location ~ (?<=y)z { proxy_pass http://b; } location / { proxy_pass http://c; }`,
    );
    assert.deepEqual(
      value.routes.map(({ match, access }) => [match, access]),
      [
        [{ path_regex: "^/admin/" }, { deny: ["0.0.0.0/0", "::/0"] }],
        [undefined, undefined],
      ],
    );
    assert.equal(notes.length, 3);
  });

  test("rules by address keep their meaning, or become stricter", async () => {
    const access = async (rules: string): Promise<unknown> => {
      const { access: found, respond } = await route(`location / { ${rules} proxy_pass http://a; }`);
      return found ?? respond;
    };
    assert.deepEqual(await access("deny 10.0.0.1; allow 10.0.0.0/8; deny all;"), { allow: ["10.0.0.0/8"], deny: ["10.0.0.1"] });
    assert.deepEqual(await access("allow 10.0.0.0/8; deny 10.0.0.1; deny all;"), { allow: ["10.0.0.0/8"] });
    assert.deepEqual(await access("allow 10.0.0.1; deny 10.0.0.0/8; allow all;"), { deny: ["10.0.0.0/8"] });
    assert.deepEqual(await access("deny unix:;"), { status: 403 });
    assert.equal(await access("allow all;"), undefined);
  });

  test("a server that other ports would lead to is left out, and can be converted by itself", async () => {
    const text =
      "server { listen 80; location / { proxy_pass http://a; } } server { listen 8081; location / { proxy_pass http://admin; } }";
    const both = await nginx(text);
    assert.equal(both.value.routes.length, 1);
    assert.match(both.notes.join(), /convert it by itself with --port 8081/);
    const { value } = await nginx(text, {}, "8081");
    assert.deepEqual([value["listeners"], value.routes[0]?.["upstream"]], [[{ address: ":8081" }], "admin"]);
  });

  test("a field that tells the origin something is not left to clients where its value has no equivalent", async () => {
    const { value, notes } = await server("location / { proxy_set_header X-User $authenticated_user; proxy_pass http://a; }");
    assert.deepEqual(value.routes[0]?.["request_headers"], { remove: ["X-User"] });
    assert.match(notes.join(), /\$authenticated_user has no equivalent; the field is left out, also what clients send in it/);
  });

  test("no value of a field is shown in notes or comments", async () => {
    const { text, notes } = await server('location / { proxy_set_header Authorization "hunter2 $unknown"; proxy_pass http://a; }');
    assert.ok(!`${text}${notes.join()}`.includes("hunter2"));
  });
});

describe("sockets and load balancers", () => {
  test("endpoints at Unix sockets", async () => {
    const { value, notes } = await nginx(`
      upstream app { server unix:/run/a.sock weight=2; server unix:/run/b.sock; }
      server { listen 80;
        location / { proxy_pass http://app; }
        location /one { proxy_pass http://unix:/run/one.sock; }
        location /two/ { proxy_pass http://unix:/run/two.sock:/v2/; } }`);
    assert.deepEqual(notes, []);
    assert.deepEqual(
      Object.values(value["upstreams"] ?? {}).map((upstream) => Reflect.get(Object(upstream), "endpoints") as unknown),
      [["unix:/run/two.sock"], ["unix:/run/one.sock"], [{ url: "unix:/run/a.sock", weight: 2 }, "unix:/run/b.sock"]],
    );
    assert.deepEqual(value.routes.find(({ upstream }) => upstream === "unix-run-two.sock")?.["rewrite"], {
      strip_prefix: "/two",
      add_prefix: "/v2",
      host: "upstream",
    });
  });

  test("TLS at a Unix socket is told", async () => {
    const { notes } = await nginx("server { listen 80; location / { proxy_pass https://unix:/run/a.sock; } }");
    assert.match(notes.join(), /TLS at Unix sockets have no equivalent/);
  });

  test("clients that a load balancer names in the PROXY protocol", async () => {
    const { value, notes } = await nginx(`
      set_real_ip_from 10.0.0.0/24; real_ip_header proxy_protocol;
      server { listen 80 proxy_protocol; location / { proxy_pass http://a; } }`);
    assert.deepEqual(value["listeners"], [{ address: ":80", proxy_protocol: { from: ["10.0.0.0/24"] } }]);
    assert.deepEqual([value["trusted_proxies"], notes], [undefined, []]);
  });

  test("a header from everybody is told, and not taken", async () => {
    const { value, notes } = await nginx("server { listen 80 proxy_protocol; location / { proxy_pass http://a; } }");
    assert.deepEqual(value["listeners"], [{ address: ":80" }]);
    assert.match(notes.join(), /say in `proxy_protocol.from` of the listener who may send it/);
  });
});

test("routes are told apart as briefly as they can be", async () => {
  const { value } = await server(String.raw`location ~ ^/api/ { return 200; } location /static/ { return 200; }`);
  assert.deepEqual(value.routes[0]?.["match"], { path_regex: "^/api/" });
});

test("limits, timeouts and retries", async () => {
  const { value, notes } = await nginx(`
    limit_req_zone $binary_remote_addr zone=one:10m rate=10r/s;
    limit_req_zone $server_name zone=two:10m rate=10r/s;
    upstream app { server a; server b backup; server c down; server d max_fails=3; least_conn; }
    server { listen 80;
      location / { limit_req zone=one burst=5 nodelay; proxy_pass http://app; proxy_connect_timeout 3; proxy_next_upstream error timeout http_503; proxy_next_upstream_tries 3; }
      location /x { limit_req zone=two; client_max_body_size 0; proxy_pass http://app; } }`);
  assert.deepEqual(value.routes[1]?.["rate_limit"], { requests_per_second: 10, burst: 6 });
  assert.deepEqual(value.routes[1]?.["retry"], { attempts: 2, on: ["connect", "reset", "timeout", 503] });
  assert.equal(value.routes[0]?.["max_body"], false);
  assert.deepEqual(value["upstreams"], { app: { endpoints: ["http://a", "http://d"], timeouts: { connect: "3s" } } });
  assert.equal(notes.length, 5, notes.join("\n"));
});

test("compression", async () => {
  const { value, notes } = await nginx(`
    gzip on; gzip_types text/css application/json text/html bad; gzip_comp_level 6; gzip_min_length 1k; gzip_vary on;
    server { listen 80;
      location / { proxy_pass http://app; }
      location /all { gzip_types *; brotli on; brotli_comp_level 12; proxy_pass http://app; }
      location /off { gzip off; proxy_pass http://app; } }`);
  const found = Object.fromEntries(value.routes.map((route) => [JSON.stringify(route["match"] ?? "/"), route["compression"]]));
  const common = { levels: { gzip: 6 }, min_size: "1KiB" };
  assert.deepEqual(found, {
    '{"path_regex":"^/off"}': undefined,
    '{"path_regex":"^/all"}': { encodings: ["br", "gzip"], ...common, types: ["*/*"] },
    '"/"': { encodings: ["gzip"], ...common, types: ["text/html", "text/css", "application/json"] },
  });
  assert.deepEqual(notes, []);
  const same = await nginx("gzip on; server { listen 80; location /a { proxy_pass http://a; } location /b { proxy_pass http://b; } }");
  assert.match(
    same.text,
    /defaults:\n {2}routes:\n {4}max_body: 1MiB\n {4}compression: \{ encodings: \[ gzip \], types: \[ text\/html \] \}/,
  );
});

test("several limits of rates and of requests at once", async () => {
  const { value, notes } = await nginx(`
    limit_req_zone $binary_remote_addr zone=a:1m rate=10r/s; limit_req_zone $cookie_session zone=b:1m rate=60r/m;
    limit_conn_zone $binary_remote_addr zone=c:1m; limit_conn_zone $server_name zone=d:1m; limit_conn_zone $uri zone=e:1m;
    server { listen 80;
      location / { limit_req zone=a burst=5 nodelay; limit_req zone=b nodelay; limit_conn c 4; limit_conn d 100; limit_conn e 1; limit_conn none 1; proxy_pass http://app; } }`);
  const [first] = value.routes;
  assert.deepEqual(first?.["rate_limit"], [
    { requests_per_second: 10, burst: 6 },
    { requests_per_minute: 60, burst: 1, key: "cookie:session" },
  ]);
  assert.deepEqual(first?.["concurrency_limit"], [{ max: 4 }, { key: "upstream", max: 100 }]);
  assert.equal(notes.length, 3, notes.join("\n"));
});

test("files are included, also those that begin with servers", async () => {
  const { value, notes } = await nginx("http { include conf.d/a.conf; include none.conf; include none/*.conf; include mime.types; }", {
    "conf.d/a.conf": "server { listen 80; include b; }",
    b: "location / { proxy_pass http://b; }",
  });
  assert.equal(value.routes[0]?.["upstream"], "b");
  assert.deepEqual(notes, ["f:1: include: the file is not there; what it says is missing here"]);
  assert.match(String(faultOf("include f;", { format: "nginx" })), /no server block/);
});

test("variables of the environment stay such, and dollar signs in other texts are none of them", async () => {
  const { value } = await server(
    'listen ${PORT}; location / { proxy_pass http://${BACKEND}; add_header X-Cost "5 ${" always; } location /t { return 200 "{host} {{ ${HOST}"; }',
  );
  assert.deepEqual(value["upstreams"], { BACKEND: { endpoints: ["http://${BACKEND}"] } });
  assert.deepEqual(value.routes[0]?.["respond"], { status: 200, body: "{{host} {{{{ ${HOST}" });
  assert.deepEqual(value.routes[1]?.["response_headers"], { add: { "X-Cost": "5 $${" }, own_answers: true });
});

test("a file that has nothing to convert, or is wrong, says so", () => {
  assert.equal(faultOf("events { }", { format: "nginx" }), "f:1: it has no server block, so there is nothing to convert");
  assert.equal(faultOf("server {\n listen 80;\n", { format: "nginx" }), "f:1: a block is not closed: } is missing at the end of the file");
  assert.equal(faultOf("server { listen 80; }", { format: "nginx", port: "81" }), "f:1: no server listens at port 81");
});

test("whatever is put together, the result passes the check", async () => {
  const name = fc.constantFrom("a.test", "*.b.test", "_", ".c.test", "~^x\\.d\\.test$", "$host", '""', "e");
  const directive = fc.constantFrom(
    "proxy_pass http://app;",
    "proxy_pass http://app/;",
    "proxy_pass http://127.0.0.1:1/v1;",
    "proxy_pass https://b:2/x/;",
    "proxy_pass http://$x;",
    "proxy_pass http://app/$1;",
    "return 301 https://$host$request_uri;",
    "return 200 '{\"a\": {b}}';",
    "return 444;",
    "return 302 $undefined;",
    "return 404 /x;",
    "rewrite ^/a/(.*)$ /b/$1 last;",
    "rewrite ^/(.+)$ /$1/ permanent;",
    "rewrite (a|b) /c?d=$1 break;",
    "rewrite ^ /x break;",
    "rewrite /(?=x) /y;",
    "if ($http_x) { return 403; }",
    "if ($host != a.test) { return 301 http://a.test$uri?$args; }",
    "if (-f $request_filename) { break; }",
    "if ($uri ~ ^/(a|b)$) { rewrite ^ /c redirect; }",
    "root /srv/www/;",
    "alias /srv/x/;",
    "try_files $uri $uri/ /index.html;",
    "try_files $uri @app;",
    "try_files $uri /a b.php?$args;",
    "index a.php index.htm;",
    "add_header X-A $args always;",
    'add_header X-B "";',
    "add_header Connection close;",
    "expires 1d;",
    "proxy_set_header Host $proxy_host;",
    'proxy_set_header "X-{a}" b;',
    'proxy_cookie_path / "/; Secure; SameSite=None";',
    "proxy_redirect http://a/ /;",
    "proxy_redirect ~^x y;",
    "client_max_body_size 0;",
    "client_max_body_size 9g;",
    "proxy_read_timeout 900d;",
    "deny all;",
    "allow 10.0.0.0/8;",
    "deny ::1;",
    "auth_basic x;",
    "auth_basic $x;",
    "auth_basic off;",
    "auth_basic_user_file users;",
    "satisfy any;",
    "proxy_set_header X-User $remote_user;",
    "limit_except GET { deny all; }",
    "internal;",
    "set $x app;",
    "limit_req zone=z burst=3;",
  );
  const path = fc.constantFrom(
    "/",
    "= /",
    "/a",
    "/a/",
    "^~ /a/b",
    '= "/a b"',
    "~ \\.php$",
    "~* ^/(x|y)/(.*)$",
    "~ /(?!z)",
    "@app",
    "/%20é*",
    '"/${"',
    '~ "^/a{2}$"',
    '"/x;y?z#"',
  );
  const location = fc.tuple(path, fc.array(directive, { maxLength: 4 })).map(([where, own]) => `location ${where} { ${own.join(" ")} }`);
  const block = fc
    .tuple(fc.array(name, { maxLength: 3 }), fc.array(directive, { maxLength: 2 }), fc.array(location, { maxLength: 4 }))
    .map(
      ([names, own, locations]) =>
        `server { listen 80; ${names.length === 0 ? "" : `server_name ${names.join(" ")};`} ${own.join(" ")} ${locations.join(" ")} }`,
    );
  await fc.assert(
    fc.asyncProperty(fc.array(block, { minLength: 1, maxLength: 3 }), async (blocks) => {
      await nginx(`upstream app { server 127.0.0.1:1; } limit_req_zone $remote_addr zone=z:1m rate=5r/m; ${blocks.join("\n")}`);
    }),
    { numRuns: 150 },
  );
});

test("pages for errors are files that are there", async () => {
  const text = `root /srv; error_page 404 /404.html; error_page 500 502 503 504 /50x.html; error_page 403 =200 /x.html; error_page 497 https://$host;
    location = /50x.html { root /html; } location / { } location /api { proxy_pass http://a; }`;
  const { value, notes } = await nginx(`server { listen 80; ${text} }`, { "/srv/404.html": "", "/html/50x.html": "", "/srv/x.html": "" });
  assert.deepEqual(value["error_pages"], {
    "404": "/srv/404.html",
    "500": "/html/50x.html",
    "502": "/html/50x.html",
    "503": "/html/50x.html",
    "504": "/html/50x.html",
  });
  assert.deepEqual(notes, ["f:1: error_page: the status of an answer stays as it is, so it is left out"]);
  const other = await nginx(
    `server { listen 80; root /srv; error_page 404 /404.html; location / { } location /api { proxy_pass http://a; proxy_intercept_errors on; } }`,
    { "/srv/404.html": "" },
  );
  assert.deepEqual(
    other.value.routes.map(({ error_pages: pages }) => pages),
    [{ "404": { file: "/srv/404.html", origin: true } }, { "404": "/srv/404.html" }],
  );
  assert.match((await server(text)).notes.join(), /its page is not there/);
});

test("requests that are divided among upstreams, or copied", async () => {
  const { value, notes } = await nginx(`
    upstream app { server a; } upstream next { server n; }
    split_clients "$remote_addr$http_user_agent" $name { 12.5% next; * app; }
    server { listen 80;
      location / { proxy_pass http://$name; }
      location /m { mirror /copy; proxy_pass http://app; }
      location /n { mirror /zz; proxy_pass http://app; }
      location = /copy { internal; proxy_pass http://next$request_uri; } }`);
  const [, copied, , divided] = value.routes;
  assert.deepEqual(
    [divided?.["split"], divided?.["split_by"]],
    [
      [
        { upstream: "next", weight: 1 },
        { upstream: "app", weight: 7 },
      ],
      "client_ip",
    ],
  );
  assert.deepEqual(copied?.["mirror"], { upstream: "next" });
  assert.deepEqual(notes, ["f:7: mirror: where the copies go has no equivalent"]);
});
