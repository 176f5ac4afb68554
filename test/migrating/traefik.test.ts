import { testPage } from "../support/migration-page.ts";
import type { Trials, Values } from "../support/migration-page.ts";

const TRIALS: Trials = {
  "routers.NAME.rule=Host(`a.example`)": [
    { ask: "GET /", fields: { Host: "a.example" } },
    { ask: "GET /", fields: { Host: "b.example" }, status: 404 },
  ],
  "routers.NAME.rule=HostRegexp(`^.+\\.a\\.example$`)": [
    { ask: "GET /", fields: { Host: "b.a.example" } },
    { ask: "GET /", fields: { Host: "a.example" }, status: 404 },
  ],
  "routers.NAME.rule=PathPrefix(`/api`)": [{ ask: "GET /api" }, { ask: "GET /api/x" }, { ask: "GET /apis", status: 404 }],
  "routers.NAME.rule=Path(`/exact`)": [{ ask: "GET /exact" }, { ask: "GET /exact/x", status: 404 }],
  "routers.NAME.rule=PathRegexp(`^/u/[0-9]+$`)": [{ ask: "GET /u/1" }, { ask: "GET /u/a", status: 404 }],
  "routers.NAME.rule=Method(`POST`)": [
    { ask: "POST /", body: "x" },
    { ask: "GET /", status: 404 },
  ],
  "routers.NAME.rule=Header(`X-Beta`, `1`)": [
    { ask: "GET /", fields: { "X-Beta": "1" } },
    { ask: "GET /", status: 404 },
  ],
  "routers.NAME.rule=Query(`v`, `2`)": [{ ask: "GET /?v=2" }, { ask: "GET /?v=1", status: 404 }],
  "routers.NAME.rule=ClientIP(`10.0.0.0/8`)": [
    { ask: "GET /", from: "10.1.2.3" },
    { ask: "GET /", status: 404 },
  ],
  "routers.NAME.rule=Host(`a.example`) && PathPrefix(`/api`)": [
    { ask: "GET /api/x", fields: { Host: "a.example" } },
    { ask: "GET /api/x", status: 404 },
    { ask: "GET /", fields: { Host: "a.example" }, status: 404 },
  ],
  "routers.NAME.rule=PathPrefix(`/a`) || Method(`POST`)": [
    { ask: "GET /a" },
    { ask: "POST /b", body: "x" },
    { ask: "GET /b", status: 404 },
  ],
  "routers.NAME.rule=!PathPrefix(`/private`)": [{ ask: "GET /a" }, { ask: "GET /private/a", status: 404 }],
  "services.NAME.weighted.services": [{ ask: "GET /a", got: "GET /a" }],

  "middlewares.NAME.stripprefix.prefixes=/api": [{ ask: "GET /api/a", got: "GET /a", sent: { "X-Forwarded-Prefix": "/api" } }],
  "middlewares.NAME.addprefix.prefix=/v1": [{ ask: "GET /a", got: "GET /v1/a" }],
  "middlewares.NAME.replacepathregex.regex=^/old/(.*)\nmiddlewares.NAME.replacepathregex.replacement=/new/$1": [
    { ask: "GET /old/a", got: "GET /new/a" },
  ],
  "middlewares.NAME.redirectscheme.scheme=https": [{ ask: "GET /a?b", status: 302, answer: { Location: "https://client.example/a?b" } }],
  "middlewares.NAME.redirectregex.replacement=https://new.example/$1": [
    { ask: "GET /a?b", status: 302, answer: { Location: "https://new.example/a?b" } },
  ],
  "middlewares.NAME.headers.customrequestheaders.X-A=b": [{ ask: "GET /a", sent: { "X-A": "b" } }],
  "middlewares.NAME.headers.customrequestheaders.X-A=": [{ ask: "GET /a", fields: { "X-A": "b" }, sent: { "X-A": null } }],
  "middlewares.NAME.headers.customresponseheaders.X-Powered-By=": [{ ask: "GET /a", answer: { "X-Powered-By": null } }],
  "middlewares.NAME.headers.contentTypeNosniff=true\nmiddlewares.NAME.headers.frameDeny=true": [
    { ask: "GET /a", answer: { "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY" } },
  ],
  "middlewares.NAME.headers.accesscontrolalloworiginlist=https://app.example.com": [
    { ask: "GET /a", fields: { Origin: "https://app.example.com" }, answer: { "Access-Control-Allow-Origin": "https://app.example.com" } },
    { ask: "GET /a", fields: { Origin: "https://b.example.com" }, answer: { "Access-Control-Allow-Origin": null } },
  ],
  "middlewares.NAME.ipallowlist.sourcerange=10.0.0.0/8": [
    { ask: "GET /", from: "10.1.2.3" },
    { ask: "GET /", status: 403, got: null },
  ],
  "middlewares.NAME.basicauth.usersfile=users.htpasswd\nmiddlewares.NAME.basicauth.realm=staff\nmiddlewares.NAME.basicauth.headerfield=X-User":
    [
      { ask: "GET /a", fields: { Authorization: `Basic ${btoa("alice:secret")}`, "X-User": "bob" }, sent: { "X-User": "alice" } },
      { ask: "GET /a", fields: { "X-User": "alice" }, status: 401, got: null },
      { ask: "GET /a", fields: { Authorization: `Basic ${btoa("alice:wrong")}` }, status: 401, got: null },
    ],
  "middlewares.NAME.ratelimit.average=60\nmiddlewares.NAME.ratelimit.period=1m\nmiddlewares.NAME.ratelimit.burst=3": [
    { ask: "GET /", times: 3 },
    { ask: "GET /", times: 4, status: 429 },
  ],
  "middlewares.NAME.compress=true": [
    { ask: "GET /large", fields: { "Accept-Encoding": "br" }, answer: { "Content-Encoding": "br", Vary: "Accept-Encoding" } },
    { ask: "GET /a", fields: { "Accept-Encoding": "br" }, answer: { "Content-Encoding": null } },
  ],
  "middlewares.NAME.compress.encodings=gzip\nmiddlewares.NAME.compress.minResponseBodyBytes=1000": [
    { ask: "GET /large", fields: { "Accept-Encoding": "gzip, br" }, answer: { "Content-Encoding": "gzip" } },
  ],
  "middlewares.NAME.inflightreq.amount=5": [{ ask: "GET /", times: 6 }],
  // Nobody listens at the address of the row: nobody comes in.
  "middlewares.NAME.forwardauth.address=http://auth:9000/verify\nmiddlewares.NAME.forwardauth.authResponseHeaders=X-User": [
    { ask: "GET /", fields: { "X-User": "root" }, status: 503, got: null },
  ],
  "middlewares.NAME.buffering.maxRequestBodyBytes=10": [{ ask: "POST /a", body: "01234567890", status: 413, got: null }],
  "middlewares.NAME.retry.attempts=3": [{ ask: "GET /a", got: "GET /a" }],
  "middlewares.NAME.errors.status=500-599\nmiddlewares.NAME.errors.query=/index.html": [
    { ask: "GET /fails", status: 503, text: "the page" },
  ],
  "routers.NAME.observability.accessLogs=false": [{ ask: "GET /a", got: "GET /a", logs: 0 }],
  "middlewares.NAME.chain.middlewares": [{ ask: "GET /a", got: "GET /a" }],
};

const VALUES: Values = {
  "services.NAME.loadbalancer.server.port=3000": ["upstreams.app.endpoints.0.url", "http://app:3000"],
  "services.NAME.loadbalancer.server.scheme=https": ["upstreams.app.endpoints.0.url", "https://app:8443"],
  "services.NAME.loadbalancer.healthcheck.path=/health\nservices.NAME.loadbalancer.healthcheck.interval=5s\nservices.NAME.loadbalancer.healthcheck.timeout=2s":
    ["upstreams.app.health_check.path", "/health"],
  "serversTransports.NAME.forwardingTimeouts.dialTimeout": ["upstreams.app.timeouts.connect", 3000],
  "serversTransports.NAME.forwardingTimeouts.responseHeaderTimeout": ["upstreams.app.timeouts.response_head", 30_000],
  "serversTransports.NAME.maxIdleConnsPerHost": ["upstreams.app.keep_alive.max_idle", 32],
  "serversTransports.NAME.serverName": ["upstreams.app.tls.server_name", "a.example"],
  "serversTransports.NAME.insecureSkipVerify": ["upstreams.app.tls.verify", false],
  "entryPoints.web.address=:8080": ["listeners.0.address", ":8080"],
  "entryPoints.web.transport.respondingTimeouts.readTimeout=30s": ["listeners.0.timeouts.request_head", 30_000],
  "entryPoints.web.transport.respondingTimeouts.idleTimeout=75s": ["listeners.0.timeouts.keep_alive", 75_000],
  "entryPoints.web.forwardedHeaders.trustedIPs=10.0.0.0/8": ["trusted_proxies.length", 1],
  "entryPoints.web.transport.lifeCycle.graceTimeOut=30s": ["shutdown.timeout", 30_000],
  "entryPoints.web.transport.lifeCycle.requestAcceptGraceTimeout=5s": ["shutdown.delay", 5000],
  "accessLog.filePath=/var/log/proxy.log": ["logging.output", "/var/log/proxy.log"],
  "accessLog.fields.headers.names.X-Tenant=keep": ["logging.access.request_headers.length", 1],
  "log.level=WARN": ["logging.level", "warn"],
  "ping=true\nmetrics.prometheus=true": ["admin.address", "127.0.0.1:9901"],
};

testPage("traefik", TRIALS, VALUES);
