/** What operators switch on: an access log as JSON in a file, metrics, a rate limit that refuses nobody, CORS. */
import path from "node:path";
import { missingWrk } from "../load/wrk.ts";
import { caddyAs } from "../rivals/caddy.ts";
import { haproxyAs } from "../rivals/haproxy.ts";
import { millrace, millraceAs } from "../rivals/millrace.ts";
import { nginxAs } from "../rivals/nginx.ts";
import { browsers, inRounds } from "./in-rounds.ts";
import { smallOrigin } from "./origins.ts";
import type { Work } from "./work.ts";

const PAGE = "https://app.bench.test";

const millraceFull = millraceAs("millrace", () => ({
  log: true,
  more: 'admin: { address: "127.0.0.1:0" }',
  routes: `[{ upstream: app, rate_limit: { requests_per_second: 1000000 }, cors: { allowed_origins: ["${PAGE}"] } }]`,
}));

/** Its log through a buffer, as its manual recommends for many requests; its limit in a shared zone. */
const nginxFull = nginxAs("nginx", ({ folder }) => ({
  http: `log_format lines escape=json '{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method","path":"$uri",'
    '"status":$status,"bytes":$body_bytes_sent,"duration":$request_time,"upstream":"$upstream_addr"}';
  limit_req_zone $binary_remote_addr zone=clients:10m rate=1000000r/s;`,
  location: `access_log ${folder}/access.log lines buffer=64k flush=1s;
      limit_req zone=clients burst=1000000 nodelay;
      add_header Access-Control-Allow-Origin "${PAGE}" always;
      add_header Vary Origin always;
    }
    location = /metrics {
      stub_status;`,
}));

/** It logs to a socket or to its standard output, which is the file here. */
const haproxyFull = haproxyAs("haproxy", ({ folder }) => ({
  output: path.join(folder, "access.log"),
  global: "log stdout len 4096 format raw local0 info",
  frontend: `log global
  log-format '{"time":"%Tl","client":"%ci","method":"%HM","path":"%HPO","status":%ST,"bytes":%B,"duration":%Ta,"upstream":"%s"}'
  stick-table type ip size 100k expire 30s store http_req_rate(1s)
  http-request track-sc0 src
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 1000000 }
  http-response set-header Access-Control-Allow-Origin ${PAGE}
  http-response set-header Vary Origin`,
  sections: `frontend metrics
  bind unix@${folder}/metrics.sock
  http-request use-service prometheus-exporter if { path /metrics }`,
}));

/** As Debian packages it, it has no rate limit. */
const caddyFull = caddyAs("caddy (no limit)", ({ folder }) => ({
  global: "servers {\n    metrics\n  }",
  site: `log {
    output file ${folder}/access.log
    format json
    level INFO
  }
  header Access-Control-Allow-Origin ${PAGE}
  header Vary Origin`,
}));

export const features: Work = {
  name: "features",
  about: "the same with access log (JSON, file), metrics, rate limit and CORS",
  rivals: [millraceFull, { ...millrace, name: "millrace (plain)" }, nginxFull, haproxyFull, caddyFull],
  canChange: true,
  missing: missingWrk,
  run: inRounds({
    origin: smallOrigin,
    base: "nginx",
    load: browsers([`Origin: ${PAGE}`]),
  }),
};
