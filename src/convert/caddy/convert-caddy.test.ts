/** What becomes of directives of Caddy. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { converted, faultOf } from "../convert.fixture.ts";
import type { ConvertedText } from "../convert.fixture.ts";

const caddy = (text: string, files: Readonly<Record<string, string>> = {}, port?: string): Promise<ConvertedText> =>
  converted(text, { format: "caddy", port }, files);
const site = (text: string): Promise<ConvertedText> => caddy(`:80 {\n${text}\n}`);
/** Of the password "secret". */
const HASH = "$2y$04$duSyZyDL3b9b1zi/BPkPV.GKV26VHn33dCZk4jjKkz9RctDe82B9e";
const routes = async (text: string): Promise<readonly Readonly<Record<string, unknown>>[]> => (await site(text)).value.routes;

test("encode", async () => {
  const of = async (text: string): Promise<unknown> => (await routes(`${text}\nreverse_proxy app:80`))[0]?.["compression"];
  assert.deepEqual(await of("encode"), { encodings: ["zstd", "gzip"] });
  assert.deepEqual(await of("encode zstd br gzip"), { encodings: ["zstd", "br", "gzip"] });
  assert.deepEqual(await of("encode {\n gzip 7\n zstd fastest\n minimum_length 256\n}"), {
    encodings: ["gzip", "zstd"],
    levels: { zstd: 1, gzip: 7 },
    min_size: 256,
  });
  const { notes } = await site("encode gzip {\n match {\n status 2xx\n }\n}\nreverse_proxy app:80");
  assert.deepEqual(notes, ["f:2: encode: `match` of it has no equivalent"]);
});

test("an everyday file", async () => {
  const { text, notes } = await caddy(`{
	email me@example.com
	servers {
		trusted_proxies static private_ranges
	}
}

(common) {
	header -Server
	encode zstd gzip
}

http://example.com {
	import common
	handle_path /api/* {
		reverse_proxy app1:8080 app2:8080 {
			health_uri /health
			header_up Host {upstream_hostport}
			lb_policy least_conn
		}
	}
	root * /srv/www
	try_files {path} /index.html
	file_server
}
`);
  assert.equal(
    text,
    `# Made of f by \`millrace convert\`. What has no equivalent stands where it would have been: f:LINE: WHAT: WHY.
listeners:
  - address: ":80"
trusted_proxies:
  - 192.168.0.0/16
  - 172.16.0.0/12
  - 10.0.0.0/8
  - 127.0.0.1/8
  - fd00::/8
  - ::1
upstreams:
  app1-8080:
    endpoints: [ http://app1:8080, http://app2:8080 ]
    health_check: { path: /health }
routes:
  # site example.com (f:13)
  # reverse_proxy (f:16)
  # f:19: reverse_proxy lb_policy: endpoints take turns in Millrace, other ways of balancing have no equivalent yet
  - match: { host: example.com, path: /api/* }
    rewrite: { strip_prefix: /api, host: upstream }
    response_headers: { remove: [ Server ] }
    compression: { encodings: [ zstd, gzip ] }
    upstream: app1-8080
  # file_server (f:24)
  - match: { host: example.com }
    response_headers: { remove: [ Server ] }
    compression: { encodings: [ zstd, gzip ] }
    files: { root: /srv/www, fallback: /index.html }
`,
  );
  assert.equal(notes.length, 1);
});

test("directives act in the order of Caddy, the more particular path first, in route in that of the file", async () => {
  const order = async (text: string): Promise<unknown[]> =>
    (await routes(text)).map(({ respond, redirect, upstream, files }) => upstream ?? respond ?? redirect ?? files);
  assert.deepEqual(await order("file_server\nreverse_proxy /a/* a\nreverse_proxy /a/b/* b\nredir /old /new\nrespond /x 404"), [
    { to: "/new", status: 302 },
    { status: 404 },
    "b",
    "a",
    { root: "." },
  ]);
  assert.deepEqual(await order("handle {\n respond all\n}\nhandle /a* {\n respond a\n}\nhandle_path /a/b/* {\n respond b\n}"), [
    { status: 200, body: "b" },
    { status: 200, body: "a" },
    { status: 200, body: "all" },
  ]);
  assert.deepEqual(await order("route {\n respond /a/* 403\n respond /a/b 200\n}"), [{ status: 403 }, { status: 200 }]);
});

test("matchers become conditions", async () => {
  const match = async (text: string): Promise<unknown> => (await routes(`${text}\nrespond @m ok`))[0]?.["match"];
  assert.deepEqual(await match("@m path /a /b/* /c*"), [{ path: ["/a", "/b/*"] }, { path_regex: "^/c" }]);
  assert.deepEqual(await match("@m {\n method GET POST\n header X-A 1\n query a=1\n host a.test\n}"), {
    host: "a.test",
    methods: ["GET", "POST"],
    headers: { "X-A": "1" },
    query: { a: "1" },
  });
  assert.deepEqual(await match("@m {\n header Connection *Upgrade*\n header Upgrade websocket\n}"), { headers: { Upgrade: "websocket" } });
  assert.deepEqual(await match("@m {\n not path /a /b*\n not remote_ip 10.0.0.0/8\n}"), {
    not: [{ path: "/a" }, { path_regex: "^/b" }, { client_ip: "10.0.0.0/8" }],
  });
  assert.deepEqual(await match("@m path *.php /x/*/y"), [{ path_regex: "\\.php$" }, { path_regex: "^/x/[^/]*/y$" }]);
  assert.deepEqual(await match("@m path_regexp ^/u/([0-9]+)$"), { path_regex: "^/u/([0-9]+)$" });
  const { value, notes } = await site("@m expression `path('/x')`\nrespond @m 200\nreverse_proxy a");
  assert.deepEqual([value.routes.length, notes.length], [1, 2]);
});

test("what is for some paths only makes a route of its own", async () => {
  const found = await routes(
    "header /static/* Cache-Control max-age=60\nheader X-All 1\nrequest_body /up {\n max_size 1MB\n}\nreverse_proxy a",
  );
  assert.deepEqual(
    found.map(({ match, max_body: size, response_headers: fields }) => [match, size, fields]),
    [
      [{ path: "/static/*" }, undefined, { set: { "X-All": "1", "Cache-Control": "max-age=60" } }],
      [{ path: "/up" }, "1MB", { set: { "X-All": "1" } }],
      [undefined, undefined, { set: { "X-All": "1" } }],
    ],
  );
});

test("limits", async () => {
  const [found] = await routes("rate_limit {\n zone z {\n key {remote_host}\n events 10\n window 10s\n }\n}\nreverse_proxy a");
  assert.deepEqual(found, { rate_limit: { requests_per_minute: 60, burst: 10 }, upstream: "a" });
});

test("addresses, snippets with arguments, files and variables of the environment", async () => {
  const { value } = await caddy(
    `(app) {
	reverse_proxy {args[0]}:{args[1]}
}
http://a.test, http://www.a.test {
	import app {$HOST} 8080
}
import sites/*
http:// {
	redir https://b.test{uri} permanent
}`,
    { "sites/*": 'http://*.b.test {\n\trespond `{"host":"{host}"} {env.HOST} \\{x}` 201\n}' },
  );
  assert.deepEqual(value.routes, [
    { match: { host: ["a.test", "www.a.test"] }, upstream: "HOST-8080" },
    { match: { host: "*.b.test" }, respond: { status: 201, body: '{"host":"{host}"} {env.HOST} {{x}' } },
    { redirect: { to: "https://b.test{uri}", status: 301 } },
  ]);
  assert.deepEqual(value["upstreams"], { "HOST-8080": { endpoints: ["http://${HOST}:8080"] } });
});

describe("what must not come open", () => {
  const nobody = { deny: ["0.0.0.0/0", "::/0"] };
  const login = (realm: string, file: string): unknown => ({ basic: { users_file: file, realm } });

  test("of what asks for a password only those come in who know one", async () => {
    const { value, notes, files } = await caddy(`:80 {
      basic_auth /admin/* {\n bob ${HASH}\n}
      basicauth /api/* bcrypt "The API" {\n bob ${btoa(HASH)}\n}
      basic_auth /other/* {\n eve ${HASH}\n}
      reverse_proxy a\n}`);
    assert.deepEqual(
      value.routes.map(({ match, authentication }) => [match, authentication]),
      [
        [{ path: "/admin/*" }, login("restricted", "users.htpasswd")],
        [{ path: "/other/*" }, login("restricted", "users-2.htpasswd")],
        [{ path: "/api/*" }, login("The API", "users.htpasswd")],
        [undefined, undefined],
      ],
    );
    assert.deepEqual(notes, []);
    assert.deepEqual(files, [
      { name: "users.htpasswd", text: `bob:${HASH}\n` },
      { name: "users-2.htpasswd", text: `eve:${HASH}\n` },
    ]);
  });

  test("users whose hashes cannot be taken over are left out, with a note that shows no hash", async () => {
    const { files, notes } = await caddy(
      `:80 {\nbasic_auth {\n a $apr1$hunter2$x\n b {$HASH}\n c:d ${HASH}\n "#e" ${HASH}\n f\n}\nreverse_proxy x\n}`,
    );
    assert.deepEqual(files, [{ name: "users.htpasswd", text: "" }]);
    assert.equal(notes.filter((note) => note.includes("left out")).length, 5, notes.join("\n"));
    assert.doesNotMatch(notes.join(), /hunter2/);
  });

  test("of two logins that act on one request both must hold", async () => {
    const inner = (who: string): string => `basic_auth {\n bob ${HASH}\n}\nhandle /in/* {\nbasic_auth {\n ${who} ${HASH}\n}\nrespond in\n}`;
    assert.deepEqual(
      (await routes(inner("bob"))).map(({ access }) => access),
      [undefined],
    );
    const differs = await site(inner("eve"));
    assert.deepEqual(
      differs.value.routes.map(({ access }) => access),
      [nobody],
    );
    assert.match(differs.notes.join(), /both would have to hold/);
    const apart = `basic_auth /a/* {\n bob ${HASH}\n}\nbasic_auth /b/* {\n eve ${HASH}\n}\nrespond x`;
    assert.doesNotMatch((await site(apart)).notes.join(), /both/);
  });

  test("a login that cannot be put together with what answers is asked for by all of that", async () => {
    const found = await site(`@a path_regexp ^/(a|b)/\n@b path_regexp ^/.*[.]json$\nbasic_auth @a {\n bob ${HASH}\n}\nreverse_proxy @b x`);
    assert.deepEqual(found.value.routes[0]?.["authentication"], login("restricted", "users.htpasswd"));
    assert.match(found.notes.join(), /cannot be put together/);
    const other = await routes(`@a path_regexp ^/(a|b)/\n@b path_regexp ^/.*[.]json$\nforward_auth @a y {\n uri /v\n}\nreverse_proxy @b x`);
    assert.deepEqual(other[0]?.["authentication"], { forward: { upstream: "y", path: "/v", send: "all" } });
    const asked = await site(`@m expression \`x\`\nbasic_auth @m {\n bob ${HASH}\n}\nrespond x`);
    assert.deepEqual(
      asked.value.routes.map(({ authentication }) => authentication),
      [login("restricted", "users.htpasswd")],
    );
  });

  test("the origin is told who has logged in, and by nobody else", async () => {
    const told = "reverse_proxy a {\n header_up X-User {http.auth.user.id}\n}";
    const found = await routes(`basic_auth /in/* {\n bob ${HASH}\n}\n${told}`);
    assert.deepEqual(
      found.map(({ authentication, request_headers: edits }) => [authentication, edits]),
      [
        [{ basic: { users_file: "users.htpasswd", realm: "restricted" }, identity_headers: { user: "X-User" } }, undefined],
        [undefined, { remove: ["X-User"] }],
      ],
    );
  });

  test("what was behind the word of another service still is, and admits nobody where the service is asked in a way of its own", async () => {
    const guarded = async (inside: string): Promise<readonly unknown[]> => {
      const found = await site(`forward_auth auth:9091 {\n uri /verify?a=b\n${inside}\n}\nreverse_proxy a`);
      assert.equal(found.value.routes.length, 1);
      return [found.value.routes[0]?.["authentication"], found.value.routes[0]?.["access"], found.notes.length];
    };
    const forward = { upstream: "auth-9091", path: "/verify?a=b", send: "all" };
    assert.deepEqual(await guarded(""), [{ forward }, undefined, 0]);
    assert.deepEqual(await guarded("copy_headers Remote-User {\n Remote-Groups\n}"), [
      { forward: { ...forward, copy: ["Remote-User", "Remote-Groups"] } },
      undefined,
      0,
    ]);
    assert.deepEqual(await guarded("copy_headers A>X-A Remote-User\nheader_up X-Real-IP {remote_host}"), [
      { forward: { ...forward, set: { "X-Real-IP": "{client_ip}" }, copy: { "X-A": "A", "Remote-User": "Remote-User" } } },
      undefined,
      0,
    ]);
    for (const inside of ["copy_headers A>X-A B>x-a", "copy_headers Host", "copy_headers X*Y>Z>A", "handle_response {\n respond 200\n}"])
      assert.deepEqual((await guarded(inside)).slice(0, 2), [undefined, nobody], inside);
    assert.deepEqual((await routes("forward_auth a:1 {\n uri /{path}\n}\nreverse_proxy a"))[0]?.["access"], nobody);
    const found = await routes(`basic_auth {\n bob ${HASH}\n}\nforward_auth auth:9091 {\n uri /verify\n}\nrespond x`);
    assert.deepEqual(found[0]?.["access"], nobody, "both would have to hold");
  });

  test("what kept clients away by a matcher without equivalent admits nobody", async () => {
    const access = async (text: string): Promise<unknown> => (await routes(`${text}\nreverse_proxy a`))[0]?.["access"];
    assert.deepEqual(await access("@m expression `x`\nforward_auth @m y {\n uri /v\n}"), nobody);
    assert.deepEqual(await access("@m expression `x`\nrespond @m 403"), nobody);
    assert.deepEqual(await access("@m vars x y\nabort @m"), nobody);
    assert.equal(await access("@m header_regexp User-Agent bot\nabort @m"), undefined);
    assert.equal(await access("@m expression `x`\nredir @m /y"), undefined);
  });

  test("a field that tells the origin something is not left to clients where its value has no equivalent", async () => {
    const [found] = await routes("request_header X-A {http.auth.user.id}\nreverse_proxy a {\n header_up X-User {http.auth.user.id}\n}");
    assert.deepEqual(found?.["request_headers"], { remove: ["X-A", "X-User"] });
  });

  test("sources of PHP are not served as files", async () => {
    assert.deepEqual(await routes("root * /srv\nphp_fastcgi unix//x\nfile_server"), [
      { match: { path_regex: "\\.php(/|$)" }, respond: { status: 501 } },
      { files: { root: "/srv" } },
    ]);
  });

  test("sites at other ports are left out", async () => {
    const text = "http://a.test {\n respond a\n}\n:9000 {\n respond b\n}";
    assert.match((await caddy(text)).notes.join(), /--port 9000/);
    assert.deepEqual((await caddy(text, {}, "9000")).value.routes, [{ respond: { status: 200, body: "b" } }]);
  });
});

test("a file that has nothing to convert, or is wrong, says so", () => {
  const caddyfile = (text: string): string | null => faultOf(text, { format: "caddy" });
  assert.equal(caddyfile("{\n debug\n}"), "f:1: it has no site, so there is nothing to convert");
  assert.equal(caddyfile(":80 {\n reverse_proxy app:80 { flush_interval -1 }\n}\n"), "f:2: after { the line has to end, as in Caddy");
  assert.equal(caddyfile(':80 {\n respond "{ x }"\n}\n'), null);
  assert.equal(caddyfile(":80 {\n respond x\n"), "f:2: a block is not closed: } is missing at the end of the file");
  assert.equal(caddyfile("a.test {\n proxy / b\n}"), 'f:2: "proxy" is a directive of Caddy 1; only the format of Caddy 2 is converted');
  assert.equal(caddyfile('a.test {\n respond "x\n}'), "f:2: a quoted text does not end");
  assert.equal(caddyfile(":80 {\n}\n}"), "f:3: there is a } too many");
});

test("whatever is put together, the result passes the check", async () => {
  const matcher = fc.constantFrom("", "*", "/a", "/a/*", "/b*", "@m", "@n", "/é", "/x y");
  const directive = fc.constantFrom(
    "reverse_proxy M a:1 b:2",
    "reverse_proxy M https://c {\n header_up Host {upstream_hostport}\n header_up -X-A\n header_down +X-B {x}\n}",
    "reverse_proxy M unix//a {$PORT}",
    "redir M https://{host}{uri} 308",
    "redir M /{re.1}?{query}",
    'respond M `{"a": {b} ${}` 200',
    "respond M 999",
    "abort M",
    "file_server M browse",
    "root M /srv/${x",
    "root * {http.x}",
    "rewrite M /new{uri}",
    "rewrite M /x?y={z}",
    "uri M strip_prefix /a",
    "uri M path_regexp /a(.*) /b$1",
    "try_files {path} {path}/ /index.html",
    "header M X-A {host}",
    "header M -X-*",
    "header Connection close",
    "request_header M X-{a} b",
    "basic_auth M {\n a b\n}",
    "php_fastcgi M x",
    "encode gzip",
    "handle_path /p/* {\n respond /q 201\n}",
    "handle M {\n reverse_proxy d\n}",
    "route M {\n header X-Y 1\n file_server\n}",
    "unknown M x",
    "request_body M {\n max_size 5MB\n}",
  );
  const line = fc
    .tuple(directive, matcher)
    .map(([text, where]) => text.replace("M ", where === "" ? "" : `${where.includes(" ") ? `"${where}"` : where} `));
  const address = fc.constantFrom("a.test", "http://a.test", ":80", "*.b.test", "https://", "{$HOST}", "http://c.test:80");
  const block = fc
    .tuple(address, fc.array(line, { maxLength: 5 }))
    .map(([where, lines]) => `${where} {\n@m path /m /n* *.x\n@n {\n method GET\n not path /o\n}\n${lines.join("\n")}\n}`);
  await fc.assert(
    fc.asyncProperty(fc.array(block, { minLength: 1, maxLength: 2 }), async (blocks) => void (await caddy(blocks.join("\n")))),
    { numRuns: 150 },
  );
});
