import { CADDY_TRIALS } from "./caddy-trials.ts";
import { testPage } from "../support/migration-page.ts";
import type { Values } from "../support/migration-page.ts";

const VALUES: Values = {
  "reverse_proxy unix//run/app.sock": ["upstreams.app.endpoints.0.url", "unix:/run/app.sock"],
  "reverse_proxy 10.0.0.1:3000 10.0.0.2:3000": ["upstreams.app.endpoints.length", 2],
  "lb_policy weighted_round_robin 2 1": ["upstreams.app.endpoints.0.weight", 2],
  "lb_policy round_robin": ["upstreams.app.balance", "round_robin"],
  "health_uri /health\nhealth_interval 5s\nhealth_timeout 2s": ["upstreams.app.health_check.interval", 5000],
  "health_fails 3\nhealth_passes 2": ["upstreams.app.health_check.unhealthy_threshold", 3],
  "dial_timeout 3s": ["upstreams.app.timeouts.connect", 3000],
  "response_header_timeout 30s": ["upstreams.app.timeouts.response_head", 30_000],
  "keepalive 30s": ["upstreams.app.keep_alive.idle", 30_000],
  "keepalive_idle_conns_per_host 32": ["upstreams.app.keep_alive.max_idle", 32],
  "tls_server_name a.example": ["upstreams.app.tls.server_name", "a.example"],
  tls_insecure_skip_verify: ["upstreams.app.tls.verify", false],
  "trusted_proxies static 10.0.0.0/8": ["trusted_proxies.length", 1],
  "log { output file /var/log/proxy.log }": ["logging.output", "/var/log/proxy.log"],
  "log { format filter { request>headers>Referer delete } }": ["logging.access.omit.0", "referer"],
  "log { format json }": ["logging.format", "json"],
  "grace_period 30s": ["shutdown.timeout", 30_000],
  "shutdown_delay 5s": ["shutdown.delay", 5000],
  "admin localhost:2019": ["admin.address", "localhost:2019"],
  metrics: ["admin.address", "127.0.0.1:9901"],
};

testPage("caddy", CADDY_TRIALS, VALUES);
