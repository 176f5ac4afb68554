/** What nearly every route of an application has: a rewritten path, some fields of the heads edited, an id for each request. */
import { missingWrk } from "../load/wrk.ts";
import { caddyAs } from "../rivals/caddy.ts";
import { haproxyAs } from "../rivals/haproxy.ts";
import { millrace, millraceAs } from "../rivals/millrace.ts";
import { nginxAs } from "../rivals/nginx.ts";
import { browsers, inRounds } from "./in-rounds.ts";
import { smallOrigin } from "./origins.ts";
import type { Work } from "./work.ts";

const millraceRewriting = millraceAs("millrace", () => ({
  routes: `
  - match: { path: /catalogue/* }
    rewrite: { strip_prefix: /catalogue, add_prefix: /shop }
    request_headers: { set: { X-Env: prod, X-Tenant: blue }, remove: [Cache-Control] }
    response_headers: { set: { X-Frame-Options: DENY }, remove: [X-Powered-By] }
    request_id: { header: X-Request-Id }
    upstream: app`,
}));

const nginxRewriting = nginxAs("nginx", () => ({
  location: `}
    location /catalogue/ {
      proxy_pass http://app/shop/;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Prefix /catalogue;
      proxy_set_header Via "1.1 nginx";
      proxy_set_header X-Env prod;
      proxy_set_header X-Tenant blue;
      proxy_set_header Cache-Control "";
      proxy_set_header X-Request-Id $request_id;
      add_header X-Frame-Options DENY;
      proxy_hide_header X-Powered-By;`,
}));

const haproxyRewriting = haproxyAs("haproxy", () => ({
  frontend: `unique-id-format %{+X}o%ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header X-Request-Id
  http-request replace-path /catalogue/(.*) /shop/\\1
  http-request set-header X-Forwarded-Prefix /catalogue
  http-request set-header X-Env prod
  http-request set-header X-Tenant blue
  http-request del-header Cache-Control
  http-response set-header X-Frame-Options DENY
  http-response del-header X-Powered-By`,
}));

const caddyRewriting = caddyAs("caddy", () => ({
  site: `uri replace /catalogue/ /shop/
  request_header X-Forwarded-Prefix /catalogue
  request_header X-Env prod
  request_header X-Tenant blue
  request_header -Cache-Control
  request_header X-Request-Id {http.request.uuid}
  header X-Frame-Options DENY
  header -X-Powered-By`,
}));

export const rewrites: Work = {
  name: "rewrites",
  about: "small with a rewritten path, five header edits and a request id",
  rivals: [millraceRewriting, { ...millrace, name: "millrace (plain)" }, nginxRewriting, haproxyRewriting, caddyRewriting],
  canChange: true,
  missing: missingWrk,
  run: inRounds({ origin: smallOrigin, base: "nginx", load: browsers() }),
};
