/** What the rows of docs/migrating/haproxy.md promise. */
import type { Trials, Values } from "../support/migration-page.ts";

const TO_NEXT = { by: "next" };
const TO_APP = { by: "app" };

export const HAPROXY_TRIALS: Trials = {
  "default_backend app": [{ ask: "GET /a", got: "GET /a", ...TO_APP }],
  "acl api path_beg /api/\nuse_backend next if api": [
    { ask: "GET /api/x", ...TO_NEXT },
    { ask: "GET /apis", ...TO_APP },
    { ask: "GET /api", onlyOurs: true, ...TO_NEXT },
  ],
  "use_backend next if { path /exact }": [
    { ask: "GET /exact?q", ...TO_NEXT },
    { ask: "GET /exact/x", ...TO_APP },
  ],
  "use_backend next if { path_reg ^/u/[0-9]+$ }": [
    { ask: "GET /u/12", ...TO_NEXT },
    { ask: "GET /u/a", ...TO_APP },
  ],
  "use_backend next if { path_end .png .jpg }": [
    { ask: "GET /a.jpg", ...TO_NEXT },
    { ask: "GET /a.jpg/x", ...TO_APP },
  ],
  "use_backend next if { hdr(host) -i a.example }": [
    { ask: "GET /", fields: { Host: "A.example" }, ...TO_NEXT },
    { ask: "GET /", fields: { Host: "b.example" }, ...TO_APP },
  ],
  "use_backend next if { hdr_end(host) -i .a.example }": [
    { ask: "GET /", fields: { Host: "x.y.a.example" }, ...TO_NEXT },
    { ask: "GET /", fields: { Host: "a.example" }, ...TO_APP },
  ],
  "use_backend next if METH_POST": [
    { ask: "POST /", body: "x", ...TO_NEXT },
    { ask: "GET /", ...TO_APP },
  ],
  "use_backend next if { req.hdr(X-Beta) 1 }": [
    { ask: "GET /", fields: { "X-Beta": "1" }, ...TO_NEXT },
    { ask: "GET /", fields: { "X-Beta": "2" }, ...TO_APP },
  ],
  "use_backend next if { req.hdr(X-Beta) -m found }": [
    { ask: "GET /", fields: { "X-Beta": "2" }, ...TO_NEXT },
    { ask: "GET /", ...TO_APP },
  ],
  "use_backend next if { url_param(v) 2 }": [
    { ask: "GET /?a=1&v=2", ...TO_NEXT },
    { ask: "GET /?v=1", ...TO_APP },
  ],
  "use_backend next if { src 10.0.0.0/8 }": [
    { ask: "GET /", from: "10.1.2.3", onlyOurs: true, ...TO_NEXT },
    { ask: "GET /", ...TO_APP },
  ],
  "use_backend next if { path_beg /a/ } METH_POST": [
    { ask: "POST /a/x", body: "x", ...TO_NEXT },
    { ask: "GET /a/x", ...TO_APP },
    { ask: "POST /b", body: "x", ...TO_APP },
  ],
  "use_backend next if { path_beg /a/ } or METH_POST": [
    { ask: "GET /a/x", ...TO_NEXT },
    { ask: "POST /b", body: "x", ...TO_NEXT },
    { ask: "GET /b", ...TO_APP },
  ],
  "use_backend next unless { path_beg /open/ }": [
    { ask: "GET /a", ...TO_NEXT },
    { ask: "GET /open/a", ...TO_APP },
  ],
  "use_backend next if { rand(100) lt 10 }": [{ ask: "GET /a", got: "GET /a" }],
  "http-request redirect prefix https://new.example code 301": [
    { ask: "GET /a?b", status: 301, answer: { Location: "https://new.example/a?b" }, got: null },
  ],
  "http-request redirect location /login code 302 if { path / }": [
    { ask: "GET /", status: 302, answer: { Location: "/login" } },
    { ask: "GET /a", got: "GET /a" },
  ],
  "http-request redirect scheme https code 301": [{ ask: "GET /a?b", status: 301, answer: { Location: "https://client.example/a?b" } }],
  'http-request return status 200 content-type text/plain string "ok"': [{ ask: "GET /a", text: "ok", got: null }],
  "http-request deny if { path_beg /private/ }": [
    { ask: "GET /private/a", status: 403, got: null },
    { ask: "GET /a", got: "GET /a" },
    { ask: "GET /%70rivate/a", status: 403, got: null, onlyOurs: true },
  ],
  "http-request deny unless { src 10.0.0.0/8 127.0.0.1 192.0.2.1 }": [
    { ask: "GET /", got: "GET /" },
    { ask: "GET /", from: "203.0.113.9", status: 403, got: null, onlyOurs: true },
  ],
  "http-request deny if { src 203.0.113.0/24 }": [
    { ask: "GET /", got: "GET /" },
    { ask: "GET /", from: "203.0.113.9", status: 403, got: null, onlyOurs: true },
  ],
  "http-request set-log-level silent if { path /health }": [{ ask: "GET /health", got: "GET /health", logs: 0 }],

  "http-request replace-path ^/api/(.*) /\\1": [
    { ask: "GET /api/a?b", got: "GET /a?b" },
    { ask: "GET /other", got: "GET /other" },
  ],
  "http-request set-path /v1%[path]": [{ ask: "GET /a?b", got: "GET /v1/a?b" }],
  "http-request set-header Host other.example": [{ ask: "GET /a", sent: { Host: "other.example" } }],
  "http-request set-header X-Real-IP %[src]": [{ ask: "GET /a", fields: { "X-Real-IP": "1.2.3.4" }, sent: { "X-Real-IP": "CLIENT" } }],
  "http-request add-header X-Tag a": [{ ask: "GET /a", fields: { "X-Tag": "b" }, sent: { "X-Tag": "b, a" } }],
  "http-request del-header X-Debug": [{ ask: "GET /a", fields: { "X-Debug": "1" }, sent: { "X-Debug": null } }],
  "http-request set-header X-Agent %[req.hdr(User-Agent)]": [
    { ask: "GET /a", fields: { "User-Agent": "me/1" }, sent: { "X-Agent": "me/1" } },
  ],
  "option forwardfor": [
    { ask: "GET /a", sent: { "X-Forwarded-For": "CLIENT" } },
    { ask: "GET /a", fields: { "X-Forwarded-For": "1.2.3.4" }, sent: { "X-Forwarded-For": "CLIENT" }, onlyOurs: true },
  ],
  "http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]": [
    { ask: "GET /a", fields: { "X-Forwarded-Proto": "https" }, sent: { "X-Forwarded-Proto": "http" } },
  ],
  "unique-id-format %[uuid]\nunique-id-header X-Request-ID": [{ ask: "GET /a", sent: { "X-Request-ID": /^[0-9a-f-]{36}$/ } }],
  "http-response set-header X-Frame-Options DENY": [{ ask: "GET /a", answer: { "X-Frame-Options": "DENY" } }],
  "http-response del-header X-Powered-By": [{ ask: "GET /a", answer: { "X-Powered-By": null, "X-Origin": "app" } }],
  "http-after-response set-header X-Frame-Options DENY\nhttp-request deny": [
    { ask: "GET /a", status: 403, answer: { "X-Frame-Options": "DENY" } },
  ],
  "http-response replace-header Location http://127.0.0.1:60408/(.*) /\\1": [
    { ask: "GET /redirects", status: 302, answer: { Location: /^(http:\/\/[^/]+)?\/login$/ } },
  ],
  "http-response replace-header Set-Cookie (.*)Domain=internal.example(.*) \\1Domain=example.com\\2": [
    { ask: "GET /cookie", answer: { "Set-Cookie": /;\s?domain=example\.com/i } },
  ],

  "compression algo gzip\ncompression type text/plain": [
    { ask: "GET /large", fields: { "Accept-Encoding": "gzip" }, answer: { "Content-Encoding": "gzip", Vary: "Accept-Encoding" } },
    { ask: "GET /large", answer: { "Content-Encoding": null } },
  ],
  "stick-table type ip size 1m expire 1m store http_req_rate(1m)\nhttp-request track-sc0 src\nhttp-request deny deny_status 429 if { sc_http_req_rate(0) gt 3 }":
    [
      { ask: "GET /", times: 3 },
      { ask: "GET /", times: 4, status: 429 },
    ],
  "userlist staff\nuser alice password $2y$...\nhttp-request auth realm staff unless { http_auth(staff) }": [
    { ask: "GET /a", status: 401, got: null, answer: { "WWW-Authenticate": /^Basic realm="staff"/ } },
    { ask: "GET /a", fields: { Authorization: `Basic ${btoa("alice:secret")}` }, got: "GET /a" },
    { ask: "GET /a", fields: { Authorization: `Basic ${btoa("alice:wrong")}` }, status: 401, got: null },
  ],
  "http-request deny deny_status 413 if { req.body_size gt 10 }": [
    { ask: "POST /a", body: "0123456789", got: "POST /a" },
    { ask: "POST /a", body: "01234567890", status: 413, got: null },
  ],
  "timeout server 1s": [{ ask: "GET /stalls", status: 504, wait: "2s" }],
  "retries 2\noption redispatch\nretry-on conn-failure empty-response response-timeout 503": [
    { ask: "GET /fails", status: 503, got: "GET /fails" },
    { ask: "GET /a", got: "GET /a" },
  ],
  "option http-buffer-request": [{ ask: "POST /a", body: "x", got: "POST /a" }],
  "errorfile 503 FOLDER/503.http": [{ ask: "GET /a", status: 502, text: "the error page", down: true, onlyOurs: true }],
};

const SITE = { cert_file: "site.pem" };

/** Rows that show in no answer: what the loaded configuration has at that place. */
export const HAPROXY_VALUES: Values = {
  "server a 127.0.0.1:60408 weight 2\nserver b 127.0.0.1:60409": ["upstreams.app.endpoints.0.weight", 2],
  "server a unix@/run/app.sock": ["upstreams.app.endpoints.0.url", "unix:/run/app.sock"],
  "balance roundrobin": ["upstreams.app.balance", "round_robin"],
  "option httpchk GET /health\ndefault-server check inter 5s fall 3 rise 2": ["upstreams.app.health_check.interval", 5000],
  "option httpchk\nhttp-check send meth GET uri /health\nhttp-check expect status 200-299": ["upstreams.app.health_check.path", "/health"],
  "option httpchk GET /health\ntimeout check 2s": ["upstreams.app.health_check.timeout", 2000],
  "timeout connect 3s": ["upstreams.app.timeouts.connect", 3000],
  "timeout server 30s": ["upstreams.app.timeouts.response_head", 30_000],
  "default-server pool-max-conn 32": ["upstreams.app.keep_alive.max_idle", 32],
  "default-server pool-purge-delay 30s": ["upstreams.app.keep_alive.idle", 30_000],
  "default-server send-proxy-v2": ["upstreams.app.proxy_protocol", "v2"],
  "server a 127.0.0.1:60408 ssl verify required ca-file ca.pem": ["upstreams.app.tls.ca_file", "ca.pem"],
  "server a 127.0.0.1:60408 ssl verify required ca-file ca.pem sni str(app.example) verifyhost app.example": [
    "upstreams.app.tls.server_name",
    "app.example",
  ],
  "server a 127.0.0.1:60408 ssl verify required ca-file ca.pem crt me.pem": ["upstreams.app.tls.cert_file", "me.pem"],
  "server a 127.0.0.1:60408 ssl verify required ca-file ca.pem crl-file crl.pem": ["upstreams.app.tls.crl_file", "crl.pem"],
  "server a 127.0.0.1:60408 ssl verify none": ["upstreams.app.tls.verify", false],
  "bind :8080": ["listeners.0.address", ":8080"],
  "bind 127.0.0.1:8080": ["listeners.0.address", "127.0.0.1:8080"],
  "bind unix@FOLDER/proxy.sock": ["listeners.0.address", "unix:/run/proxy.sock"],
  "timeout http-request 10s": ["listeners.0.timeouts.request_head", 10_000],
  "timeout client 30s": ["listeners.0.timeouts.idle", 30_000],
  "timeout http-keep-alive 5s": ["listeners.0.timeouts.keep_alive", 5000],
  "timeout client-fin 5s": ["listeners.0.timeouts.half_closed", 5000],
  "maxconn 10000": ["listeners.0.limits.connections", 10_000],
  "tcp-request connection expect-proxy layer4 if { src 10.0.0.0/8 }": ["listeners.0.proxy_protocol.from.0", "10.0.0.0/8"],
  "bind :8080 ssl crt site.pem": ["listeners.0.tls.certificates.0", SITE],
  "bind :8080 ssl crt site.pem strict-sni": ["listeners.0.tls.strict_sni", true],
  "bind :8080 ssl crt site.pem ssl-min-ver TLSv1.3": ["listeners.0.tls.min_version", "1.3"],
  "bind :8080 ssl crt site.pem ciphers ECDHE-ECDSA-AES128-GCM-SHA256 ciphersuites TLS_AES_128_GCM_SHA256": [
    "listeners.0.tls.ciphers",
    "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256",
  ],
  "bind :8080 ssl crt site.pem curves X25519:P-256": ["listeners.0.tls.curves", "X25519:prime256v1"],
  "bind :8080 ssl crt site.pem ca-file ca.pem verify required": ["listeners.0.tls.client_certificates.mode", "required"],
  "bind :8080 ssl crt site.pem ca-file ca.pem verify optional crl-file crl.pem": [
    "listeners.0.tls.client_certificates",
    { mode: "optional", ca_file: "ca.pem", crl_file: "crl.pem", verify_depth: 1 },
  ],
  "bind :8080 ssl crt site.pem tls-ticket-keys keys": ["listeners.0.tls.tickets.key_file", "keys"],
  "bind :8080 ssl crt site.pem no-tls-tickets": ["listeners.0.tls.tickets", false],
  "nbthread 4": ["workers", 4],
  "log stdout format raw local0": ["logging.output", "stdout"],
  "log stdout format raw local0 warning": ["logging.level", "warn"],
  "hard-stop-after 30s": ["shutdown.timeout", 30_000],
  "http-request set-src hdr(X-Forwarded-For) if { src 10.0.0.0/8 }": ["trusted_proxies.length", 1],
  "stats socket FOLDER/admin.sock level admin": ["admin.address", "127.0.0.1:9901"],
  'log-format "%ci %HM %HP %ST"': ["logging.access.template", "{client} {method} {path} {status}"],
};
