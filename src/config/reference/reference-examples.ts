/**
 * An example for each section of docs/configuration.md, by the place of the section's key (json-schema.ts). Each is a part of a file: a test adds
 * what it lacks and checks it.
 */
export const EXAMPLES: Readonly<Record<string, string>> = {
  listeners: `
listeners:
  - address: ":8080"                   # all addresses of the machine
  - address: "127.0.0.1:8081"          # programs on this machine only
  - address: unix:/run/millrace.sock
`,
  "listeners[].timeouts": `
listeners:
  - address: ":8080"
    timeouts: { request_head: 10s, idle: 30s, keep_alive: 75s }
`,
  "listeners[].proxy_protocol": `
listeners:
  - address: ":8080"
    proxy_protocol: { from: [10.0.0.0/24] }      # the load balancers; nobody else may connect
`,
  "listeners[].limits": `
listeners:
  - address: ":8080"
    limits: { head_bytes: 16KiB, headers: 64, connections: 20000, connections_per_client: 200 }
`,
  "listeners[].tls": `
listeners:
  - address: ":443"
    tls:
      certificates:
        - { cert_file: example.com/fullchain.pem, key_file: example.com/privkey.pem }
        - { cert_file: internal/fullchain.pem, key_file: internal/privkey.pem, client_certificates: { ca_file: staff-ca.pem } }
  - address: ":9443"
    tls:
      acme:                              # obtained from Let's Encrypt, and renewed
        domains: [example.com, [shop.example.com, www.example.com]]
        challenge: dns-01
        dns: { command: [acme-record, --zone, example.com] }
        storage: /var/lib/millrace/acme
        terms_agreed: true
  - { address: "127.0.0.1:8443", tls: internal }          # on your own machine: https://app.localhost:8443
`,
  upstreams: `
upstreams:
  app:
    endpoints: ["http://10.0.0.1:3000", "http://10.0.0.2:3000"]
routes:
  - upstream: app
`,
  "upstreams.NAME.endpoints": `
upstreams:
  app:
    endpoints:
      - http://10.0.0.1:3000
      - { url: http://10.0.0.2:3000, weight: 2 }       # gets twice as many requests
      - https://app.internal.example                   # verified; port 443
`,
  "upstreams.NAME.health_check": `
upstreams:
  app:
    endpoints: ["http://10.0.0.1:3000", "http://10.0.0.2:3000"]
    health_check: { path: /health, interval: 5s, timeout: 2s, unhealthy_threshold: 2, expected_statuses: [200, 204] }
`,
  "upstreams.NAME.timeouts": `
upstreams:
  reports:
    endpoints: ["http://10.0.0.1:3000"]
    timeouts: { connect: 2s, response_head: 5m, idle: 60s, tunnel_idle: 1h }
routes:
  - upstream: reports
`,
  "upstreams.NAME.keep_alive": `
upstreams:
  app:
    endpoints: ["http://10.0.0.1:3000"]
    keep_alive: { idle: 30s, max_idle: 64, max_age: 5m }
`,
  "upstreams.NAME.tls": `
upstreams:
  app:
    endpoints: ["https://10.0.0.1:8443"]
    tls:
      server_name: app.internal.example
      ca_file: internal-ca.pem
      cert_file: millrace.pem                          # for endpoints that ask for a certificate
      key_file: millrace.key
      key_passphrase: file:/run/secrets/passphrase
  partner:
    endpoints: ["https://partner.example"]
    tls: { min_version: "1.3", pinned_keys: ["sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="] }
`,
  routes: `
routes:
  - name: reports                      # in logs, metrics and "explain"
    match: { path: /reports/* }
    max_body: 1MiB
    security_headers: standard
    upstream: reports
  - upstream: app                      # everything else
`,
  "routes[].split": `
upstreams:
  app: { endpoints: ["http://10.0.0.1:3000"] }
  next: { endpoints: ["http://10.0.0.2:3000"] }
routes:
  - split: [{ upstream: app, weight: 90 }, { upstream: next, weight: 10 }]
`,
  "routes[].split_by": `
upstreams:
  app: { endpoints: ["http://10.0.0.1:3000"] }
  next: { endpoints: ["http://10.0.0.2:3000"] }
routes:
  - split: [{ upstream: app, weight: 90 }, { upstream: next, weight: 10 }]
    split_by: { cookie: variant, max_age: 24h }        # a client stays where it came first
`,
  "routes[].mirror": `
upstreams:
  app: { endpoints: ["http://10.0.0.1:3000"] }
  shadow: { endpoints: ["http://10.0.0.9:3000"] }      # gets copies, and nobody sees its answers
routes:
  - upstream: app
    mirror: { upstream: shadow, share: 10% }
`,
  "routes[].match": `
routes:
  - match:
      host: [example.com, "*.example.com"]
      path: /api/*
      methods: [GET, POST]
      headers: { x-beta: "1" }
      query: { v: "2" }
      client_ip: 10.0.0.0/8
      not: { path: /api/private/* }
    upstream: app
  - match: [{ path: /health }, { path_regex: "^/status/(?<part>[a-z]+)$" }]      # one of the two is enough
    respond: { body: "ok {match.part}\\n" }
`,
  stores: `
stores:
  shared:
    type: redis
    url: rediss://redis.internal:6379
    username: proxy
    password: "file:redis-password"
    tls: { ca_file: redis-ca.pem }
    timeout: 5ms
    on_failure: local
routes:
  - rate_limit: { requests_per_minute: 1000, store: shared }
    upstream: app
`,
  "routes[].rate_limit": `
routes:
  - match: { path: /api/* }
    authentication: { api_keys: { file: keys.yaml } }
    rate_limit:
      - { requests_per_minute: 300, key: client_ip }     # before authentication: guesses at keys count too
      - requests_per_minute: 60                          # after it
        key: user
        roles: { pro: { requests_per_minute: 1000 } }
    upstream: app
  - rate_limit: { requests_per_minute: 100, burst: 10 }
    upstream: app
`,
  "routes[].cache": `
stores:
  pages:
    type: memory
    max_size: 256MiB
routes:
  - match: { path: /assets/* }
    cache: { store: pages, ttl: { default: 1m }, stale_if_error: 1h }
    upstream: app
  - cache:
      store: pages
      key: { query: { ignore: ["utm_*"] } }
    upstream: app
`,
  "routes[].compression": `
routes:
  - match: { path: /upload }
    compression: { requests: { max_size: 50MiB } }     # bodies of requests come decoded
    upstream: app
  - compression: { encodings: [br, gzip], min_size: 2KiB }
    upstream: app
`,
  "routes[].concurrency_limit": `
routes:
  - match: { path: /reports/* }
    concurrency_limit:
      - { key: upstream, max: 200, queue: { size: 100, timeout: 2s } }
      - { key: client_ip, max: 5 }
    upstream: app
`,
  "routes[].token_limit": `
routes:
  - match: { path: /v1/* }
    authentication: { api_keys: { file: keys.yaml } }
    token_limit:
      - tokens_per_minute: 20000                         # of each key
        budget: { tokens: 2000000, per: day }
        key: api_key
        roles: { pro: { tokens_per_minute: 200000 } }
      - { budget: { tokens: 100000000, per: month }, key: route }    # of all together
    upstream: app
`,
  "routes[].cors": `
routes:
  - match: { path: /api/* }
    cors:
      allowed_origins: ["https://app.example.com", "https://*.example.org"]
      allowed_methods: [GET, POST, DELETE]
      allowed_headers: [Content-Type, Authorization]
      exposed_headers: [X-Total]
      allow_credentials: true
      max_age: 1h
    upstream: app
`,
  "routes[].require": `
routes:
  - match: { path: /admin/* }
    authentication: { api_keys: { file: keys.yaml } }
    require: { roles: [admin, operator] }
    upstream: app
`,
  "routes[].access": `
routes:
  - match: { path: /admin/* }
    access: { allow: [10.0.0.0/8, "fd00::/8"], deny: [10.9.0.0/16] }
    upstream: app
  - match: { path: /shop/* }
    access: { geoip_file: GeoLite2-Country.mmdb, allow_countries: [DE, AT, CH] }
    upstream: app
  - access: { deny: [{ file: blocks.txt }] }           # read again when it changes
    upstream: app
`,
  "routes[].validate": `
routes:
  - match: { path: /v1/* }
    validate: { openapi: api.yaml, max_body: 256KiB }
    upstream: app
  - match: { path: /next/* }
    validate: { openapi: next.yaml, requests: report, base_path: /next }   # only counted and logged
    upstream: next
`,
  "routes[].filter": `
routes:
  - match: { path: /graphql }
    filter: { methods: [GET, POST], graphql: { max_depth: 8, max_aliases: 10 } }
    upstream: app
  - match: { path: /api/* }
    filter: { methods: [GET, POST, PUT], json: { max_size: 256KiB, max_depth: 16, max_keys: 1000 } }
    upstream: app
`,
  "routes[].authentication": `
routes:
  - match: { path: /api/* }
    authentication:
      tokens: ["\${API_TOKEN}", "file:secrets/second-token"]
      certificate: { dns: "*.devices.example.com" }
      identity_headers: { user: X-User }
    upstream: app
`,
  "routes[].buffer": `
routes:
  - match: { path: /app/* }
    buffer: { request: 1MiB, response: 1MiB }
    upstream: app
`,
  "routes[].timeouts": `
routes:
  - match: { path: /reports/* }
    timeouts: { request: 5m, response_head: 4m }
    upstream: app
`,
  "routes[].retry": `
routes:
  - upstream: app
    retry: { attempts: 2, on: [connect, reset, timeout, 503], budget: 20%, backoff: { base: 50ms, max: 2s }, replay: 1MiB }
    hold: 5s                           # waits for an application that restarts
`,
  "routes[].rewrite": `
routes:
  - match: { path: /api/* }
    rewrite: { strip_prefix: /api, add_prefix: /v1, host: upstream }
    upstream: app                      # /api/users becomes /v1/users
  - match: { path: /old/* }
    rewrite: { path_regex: { from: "^/old/([0-9]+)", to: "/items/$1" } }
    upstream: app
`,
  "routes[].request_headers": `
routes:
  - request_headers:
      remove: [X-Debug]
      rename: { X-Old-Name: X-New-Name }
      set: { X-Real-IP: "{client_ip}", X-Env: prod }
      add: { X-Tag: [first, "{method}"] }
    upstream: app
`,
  "routes[].response_headers": `
routes:
  - response_headers:
      remove: [Server, X-Powered-By]
      set: { X-Served-By: millrace, Cache-Control: no-store }
      own_answers: true                # on the proxy's own answers too
    upstream: app
`,
  "routes[].rewrite_location": `
routes:
  - match: { path: /shop/* }
    rewrite: { strip_prefix: /shop }
    rewrite_location: [{ from: "http://internal.example:8080", to: "{scheme}://{host}/shop" }]
    upstream: app
`,
  "routes[].rewrite_cookies": `
routes:
  - rewrite_cookies: { domain: example.com, path: /, secure: true, same_site: lax }
    upstream: app
`,
  "routes[].request_id": `
request_id: true                       # every request has an id, in X-Request-Id
routes:
  - match: { path: /partners/* }
    request_id: { header: X-Correlation-Id, trust: any, response: false }
    upstream: app
`,
  "routes[].access_log": `
routes:
  - match: { path: /health }
    access_log: false
    upstream: app
  - match: { path: /assets/* }
    access_log: { sample: { share: 1%, errors: true }, omit: [referer] }
    upstream: app
`,
  "routes[].redirect": `
routes:
  - match: { host: www.example.com }
    redirect: { to: "https://example.com{uri}", status: 308 }
`,
  "routes[].respond": `
routes:
  - match: { path: /robots.txt }
    respond: { body: "User-agent: *\\nDisallow: /private/\\n", headers: { Cache-Control: max-age=3600 } }
  - match: { path: /.git/* }
    respond: { status: 404 }
`,
  "routes[].error_pages": `
routes:
  - upstream: app
    error_pages:
      404: { body: "<h1>There is nothing at {path}</h1>" }
      5xx: { body: "<h1>{error.status} {error.title}</h1>", origin: true }
`,
  "routes[].maintenance": `
routes:
  - maintenance: { flag_file: /run/millrace/maintenance, retry_after: 10m, unless: { client_ip: [10.0.0.0/8] } }
    upstream: app
`,
  "routes[].files": `
routes:
  - files: { root: ./dist, fallback: /index.html }
`,
  "routes[].middleware": `
routes:
  - middleware:
      - use: ./stamp.ts
        options: { value: "1" }
    upstream: app
`,
  request_headers: `
request_headers: { remove: [X-Debug] }
`,
  response_headers: `
response_headers: { remove: [Server, X-Powered-By] }
`,
  error_pages: `
error_pages:
  404: { body: "<h1>There is nothing at {path}</h1>" }
  5xx: { body: "<h1>{error.status} {error.title}</h1>" }
`,
  maintenance: `
maintenance: { flag_file: /run/millrace/maintenance, retry_after: 10m }
`,
  rewrite_location: `
rewrite_location: true
`,
  rewrite_cookies: `
rewrite_cookies: { secure: true, same_site: lax }
`,
  security_headers: `
security_headers: standard
`,
  include: `
include: conf.d/*.yaml                 # their upstreams, and their routes after those of this file
`,
  defaults: `
defaults:
  routes: { max_body: 1MiB }           # for routes that say nothing of it
  upstreams: { timeouts: { connect: 2s } }
`,
  limits: `
limits: { buffered_bytes: 128MiB }
`,
  secrets: `
secrets: { folder: /run/secrets/app }        # as a container has it
admin:
  address: ":9901"
  token: credential:admin-token             # the file /run/secrets/app/admin-token
routes:
  - authentication:
      tokens:
        - file:secrets/token
        - { exec: [vault, kv, get, -field=token, secret/app], renew: 5m }
    upstream: app
`,
  workers: `
workers: 4
`,
  trusted_proxies: `
trusted_proxies: [10.0.0.0/8, "2001:db8:7::/48"]
`,
  client_address_from: `
trusted_proxies: [10.0.0.0/8]
client_address_from: forwarded
`,
  middleware: `
middleware:
  - use: ./stamp.ts
    options: { value: "1" }
`,
  admin: `
admin: { address: ":9901", token: "\${ADMIN_TOKEN}", hosts: [proxy.internal.example] }
`,
  request_id: `
trusted_proxies: [10.0.0.0/8]          # their ids are believed, everybody else's are replaced
request_id: { header: X-Request-Id }
`,
  logging: `
logging: { level: warn, format: json, output: /var/log/millrace/access.log, access: { request_headers: [X-Tenant] } }
`,
  shutdown: `
shutdown: { timeout: 30s, delay: 5s }
`,
  startup: `
startup: { require_healthy: true, wait: 30s }
`,
};
