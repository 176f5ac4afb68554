/** What becomes of passwords of nginx, and of what is asked of clients beside them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { converted } from "../convert.fixture.ts";
import type { ConvertedText } from "../convert.fixture.ts";

const nginx = (text: string, files: Readonly<Record<string, string>> = {}): Promise<ConvertedText> =>
  converted(text, { format: "nginx" }, files);
const server = (text: string): Promise<ConvertedText> => nginx(`server { listen 80; ${text} }`);
/** The first route. */
const route = async (text: string): Promise<Readonly<Record<string, unknown>>> => (await server(text)).value.routes[0] ?? {};

describe("passwords", () => {
  test("of what asks for a password only those come in who know one", async () => {
    const basic = (realm: string, file = "/users"): unknown => ({ basic: { users_file: file, realm } });
    const guard = "auth_basic Staff; auth_basic_user_file /users;";
    const { value } = await server(`${guard}
      location = /inherits { proxy_pass http://a; } location = /off { auth_basic off; proxy_pass http://a; }
      location = /realm { auth_basic Other; proxy_pass http://a; } location = /file { auth_basic_user_file /others; proxy_pass http://a; }
      location = /and { allow 10.0.0.0/8; deny all; proxy_pass http://a; } location = /closed { deny all; proxy_pass http://a; }
      location = /more { auth_request /x; proxy_pass http://a; }
      location = /if { if ($ssl_client_s_dn !~ x) { return 403; } proxy_pass http://a; }`);
    assert.deepEqual(
      value.routes.slice(0, 8).map(({ authentication, access, respond }) => [authentication, access ?? respond]),
      [
        [basic("Staff"), undefined],
        [undefined, undefined],
        [basic("Other"), undefined],
        [basic("Staff", "/others"), undefined],
        [basic("Staff"), { allow: ["10.0.0.0/8"] }],
        [undefined, { status: 403 }],
        [undefined, { deny: ["0.0.0.0/0", "::/0"] }],
        [undefined, { deny: ["0.0.0.0/0", "::/0"] }],
      ],
    );
    assert.deepEqual((await route(`root /srv; ${guard}`))["authentication"], basic("Staff"));
  });

  test("`satisfy any` lets in by address without a password, in the order of the rules", async () => {
    const any = async (rules: string): Promise<unknown> =>
      (
        await server(`location / { satisfy any; ${rules} auth_basic x; auth_basic_user_file /users; proxy_pass http://a; }`)
      ).value.routes.map(({ match, authentication }) => [match, authentication !== undefined]);
    const asked = [undefined, true];
    assert.deepEqual(await any("allow 10.0.0.0/8; allow ::1; deny all;"), [[{ client_ip: ["10.0.0.0/8", "::1"] }, false], asked]);
    assert.deepEqual(await any("deny 10.1.0.0/16; allow 10.0.0.0/8;"), [
      [{ client_ip: "10.0.0.0/8", not: { client_ip: "10.1.0.0/16" } }, false],
      asked,
    ]);
    assert.deepEqual(await any("deny all; allow 10.0.0.0/8;"), [asked]);
    assert.deepEqual(await any("deny 10.0.0.0/8;"), [asked]);
    assert.deepEqual(await any(""), [asked]);
    assert.deepEqual(await any("deny 10.1.0.0/16; allow all;"), [[{ not: { client_ip: "10.1.0.0/16" } }, false], asked]);
  });

  test("what is reached through a named location is guarded by both", async () => {
    const tried = async (one: string, other: string): Promise<unknown> => {
      const found = await route(`location / { ${one} try_files $uri @app; } location @app { ${other} proxy_pass http://a; }`);
      return [found["authentication"] !== undefined, found["access"]];
    };
    const guard = "auth_basic x; auth_basic_user_file /users;";
    assert.deepEqual(await tried(guard, ""), [true, undefined]);
    assert.deepEqual(await tried("", guard), [true, undefined]);
    assert.deepEqual(await tried(guard, "auth_basic y; auth_basic_user_file /users;"), [true, undefined]);
    assert.deepEqual(await tried(guard, "auth_basic x; auth_basic_user_file /others;"), [true, { deny: ["0.0.0.0/0", "::/0"] }]);
    assert.deepEqual(await tried("allow 10.0.0.0/8; deny all;", guard), [true, { allow: ["10.0.0.0/8"] }]);
    assert.deepEqual(await tried("allow 10.0.0.0/8; deny all;", "allow 11.0.0.0/8; deny all;"), [false, { deny: ["0.0.0.0/0", "::/0"] }]);
  });

  test("a note says which hashes of a users file are refused, and shows none", async () => {
    const text = "server { listen 80; auth_basic x; auth_basic_user_file /users; location / { proxy_pass http://a; } }";
    const noted = async (users: string): Promise<string> => (await nginx(text, { "/users": users })).notes.join();
    assert.match(
      await noted("a:$apr1$abcdefgh$hunter2\nb:{SHA}hunter2\n"),
      /refused until it is mended: line 1: .*\$apr1\$\).*; and others/,
    );
    assert.doesNotMatch(await noted("a:$apr1$abcdefgh$hunter2\n"), /hunter2|abcdefgh|others/);
    assert.equal(await noted("a:$2y$04$duSyZyDL3b9b1zi/BPkPV.GKV26VHn33dCZk4jjKkz9RctDe82B9e\n"), "");
    assert.match((await nginx(text)).notes.join(), /not here to be looked at: .*apr1, crypt, SHA-1/);
  });

  test("the origin is told who has logged in, and by nobody else", async () => {
    const told = "proxy_set_header X-User $remote_user;";
    const { value, notes } = await server(
      `auth_basic_user_file /users; location = /in { auth_basic x; ${told} proxy_pass http://a; } location / { ${told} proxy_pass http://a; }`,
    );
    assert.deepEqual(
      value.routes.map(({ authentication, request_headers: edits }) => [authentication, edits]),
      [
        [{ basic: { users_file: "/users", realm: "x" }, identity_headers: { user: "X-User" } }, undefined],
        [undefined, { remove: ["X-User"] }],
      ],
    );
    assert.match(notes.join(), /\$remote_user has no equivalent/);
  });
});

describe("the word of a service", () => {
  const SERVICE =
    'location = /auth { internal; proxy_pass http://login:9091/api/verify; proxy_pass_request_body off; proxy_set_header Content-Length "";';
  const guarded = async (location: string, service: string = `${SERVICE} }`): Promise<readonly unknown[]> => {
    const { value, notes } = await server(`${service} location /app { auth_request /auth; ${location} proxy_pass http://a; }`);
    const found = value.routes.find(({ upstream }) => upstream === "a") ?? {};
    return [found["authentication"], found["access"], notes];
  };
  const forward = { upstream: "login-9091", path: "/api/verify", send: "all" };

  test("is asked where `auth_request` names a location of a proxy, with its path and fields", async () => {
    assert.deepEqual(await guarded(""), [{ forward }, undefined, []]);
    const fields = "proxy_set_header X-Original-URL $scheme://$http_host$request_uri; proxy_set_header X-Forwarded-Method $request_method;";
    assert.deepEqual((await guarded("", `${SERVICE} ${fields} }`))[0], {
      forward: { ...forward, set: { "X-Original-URL": "{scheme}://{header.Host}{uri}" } },
    });
    const [, , notes] = await guarded("", `${SERVICE} proxy_set_header Host $host; proxy_set_header Cookie ""; }`);
    assert.match(String(notes), /gets its own name.*gets the field all the same/);
    const plain = await guarded("", "location /au { proxy_pass http://login; proxy_pass_request_headers off; }");
    assert.deepEqual(plain[0], { forward: { upstream: "login", path: "/auth", send: [] } });
    const prefix = await guarded("", "location /au { proxy_pass http://login/check/; }");
    assert.deepEqual(prefix[0], { forward: { upstream: "login", path: "/check/th", send: "all" } });
  });

  test("is told to the origin, and no client's is", async () => {
    const told = `auth_request_set $user $upstream_http_x_user; auth_request_set $mail $upstream_http_x_auth_mail;
      auth_request_set $cookie $upstream_http_set_cookie;`;
    assert.deepEqual(await guarded(`${told} proxy_set_header X-User $user;`), [
      { forward: { ...forward, copy: ["X-User"] } },
      undefined,
      [],
    ]);
    assert.deepEqual(
      await guarded(`${told} proxy_set_header X-User $user; proxy_set_header X-Mail $mail; add_header Set-Cookie $cookie;`),
      [{ forward: { ...forward, copy: { "X-User": "X-User", "X-Mail": "X-Auth-Mail" }, copy_response: ["Set-Cookie"] } }, undefined, []],
    );
    const { value } = await server(`${told} location / { proxy_set_header X-User $user; proxy_pass http://a; }`);
    assert.deepEqual(value.routes[0]?.["request_headers"], { remove: ["X-User"] });
  });

  test("that cannot be asked in the same way lets nobody in", async () => {
    for (const [location, service] of [
      ["", "location = /other { proxy_pass http://login; }"],
      ["", "location = /auth { return 204; }"],
      ["", "location = /auth { if ($http_x) { return 200; } proxy_pass http://login; }"],
      ["", "location = /auth { rewrite ^ /x break; proxy_pass http://login; }"],
      ["", "location = /auth { proxy_pass http://login$request_uri; }"],
      ["", "location = /auth { proxy_pass http://$who; }"],
      ['auth_jwt "x";', `${SERVICE} }`],
      ["auth_basic x; auth_basic_user_file /users;", `${SERVICE} }`],
    ] as const) {
      const [authentication, access, notes] = await guarded(location, service);
      assert.deepEqual([authentication, access], [undefined, { deny: ["0.0.0.0/0", "::/0"] }], location + service);
      assert.match(String(notes), /nobody is let in here/);
    }
  });

  test("is not needed by whom `satisfy any` lets in by address", async () => {
    const { value } = await server(
      `${SERVICE} } location /app { satisfy any; allow 10.0.0.0/8; deny all; auth_request /auth; proxy_pass http://a; }`,
    );
    assert.deepEqual(
      value.routes
        .filter(({ upstream }) => upstream === "a")
        .map(({ match, authentication }) => [(match as { client_ip?: unknown }).client_ip, authentication]),
      [
        ["10.0.0.0/8", undefined],
        [undefined, { forward }],
      ],
    );
  });
});
