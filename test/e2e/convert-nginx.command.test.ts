/**
 * What `millrace convert` makes of configurations of nginx answers as nginx does, and `millrace explain` says the same: real nginx beside it, the
 * same requests to all.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { agrees, asked, beside } from "../support/beside.ts";

const installed = spawnSync("nginx", ["-v"], { stdio: "ignore" }).status === 0;

interface Case {
  readonly name: string;
  readonly config: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly requests: readonly string[];
  /** Response fields that are compared. */
  readonly shown?: readonly string[];
}

const PATHS = [
  "/",
  "/a",
  "/a/",
  "/a/b",
  "/ab",
  "/a/b/",
  "/a/b/c",
  "/a/b/c.png",
  "/a/x.php",
  "/x.PNG",
  "/b",
  "/b/x",
  "/b/x.php",
  "/c",
  "/c/d",
  "/c/d/e.php",
  "/c/x.png",
  "/%61/b",
  "//a//b",
  "/apis",
  "/e=1?q=/a/b",
  "/a?x=1&y=%20",
];

const CASES: readonly Case[] = [
  {
    name: "which location takes a request",
    config: `server { listen LISTEN;
      location = /a { proxy_pass http://127.0.0.1:7001; }
      location /a { proxy_pass http://127.0.0.1:7002; }
      location ^~ /b { proxy_pass http://127.0.0.1:7003; }
      location /a/b { proxy_pass http://127.0.0.1:7004; location ~ \\.png$ { proxy_pass http://127.0.0.1:7005; } location /a/b/c { proxy_pass http://127.0.0.1:7006; } }
      location ~ \\.php$ { proxy_pass http://127.0.0.1:7007; }
      location ~* \\.(png|jpg)$ { proxy_pass http://127.0.0.1:7008; }
      location ^~ /c { proxy_pass http://127.0.0.1:7009; }
      location /c/d { proxy_pass http://127.0.0.1:7010; }
      location / { proxy_pass http://127.0.0.1:7011; } }`,
    requests: PATHS.map((path) => `GET http://a.test${path}`),
  },
  {
    name: "prefixes with and without a slash",
    config: `server { listen LISTEN;
      location /a/ { proxy_pass http://127.0.0.1:7001; }
      location /b/ { return 200 b; }
      location /c/ { proxy_pass http://127.0.0.1:7003/; }
      location ~ ^/c { return 200 regex; }
      location /apis { return 200 apis; } }`,
    requests: PATHS.map((path) => `GET http://a.test${path}`),
  },
  {
    name: "the path that an origin gets",
    config: `server { listen LISTEN;
      location /none/ { proxy_pass http://127.0.0.1:7001; }
      location /bare/ { proxy_pass http://127.0.0.1:7001/; }
      location /new/ { proxy_pass http://127.0.0.1:7001/v1/; }
      location /text { proxy_pass http://127.0.0.1:7001/v1; }
      location /odd/ { proxy_pass http://127.0.0.1:7001/v1; }
      location = /exact { proxy_pass http://127.0.0.1:7001/other; }
      location ~ ^/u/(?<id>[0-9]+)/(.*)$ { proxy_pass http://127.0.0.1:7001/users/$id/$2$is_args$args; }
      location /cut/ { rewrite ^/cut/(.*)$ /$1 break; proxy_pass http://127.0.0.1:7001; }
      location /put/ { rewrite ^/put/([a-z]+)/ /x/$1.html break; proxy_pass http://127.0.0.1:7001; }
      location /as-it-came/ { proxy_pass http://127.0.0.1:7001$request_uri; }
      location /set/ { set $target 127.0.0.1:7001; proxy_pass http://$target; }
      location / { return 404; } }`,
    requests: [
      "/none/x?y",
      "/bare/x?y=%41",
      "/bare/",
      "/bare",
      "/new/a/b",
      "/text",
      "/text/x",
      "/textile",
      "/odd/x",
      "/exact?q=1",
      "/u/12/x?z",
      "/u/x/x",
      "/cut/a/b?c",
      "/cut/",
      "/put/ab/c",
      "/put/12/c",
      "/as-it-came/%41?b",
      "/set/x",
    ].map((path) => `GET http://a.test${path}`),
  },
  {
    name: "which server takes a request",
    config: `
      server { listen LISTEN; server_name *.example.test; return 200 wild; }
      server { listen LISTEN; server_name a.example.test b.test; return 200 a; }
      server { listen LISTEN default_server; server_name _; return 200 fallback; }
      server { listen LISTEN; server_name .dot.test *.deep.example.test; return 200 dot; }
      server { listen LISTEN; server_name ~^(www|api)\\.list\\.test$ ~^.+\\.any\\.test$; return 200 list; }
      server { listen LISTEN; server_name only.test; location /here { return 200 here; } }`,
    requests: [
      "a.example.test",
      "b.test",
      "c.example.test",
      "example.test",
      "x.y.example.test",
      "dot.test",
      "a.dot.test",
      "z.deep.example.test",
      "deep.example.test",
      "www.list.test",
      "x.list.test",
      "q.any.test",
      "any.test",
      "A.Example.TEST",
      "none.test",
      "127.0.0.1",
      "a.example.test:81",
    ]
      .map((host) => `GET http://${host}/x`)
      .concat(["GET http://only.test/here", "GET http://only.test/there"]),
  },
  {
    name: "redirects and answers",
    config: `
      server { listen LISTEN; server_name www.a.test; return 301 http://a.test$request_uri; }
      server { listen LISTEN; server_name a.test;
        rewrite ^/old/(.*)$ /new/$1 permanent;
        rewrite ^/once$ /twice redirect;
        rewrite ^/away/(\\d+)$ http://b.test/$1? redirect;
        if ($request_method = DELETE) { return 405; }
        if ($http_x_beta = "1") { return 302 /beta; }
        if ($arg_debug = "1") { return 403; }
        location = /healthz { return 200 "ok {host}"; }
        location = /gone { return 410; }
        location = /json { default_type application/json; return 200 '{"status":"ok"}'; }
        location = /see { return 303 http://c.test$uri?from=$host; }
        location /move { return 307 $scheme://d.test/x$request_uri; }
        location / { if ($uri ~ ^/odd/) { return 302 /even; } return 200 "$request_method $uri"; } }
      server { listen LISTEN; server_name b.test; rewrite ^/(.*)$ http://a.test/$1 permanent; }
      server { listen LISTEN; server_name c.test; rewrite ^ http://a.test$request_uri? redirect; }`,
    requests: [
      "www.a.test/x?y=1",
      "a.test/old/a/b?q=1",
      "a.test/old/a",
      "a.test/once",
      "a.test/away/12?x=1",
      "a.test/away/x",
      "a.test/healthz",
      "a.test/gone",
      "a.test/json",
      "a.test/see?x",
      "a.test/move/x?y",
      "a.test/odd/x",
      "a.test/other",
      "a.test/?debug=1",
      "b.test/p?q",
      "b.test/",
      "c.test/z?a=b",
    ]
      .map((url) => `GET http://${url}`)
      .concat(["DELETE http://a.test/other", "GET http://a.test/other X-Beta: 1", "GET http://a.test/other X-Beta: 2"]),
    shown: ["content-type"],
  },
  {
    name: "fields, and who may come in",
    config: `
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header Accept-Encoding "";
      server { listen LISTEN;
        add_header X-All "yes, $host" always;
        proxy_hide_header X-Powered-By;
        proxy_cookie_domain origin.test a.test;
        location / { proxy_pass http://127.0.0.1:7001; }
        location /own { proxy_pass http://127.0.0.1:7001; proxy_set_header Host $host; proxy_set_header X-Own "{own} $http_x_given"; proxy_set_header Authorization ""; }
        location /named { proxy_pass http://127.0.0.1:7001; proxy_set_header Host named.test; }
        location /upgrade { proxy_pass http://127.0.0.1:7001; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_set_header Host $http_host; }
        location /fields { add_header X-Some some; expires 1h; proxy_pass http://127.0.0.1:7001; }
        location /nobody { deny all; proxy_pass http://127.0.0.1:7001; }
        location /others { allow 10.0.0.0/8; deny all; proxy_pass http://127.0.0.1:7001; }
        location /here { allow 127.0.0.1; deny all; proxy_pass http://127.0.0.1:7001; }
        location /not-here { deny 127.0.0.1; allow all; proxy_pass http://127.0.0.1:7001; }
        location /read { limit_except GET { deny all; } proxy_pass http://127.0.0.1:7001; }
        location ~ /\\.(?!well-known) { deny all; } }`,
    requests: ["/", "/own", "/named", "/fields", "/nobody", "/others", "/here", "/not-here", "/.git/config", "/.well-known/x", "/a/.hidden"]
      .map((path) => `GET http://a.test${path}`)
      .concat([
        "GET http://a.test/own Authorization: Basic eA== | X-Given: g",
        "POST http://a.test/read",
        "HEAD http://a.test/read",
        "GET http://a.test/read",
        "GET http://a.test:81/upgrade",
      ]),
    shown: ["x-all", "x-some", "cache-control", "x-powered-by", "set-cookie"],
  },
  {
    name: "passwords",
    config: `proxy_set_header Authorization ""; proxy_set_header X-User $remote_user; auth_basic_user_file FOLDER/users;
      server { listen LISTEN; auth_basic staff;
        location / { proxy_pass http://127.0.0.1:7001; }
        location /open { auth_basic off; proxy_set_header Authorization ""; proxy_pass http://127.0.0.1:7001; }
        location /any { satisfy any; allow 127.0.0.1; deny all; proxy_set_header Authorization ""; proxy_pass http://127.0.0.1:7001; }
        location /other { satisfy any; allow 10.0.0.0/8; deny all; proxy_pass http://127.0.0.1:7001; }
        location /all { satisfy all; allow 10.0.0.0/8; deny all; proxy_pass http://127.0.0.1:7001; }
        location /told { return 200 told; }
        location /tried { try_files $uri @open; }
        location @open { auth_basic off; proxy_set_header Authorization ""; proxy_pass http://127.0.0.1:7001; }
        location /in { auth_basic off; proxy_set_header Authorization ""; location /in/deep { auth_basic deep; auth_basic_user_file FOLDER/others; proxy_pass http://127.0.0.1:7001; } proxy_pass http://127.0.0.1:7001; } }`,
    files: {
      users: "alice:$2y$04$duSyZyDL3b9b1zi/BPkPV.GKV26VHn33dCZk4jjKkz9RctDe82B9e\n",
      others: "bob:$2y$04$duSyZyDL3b9b1zi/BPkPV.GKV26VHn33dCZk4jjKkz9RctDe82B9e\n",
    },
    requests: ["/", "/open", "/any", "/other", "/all", "/told", "/tried", "/in", "/in/deep"].flatMap((path) => [
      `GET http://a.test${path}`,
      ...["alice:secret", "alice:wrong", "bob:secret"].map((login) => `GET http://a.test${path} Authorization: Basic ${btoa(login)}`),
    ]),
  },
  {
    name: "the word of a service",
    config: `server { listen LISTEN;
        location = /auth { internal; proxy_pass http://127.0.0.1:7002/verify; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
        location /in { auth_request /auth; auth_request_set $who $upstream_http_x_powered_by; proxy_set_header X-Who $who; proxy_pass http://127.0.0.1:7001; }
        location / { proxy_pass http://127.0.0.1:7001; } }`,
    requests: ["/in/x", "/auth", "/x"].map((path) => `GET http://a.test${path}`).concat("GET http://a.test/in X-Who: root"),
  },
  {
    name: "files",
    config: `server { listen LISTEN; root FOLDER/site; index index.html;
      location / { try_files $uri $uri/ /index.html; }
      location /plain/ { try_files $uri $uri/ =404; }
      location /static/ { alias FOLDER/assets/; }
      location = /robots.txt { root FOLDER/assets; }
      location /api/ { proxy_pass http://127.0.0.1:7001/; }
      location ~ \\.secret$ { deny all; } }`,
    files: {
      "site/index.html": "index",
      "site/a.html": "a",
      "site/plain/b.html": "b",
      "site/plain/index.html": "plain",
      "site/key.secret": "s",
      "assets/c.css": "c",
      "assets/robots.txt": "robots",
    },
    requests: [
      "/",
      "/a.html",
      "/some/route",
      "/plain/",
      "/plain/b.html",
      "/plain/none",
      "/static/c.css",
      "/static/none.css",
      "/robots.txt",
      "/api/x",
      "/api",
      "/key.secret",
    ].map((path) => `GET http://a.test${path}`),
  },
  {
    name: "from one location to another",
    config: `upstream app { server 127.0.0.1:7001; }
      server { listen LISTEN;
        rewrite ^/v1/(.*)$ /api/$1 last;
        location / { try_files /none @app; }
        location @app { proxy_pass http://app; proxy_set_header Host $host; }
        location /api/ { proxy_pass http://127.0.0.1:7002; proxy_redirect off; }
        location /here/ { proxy_pass http://127.0.0.1:7003/; }
        location /inside { internal; proxy_pass http://127.0.0.1:7001; } }`,
    requests: ["/", "/x?y", "/v1/x?y=1", "/v1/", "/api/x", "/inside", "/here/leads", "/here/x"].map((path) => `GET http://a.test${path}`),
  },
];

describe("beside nginx", { skip: installed ? false : "nginx is not installed: apt-get install nginx" }, () => {
  for (const { name, config, files = {}, requests, shown = [] } of CASES)
    test(name, async (t) => {
      const both = await beside("nginx", config, files, shown);
      t.after(() => both.close());
      const differences: object[] = [];
      for (const text of requests) {
        const request = asked(text);
        const [nginx, millrace, explained] = await Promise.all([both.other(request), both.millrace(request), both.explained(request)]);
        if (!isDeepStrictEqual(nginx, millrace)) differences.push({ text, nginx, millrace });
        if (!agrees(request, explained, nginx)) differences.push({ text, nginx, explained });
      }
      assert.deepEqual(differences, [], both.text);
    });
});
