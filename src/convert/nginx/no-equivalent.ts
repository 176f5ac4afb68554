/** Directives of nginx that are not converted: those that Millrace does not need, and those for which it has nothing. */
import type { Notes } from "../model/notes.ts";
import type { Directive } from "./parse.ts";

/** Notes what of a block has no equivalent. Blocks within it are not looked at. */
export function noteRest(directives: readonly Directive[], notes: Notes, comments: string[]): void {
  for (const { name, args, place } of directives) {
    const varies = name.startsWith("proxy_ssl_") && args.some((each) => each.includes("$"));
    if (HANDLED.has(name) && !varies) continue;
    const why = varies ? "a value with a variable has no equivalent here" : reasonOf(name, args);
    if (why !== null) notes.add({ place, what: name, why }, comments);
  }
}

function reasonOf(name: string, [first = ""]: readonly string[]): string | null {
  if (first === "off" || NOT_NEEDED.has(name) || NOT_NEEDED_BEGINNINGS.test(name)) return null;
  const own = REASONS[name];
  if (own !== undefined) return own;
  const family = FAMILIES.find(([beginning]) => beginning.test(name));
  return family === undefined ? "has no equivalent" : family[1];
}

/** What other files of this folder convert. */
const HANDLED = new Set(
  `location server server_name listen upstream map if set break return rewrite include root alias index try_files error_page internal
  proxy_pass proxy_set_header proxy_hide_header proxy_redirect proxy_cookie_path proxy_cookie_domain proxy_cookie_flags proxy_connect_timeout proxy_read_timeout
  proxy_next_upstream proxy_next_upstream_tries proxy_ssl_name proxy_ssl_certificate proxy_ssl_certificate_key proxy_ssl_password_file proxy_ssl_trusted_certificate
  proxy_ssl_crl proxy_ssl_protocols ssl ssl_certificate ssl_certificate_key ssl_password_file ssl_protocols ssl_ciphers ssl_ecdh_curve ssl_conf_command
  ssl_session_tickets ssl_session_ticket_key ssl_verify_client ssl_client_certificate ssl_trusted_certificate ssl_crl ssl_verify_depth ssl_reject_handshake
  ssl_stapling_file ssl_ocsp add_header expires more_set_headers more_clear_headers client_max_body_size
  limit_req limit_req_zone limit_conn limit_except allow deny satisfy auth_basic auth_request auth_jwt set_real_ip_from real_ip_header
  default_type gzip brotli zstd mirror split_clients fastcgi_pass uwsgi_pass scgi_pass memcached_pass grpc_pass access_log events http autoindex stub_status`.split(
    /\s+/,
  ),
);

/** What tunes nginx itself, or is done by Millrace anyway. */
const NOT_NEEDED = new Set(
  `user pid daemon master_process worker_processes worker_rlimit_nofile worker_connections worker_cpu_affinity worker_priority worker_shutdown_timeout
  multi_accept use pcre_jit thread_pool lock_file env debug_connection load_module error_log log_format log_not_found log_subrequest sendfile sendfile_max_chunk tcp_nopush
  tcp_nodelay aio aio_write directio output_buffers postpone_output types types_hash_max_size types_hash_bucket_size server_names_hash_max_size server_names_hash_bucket_size
  variables_hash_max_size variables_hash_bucket_size map_hash_max_size map_hash_bucket_size server_tokens server_name_in_redirect port_in_redirect absolute_redirect
  merge_slashes charset charset_types override_charset source_charset keepalive_timeout keepalive_requests keepalive_time keepalive_disable reset_timedout_connection
  lingering_close lingering_time lingering_timeout send_timeout client_body_timeout client_header_timeout client_header_buffer_size client_body_buffer_size client_body_temp_path
  client_body_in_file_only client_body_in_single_buffer large_client_header_buffers ignore_invalid_headers underscores_in_headers resolver resolver_timeout max_ranges etag
  if_modified_since msie_padding msie_refresh disable_symlinks recursive_error_pages auth_basic_user_file auth_request_set limit_req_log_level limit_req_status limit_req_dry_run
  limit_conn_zone limit_conn_log_level limit_conn_status real_ip_recursive gzip_static brotli_static http2 http3 http2_push_preload quic_retry stream_snippet proxy_http_version
  proxy_pass_header proxy_ssl_server_name proxy_ssl_verify proxy_ssl_session_reuse proxy_ssl_ciphers proxy_ssl_verify_depth
  proxy_send_timeout proxy_next_upstream_timeout proxy_intercept_errors proxy_ignore_client_abort proxy_socket_keepalive proxy_request_buffering proxy_buffering
  proxy_headers_hash_max_size proxy_headers_hash_bucket_size proxy_temp_path
  proxy_temp_file_write_size proxy_max_temp_file_size proxy_busy_buffers_size proxy_buffers proxy_buffer_size proxy_ignore_headers autoindex_exact_size autoindex_localtime
  autoindex_format chunked_transfer_encoding mirror_request_body uninitialized_variable_warn rewrite_log allow_underscores send_lowat read_ahead subrequest_output_buffer_size open_file_cache_events zone`.split(
    /\s+/,
  ),
);
const NOT_NEEDED_BEGINNINGS =
  /^(?:open_file_cache|(?:gzip|brotli|zstd)_|proxy_cache_|fastcgi_|uwsgi_|scgi_|grpc_|memcached_|ssl_(?:session_(?:cache|timeout)$|stapling_|ocsp_|certificate_cache$|buffer_size$|prefer_server_ciphers$|dhparam$|engine$)|auth_jwt_|http2_|http3_|quic_|passenger_(?!enabled))/;

const REASONS: Readonly<Record<string, string>> = {
  ssl_stapling: "answers of OCSP are not fetched; `ocsp_file` of a certificate sends one along (docs/tls.md)",
  ssl_early_data: "early data (0-RTT) is never taken: it can be sent again by others",
  proxy_cache: "storing answers has no equivalent yet",
  proxy_store: "storing answers has no equivalent yet",
  proxy_cache_path: "storing answers has no equivalent yet",
  limit_rate: "limiting the rate of answers has no equivalent",
  limit_rate_after: "limiting the rate of answers has no equivalent",
  sub_filter: "changing bodies has no equivalent; middleware of one's own can do it",
  sub_filter_once: "changing bodies has no equivalent; middleware of one's own can do it",
  sub_filter_types: "changing bodies has no equivalent; middleware of one's own can do it",
  add_before_body: "changing bodies has no equivalent; middleware of one's own can do it",
  add_after_body: "changing bodies has no equivalent; middleware of one's own can do it",
  ssi: "including parts in pages has no equivalent",
  geo: "values by the client's address have no equivalent; `match.client_ip` is the condition",
  geoip_country: "places by address have no equivalent",
  geoip2: "places by address have no equivalent",
  split_clients: "it is not converted: `split` and `split_by` of a route divide requests among upstreams",
  stream: "proxying of TCP and UDP has no equivalent",
  mail: "proxying of mail has no equivalent",
  rtmp: "proxying of RTMP has no equivalent",
  js_import: "scripts have no equivalent; middleware of one's own can do it",
  js_content: "scripts have no equivalent; middleware of one's own can do it",
  perl: "scripts have no equivalent; middleware of one's own can do it",
  valid_referers: "conditions on the referer have no equivalent",
  secure_link: "signed links have no equivalent; middleware of one's own can do it",
  dav_methods: "WebDAV has no equivalent",
  mirror: "it is not converted: `mirror: { upstream: NAME }` of a route sends copies of requests",
  proxy_method: "changing the method has no equivalent",
  proxy_set_body: "changing bodies has no equivalent; middleware of one's own can do it",
  proxy_pass_request_headers: "leaving out all fields has no equivalent",
  proxy_pass_request_body: "leaving out the body has no equivalent",
  proxy_bind: "choosing the address to connect from has no equivalent",
  add_trailer: "adding trailers has no equivalent",
};
const FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/_by_lua|^lua_/, "scripts have no equivalent; middleware of one's own can do it"],
  [/^geoip/, "places by address have no equivalent"],
  [/^modsecurity|^naxsi|^app_protect/, "a filter of requests has no equivalent; middleware of one's own can do it"],
  [/^(?:mp4|flv|hls|image_filter|xslt)/, "it makes content, which is for an origin to do"],
  [/^passenger/, "it runs an application; run it as a server of its own, and make it an endpoint"],
  [/^health_check$|^match$/, "write `health_check` in the upstream"],
];
