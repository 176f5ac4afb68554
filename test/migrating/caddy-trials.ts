import type { Trials } from "../support/migration-page.ts";

const ALICE = `Basic ${btoa("alice:secret")}`;
const WRONG = `Basic ${btoa("alice:wrong")}`;

/** What is asked for each row of docs/migrating/caddy.md, by its left cell. */
export const CADDY_TRIALS: Trials = {
  "reverse_proxy localhost:3000": [{ ask: "GET /a?b=c", got: "GET /a?b=c" }],
  "reverse_proxy /api/* localhost:3000": [
    { ask: "GET /api/x", got: "GET /api/x" },
    { ask: "GET /x", status: 404, got: null },
  ],
  "handle_path /api/* { reverse_proxy localhost:3000 }": [{ ask: "GET /api/x?y=1", got: "GET /x?y=1" }],
  "example.com, *.example.com { reverse_proxy localhost:3000 }": [
    { ask: "GET /", fields: { Host: "www.example.com" } },
    { ask: "GET /", fields: { Host: "example.org" }, status: 404 },
  ],
  "@m method POST\nreverse_proxy @m localhost:3000": [
    { ask: "POST /a", body: "x", got: "POST /a" },
    { ask: "GET /a", status: 404 },
  ],
  "@m header X-Beta 1\nreverse_proxy @m localhost:3000": [
    { ask: "GET /a", fields: { "X-Beta": "1" } },
    { ask: "GET /a", fields: { "X-Beta": "2" }, status: 404 },
  ],
  "@m header X-Beta *\nreverse_proxy @m localhost:3000": [
    { ask: "GET /a", fields: { "X-Beta": "2" } },
    { ask: "GET /a", status: 404 },
  ],
  "@m query v=2\nreverse_proxy @m localhost:3000": [{ ask: "GET /a?v=2" }, { ask: "GET /a?v=3", status: 404 }],
  "@m remote_ip 10.0.0.0/8\nreverse_proxy @m localhost:3000": [
    { ask: "GET /a", from: "10.1.2.3" },
    { ask: "GET /a", status: 404 },
  ],
  "@m not path /private/*\nreverse_proxy @m localhost:3000": [{ ask: "GET /a" }, { ask: "GET /private/a", status: 404 }],
  "@m path_regexp id ^/u/([0-9]+)$\nredir @m /users/{re.id.1}": [{ ask: "GET /u/12", status: 302, answer: { Location: "/users/12" } }],
  "redir https://new.example{uri} permanent": [{ ask: "GET /a?b=c", status: 301, answer: { Location: "https://new.example/a?b=c" } }],
  "redir /a /b": [
    { ask: "GET /a", status: 302, answer: { Location: "/b" } },
    { ask: "GET /c", status: 404 },
  ],
  'respond "ok" 200': [{ ask: "GET /a", text: "ok", got: null }],
  "respond /health 204": [{ ask: "GET /health", status: 204, text: "" }],
  "error /private/* 403": [{ ask: "GET /private/a", status: 403 }],
  "rewrite * /v1{uri}": [{ ask: "GET /a?b=c", got: "GET /v1/a?b=c" }],
  "uri strip_prefix /api": [
    { ask: "GET /api/a", got: "GET /a" },
    { ask: "GET /b", got: "GET /b" },
  ],
  "uri path_regexp ^/old/(.*)$ /new/$1": [{ ask: "GET /old/a", got: "GET /new/a" }],
  "root * ./public\nfile_server": [
    { ask: "GET /index.html", text: "the page" },
    { ask: "GET /users/7", status: 404 },
  ],
  "root * ./public\ntry_files {path} /index.html\nfile_server": [
    { ask: "GET /assets/app.js", text: "the script" },
    { ask: "GET /users/7", text: "the page" },
  ],
  "forward_auth localhost:3000 { uri /verify copy_headers X-Powered-By }": [
    { ask: "POST /a", body: "x", fields: { "X-Powered-By": "root" }, got: "POST /a", sent: { "X-Powered-By": "origin" } },
  ],
  "method GET": [{ ask: "GET /a" }, { ask: "POST /a", body: "x", status: 404 }],

  "request_header X-A b": [{ ask: "GET /a", fields: { "X-A": "c" }, sent: { "X-A": "b" } }],
  "request_header -X-A": [{ ask: "GET /a", fields: { "X-A": "c" }, sent: { "X-A": null } }],
  "header X-A b": [{ ask: "GET /a", answer: { "X-A": "b" } }],
  "header +X-A b": [{ ask: "GET /a", answer: { "X-A": "b" } }],
  "header -X-Powered-By": [{ ask: "GET /a", answer: { "X-Powered-By": null } }],
  "header_up Host {upstream_hostport}": [{ ask: "GET /a", sent: { Host: "127.0.0.1:60408", "X-Forwarded-Host": "client.example" } }],
  "header_up X-Real-IP {remote_host}": [{ ask: "GET /a", sent: { "X-Real-IP": "CLIENT" } }],
  "header_up -Authorization": [{ ask: "GET /a", fields: { Authorization: "Bearer x" }, sent: { Authorization: null } }],
  "header_down -X-Powered-By": [{ ask: "GET /a", answer: { "X-Powered-By": null } }],
  "encode gzip": [
    { ask: "GET /large", fields: { "Accept-Encoding": "gzip" }, answer: { "Content-Encoding": "gzip", Vary: "Accept-Encoding" } },
    { ask: "GET /large", answer: { "Content-Encoding": null } },
    { ask: "GET /a", fields: { "Accept-Encoding": "gzip" }, answer: { "Content-Encoding": null } },
  ],
  "request_body { max_size 10 }": [
    { ask: "POST /a", body: "0123456789" },
    { ask: "POST /a", body: "01234567890", status: 413, got: null },
  ],
  "basic_auth { alice $2y$... }": [
    { ask: "GET /a", status: 401, got: null, answer: { "WWW-Authenticate": /^Basic realm="restricted"/ } },
    { ask: "GET /a", fields: { Authorization: ALICE }, got: "GET /a" },
    { ask: "GET /a", fields: { Authorization: WRONG }, status: 401, got: null },
    { ask: "GET /a", fields: { Authorization: ALICE }, sent: { Authorization: null }, onlyOurs: true },
  ],
  "basic_auth bcrypt staff { alice $2y$... }\nreverse_proxy localhost:3000 { header_up X-User {http.auth.user.id} }": [
    { ask: "GET /a", fields: { Authorization: ALICE, "X-User": "bob" }, sent: { "X-User": "alice" } },
    { ask: "GET /a", fields: { "X-User": "alice" }, status: 401, got: null, answer: { "WWW-Authenticate": /^Basic realm="staff"/ } },
  ],
  "request_header X-Request-Id {http.request.uuid}": [{ ask: "GET /a", answer: { "X-Request-Id": /^[0-9a-f-]{36}$/ } }],
  'handle_errors { respond "down" }': [
    { ask: "GET /fails", status: 503, text: "failed" },
    { ask: "GET /a", down: true, status: 502, text: "down" },
  ],
  '@failed status 5xx\nhandle_response @failed { respond "down" 503 }': [{ ask: "GET /fails", status: 503, text: "down" }],
  log_skip: [{ ask: "GET /a", got: "GET /a", logs: 0 }],
  "flush_interval -1": [{ ask: "GET /a", text: "app answers" }],
  "lb_retries 2": [{ ask: "GET /a", got: "GET /a" }],
  "lb_try_duration 5s": [{ ask: "GET /a", got: "GET /a" }],
  "request_buffers 1MiB": [{ ask: "POST /a", body: "x", got: "POST /a" }],
};
