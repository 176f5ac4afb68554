/**
 * Translates keys of other proxies (nginx, Caddy, Traefik, HAProxy, Envoy, http-proxy-middleware), so that a message about an unknown key
 * can name the key to use here. Spelling does not matter: `proxyPass`, `proxy-pass` and `proxy_pass` are one key.
 */

import { DECLARED } from "../../features/declared.ts";
import type { FeatureDeclaration } from "../../values/declaration.ts";

/** For each key here, by its place, the words of other proxies for it, separated by spaces. */
export const CALLED_HERE: Readonly<Record<string, string>> = {
  listeners: "entry_points entrypoints listen_addresses http_servers",
  "listeners[].address": "bind listen port ports bind_address listen_address listen_host socket_address port_value addr",
  "listeners[].timeouts.request_head":
    "client_header_timeout read_header_timeout timeout_http_request request_headers_timeout header_timeout",
  "listeners[].timeouts.idle": "client_body_timeout read_body_timeout timeout_client stream_idle_timeout read_timeout send_timeout",
  "listeners[].timeouts.keep_alive": "keepalive_timeout timeout_http_keep_alive idle_timeout keep_alive_timeout",
  "listeners[].limits.head_bytes":
    "large_client_header_buffers client_header_buffer_size max_header_bytes max_header_size max_request_headers_kb",
  "listeners[].limits.headers": "max_headers max_headers_count http_maxhdr",
  "listeners[].limits.connections": "worker_connections maxconn max_conn max_connections global_maxconn",
  "listeners[].limits.connections_per_client": "limit_conn limit_conn_zone in_flight_req",
  "listeners[].limits.requests_per_connection": "keepalive_requests max_requests_per_connection keep_alive_max_requests",
  "listeners[].timeouts.handshake": "ssl_handshake_timeout transport_socket_connect_timeout tls_handshake_timeout",
  "listeners[].limits.handshakes": "maxsslconn",
  "listeners[].tls": "ssl https tls_context downstream_tls_context",
  "listeners[].tls.certificates": "tls_certificates common_tls_context cert_key_pairs",
  "listeners[].tls.certificates[].cert_file": "ssl_certificate crt cert cert_pem tls_cert certificate certificate_chain cert_chain",
  "listeners[].tls.certificates[].key_file": "ssl_certificate_key private_key key_pem tls_key",
  "listeners[].tls.certificates[].key_passphrase": "ssl_password_file passphrase",
  "listeners[].tls.certificates[].ocsp_file": "ssl_stapling_file ocsp ocsp_staple",
  "listeners[].tls.internal": "internal_issuer local_certs issuer self_signed",
  "listeners[].tls.client_certificates": "client_auth client_authentication mutual_tls mtls",
  "listeners[].tls.client_certificates.mode": "ssl_verify_client require_client_certificate client_auth_type request_cert",
  "listeners[].tls.client_certificates.ca_file": "ssl_client_certificate ssl_trusted_certificate ca_files trusted_ca_certs_file",
  "listeners[].tls.client_certificates.crl_file": "ssl_crl crl",
  "listeners[].tls.client_certificates.verify_depth": "ssl_verify_depth max_verify_depth",
  "listeners[].tls.client_certificates.forward": "forward_client_cert_details pass_tls_client_cert",
  "listeners[].tls.min_version": "ssl_protocols ssl_min_ver tls_minimum_protocol_version minimum_protocol_version",
  "listeners[].tls.ciphers": "ssl_ciphers cipher_suites ciphersuites",
  "listeners[].tls.curves": "ssl_ecdh_curve ecdh_curves ecdhe curve_preferences groups",
  "listeners[].tls.strict_sni": "sni_strict ssl_reject_handshake",
  "listeners[].tls.tickets": "ssl_session_tickets session_tickets",
  "listeners[].tls.tickets.key_file": "ssl_session_ticket_key tls_ticket_keys session_ticket_keys",
  "listeners[].tls.acme": "letsencrypt lets_encrypt auto_https autocert cert_resolver certificates_resolvers certresolver",
  "listeners[].tls.acme.domains": "subjects san sans",
  "listeners[].tls.acme.email": "contact",
  "listeners[].tls.acme.directory": "ca acme_ca caserver ca_server directory_url",
  "listeners[].tls.acme.staging": "test_ca",
  "listeners[].tls.acme.terms_agreed": "agree_tos accept_terms tos_agreed",
  "listeners[].tls.acme.challenge": "http_challenge tls_challenge dns_challenge preferred_challenge",
  "listeners[].tls.acme.key": "key_type",
  "listeners[].tls.acme.eab": "external_account external_account_binding",
  "listeners[].tls.acme.ca_file": "acme_ca_root ca_certificates trusted_roots_pem_files",
  "listeners[].tls.acme.on_demand": "on_demand_tls",
  "listeners[].redirect_to_https": "force_https ssl_redirect force_ssl https_redirect https_only redirect_http_to_https",
  workers: "worker_processes nbthread nbproc threads processes concurrency cluster_size instances",
  trusted_proxies: "set_real_ip_from trusted_ips trusted_ip trust_proxy use_remote_address xff_num_trusted_hops trust_forward_header",
  client_address_from: "real_ip_header client_ip_headers forwardfor",
  upstreams: "services clusters pools upstream_pools load_balancers",
  "upstreams.NAME.endpoints":
    "servers server targets target nodes members hosts origins addresses proxy_pass proxy_to reverse_proxy lb_endpoints load_assignment " +
    "backends upstreams backend_servers destinations default_server",
  "upstreams.NAME.endpoints[].url": "uri dial",
  "upstreams.NAME.endpoints[].weight": "lb_weight load_balancing_weight",
  "upstreams.NAME.balance": "load_balancer load_balancing lb_policy algorithm strategy balancing selection_policy lb_algorithm",
  "upstreams.NAME.health_check":
    "httpchk http_check option_httpchk health healthcheck health_checks healthchecks check checks active_health_check",
  "upstreams.NAME.health_check.path": "health_uri health_path check_path http_check_uri",
  "upstreams.NAME.health_check.interval": "health_interval inter check_interval",
  "upstreams.NAME.health_check.timeout": "health_timeout timeout_check check_timeout",
  "upstreams.NAME.health_check.healthy_threshold": "rise passes health_passes success_threshold",
  "upstreams.NAME.health_check.unhealthy_threshold": "fall fails health_fails failure_threshold",
  "upstreams.NAME.health_check.expected_statuses":
    "expect_status health_status expected_status expected_codes http_check_expect match_status",
  "upstreams.NAME.timeouts.connect": "proxy_connect_timeout connect_timeout dial_timeout timeout_connect connection_timeout",
  "upstreams.NAME.timeouts.response_head":
    "response_header_timeout proxy_timeout timeout_server server_timeout write_timeout proxy_read_timeout fastcgi_read_timeout backend_timeout",
  "upstreams.NAME.timeouts.idle": "proxy_send_timeout",
  "upstreams.NAME.timeouts.tunnel_idle": "timeout_tunnel tunnel_timeout websocket_timeout",
  "upstreams.NAME.keep_alive": "keepalive connection_pool agent http_reuse idle_conn_timeout",
  "upstreams.NAME.keep_alive.max_idle":
    "keepalive_idle_conns max_idle_conns_per_host max_idle_conns keepalive_idle_conns_per_host keepalive_connections",
  "upstreams.NAME.retries": "max_retries num_retries lb_retries",
  "upstreams.NAME.tls": "servers_transport transport_socket ssl",
  "upstreams.NAME.tls.verify": "proxy_ssl_verify insecure_skip_verify tls_insecure_skip_verify reject_unauthorized secure verify_none",
  "upstreams.NAME.tls.server_name": "proxy_ssl_name proxy_ssl_server_name tls_server_name sni",
  "upstreams.NAME.tls.ca_file": "proxy_ssl_trusted_certificate root_cas root_ca ca cacert trusted_ca tls_trusted_ca_certs trust_pool",
  "upstreams.NAME.tls.crl_file": "proxy_ssl_crl crl",
  "upstreams.NAME.tls.cert_file": "proxy_ssl_certificate tls_client_auth client_certificate client_cert cert crt certificate certificates",
  "upstreams.NAME.tls.key_file": "proxy_ssl_certificate_key client_key private_key",
  "upstreams.NAME.tls.key_passphrase": "proxy_ssl_password_file passphrase",
  "upstreams.NAME.tls.min_version": "proxy_ssl_protocols ssl_min_ver protocols tls_minimum_protocol_version minimum_protocol_version",
  "upstreams.NAME.tls.pinned_names": "match_typed_subject_alt_names match_subject_alt_names verifyhost peer_cert_uri",
  "upstreams.NAME.tls.pinned_keys": "verify_certificate_spki pinnedpubkey pinned_pub_key public_key_pins",
  routes: "routers locations location frontends frontend virtual_hosts vhosts rules handlers handle route_config http_routers",
  "routes[].timeouts.request": "request_timeout route_timeout max_stream_duration",
  "routes[].retry": "proxy_next_upstream retry_policy",
  "routes[].retry.attempts": "proxy_next_upstream_tries",
  "routes[].retry.on": "retry_on retriable_status_codes",
  "routes[].hold": "lb_try_duration",
  "routes[].match": "rule matcher matchers acl if filter conditions",
  "routes[].match.host": "server_name server_names domains domain hostname hostnames vhost virtual_host host_regexp",
  "routes[].match.path": "prefix path_prefix path_beg path_pattern context location_path path_filter",
  "routes[].match.client_certificate": "client_cert ssl_client_s_dn tls_client_auth forwarded_client_cert client_subject",
  "routes[].match.methods": "limit_except http_method",
  "routes[].upstream": "service cluster backend use_backend default_backend pool forward_to",
  "routes[].split": "weighted_clusters weighted split_clients traffic_split weighted_round_robin_services canary canaries",
  "routes[].split_by": "split_key sticky_by",
  "routes[].mirror": "mirrors mirroring shadow request_mirror_policies mirror_request_body traffic_mirror",
  "routes[].upgrade": "upgrade_configs proxy_upgrade upgrade_type upgrades connection_upgrade",
  "routes[].max_body":
    "client_max_body_size max_request_body max_request_body_bytes max_request_body_size request_body_max_size body_limit max_body_size",
  "routes[].buffer": "buffering",
  "routes[].buffer.request":
    "proxy_request_buffering option_http_buffer_request buffer_requests request_buffers request_buffering mem_request_body_bytes client_body_buffer_size",
  "routes[].buffer.response":
    "proxy_buffering proxy_buffers proxy_busy_buffers_size response_buffers response_buffering mem_response_body_bytes",
  ...wordsOfFeatures(),
  include: "includes import imports",
  admin: "metrics prometheus stats dashboard api stub_status status_page ping",
  logging: "log logs error_log logger",
  "logging.level": "log_level loglevel verbosity",
  "logging.format": "log_format encoder",
  "logging.output": "log_file file_path log_output",
  "logging.access": "access_log access_logs accesslog",
  "startup.wait": "startup_timeout start_period",
  "shutdown.timeout":
    "grace_period shutdown_timeout grace_time_out grace_timeout hard_stop_after worker_shutdown_timeout drain_timeout drain_time",
};

function wordsOfFeatures(): Readonly<Record<string, string>> {
  const declared: readonly (readonly [key: string, declaration: FeatureDeclaration])[] = Object.entries(DECLARED);
  return Object.fromEntries(
    declared.flatMap(([feature, { calledElsewhere = {} }]) =>
      Object.entries(calledElsewhere).map(([key, words]) => [`routes[].${feature}${key === "" ? "" : `.${key}`}`, words]),
    ),
  );
}

/** Foreign keys for which Millrace needs no key, and why. */
const WITHOUT_KEY: readonly (readonly [words: string, why: string])[] = [
  ["websocket websockets ws", "WebSocket upgrades are forwarded without a key; `routes[].upgrade` admits other protocols, or none"],
  ["xfwd x_forwarded_for x_forwarded", "X-Forwarded-* are always sent"],
  ["proxy_http_version http_version", "endpoints are spoken to in HTTP/1.1"],
  ["flush_interval self_handle_response", "bodies are streamed and never held whole"],
  ["proxy_pass_header", "all fields of responses pass but those about one connection"],
  ["follow_redirects", "redirects are left to the client"],
  [
    "middlewares plugins filters http_filters",
    "each feature is a key of its route, such as rate_limit, cors or authentication; middleware of one's own is `routes[].middleware`",
  ],
  ["daemon master_process pid pidfile user group chroot", "the service manager sees to it"],
  ["server_tokens", "no version is ever sent"],
  ["ssl_session_cache ssl_session_timeout", "clients resume sessions by tickets, see `listeners[].tls.tickets`"],
  ["ssl_dhparam dhparam", "Diffie-Hellman over finite fields is not offered"],
  ["ssl_prefer_server_ciphers", "the order of `listeners[].tls.ciphers` decides, but for clients that want ChaCha20 first"],
];

/** Keys for things that this version does not have: words of other proxies, and names that later versions will have. */
const NOT_THERE = `
stores protocols proxy_protocol protocol discover sticky outlier_detection
circuit_breaker slow_start queue backup
basic api_keys jwt forward require concurrency_limit cache store roles
claims acme scope options destroy
replace_path redirects permanent protocol_rewrite
http_request http_response on_proxy_req on_proxy_res router
autoindex browse errorloc
cert_resolver
certificates_resolvers lets_encrypt auto_https http2 h2 h2c http3 quic alpn
least_conn least_connections least_request ip_hash hash consistent_hash uri_hash url_hash header_hash random random_two
ring_hash maglev peak_ewma first cookie session_affinity session_persistence stick_table stick affinity max_fails fail_timeout
passive_health_check down resolver resolvers dns_resolver dns srv dns_refresh_rate dynamic_upstreams providers docker consul
kubernetes file_provider circuit_breakers max_requests max_pending_requests proxy_cache proxy_cache_path proxy_cache_valid caching
digest_auth
users external_auth ext_authz saml allow deny ip_allow_list ip_white_list whitelist blacklist
allowlist denylist source_range remote_ip map set tracing opentelemetry otel statsd stream streams tcp udp grpc grpc_pass
fastcgi_pass php_fastcgi uwsgi_pass scgi_pass lua wasm script sub_filter templates snippets experimental runtime
proxy_intercept_errors expires etag
`;

/** From how many words on a place is far inside its section. */
const FAR_INSIDE = 4;

const here = placesByWord();
const pointless = new Map(WITHOUT_KEY.flatMap(([words, why]) => words.split(" ").map((word) => [spelled(word), why])));
const notThere = new Set(NOT_THERE.trim().split(/\s+/).map(spelled));
const vocabulary = new Set(
  ["middleware", ...Object.entries(CALLED_HERE).flat(), ...WITHOUT_KEY.map(([words]) => words), NOT_THERE].flatMap((text) =>
    text.toLowerCase().split(/[^a-z]+/),
  ),
);
// Words that may be passwords.
for (const word of ["", "secret", "password", "token", "admin", "user", "users", "key", "pass"]) vocabulary.delete(word);

/** The message about a thing that this version does not have. */
export const NOT_YET: string = "Millrace does not have this yet";

export interface ForeignKey {
  /** The key that does the same here, such as `upstreams.NAME.endpoints`; null when there is none. */
  readonly place: string | null;
  /** The end of a message about the key. */
  readonly text: string;
}

function placesByWord(): ReadonlyMap<string, readonly string[]> {
  const places = new Map<string, string[]>();
  for (const [place, words] of Object.entries(CALLED_HERE)) {
    for (const word of words.split(" ").map(spelled)) places.set(word, [...(places.get(word) ?? []), place]);
  }
  return places;
}

/**
 * What is known of a key of another proxy; null for a word in none of the tables.
 * @param at where it stands. A word may mean one thing there and another elsewhere: `location` is a field, or a part of nginx.conf. Where nothing is
 *   known of that place, the outermost of the places counts.
 */
export function foreignKey(key: string, at: string = ""): ForeignKey | null {
  const word = spelled(key);
  const places = here.get(word) ?? [];
  const depth = (each: string): number => each.split(".").length;
  // Far inside a section, such as `routes[].authentication.basic`, a key of another section is not what was meant.
  const section = depth(at) < FAR_INSIDE ? "" : `${at.split(".").slice(0, 2).join(".")}.`;
  const near = places.filter((each) => each.startsWith(section) || !each.includes("."));
  const place =
    places.findLast((each) => parentOf(each) === parentOf(at)) ??
    places.find((each) => at !== "" && each.startsWith(`${parentOf(at)}.`)) ??
    near.toSorted((a, b) => depth(a) - depth(b))[0];
  if (place !== undefined) return { place, text: `Millrace calls it \`${place}\`` };
  const why = pointless.get(word);
  if (why !== undefined) return { place: null, text: `Millrace has no such key: ${why}` };
  return notThere.has(word) ? { place: null, text: NOT_YET } : null;
}

/** Whether the text consists of words of the tables above. Then it is a setting of some proxy and no secret, and messages may show it. */
export function isVocabulary(text: string): boolean {
  if (!/^[A-Za-z][A-Za-z_-]{0,40}$/.test(text)) return false;
  const words = text
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[_-]/);
  return words.every((word) => vocabulary.has(word));
}

function parentOf(place: string): string {
  return place.slice(0, Math.max(0, place.lastIndexOf(".")));
}

function spelled(word: string): string {
  return word.replace(/[_-]/g, "").toLowerCase();
}
