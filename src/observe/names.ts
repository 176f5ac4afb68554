/**
 * The names of all metrics and log events, each with the sentence that the documentation and the scrape print. Those of features are declared
 * in the features' folders and added here. The compiler refuses any other name.
 */
import { DECLARED } from "../features/declared.ts";
import type { FeatureEvent } from "../features/declared.ts";
import type { HandshakeFailure } from "../shared/handshake-failure.ts";
import type { CounterName } from "../shared/metric-table.ts";
import type { FeatureFacts } from "../values/feature-facts.ts";

export type MetricType = "counter" | "gauge" | "histogram";

/** A metric as the scrape announces it. */
export interface MetricName {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** Labels with fixed values: metrics of one name differ in them alone. */
  readonly labels?: readonly (readonly [name: string, value: string])[];
}

/** The metrics of gauges and counters, one for each {@link CounterName}. */
export const COUNTER_METRICS: Readonly<Record<CounterName, MetricName>> = {
  connections_open: gauge("millrace_connections_open", "Client connections that are open now."),
  exchanges_in_flight: gauge("millrace_exchanges_in_flight", "Requests that have begun and have not ended yet."),
  upstream_connections_open: gauge("millrace_upstream_connections_open", "Connections to endpoints that are open now, idle ones included."),
  tunnels_open: gauge("millrace_tunnels_open", "Upgraded connections (WebSocket) that are being relayed now."),
  connections_accepted: counter("millrace_connections_accepted_total", "Client connections that were accepted."),
  connections_refused: counter(
    "millrace_connections_refused_total",
    "Client connections closed at once: a limit of the listener or of open files was reached.",
  ),
  proxy_headers_refused: counter(
    "millrace_proxy_headers_refused_total",
    "Client connections closed because they began with no right PROXY header, or came from outside `proxy_protocol.from`.",
  ),
  upstream_connections_opened: counter("millrace_upstream_connections_opened_total", "Connections to endpoints that were established."),
  upstream_connections_reused: counter(
    "millrace_upstream_connections_reused_total",
    "Requests sent on a connection that had served one before.",
  ),
  upstream_connect_failures: counter(
    "millrace_upstream_connect_failures_total",
    "Connections to endpoints that were refused, unreachable or too slow.",
  ),
  retries: counter("millrace_retries_total", "Further attempts after a failed one."),
  retries_over_budget: counter(
    "millrace_retries_over_budget_total",
    "Failed attempts that were not tried again because the route's retry budget was used up.",
  ),
  requests_held: counter("millrace_requests_held_total", "Requests that waited for an endpoint to come up."),
  requests_mirrored: counter("millrace_requests_mirrored_total", "Copies of requests (`mirror`) that were answered."),
  mirrors_dropped: counter(
    "millrace_mirrors_dropped_total",
    "Copies of requests that were not sent, because of a limit or an incomplete request, or not answered.",
  ),
  cache_hits: counter("millrace_cache_hits_total", "Requests answered with a stored response that was fresh."),
  cache_stale_hits: counter(
    "millrace_cache_stale_hits_total",
    "Requests answered with a stored response that was stale: while it is refreshed, or because the upstream has failed.",
  ),
  cache_revalidated: counter(
    "millrace_cache_revalidated_total",
    "Requests answered with a stored response that the upstream has said to be still good.",
  ),
  cache_misses: counter("millrace_cache_misses_total", "Requests on routes with `cache` that the upstream has answered."),
  cache_bypassed: counter(
    "millrace_cache_bypassed_total",
    "Requests on routes with `cache` that no stored response may answer: for their method, body, conditions, or by whom they are.",
  ),
  malformed_requests: counter("millrace_malformed_requests_total", "Requests refused for a fault of framing or syntax, or for their size."),
  request_timeouts: counter("millrace_request_timeouts_total", "Requests whose head or body came too slowly."),
  upstream_timeouts: counter("millrace_upstream_timeouts_total", "Attempts that an endpoint did not answer in time."),
  origin_failures: counter("millrace_origin_failures_total", "Attempts that failed on the endpoint's side other than by time."),
  client_aborts: counter("millrace_client_aborts_total", "Exchanges that the client left before their end."),
  tunnels_opened: counter("millrace_tunnels_opened_total", "Connections that were upgraded."),
  access_log_dropped_lines: counter(
    "millrace_access_log_dropped_lines_total",
    "Access log lines that a worker dropped because the output did not keep up.",
  ),
  tls_handshakes: counter("millrace_tls_handshakes_total", "Finished TLS handshakes of clients."),
  tls_handshakes_resumed: counter("millrace_tls_handshakes_resumed_total", "Those of them that resumed an earlier session."),
  tls_failed_client_left: handshakesFailed("client_left"),
  tls_failed_timed_out: handshakesFailed("timed_out"),
  tls_failed_turned_away: handshakesFailed("turned_away"),
  tls_failed_not_tls: handshakesFailed("not_tls"),
  tls_failed_unknown_name: handshakesFailed("unknown_name"),
  tls_failed_no_common_parameters: handshakesFailed("no_common_parameters"),
  tls_failed_refused_certificate: handshakesFailed("refused_certificate"),
  tls_failed_refused_by_client: handshakesFailed("refused_by_client"),
  tls_failed_unusable_certificate: handshakesFailed("unusable_certificate"),
  tls_failed_other: handshakesFailed("other"),
  buffers_refused: counter(
    "millrace_buffers_refused_total",
    "Times that a body was not held, or held no further, because `limits.buffered_bytes` was used up.",
  ),
};

/** The metrics with labels, and those of the process. */
export const METRICS: {
  readonly requests: MetricName;
  readonly requestDuration: MetricName;
  readonly receivedBytes: MetricName;
  readonly sentBytes: MetricName;
  readonly tokens: MetricName;
  readonly endpointHealthy: MetricName;
  readonly endpointInFlight: MetricName;
  readonly buildInfo: MetricName;
  readonly uptime: MetricName;
  readonly workers: MetricName;
  readonly bufferedBytes: MetricName;
  readonly workerRestarts: MetricName;
  readonly configGeneration: MetricName;
  readonly refusedReloads: MetricName;
  readonly middleware: MetricName;
  readonly limiterEvictions: MetricName;
  readonly logDroppedLines: MetricName;
  readonly certificateEnd: MetricName;
  readonly certificateRead: MetricName;
  readonly certificateFilesRead: MetricName;
  readonly certificateFilesRefused: MetricName;
  readonly acmeOrders: MetricName;
  readonly acmeNextOrder: MetricName;
  readonly storeUp: MetricName;
  readonly storeQuestions: MetricName;
  readonly storeSeconds: MetricName;
  readonly responseStoreBytes: MetricName;
  readonly responseStoreBytesMax: MetricName;
  readonly responseStoreRecords: MetricName;
  readonly responseStoreEvictions: MetricName;
} = {
  requests: counter(
    "millrace_requests_total",
    "Requests that ended, by route, upstream, endpoint (the one tried last; empty: none, or more than 65536 combinations) and status class.",
  ),
  requestDuration: {
    name: "millrace_request_duration_seconds",
    type: "histogram",
    help: "Time from the first byte of a request to the last byte of its answer, by route.",
  },
  receivedBytes: counter("millrace_received_bytes_total", "Bytes received from clients, by route."),
  sentBytes: counter("millrace_sent_bytes_total", "Bytes sent to clients, by route."),
  tokens: counter(
    "millrace_tokens_total",
    "Tokens of language models, by route with `token_limit`: `kind` is `input` or `output`; `source` is `usage` as answers report, or `estimate`.",
  ),
  endpointHealthy: gauge("millrace_endpoint_healthy", "1 healthy, 0 unhealthy; absent while that is not known."),
  endpointInFlight: gauge("millrace_endpoint_in_flight", "Exchanges that an endpoint has in flight, over all workers."),
  buildInfo: gauge("millrace_build_info", "Always 1; version and Node version are its labels."),
  uptime: gauge("millrace_uptime_seconds", "Seconds since the process started."),
  workers: gauge("millrace_workers", "Data-plane threads that are serving."),
  bufferedBytes: gauge("millrace_buffered_bytes", "Memory that held bodies take now, out of `limits.buffered_bytes`."),
  workerRestarts: counter("millrace_worker_restarts_total", "Data-plane threads that ended unexpectedly and were replaced."),
  configGeneration: gauge(
    "millrace_config_generation",
    "Number of the configuration in use, from 1. It rises with every reload that is accepted.",
  ),
  refusedReloads: counter("millrace_config_reloads_refused_total", "Reloads whose configuration was refused; the old one stayed in use."),
  middleware: counter("millrace_middleware_total", "What a counter of a middleware has counted; there once it has counted."),
  limiterEvictions: counter(
    "millrace_rate_limiter_evictions_total",
    "Rate-limit entries dropped early because their part of the table was full.",
  ),
  logDroppedLines: counter("millrace_log_dropped_lines_total", "Log lines dropped because the output was blocked or full."),
  certificateEnd: gauge(
    "millrace_certificate_expiry_timestamp_seconds",
    "When a certificate ends, in seconds since 1970, by its user (`listener`, `upstream` or `admin`), its first name and the kind of its key.",
  ),
  certificateRead: gauge(
    "millrace_certificate_read_timestamp_seconds",
    "Since when the certificate is in use, in seconds since 1970: when its file, or the authority, last gave a new one.",
  ),
  certificateFilesRead: counter(
    "millrace_certificate_files_read_total",
    "Times that a file of TLS has changed and its new version came into use.",
  ),
  certificateFilesRefused: counter(
    "millrace_certificate_files_refused_total",
    "Times that a file of TLS has changed and could not be used; the old version stayed in use.",
  ),
  acmeOrders: counter(
    "millrace_acme_orders_total",
    "Orders of certificates that came to an end, by outcome: obtained or failed. There where a listener has `tls.acme`.",
  ),
  acmeNextOrder: gauge(
    "millrace_acme_next_order_timestamp_seconds",
    "When a certificate of `domains` is ordered next, by its first name: renewed, or tried again.",
  ),
  storeUp: gauge("millrace_store_up", "1: all threads that have asked the store get answers; 0: some do not, or none has asked yet."),
  storeQuestions: counter(
    "millrace_store_questions_total",
    "Questions to a store, by outcome: answered, late (not in its `timeout`), failed (it said that it cannot, or the connection was lost), or spared (not asked, because it did not answer before).",
  ),
  storeSeconds: counter("millrace_store_answer_seconds_total", "Time that the answered questions have waited for the store, all together."),
  responseStoreBytes: gauge(
    "millrace_response_store_bytes",
    "Memory of a store of responses that is filled, what was dropped and not overwritten yet included.",
  ),
  responseStoreBytesMax: gauge("millrace_response_store_max_bytes", "What such a store may take (`max_size`)."),
  responseStoreRecords: gauge("millrace_response_store_records", "Responses that can be found in it."),
  responseStoreEvictions: counter(
    "millrace_response_store_evicted_segments_total",
    "Segments of it that were given up to make room; what was used in them is kept.",
  ),
};

/**
 * The events of the application log, each with its meaning. The caller chooses the level: an event may be a warning in one case and an
 * error in another.
 */
export const EVENTS = {
  starting: "The process starts.",
  listening: "A listener, or the admin address, accepts connections; `url` has the real port.",
  listener_closed: "A reload removed a listener: it accepts nothing more, and its connections end with what they carry.",
  listen_by_one_worker: "A listener is served by one worker alone, because it cannot be shared.",
  listener_lost:
    "A listener ended with its worker and cannot be opened again: it was handed over as a file descriptor, or another program has its path by now.",
  started: "All listeners accept connections.",
  start_failed: "The process could not start. It says why on stderr; a log file gets the reason too.",
  config_warning: "Something in a configuration is probably not meant. That alone refuses no configuration.",
  config_reloaded: "A new configuration is in use.",
  config_refused: "A new configuration was refused; the old one stays in use.",
  credentials_read: "A file with keys, users or a key set has changed, and is in use.",
  credentials_refused: "Such a file has changed and cannot be used; the one of before stays in use, and the message says why.",
  key_server_answered: "A key server (`authentication.jwt.jwks_url`) answers again after a failure.",
  key_server_failed: "A key server did not answer, or not with a key set; the keys at hand stay in use, and it is asked again.",
  api_description_read:
    "The document of an API (`validate.openapi`), or a file that it refers to, has changed and is in use; `operations` says how many there are. As a warning: something in it is not checked.",
  api_description_refused: "Such a document has changed and cannot be used; the old description stays in use, and the message says why.",
  address_list_read: "The file of an address list has changed, and its new blocks are in use; `blocks` says how many.",
  address_list_refused:
    "The file of an address list has changed and cannot be used: it is wrong, missing or empty. The old list stays in use.",
  geoip_file_read: "A database about addresses (`access.geoip_file`, `access.asn_file`) has changed, and what it says now is in use.",
  geoip_file_refused:
    "The file of a database about addresses has changed and cannot be used: it is damaged, not whole, or missing. The old one stays in use.",
  secret_read: "A secret has another value than before, in its file or as its program prints it, and that is in use.",
  secret_refused:
    "A secret cannot be read any more, or its new value cannot be used; the message says why. The old one stays in use. Said once until it changes again.",
  certificate_file_read:
    "A file of TLS has changed (certificate, key, trusted certificates, OCSP response, ticket keys): new connections use the new version.",
  certificate_file_refused: "A file of TLS has changed and cannot be used; the message says why. The old version stays in use.",
  local_authority_opened:
    "Listeners with `tls: internal` have certificates of a local authority; `root` is the file that clients have to trust.",
  certificate_not_made:
    "The local authority made no certificate: clients named names that it does not serve or too many new ones, `names` says how many, or something failed.",
  certificate_expires:
    "A certificate of a listener, of an upstream or of the admin address ends within 14 days; said again at 7, 3 and 1 days. One that the proxy renews itself: in the last tenth of its life.",
  certificate_expired:
    "A certificate of a listener, of an upstream or of the admin address has expired, and those to whom it is shown refuse it.",
  certificate_obtained: "An authority has given out a certificate, a first one or a renewed one; new connections use it.",
  certificate_order_failed:
    "No certificate could be had for a name, and why. It is tried again at the time that `again` says; a certificate that there is stays in use.",
  certificate_renewal_hurried: "An authority wants a certificate to be renewed at once: it may be revoked. That is done.",
  certificate_name_refused:
    "Clients have named names for which no certificate is ordered on demand, because of a limit; said once a minute at most.",
  acme_account_made: "An account with an authority was made.",
  acme_account_replaced: "An authority does not accept an account any more, because it was ended or forgotten; there is another one now.",
  acme_storage_failed:
    "The storage of certificates cannot be read or written. What was obtained is served nevertheless, but a restart would order it again.",
  acme_dns_hook_failed: "The program that sets DNS records for challenges could not remove one.",
  acme_renewal_info_failed: "An authority could not be asked when it wants a certificate to be renewed; it is asked again.",
  store_down:
    "A store does not answer in time, cannot be reached, or answers wrongly; the message says which. Until it is back, its `on_failure` decides.",
  store_up: "A store can be used again by all threads.",
  startup_waiting: "The start waits for healthy endpoints.",
  endpoint_healthy: "An endpoint became healthy.",
  endpoint_unhealthy: "An endpoint became unhealthy.",
  endpoint_name_failed: "A name of endpoints cannot be resolved; said once, until it can be again. Addresses that it had stay in use.",
  endpoint_name_found: "A name of endpoints leads to other addresses than before.",
  endpoint_name_resolved: "A name of endpoints can be resolved again.",
  endpoint_response_malformed: "An endpoint's response was malformed, and in what; logged once a minute at most.",
  endpoint_socket_failed: "The Unix socket of an endpoint cannot be connected to, and why; logged once a minute at most.",
  endpoint_tls_failed: "An endpoint's certificate was not trusted, or it spoke no TLS; logged once a minute at most.",
  middleware_failed:
    "A middleware, or a stage or source of one, threw, rejected, or did not settle in time. Before its response has begun the request is answered with 500 (504 when it took too long), afterwards the response is cut. An error about an answer of the proxy's own, or after the end, changes nothing.",
  middleware_log: "A middleware says something; `middleware` names it.",
  request_unusable:
    "The program that the proxy is embedded in gave it a request that it cannot forward: something has read its body, or begun its response, before.",
  worker_exited: "A worker ended unexpectedly.",
  worker_replaced: "A replacement worker is serving.",
  worker_refused_config: "A worker did not accept the configuration.",
  worker_not_replaced: "A replacement could not serve; it is ended, and the next one is tried.",
  admin_fault: "The admin address answered a request with an error of its own.",
  shutdown_delayed: "The process will end: `/readyz` answers 503 and connections are accepted for `shutdown.delay` longer.",
  draining: "No new connections; exchanges in flight are finished.",
  drained: "All exchanges have ended or were cut.",
  stopped: "The process ends.",
  internal_error: "The process ends because of an error of its own. It says so on stderr; a log file gets the error too.",
  log_reopened: "The log file was reopened.",
  log_moved: "A reload changed `logging.output`: this is the last line in the old one.",
  log_lines_dropped: "Log lines were dropped because the output was blocked or full.",
  log_output_failed: "The log output cannot be written.",
  connections_refused:
    "A limit of a listener (`limit` names it) turned connections away; said once a minute at most, with their number and the last client.",
  proxy_header_refused:
    "A connection to a listener with `proxy_protocol` was closed: its PROXY header was wrong, or its sender may send none; said once a minute at most.",
  certificate_unusable:
    "OpenSSL does not take a certificate that the proxy has taken: clients of its names get no connection. Said once a minute at most.",
  client_certificate_refused:
    "A client got no connection because of its certificate, or because it showed none; the message says why. Said once a minute at most.",
  proxy_not_trusted: "A client that is not in `trusted_proxies` sends `X-Forwarded-*`; said once an hour at most.",
  accept_failed: "A connection could not be accepted.",
  sockets_short:
    "Open files are nearly used up: idle connections are closed, and new clients wait (where a listener cannot pause, they are answered 503).",
  sockets_enough: "There are enough open files again: new clients no longer wait.",
  warm_up_skipped: "A worker could not warm up before its first client, whose request will be slower.",
  worker_stuck: "A worker's event loop has stood still; it is ended and replaced.",
  service_manager_untold: "The service manager could not be told how the process stands: `systemd-notify` is missing, fails or hangs.",
  watchdog_withheld: "The watchdog of systemd is not fed, because something stands still; said once until it goes on.",
} as const;

export type EventName = keyof typeof EVENTS | FeatureEvent;

/** The facts of all features. */
export const FEATURE_FACTS: readonly FeatureFacts[] = Object.values(DECLARED).map(({ facts }) => facts);

/** The metrics of the features' counters, by the counter's name. */
export const FEATURE_METRICS: ReadonlyMap<string, MetricName> = new Map(
  FEATURE_FACTS.flatMap(({ counters }) => Object.entries(counters)).map(([name, { metric, help }]) => [name, counter(metric, help)]),
);

function gauge(name: string, help: string): MetricName {
  return { name, type: "gauge", help };
}

function handshakesFailed(reason: HandshakeFailure): MetricName {
  const help = "TLS handshakes of clients that came to nothing, by reason; docs/tls.md explains them.";
  return { ...counter("millrace_tls_handshakes_failed_total", help), labels: [["reason", reason]] };
}

function counter(name: string, help: string): MetricName {
  return { name, type: "counter", help };
}
