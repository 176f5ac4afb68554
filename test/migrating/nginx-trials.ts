import type { Trial } from "../support/migration-trial.ts";

const ALICE = `Basic ${btoa("alice:secret")}`;
const WRONG = `Basic ${btoa("alice:wrong")}`;

/** What is asked of both proxies for each row of docs/migrating/nginx.md, by its left cell. */
export const NGINX_TRIALS: Readonly<Record<string, readonly Trial[]>> = {
  "location / { proxy_pass http://app; }": [{ ask: "GET /a?b=c", got: "GET /a?b=c", by: "app" }],
  "location = /exact { proxy_pass http://app; }": [
    { ask: "GET /exact", got: "GET /exact" },
    { ask: "GET /exact/more", status: 404, got: null },
  ],
  "location /api/ { proxy_pass http://app; }": [
    { ask: "GET /api/x", got: "GET /api/x" },
    { ask: "GET /apis", status: 404, got: null },
    { ask: "GET /api", got: "GET /api", onlyOurs: true },
  ],
  "location /api/ { proxy_pass http://app/; }": [
    { ask: "GET /api/x?y=1", got: "GET /x?y=1" },
    { ask: "GET /api/", got: "GET /" },
    { ask: "GET /api/x", sent: { "X-Forwarded-Prefix": "/api" }, onlyOurs: true },
  ],
  "location /api/ { proxy_pass http://app/v1/; }": [{ ask: "GET /api/x", got: "GET /v1/x" }],
  "location ~ ^/u/[0-9]+$ { proxy_pass http://app; }": [
    { ask: "GET /u/12", got: "GET /u/12" },
    { ask: "GET /u/a", status: 404, got: null },
  ],
  "location ~* \\.php$ { return 404; }": [{ ask: "GET /a/INDEX.PHP", status: 404, got: null }],
  "location / { limit_except GET { deny all; } proxy_pass http://app; }": [
    { ask: "GET /a", got: "GET /a" },
    { ask: "HEAD /a", got: "HEAD /a" },
    { ask: "POST /a", body: "x", status: 403, got: null },
  ],
  'location / { if ($http_x_beta = "1") { proxy_pass http://next; } proxy_pass http://app; }': [
    { ask: "GET /a", by: "app" },
    { ask: "GET /a", fields: { "X-Beta": "1" }, by: "next" },
  ],
  'location / { if ($arg_v = "2") { proxy_pass http://next; } proxy_pass http://app; }': [
    { ask: "GET /a?v=2", by: "next" },
    { ask: "GET /a?v=3", by: "app" },
  ],
  'split_clients "$remote_addr" $name { 10% next; * app; }\nlocation / { proxy_pass http://$name; }': [{ ask: "GET /a", got: "GET /a" }],
  "location / { return 301 https://new.example$request_uri; }": [
    { ask: "GET /a?b=c", status: 301, answer: { Location: "https://new.example/a?b=c" }, got: null },
  ],
  "location / { return 302 /login; }": [
    { ask: "GET /a", status: 302, answer: { Location: /\/login$/ }, got: null },
    { ask: "GET /a", status: 302, answer: { Location: "/login" }, onlyOurs: true },
  ],
  'location / { return 200 "ok"; }': [{ ask: "GET /a", text: "ok", got: null }],
  "location / { rewrite ^/old/(.*)$ /new/$1 break; proxy_pass http://app; }": [
    { ask: "GET /old/a?b=c", got: "GET /new/a?b=c" },
    { ask: "GET /other", got: "GET /other" },
  ],
  "location / { rewrite ^/old/(.*)$ /new/$1 permanent; }": [{ ask: "GET /old/a", status: 301, answer: { Location: /\/new\/a$/ } }],
  "location / { allow 10.0.0.0/8; deny all; proxy_pass http://app; }": [
    { ask: "GET /a", status: 403, got: null },
    { ask: "GET /a", from: "10.1.2.3", onlyOurs: true },
  ],
  "location / { mirror /m; proxy_pass http://app; }\nlocation = /m { internal; proxy_pass http://next$request_uri; }": [
    { ask: "GET /a", by: "app", copied: "next" },
  ],
  "location = /auth { internal; proxy_pass http://app/verify; }\nlocation / { auth_request /auth; auth_request_set $who $upstream_http_x_powered_by; proxy_set_header X-Powered-By $who; proxy_pass http://app; }":
    [{ ask: "GET /a", fields: { "X-Powered-By": "root" }, got: "GET /a", sent: { "X-Powered-By": "origin" } }],
  "location = /health { access_log off; proxy_pass http://app; }": [{ ask: "GET /health", got: "GET /health", logs: 0 }],
  "location / { try_files $uri /index.html; }": [
    { ask: "GET /index.html", text: "the page" },
    { ask: "GET /users/7", text: "the page" },
    { ask: "GET /assets/app.js", text: "the script", answer: { "Content-Type": /javascript/ } },
    { ask: "GET /.env", status: 404, onlyOurs: true },
  ],
  "location /docs/ { alias FOLDER/manual/; }": [
    { ask: "GET /docs/intro.html", text: "the manual" },
    { ask: "GET /docs/none.html", status: 404 },
  ],
  "location /assets/ { expires 1h; }": [{ ask: "GET /assets/app.js", text: "the script", answer: { "Cache-Control": "max-age=3600" } }],
  "server_name example.com *.example.com;": [
    { ask: "GET /a", fields: { Host: "example.com" }, got: "GET /a" },
    { ask: "GET /a", fields: { Host: "www.example.com" }, got: "GET /a" },
    { ask: "GET /a", fields: { Host: "other.example" }, status: 404, onlyOurs: true },
  ],

  "proxy_set_header Host $host;": [{ ask: "GET /a", sent: { Host: "client.example" } }],
  "proxy_set_header Host $proxy_host;": [{ ask: "GET /a", sent: { Host: "app" } }],
  "proxy_set_header Host other.example;": [{ ask: "GET /a", sent: { Host: "other.example" } }],
  "proxy_set_header X-Real-IP $remote_addr;": [{ ask: "GET /a", fields: { "X-Real-IP": "1.2.3.4" }, sent: { "X-Real-IP": "CLIENT" } }],
  "proxy_set_header X-Forwarded-For $remote_addr;": [
    { ask: "GET /a", fields: { "X-Forwarded-For": "1.2.3.4" }, sent: { "X-Forwarded-For": "CLIENT" } },
  ],
  "proxy_set_header X-Forwarded-Proto $scheme;": [
    { ask: "GET /a", fields: { "X-Forwarded-Proto": "https" }, sent: { "X-Forwarded-Proto": "http" } },
  ],
  'proxy_set_header X-Debug "";': [{ ask: "GET /a", fields: { "X-Debug": "1" }, sent: { "X-Debug": null } }],
  'proxy_set_header Authorization "Basic YTpi";': [
    { ask: "GET /a", fields: { Authorization: "Bearer x" }, sent: { Authorization: "Basic YTpi" } },
  ],
  'proxy_set_header X-Agent "$http_user_agent";': [{ ask: "GET /a", fields: { "User-Agent": "me/1" }, sent: { "X-Agent": "me/1" } }],
  'proxy_set_header Accept-Encoding "";': [{ ask: "GET /a", fields: { "Accept-Encoding": "gzip" }, sent: { "Accept-Encoding": null } }],
  "add_header X-Frame-Options DENY;": [{ ask: "GET /a", answer: { "X-Frame-Options": "DENY" } }],
  "add_header X-Frame-Options DENY always;\nreturn 403;": [{ ask: "GET /a", status: 403, answer: { "X-Frame-Options": "DENY" } }],
  "proxy_hide_header X-Powered-By;": [{ ask: "GET /a", answer: { "X-Powered-By": null, "X-Origin": "app" } }],
  "proxy_redirect http://127.0.0.1:60408/ /;": [{ ask: "GET /redirects", status: 302, answer: { Location: /^(http:\/\/[^/]+)?\/login$/ } }],
  "proxy_redirect off;": [{ ask: "GET /redirects", status: 302, answer: { Location: "http://127.0.0.1:60408/login" } }],
  "proxy_cookie_domain internal.example example.com;": [{ ask: "GET /cookie", answer: { "Set-Cookie": /;\s?domain=example\.com/i } }],
  "proxy_cookie_path / /app;": [{ ask: "GET /cookie", answer: { "Set-Cookie": /;\s?path=\/app/i } }],
  "proxy_cookie_flags ~ secure samesite=lax;": [{ ask: "GET /cookie", answer: { "Set-Cookie": /secure.*samesite=lax/i } }],
  "proxy_set_header X-Request-ID $request_id;\nadd_header X-Request-ID $request_id;": [
    { ask: "GET /a", answer: { "X-Request-ID": /^[0-9a-f-]{32,36}$/ } },
  ],
  'proxy_set_header Upgrade "";': [{ ask: "GET /live", fields: { Connection: "Upgrade", Upgrade: "websocket" }, sent: { Upgrade: null } }],
  "proxy_pass_request_headers on;": [{ ask: "GET /a", fields: { "X-A": "1" }, sent: { "X-A": "1" } }],
  "proxy_http_version 1.1;\nproxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection upgrade;": [
    { ask: "GET /live", upgrade: true, status: 101 },
  ],

  "client_max_body_size 10;": [
    { ask: "POST /a", body: "0123456789", got: "POST /a" },
    { ask: "POST /a", body: "01234567890", status: 413, got: null },
  ],
  "limit_req_zone $binary_remote_addr zone=a:1m rate=60r/m;\nlimit_req zone=a burst=2 nodelay;\nlimit_req_status 429;": [
    { ask: "GET /a", times: 3 },
    { ask: "GET /a", times: 4, status: 429 },
  ],
  "limit_conn_zone $binary_remote_addr zone=c:1m;\nlimit_conn c 5;\nlimit_conn_status 429;": [{ ask: "GET /a", times: 6 }],
  "proxy_next_upstream error timeout http_503;\nproxy_next_upstream_tries 3;": [{ ask: "GET /fails", status: 503, got: "GET /fails" }],
  "proxy_read_timeout 1s;": [{ ask: "GET /stalls", status: 504, wait: "2s" }],
  "gzip on;\ngzip_types text/plain;\ngzip_min_length 1000;\ngzip_vary on;": [
    { ask: "GET /large", fields: { "Accept-Encoding": "gzip" }, answer: { "Content-Encoding": "gzip", Vary: "Accept-Encoding" } },
    { ask: "GET /large", fields: { "Accept-Encoding": "gzip;q=0" }, answer: { "Content-Encoding": null, Vary: "Accept-Encoding" } },
  ],
  "gzip off;": [{ ask: "GET /large", fields: { "Accept-Encoding": "gzip" }, answer: { "Content-Encoding": null } }],
  "proxy_buffering on;": [{ ask: "GET /a", text: "app answers" }],
  "proxy_request_buffering on;": [{ ask: "POST /a", body: "x", got: "POST /a" }],
  "proxy_request_buffering off;": [{ ask: "POST /a", body: "x", got: "POST /a" }],
  "proxy_buffering off;": [{ ask: "GET /a", text: "app answers" }],
  "auth_basic staff;\nauth_basic_user_file users.htpasswd;": [
    { ask: "GET /a", status: 401, got: null, answer: { "WWW-Authenticate": /^Basic realm="staff"/ } },
    { ask: "GET /a", fields: { Authorization: ALICE }, got: "GET /a" },
    { ask: "GET /a", fields: { Authorization: WRONG }, status: 401, got: null },
    { ask: "GET /a", fields: { Authorization: ALICE }, sent: { Authorization: null }, onlyOurs: true },
  ],
  "auth_basic staff;\nauth_basic_user_file users.htpasswd;\nproxy_set_header X-User $remote_user;": [
    { ask: "GET /a", fields: { Authorization: ALICE, "X-User": "bob" }, sent: { "X-User": "alice" } },
    { ask: "GET /a", fields: { "X-User": "alice" }, status: 401, got: null },
  ],
  "location / { satisfy any; allow 10.0.0.0/8; deny all; auth_basic staff; auth_basic_user_file users.htpasswd; proxy_pass http://app; }": [
    { ask: "GET /a", status: 401, got: null },
    { ask: "GET /a", fields: { Authorization: ALICE }, got: "GET /a" },
    { ask: "GET /a", from: "10.1.2.3", got: "GET /a", onlyOurs: true },
  ],
  "auth_basic staff; auth_basic_user_file users.htpasswd;\nlocation / { proxy_pass http://app; }\nlocation /open/ { auth_basic off; proxy_pass http://app; }":
    [
      { ask: "GET /a", status: 401, got: null },
      { ask: "GET /a", fields: { Authorization: ALICE }, got: "GET /a" },
      { ask: "GET /open/a", got: "GET /open/a" },
    ],
  "deny 203.0.113.0/24;": [{ ask: "GET /a" }, { ask: "GET /a", from: "203.0.113.9", status: 403, got: null, onlyOurs: true }],
  "location / { proxy_pass http://app; proxy_intercept_errors on; error_page 503 /503.html; }\nlocation = /503.html { internal; }": [
    { ask: "GET /fails", status: 503, text: "the error page" },
    { ask: "GET /a", text: "app answers" },
  ],
  "proxy_intercept_errors off;": [{ ask: "GET /fails", status: 503, text: "failed" }],
};

/** Rows that show in no answer: what the loaded configuration has at that place. */
export const NGINX_VALUES: Readonly<Record<string, readonly [path: string, value: unknown]>> = {
  "server 127.0.0.1:60408 weight=2;\nserver 127.0.0.1:60409;": ["upstreams.app.endpoints.0.weight", 2],
  "server unix:/run/app.sock;": ["upstreams.app.endpoints.0.url", "unix:/run/app.sock"],
  "listen 8080 proxy_protocol;\nset_real_ip_from 10.0.0.0/24;\nreal_ip_header proxy_protocol;": [
    "listeners.0.proxy_protocol.from.0",
    "10.0.0.0/24",
  ],
  "keepalive 32;": ["upstreams.app.keep_alive.max_idle", 32],
  "keepalive_timeout 30s;": ["upstreams.app.keep_alive.idle", 30_000],
  "proxy_connect_timeout 3s;": ["upstreams.app.timeouts.connect", 3000],
  "proxy_read_timeout 30s;": ["upstreams.app.timeouts.idle", 30_000],
  "proxy_ssl_verify on;\nproxy_ssl_name a.example;": ["upstreams.app.tls.server_name", "a.example"],
  "proxy_ssl_trusted_certificate ca.pem;": ["upstreams.app.tls.ca_file", "ca.pem"],
  "proxy_ssl_certificate me.pem;\nproxy_ssl_certificate_key me.key;": ["upstreams.app.tls.key_file", "me.key"],
  "proxy_next_upstream off;": ["upstreams.app.retries", 0],
  "listen 8080;": ["listeners.0.address", ":8080"],
  "listen 127.0.0.1:8080;": ["listeners.0.address", "127.0.0.1:8080"],
  "listen unix:/run/proxy.sock;": ["listeners.0.address", "unix:/run/proxy.sock"],
  "keepalive_timeout 75s;": ["listeners.0.timeouts.keep_alive", 75_000],
  "client_header_timeout 10s;": ["listeners.0.timeouts.request_head", 10_000],
  "client_body_timeout 30s;": ["listeners.0.timeouts.idle", 30_000],
  "keepalive_requests 1000;": ["listeners.0.limits.requests_per_connection", 1000],
  "large_client_header_buffers 4 8k;": ["listeners.0.limits.head_bytes", 32_768],
  "underscores_in_headers on;": ["listeners.0.unsafe_field_names", "forward"],
  "worker_processes 4;": ["workers", 4],
  "worker_processes auto;": ["workers", "auto"],
  "access_log off;": ["logging.access", false],
  "access_log logs/access.log combined;": ["logging.access.template", "combined"],
  "log_format main '$remote_addr \"$request_method $uri\" $status';": ["logging.access.template", '{client} "{method} {path}" {status}'],
  "access_log /var/log/proxy.log;": ["logging.output", "/var/log/proxy.log"],
  "error_log stderr warn;": ["logging.level", "warn"],
  "set_real_ip_from 10.0.0.0/8;\nreal_ip_header X-Forwarded-For;\nreal_ip_recursive on;": ["trusted_proxies.length", 1],
  "worker_shutdown_timeout 30s;": ["shutdown.timeout", 30_000],
  "proxy_hide_header Server;": ["routes.0.response_headers.length", 1],
  "stub_status;": ["admin.address", "127.0.0.1:9901"],
};
