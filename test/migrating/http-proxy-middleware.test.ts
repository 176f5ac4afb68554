import { testPage } from "../support/migration-page.ts";
import type { Trials, Values } from "../support/migration-page.ts";

const REDIRECTED = { ask: "GET /redirects", status: 302 };

const TRIALS: Trials = {
  'target: "http://localhost:4000"': [{ ask: "GET /a?b=c", got: "GET /a?b=c" }],
  'pathFilter: "/api"': [{ ask: "GET /api/a" }, { ask: "GET /b", status: 404 }],
  'pathFilter: ["/api", "/auth"]': [{ ask: "GET /auth/a" }, { ask: "GET /b", status: 404 }],
  'pathFilter: (path, req) => req.method === "GET"': [{ ask: "GET /a" }, { ask: "POST /a", body: "x", status: 404 }],
  'pathFilter: "!/api"': [{ ask: "GET /a" }, { ask: "GET /api/a", status: 404 }],
  'router: { "b.example": "http://localhost:4001" }': [
    { ask: "GET /a", fields: { Host: "b.example" }, by: "next" },
    { ask: "GET /a", by: "app" },
  ],
  'router: { "/rest": "http://localhost:4001" }': [
    { ask: "GET /rest/a", by: "next" },
    { ask: "GET /a", by: "app" },
  ],
  'router: (req) => req.headers["x-beta"] ? NEXT : APP': [
    { ask: "GET /a", fields: { "X-Beta": "1" }, by: "next" },
    { ask: "GET /a", by: "app" },
  ],

  "changeOrigin: true": [{ ask: "GET /a", sent: { Host: "127.0.0.1:60408" } }],
  "changeOrigin: false": [{ ask: "GET /a", sent: { Host: "client.example" } }],
  'pathRewrite: { "^/api": "" }': [{ ask: "GET /api/a?b=c", got: "GET /a?b=c" }],
  'pathRewrite: { "^/old/": "/new/" }': [{ ask: "GET /old/a", got: "GET /new/a" }],
  'pathRewrite: { "^/": "/base/" }': [{ ask: "GET /a", got: "GET /base/a" }],
  'headers: { "X-A": "b" }': [{ ask: "GET /a", sent: { "X-A": "b" } }],
  'auth: "a:b"': [{ ask: "GET /a", sent: { Authorization: "Basic YTpi" } }],
  "autoRewrite: true": [{ ...REDIRECTED, answer: { Location: "http://client.example/login" } }],
  'hostRewrite: "a.example"': [{ ...REDIRECTED, answer: { Location: "http://a.example/login" } }],
  'protocolRewrite: "https"': [{ ...REDIRECTED, answer: { Location: "https://client.example/login" } }],
  'cookieDomainRewrite: "example.com"': [{ ask: "GET /cookie", answer: { "Set-Cookie": "a=1; Domain=example.com; Path=/" } }],
  'cookieDomainRewrite: ""': [{ ask: "GET /cookie", answer: { "Set-Cookie": "a=1; Path=/" } }],
  'cookiePathRewrite: "/app"': [{ ask: "GET /cookie", answer: { "Set-Cookie": "a=1; Domain=internal.example; Path=/app" } }],
  "xfwd: true": [
    {
      ask: "GET /a",
      fields: { "X-Forwarded-For": "1.2.3.4" },
      sent: { "X-Forwarded-For": "CLIENT", "X-Forwarded-Host": "client.example", "X-Forwarded-Proto": "http" },
    },
  ],
  "ws: true": [{ ask: "GET /live", upgrade: true, status: 101 }],
  "ws: false": [{ ask: "GET /live", fields: { Connection: "Upgrade", Upgrade: "websocket" }, sent: { Upgrade: null } }],
  "timeout: 30000": [{ ask: "GET /stalls", status: 504, wait: "31s" }],
  "proxyTimeout: 10000": [{ ask: "GET /stalls", status: 504, wait: "11s" }],
  'on: { proxyReq: (r) => r.setHeader("X-A", "b") }': [{ ask: "GET /a", sent: { "X-A": "b" } }],
  'on: { proxyReq: (r) => r.removeHeader("Cookie") }': [{ ask: "GET /a", fields: { Cookie: "a=1" }, sent: { Cookie: null } }],
  'on: { proxyRes: (r) => delete r.headers["x-powered-by"] }': [{ ask: "GET /a", answer: { "X-Powered-By": null } }],
};

const VALUES: Values = {
  'target: "https://a.example"': ["upstreams.app.endpoints.0.url", "https://a.example"],
  "secure: false": ["upstreams.app.tls.verify", false],
  "xfwd: false": ["upstreams.app.x_forwarded", false],
  "agent: new Agent({ maxFreeSockets: 32 })": ["upstreams.app.keep_alive.max_idle", 32],
};

testPage("http-proxy-middleware", TRIALS, VALUES);
