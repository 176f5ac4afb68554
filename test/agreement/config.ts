/** A configuration that uses everything that decides where a request goes, and what is sent or answered. */

export const ENVIRONMENT: Readonly<Record<string, string>> = { REGION: "eu-1" };

/** The files that the configuration names. */
export const FILES: Readonly<Record<string, string>> = {
  "site/index.html": "<h1>home</h1>",
  "site/a/page.html": "<p>page</p>",
  "lists/partners.txt": "# partners\n198.51.100.0/24\n",
  "api.json": JSON.stringify({
    openapi: "3.1.0",
    paths: {
      "/described": {
        get: {
          parameters: [
            { name: "v", in: "query", schema: { type: "integer" } },
            { name: "X-A", in: "header", schema: { type: "string", pattern: "^[a-z]+$" } },
          ],
        },
        post: { requestBody: { content: { "application/json": { schema: { type: "object" } } } } },
      },
      "/described/{id}": { get: { parameters: [{ name: "id", in: "path", required: true, schema: { minLength: 2 } }] }, delete: {} },
    },
  }),
  "pages/error.html": "<h1>{error.status} {error.title}</h1><p>{path}</p>",
  "pages/503.html": "<h1>back soon</h1>",
};

/** Every upstream of the configuration, each with one endpoint. */
export const UPSTREAMS = ["app", "next", "other", "plain"] as const;

export const CONFIG: string = `
listeners: [{ address: "127.0.0.1:0", limits: { head_bytes: 4KiB, headers: 40, request_line: 1KiB } }]
limits: { buffered_bytes: 1MiB }
request_id: { header: X-Request-Id, response: true }
security_headers: standard
response_headers: { set: { X-Served-By: "{route} {host}" }, remove: [Server], own_answers: true }
error_pages: { "404": { body: "<h1>{path} is not here</h1>" }, "405": { template: pages/error.html } }
upstreams:
  app: { endpoints: ["http://app.test"], request_headers: { set: { X-Upstream: app } } }
  next: { endpoints: ["http://next.test:8080"], via: false, request_headers: { set: { X-Upstream: "{method} {scheme}" } } }
  other: { endpoints: ["http://other.test"], x_forwarded: false }
  plain: { endpoints: ["http://plain.test"], rewrite_location: true }
routes:
  - { name: moved, match: { path: /old/* }, redirect: { to: "https://{host}{uri}", status: 301 } }
  - { name: by-query, match: { path: /find, query: { v: "*" } }, redirect: { to: "/found/{query.v}?from={path}", status: 307 } }
  - { name: users, match: { path_regex: "^/u/(?<id>[0-9]+)$", not: { client_certificate: {} } }, redirect: { to: "/users/{match.id}" } }
  - name: hello
    match: { path: /hello, methods: [GET, POST] }
    respond: { status: 200, body: '{"path":"{path}","client":"{client_ip}"}', headers: { Content-Type: application/json, X-Region: "{env.REGION}" } }
    cors: { allowed_origins: ["https://page.test"], allowed_methods: [GET, POST], allowed_headers: [X-A] }
  - { name: site, match: { path: /site/* }, files: { root: site }, rewrite: { strip_prefix: /site } }
  - name: closed
    match: { host: closed.test }
    maintenance: { enabled: true, unless: { client_ip: [10.0.0.0/8] } }
    error_pages: { "503": pages/503.html }
    upstream: app
  - { name: inside, match: { path: /inside/*, client_ip: [10.0.0.0/8, "2001:db8::/32"] }, upstream: other }
  - { name: guarded, match: { path: /inside/* }, access: { allow: [192.0.2.0/24, { file: lists/partners.txt }], deny: [192.0.2.66] }, upstream: other }
  - name: secret
    match: [{ path: /secret/* }, { path: /api/*, headers: { X-Secret: "1" } }]
    authentication: { tokens: [first, second], identity_headers: { user: X-User } }
    rate_limit: { requests_per_minute: 1000000, burst: 1000000, key: "header:X-A" }
    upstream: app
  - name: shared
    match: { path: /api/shared/*, host: ["*.page.test", a.test] }
    cors: { allowed_origins: ["https://page.test", "https://*.page.test"], allowed_methods: [GET, PUT], allow_credentials: true }
    rewrite: { strip_prefix: /api, add_prefix: /v1 }
    upstream: next
  - name: api
    match: { path: /api/*, not: { headers: { X-Beta: "*" } } }
    max_body: 20B
    buffer: { request: 1KiB, response: 1KiB }
    rewrite: { strip_prefix: /api, host: upstream }
    request_headers:
      set: { X-Vars: "{method} {scheme} {host} {path} {query} {uri} {client_ip} {route} {header.X-A} {cookie.id} {query.v} {env.REGION}" }
      add: { X-More: [one, "{query.v}"] }
      remove: [X-Debug]
      rename: { X-Old: X-New }
    upstream: app
  - { name: beta, match: { path: /api/* }, filter: { methods: [GET, POST, PUT], content_types: [application/json], graphql: {} }, rewrite: { path_regex: { from: "^/api/([a-z]+)/(.*)$", to: "/$2/$1" } }, upstream: next }
  - { name: by-header, match: { path: /split/header }, split: [{ upstream: app, weight: 3 }, { upstream: next }], split_by: { header: X-A } }
  - { name: by-cookie, match: { path: /split/cookie }, split: [{ upstream: app }, { upstream: plain }], split_by: { cookie: id, set: false } }
  - { name: by-client, match: { path: /split/client }, split: [{ upstream: next }, { upstream: other }], split_by: client_ip }
  - { name: by-chance, match: { path: /split/* }, split: [{ upstream: app, weight: 9 }, { upstream: plain }, { upstream: next, weight: 0 }] }
  - { name: socket, match: { path: /socket }, upgrade: [websocket, tcp], upstream: app }
  - { name: no-upgrade, match: { path: /flat }, upgrade: [], upstream: plain }
  - name: careful
    match: { path: /careful/*, methods: [PUT, DELETE] }
    timeouts: { request: 30s, response_head: 10s }
    retry: { attempts: 2, on: [connect, reset, 503] }
    hold: 5s
    rewrite_cookies: { path: / }
    security_headers: strict
    upstream: plain
  - { name: copied, match: { path: /copied }, mirror: { upstream: other }, upstream: plain }
  - { name: long, match: { path: /plain/*, headers: { Accept: "*" } }, response_headers: { add: { X-Own: "{header.Accept}" } }, token_limit: { tokens_per_minute: 10000000, estimate: 1 }, upstream: plain }
  - { name: described, match: { path: /described/* }, validate: { openapi: api.json, responses: report }, upstream: plain }
  - { name: rest, match: { host: [a.test, "*.page.test"], not: [{ path: /never/* }, { query: { never: "1" } }] }, upstream: app }
`;
