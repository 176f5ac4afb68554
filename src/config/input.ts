/**
 * What people write into a configuration. Made from the schemas in src/config and src/features by `npm run docs`; a test compares both,
 * and the compiler that the types are those of the schemas. Longer than other files, because it has every key and its text.
 */
import type { Address, Duration, Size } from "../values/written.ts";

/** A configuration as people write it, in its full form. */
export interface ConfigInput {
  /**
   * Where connections come in, at up to 64 addresses. A reload adds and removes listeners: a listener is known by its `address`, and one
   * that keeps it keeps its connections. A removed listener accepts nothing more, and the exchanges on its connections have
   * `shutdown.timeout` to end; until then it counts among the 64. See docs/reload.md.
   */
  listeners: ListenerInput[];
  /** Groups of endpoints by name; routes refer to them. Routes that answer themselves, by `redirect` or `respond`, need none. */
  upstreams?: Record<string, UpstreamInput> | undefined;
  /**
   * Stores by name that several machines share; the limits of routes refer to them (`rate_limit.store`). See docs/limits.md. A reload keeps
   * the connections of a store that it does not change.
   */
  stores?: Record<string, StoreInput> | undefined;
  /** Which requests go where: the first route in the order of the file that takes a request wins. When none takes it, the answer is 404. */
  routes: RouteInput[];
  /** As `routes[].request_id`, for all routes. What is more particular acts later: the whole configuration, the upstream, the route. */
  request_id?: boolean | UpstreamRequestIdInput | undefined;
  /** As `routes[].maintenance`, for all routes. What is more particular acts later: the whole configuration, the upstream, the route. */
  maintenance?: UpstreamMaintenanceInput | undefined;
  /** As `routes[].error_pages`, for all routes. What is more particular acts later: the whole configuration, the upstream, the route. */
  error_pages?: Record<string, string | UpstreamErrorPageInput> | undefined;
  /**
   * As `routes[].rewrite_location`, for all routes. What is more particular acts later: the whole configuration, the upstream, the route.
   */
  rewrite_location?: boolean | UpstreamRewriteLocationInput[] | undefined;
  /**
   * As `routes[].rewrite_cookies`, for all routes. What is more particular acts later: the whole configuration, the upstream, the route.
   */
  rewrite_cookies?: UpstreamRewriteCookiesInput | undefined;
  /**
   * As `routes[].security_headers`, for all routes. What is more particular acts later: the whole configuration, the upstream, the route.
   *
   * `standard` or `strict` or `off`.
   */
  security_headers?: "standard" | "strict" | "off" | undefined;
  /**
   * As `routes[].request_headers`, for all routes. What is more particular acts later: the whole configuration, the upstream, the route.
   */
  request_headers?: UpstreamRequestHeadersInput | undefined;
  /**
   * As `routes[].response_headers`, for all routes. What is more particular acts later: the whole configuration, the upstream, the route.
   */
  response_headers?: UpstreamResponseHeadersInput | undefined;
  /**
   * Further files with upstreams and routes, such as `conf.d/*.yaml`. A path is relative to the file that says it; `*` and `?` stand for a
   * part of a name. What a pattern matches is taken in the order of the names. The routes of an included file come after those of the file
   * that includes it.
   *
   * Path or list of paths.
   */
  include?: string | string[] | undefined;
  /**
   * Values for the keys that a route or an upstream does not state, in included files too. A key is taken as a whole: what a route states,
   * it states alone. `false` takes a key out.
   */
  defaults?: DefaultsInput | undefined;
  /**
   * Data-plane threads, 1 to 256; `auto`: as many as the machine runs at once. A reload cannot change it.
   *
   * Whole number or `auto`. Default: `auto`.
   */
  workers?: "auto" | number | undefined;
  /**
   * Addresses and blocks of the proxies in front of this one. `X-Forwarded-For` is believed and appended to only when it comes from one of
   * these. From everybody else it is replaced, because a client can write into it what it likes. The log names such a client once in a
   * while: it may be a proxy that is missing here.
   *
   * List of addresses or blocks. Default: `[]`.
   */
  trusted_proxies?: string[] | undefined;
  /**
   * Which field the `trusted_proxies` write: `X-Forwarded-For`, or `Forwarded` (RFC 7239). Only that one is believed, and the other is
   * replaced even when a trusted proxy sends it: a proxy passes on what it does not know, so the client may have written it.
   *
   * `x_forwarded_for` or `forwarded`. Default: `x_forwarded_for`.
   */
  client_address_from?: "x_forwarded_for" | "forwarded" | undefined;
  /** Limits for all workers together. */
  limits?: LimitsInput | undefined;
  /**
   * Middleware of one's own for all routes, in the order in which they act: after the checks of the proxy (`cors`, `rate_limit`,
   * `authentication`) and before the upstream (docs/middleware.md).
   *
   * Default: `[]`.
   */
  middleware?: RouteMiddlewareInput[] | undefined;
  /** The address for whoever operates the proxy; off when absent. */
  admin?: AdminInput | undefined;
  /** Where secrets lie. A secret itself may be written in several ways, see docs/secrets.md. */
  secrets?: SecretsInput | undefined;
  /** The application log and the access log, which share one output. */
  logging?: LoggingInput | undefined;
  /** How the process ends. */
  shutdown?: ShutdownInput | undefined;
  /** What must hold before connections are accepted. */
  startup?: StartupInput | undefined;
}

/** The keys of `listeners[]` in a configuration. */
export interface ListenerInput {
  /**
   * Where to listen: `host:port`, `:port` or `*:port` for all addresses of the machine, `[::1]:8080`, `unix:/run/millrace.sock` with an
   * absolute path, or `fd:3` for a socket that the parent process opened. `localhost` is 127.0.0.1 and ::1, because clients use either.
   * Port 0 takes a free one. Who may connect to a Unix socket is what the umask of the process leaves.
   *
   * Address.
   */
  address: Address;
  /**
   * What happens to request fields whose names hold anything but letters, digits and hyphens. Many origin servers turn other characters
   * into hyphens, so `X_Forwarded_For` could pass for `X-Forwarded-For`. `refuse` answers 400. A name that would turn into one that matters
   * to the proxy is dropped even with `forward`.
   *
   * `drop` or `refuse` or `forward`. Default: `drop`.
   */
  unsafe_field_names?: "drop" | "refuse" | "forward" | undefined;
  /**
   * What happens to `X-Forwarded-Prefix`, `X-Forwarded-Method`, `X-Forwarded-Uri`, `X-Original-URL` and `X-Rewrite-URL` of clients that are
   * not in `trusted_proxies`. In these a proxy says what was asked for before it rewrote something, and some frameworks then route by the
   * field and not by the path: with `forward` any client can lead them around the routes that guard a path.
   *
   * `drop` or `forward`. Default: `drop`.
   */
  forwarded_path_fields?: "drop" | "forward" | undefined;
  /**
   * The load balancers in front speak the PROXY protocol, version 1 or 2: each connection begins with a header that names the client. The
   * address in it counts as the connection's other end, for `trusted_proxies`, limits, access and the log. When absent, no header is
   * expected, and one that comes is refused as a malformed request. See docs/proxy-protocol.md.
   */
  proxy_protocol?: ListenerProxyProtocolInput | undefined;
  /**
   * Whether every request on this plain listener is answered with a redirect (308) to the same URL with `https`, on the port of the first
   * listener with TLS, else on 443. Challenges of certificate authorities (`acme`) are answered first. Requests that a trusted proxy has
   * received by `https` go to the routes.
   *
   * `true` or `false`. Default: `false`.
   */
  redirect_to_https?: boolean | undefined;
  /** Time limits for what clients do. */
  timeouts?: ListenerTimeoutsInput | undefined;
  /** Limits for what one client can cost. */
  limits?: ListenerLimitsInput | undefined;
  /** TLS on this listener (HTTPS). Absent: plain HTTP. See docs/tls.md. */
  tls?: "internal" | ListenerTlsInput | undefined;
}

/** The keys of `listeners[].proxy_protocol` in a configuration. */
export interface ListenerProxyProtocolInput {
  /**
   * Addresses and blocks of the load balancers that send the header. A connection from anybody else is closed, and so is one without a
   * right header. On a Unix socket every peer counts as 127.0.0.1.
   *
   * List of addresses or blocks.
   */
  from: string[];
}

/** The keys of `listeners[].timeouts` in a configuration. */
export interface ListenerTimeoutsInput {
  /**
   * Time for a whole request head, counted from its first byte (for the first request, from the start of the connection). It limits the
   * whole head, so a client cannot hold a connection by sending a byte now and then (Slowloris). Past it the answer is 408; a connection on
   * which no byte came is closed without an answer.
   *
   * Duration. Default: `30s`.
   */
  request_head?: Duration | 0 | undefined;
  /**
   * Longest pause in a request body; once the response has begun, longest time in which nothing passes in either direction. It is also the
   * span over which `response_rate` is measured. Past it the connection is closed, so that a client that stops reading does not hold memory
   * for ever.
   *
   * Duration. Default: `60s`.
   */
  idle?: Duration | 0 | undefined;
  /**
   * Time that an idle connection waits for its next request. Longer saves handshakes, shorter frees connections.
   *
   * Duration. Default: `75s`.
   */
  keep_alive?: Duration | 0 | undefined;
  /**
   * A client that has ended its side of the connection counts as gone when no byte of its response comes for this time: the exchange with
   * the endpoint is ended, and the log says `client_gone`. A response that flows is served to its end. A longer time serves clients that
   * end their side and then wait for a slow response.
   *
   * Duration. Default: `5s`.
   */
  half_closed?: Duration | 0 | undefined;
  /**
   * Time for a whole TLS handshake, from the start of the connection. Past it the connection is closed. Clients on bad networks need some
   * seconds; more only helps who holds connections on purpose.
   *
   * Duration. Default: `10s`.
   */
  handshake?: Duration | 0 | undefined;
  /**
   * Time for the whole header of the PROXY protocol, from the start of the connection, on listeners with `proxy_protocol`. Load balancers
   * send it at once. Past it the connection is closed.
   *
   * Duration. Default: `5s`.
   */
  proxy_protocol?: Duration | 0 | undefined;
}

/** The keys of `listeners[].limits` in a configuration. */
export interface ListenerLimitsInput {
  /**
   * Bytes of a request head, request line included. Larger ones are refused with 431. Bounds the memory of a connection.
   *
   * Size. Default: `32KiB`.
   */
  head_bytes?: Size | number | undefined;
  /**
   * Field lines of a head or of a trailer section. More are refused with 431. Bounds the work that one head can cause.
   *
   * Whole number. Default: `128`.
   */
  headers?: number | undefined;
  /**
   * Bytes of the request line. Longer ones are refused with 414. Default: 8KiB, or `head_bytes` where that is less; RFC 9112 asks for at
   * least 8000.
   *
   * Size.
   */
  request_line?: Size | number | undefined;
  /**
   * Connections that are open at once on this listener, over all threads. Further ones are closed at once, and the log says so once a
   * minute. Bounds memory and open files.
   *
   * Whole number. Default: `100000`.
   */
  connections?: number | undefined;
  /**
   * Connections that one client has open at once on this listener, over all threads: by its address, IPv6 by its /64. Further ones are
   * closed at once, so one client cannot take all of `connections`, and the log names it once a minute. Addresses of `trusted_proxies` have
   * no such limit: they speak for many.
   *
   * Whole number. Default: `4096`.
   */
  connections_per_client?: number | undefined;
  /**
   * Requests on one connection; the answer to the last carries `Connection: close`. Lets long-lived clients spread anew over workers and
   * instances.
   *
   * Whole number. Default: `100000`.
   */
  requests_per_connection?: number | undefined;
  /**
   * Requests that may wait on a connection because the client sent them before earlier ones were answered. The connection ends after the
   * answer that reaches the limit. Bounds the work that one packet can cause.
   *
   * Whole number. Default: `100`.
   */
  pipelined_requests?: number | undefined;
  /**
   * TLS handshakes that may be under way at once in each thread, and a quarter of that for one client that is no trusted proxy; further
   * connections are closed. They cost the most work of all that a stranger can ask for, and about 45 KB each. The default is enough for
   * tens of thousands of new clients a second.
   *
   * Whole number. Default: `4096`.
   */
  handshakes?: number | undefined;
  /**
   * Bytes per second that a request body must keep up after a grace of 5 s; 0 switches it off. Slower ones are refused with 408: `idle`
   * alone would let a client send one byte a minute. It is not measured while a response flows, because in a dialogue each side may wait
   * for the other.
   *
   * Size. Default: `240`.
   */
  body_rate?: Size | number | undefined;
  /**
   * Bytes per second that a client must take of a response that waits for it, over each span of `idle`; 0 asks only for some progress. The
   * system tells what was taken in steps of up to a megabyte, so a client behind a large buffer must be quicker with a short `idle`. Slower
   * ones are cut: a client that reads a byte now and then would hold its connection and the endpoint's for ever.
   *
   * Size. Default: `240`.
   */
  response_rate?: Size | number | undefined;
}

/** The keys of `listeners[].tls` in a configuration. */
export interface ListenerTlsInput {
  /**
   * Certificates with their keys. The first one serves clients that name no name, and those that name one that no certificate has.
   * Certificates of one name with keys of different kinds (ECDSA and RSA) serve side by side.
   *
   * Default: `[]`.
   */
  certificates?: ListenerTlsCertificateInput[] | undefined;
  /**
   * Certificates of a local authority, made when clients ask for a name: `localhost`, names below `.localhost`, `.test` and `.internal`,
   * loopback and private addresses. `tls: internal` is short for `tls: { internal: {} }`. `millrace trust` has this machine trust them; see
   * docs/local-https.md.
   */
  internal?: ListenerTlsInternalInput | undefined;
  /**
   * Obtains certificates from an authority such as Let's Encrypt, and renews them; see docs/acme.md. Until there is one for a name its
   * handshakes are refused with an alert, or get the first certificate of the listener where it has one and `strict_sni` is off.
   */
  acme?: ListenerTlsAcmeInput | undefined;
  /** Asks clients for a certificate (mutual TLS). Absent: no certificate is asked for. */
  client_certificates?: ListenerTlsCertificateClientCertificateInput | undefined;
  /**
   * The lowest version of TLS. Older ones than 1.2 are broken and never spoken.
   *
   * `1.2` or `1.3`. Default: `1.2`.
   */
  min_version?: "1.2" | "1.3" | 1.2 | 1.3 | undefined;
  /**
   * Cipher suites by OpenSSL's names, in a list or joined by colons. Where none of TLS 1.3 (`TLS_...`) is named, all of its suites are
   * offered. The default is what Mozilla recommends for clients of the last ten years (intermediate): forward secrecy and authenticated
   * encryption only.
   *
   * Text or list. Default:
   * `TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305`.
   */
  ciphers?: string | string[] | undefined;
  /**
   * Groups for the key exchange by OpenSSL's names, the preferred one first. The default begins with a hybrid that quantum computers of
   * later do not break.
   *
   * Text or list. Default: `X25519MLKEM768:X25519:prime256v1:secp384r1`.
   */
  curves?: string | string[] | undefined;
  /**
   * Whether clients that name a name which no certificate has are refused with an alert. Off: they get the first certificate, as those do
   * that name none.
   *
   * `true` or `false`. Default: `false`.
   */
  strict_sni?: boolean | undefined;
  /**
   * What plain HTTP on this port gets: 400 in plain text, or a redirect to `https` on the same port. The first request has crossed the
   * network in the clear by then.
   *
   * `refuse` or `redirect`. Default: `refuse`.
   */
  plain_http?: "refuse" | "redirect" | undefined;
  /** Session tickets, by which clients that come again need no full handshake; `false`: none are given. */
  tickets?: false | ListenerTlsTicketInput | undefined;
}

/** The keys of `listeners[].tls.certificates[]` in a configuration. */
export interface ListenerTlsCertificateInput {
  /**
   * PEM file of the certificate and of the intermediate certificates after it (`fullchain.pem`), relative to the configuration's folder.
   * The names that it serves are those in the certificate, exact, as `*.example.com` for one label, or IP addresses. Read again when it
   * changes; see docs/tls.md.
   *
   * File.
   */
  cert_file: string;
  /**
   * PEM file of the private key. Default: the key stands in `cert_file`.
   *
   * File.
   */
  key_file?: string | undefined;
  /**
   * Passphrase of an encrypted key. Keep it out of the file, and let it change while it is in use: see docs/secrets.md.
   *
   * Secret.
   */
  key_passphrase?: string | SecretCommandInput | undefined;
  /**
   * File of an OCSP response in DER, which is sent along (stapled). Read again when it changes; see docs/tls.md.
   *
   * File.
   */
  ocsp_file?: string | undefined;
  /**
   * What is asked of clients under the names of this certificate, in place of what the listener says; `false`: no certificate is asked for.
   */
  client_certificates?: false | ListenerTlsCertificateClientCertificateInput | undefined;
}

/** A program in the place of a secret. */
export interface SecretCommandInput {
  /**
   * A program that prints the secret as its only line, and its arguments; no shell is between. Programs run when a configuration is loaded,
   * each once however many secrets name it. A path that begins with `./` is relative to the folder of the file that says it. Never write a
   * secret into an argument: every user of the machine can see it.
   *
   * List of texts.
   */
  exec: string[];
  /**
   * Time after which the program runs again. When it fails, the old value stays in use, and the log says so once.
   *
   * Duration. Default: `5m`.
   */
  renew?: Duration | 0 | undefined;
  /**
   * Time that the program may take; then it is killed, and has failed.
   *
   * Duration. Default: `10s`.
   */
  timeout?: Duration | 0 | undefined;
}

/** The keys of `listeners[].tls.certificates[].client_certificates` in a configuration. */
export interface ListenerTlsCertificateClientCertificateInput {
  /**
   * `required`: a client without a certificate that is trusted and valid is served nothing. `optional`: a client may send none; one that it
   * sends must be trusted and valid.
   *
   * `required` or `optional`. Default: `required`.
   */
  mode?: "required" | "optional" | undefined;
  /**
   * PEM file of the certificates to trust, relative to the configuration's folder. No others are trusted, the system's neither. Read again
   * when it changes.
   *
   * File.
   */
  ca_file: string;
  /**
   * PEM file of revocation lists (CRL), one of each authority in a client's chain. A certificate that it names is refused, and so is every
   * certificate when the list of its authority is missing or out of date. Read again when it changes.
   *
   * File.
   */
  crl_file?: string | undefined;
  /**
   * Intermediate certificates that may stand between a client's certificate and one of `ca_file`.
   *
   * Whole number. Default: `1`.
   */
  verify_depth?: number | undefined;
  /**
   * The field in which endpoints get the client's certificate: `Client-Cert` with `Client-Cert-Chain` (RFC 9440), or
   * `X-Forwarded-Client-Cert` as Envoy writes it. Absent: none. Whatever clients send in these fields is removed on every listener.
   *
   * `Client-Cert` or `xfcc`.
   */
  forward?: "Client-Cert" | "xfcc" | undefined;
}

/** The keys of `listeners[].tls.internal` in a configuration. */
export interface ListenerTlsInternalInput {
  /**
   * Folder of the authority's key and certificate, relative to the configuration's folder; it is made where there is none, for its owner
   * alone. Default: `millrace/authority` in `$XDG_DATA_HOME`, else in `~/.local/share`, so that all proxies of a user share one authority.
   *
   * File.
   */
  storage?: string | undefined;
}

/** The keys of `listeners[].tls.acme` in a configuration. */
export interface ListenerTlsAcmeInput {
  /**
   * The names for which certificates are obtained: one certificate for each entry, and an entry that is a list is one certificate for all
   * its names. `*.example.com` needs `challenge: dns-01`.
   *
   * List of names, or of lists of names.
   */
  domains?: (string | string[])[] | undefined;
  /**
   * Where the authority may write to about the account.
   *
   * Email address.
   */
  email?: string | undefined;
  /**
   * URL of the authority's directory. Default: that of Let's Encrypt.
   *
   * URL. Default: `https://acme-v02.api.letsencrypt.org/directory`.
   */
  directory?: string | undefined;
  /**
   * URL of the authority's directory for trying, which `millrace check --acme` uses. Default: that of Let's Encrypt where `directory` is.
   *
   * URL.
   */
  staging?: string | undefined;
  /**
   * That you agree to the authority's terms of service. It must be `true`: without it no authority makes an account.
   *
   * `true` or `false`. Default: `false`.
   */
  terms_agreed?: boolean | undefined;
  /**
   * How the authority sees that a name is yours: `tls-alpn-01` by a connection to port 443, which this listener answers; `http-01` by a
   * request to port 80, which every plain listener answers; `dns-01` by a record that `dns.command` sets, for wildcards and for machines
   * that the authority cannot reach.
   *
   * `tls-alpn-01` or `http-01` or `dns-01`. Default: `tls-alpn-01`.
   */
  challenge?: "tls-alpn-01" | "http-01" | "dns-01" | undefined;
  /** How the record of `dns-01` is set. */
  dns?: ListenerTlsAcmeDnsInput | undefined;
  /**
   * Folder for the account's key, the certificates and their keys, relative to the configuration's folder. Made with mode 0700. It must
   * outlive the process: authorities limit how many certificates they give out. Several processes may share it.
   *
   * File.
   */
  storage: string;
  /**
   * Kind of the certificates' keys: ECDSA on P-256, or RSA with 2048 bits.
   *
   * `ecdsa` or `rsa`. Default: `ecdsa`.
   */
  key?: "ecdsa" | "rsa" | undefined;
  /**
   * Kind of certificate by the authority's own name for it, such as `shortlived` of Let's Encrypt.
   *
   * Text.
   */
  profile?: string | undefined;
  /** External account binding: by what an authority knows its customers. */
  eab?: ListenerTlsAcmeEabInput | undefined;
  /**
   * PEM file of the certificates by which the authority's own address is trusted. Default: those that Node trusts.
   *
   * File.
   */
  ca_file?: string | undefined;
  /** Obtains a certificate at the first handshake for a name that is none of `domains`, if a service admits the name. Absent: never. */
  on_demand?: ListenerTlsAcmeOnDemandInput | undefined;
}

/** The keys of `listeners[].tls.acme.dns` in a configuration. */
export interface ListenerTlsAcmeDnsInput {
  /**
   * The program that sets and removes the record, with its arguments; no shell is between. Appended are `present` or `remove`, the record's
   * name (`_acme-challenge.example.com`) and its value. It ends with 0 once the record can be seen. A path that begins with `./` is
   * relative to the configuration's folder.
   *
   * List of texts.
   */
  command: string[];
  /**
   * Time that the program may take; then it is killed, and the order has failed.
   *
   * Duration. Default: `5m`.
   */
  timeout?: Duration | 0 | undefined;
  /**
   * Time after the program until the authority is told to look, for providers whose servers take a while to agree.
   *
   * Duration. Default: `0s`.
   */
  wait?: Duration | 0 | undefined;
}

/** The keys of `listeners[].tls.acme.eab` in a configuration. */
export interface ListenerTlsAcmeEabInput {
  /**
   * The name of the key, as the authority gives it.
   *
   * Text.
   */
  key_id: string;
  /**
   * The key itself, in base64url. Keep it out of the file, and let it change while it is in use: see docs/secrets.md.
   *
   * Secret.
   */
  hmac_key: string | SecretCommandInput;
}

/** The keys of `listeners[].tls.acme.on_demand` in a configuration. */
export interface ListenerTlsAcmeOnDemandInput {
  /**
   * The service that is asked for each new name, by `GET ask?domain=NAME`: 2xx admits the name, every other status refuses it. Without it
   * anybody could have certificates ordered for any name that leads here.
   *
   * URL.
   */
  ask: string;
  /**
   * Names that are served on demand at most. Further ones are refused, and the log says so. Bounds memory and orders.
   *
   * Whole number. Default: `1000`.
   */
  max_names?: number | undefined;
  /**
   * New names for which certificates are ordered in a minute at most. Authorities have limits of their own.
   *
   * Whole number. Default: `10`.
   */
  orders_per_minute?: number | undefined;
}

/** The keys of `listeners[].tls.tickets` in a configuration. */
export interface ListenerTlsTicketInput {
  /**
   * File of ticket keys, one a line: 48 bytes in Base64, as `openssl rand -base64 48` prints them. The first encrypts, all decrypt.
   * Machines that share the file resume each other's sessions; whoever has it can read recorded connections of TLS 1.2, so give it new keys
   * often. Read again when it changes. Default: keys are made and stay in memory.
   *
   * File.
   */
  key_file?: string | undefined;
  /**
   * Time after which a new ticket key is made; the one before still decrypts for as long. Nothing where there is a `key_file`.
   *
   * Duration. Default: `12h`.
   */
  rotate?: Duration | 0 | undefined;
}

/** The keys of `upstreams.NAME` in a configuration. */
export interface UpstreamInput {
  /**
   * The servers of the group, each a URL, a Unix socket (`unix:/run/app.sock`) or `{ url, weight }`. Endpoints with `https` are verified,
   * see `tls`. A host that is a name is looked up in `/etc/hosts`, then as `/etc/resolv.conf` says, and again every few seconds; the last
   * addresses stay in use while it cannot be resolved. Several addresses of a name take turns.
   */
  endpoints: (string | UpstreamEndpointInput)[];
  /**
   * How an endpoint is chosen for a request: in turn, in proportion to the weights; each worker keeps a turn of its own.
   *
   * `round_robin`. Default: `round_robin`.
   */
  balance?: "round_robin" | undefined;
  /**
   * Probes that take endpoints out and back in. When absent, nothing is probed and every endpoint gets requests. Only when connections to
   * all endpoints of all upstreams have failed does the proxy connect to them by itself, to notice when one is back.
   */
  health_check?: UpstreamHealthCheckInput | undefined;
  /** Time limits for what endpoints do. */
  timeouts?: UpstreamTimeoutsInput | undefined;
  /** Connections that are kept open for the next request. */
  keep_alive?: UpstreamKeepAliveInput | undefined;
  /**
   * Further attempts on other endpoints, made only where a request is safe to send again: nothing of it was sent, or its method is
   * idempotent and what was sent can be repeated.
   *
   * Whole number. Default: `2`.
   */
  retries?: number | undefined;
  /** How `https` endpoints are verified, and what is shown to them. See docs/tls-to-origins.md. */
  tls?: UpstreamTlsInput | undefined;
  /**
   * Each connection to an endpoint begins with a header of the PROXY protocol, of this version, that names the client; with `https`, before
   * TLS. Such a connection serves that client's connection alone and ends with it, so there are as many as clients. Probes and requests of
   * the proxy's own name no client (`UNKNOWN`, `LOCAL`). The endpoint must expect the header. See docs/proxy-protocol.md.
   *
   * `v1` or `v2`.
   */
  proxy_protocol?: "v1" | "v2" | undefined;
  /**
   * Whether requests name this proxy in `Via`, as RFC 9110 demands. nginx with default settings compresses nothing for requests with `Via`
   * (see docs/forwarding.md). Without it, a loop of proxies through this upstream is not noticed.
   *
   * `true` or `false`. Default: `true`.
   */
  via?: boolean | undefined;
  /**
   * Whether requests carry `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`. Off for origins that are somebody else's: nothing
   * is said of the client, and what trusted proxies have said of it, in `Forwarded` too, is dropped.
   *
   * `true` or `false`. Default: `true`.
   */
  x_forwarded?: boolean | undefined;
  /**
   * As `routes[].request_id`, for the routes that lead here. What is more particular acts later: the whole configuration, the upstream, the
   * route.
   */
  request_id?: boolean | UpstreamRequestIdInput | undefined;
  /**
   * As `routes[].maintenance`, for the routes that lead here. What is more particular acts later: the whole configuration, the upstream,
   * the route.
   */
  maintenance?: UpstreamMaintenanceInput | undefined;
  /**
   * As `routes[].error_pages`, for the routes that lead here. What is more particular acts later: the whole configuration, the upstream,
   * the route.
   */
  error_pages?: Record<string, string | UpstreamErrorPageInput> | undefined;
  /**
   * As `routes[].rewrite_location`, for the routes that lead here. What is more particular acts later: the whole configuration, the
   * upstream, the route.
   */
  rewrite_location?: boolean | UpstreamRewriteLocationInput[] | undefined;
  /**
   * As `routes[].rewrite_cookies`, for the routes that lead here. What is more particular acts later: the whole configuration, the
   * upstream, the route.
   */
  rewrite_cookies?: UpstreamRewriteCookiesInput | undefined;
  /**
   * As `routes[].security_headers`, for the routes that lead here. What is more particular acts later: the whole configuration, the
   * upstream, the route.
   *
   * `standard` or `strict` or `off`.
   */
  security_headers?: "standard" | "strict" | "off" | undefined;
  /**
   * As `routes[].request_headers`, for the routes that lead here. What is more particular acts later: the whole configuration, the
   * upstream, the route.
   */
  request_headers?: UpstreamRequestHeadersInput | undefined;
  /**
   * As `routes[].response_headers`, for the routes that lead here. What is more particular acts later: the whole configuration, the
   * upstream, the route.
   */
  response_headers?: UpstreamResponseHeadersInput | undefined;
}

/** The keys of `upstreams.NAME.endpoints[]` in a configuration. */
export interface UpstreamEndpointInput {
  /**
   * `http://host:port` or `https://host:port`, the port 80 or 443 when left out; no path, query or user, those are the request's. Or
   * `unix:/run/app.sock`, a Unix socket with an absolute path.
   *
   * URL.
   */
  url: string;
  /**
   * Share of the requests, in proportion to the weights of the others.
   *
   * Whole number. Default: `1`.
   */
  weight?: number | undefined;
}

/** The keys of `upstreams.NAME.health_check` in a configuration. */
export interface UpstreamHealthCheckInput {
  /**
   * Path that a probe asks for with GET. Without it a probe only connects (for `https` including the TLS handshake).
   *
   * Path.
   */
  path?: string | undefined;
  /**
   * Probes in a row that must pass before an unhealthy endpoint gets requests again. The first one that it passes ever counts at once.
   *
   * Whole number. Default: `2`.
   */
  healthy_threshold?: number | undefined;
  /**
   * Probes in a row that must fail before a healthy endpoint gets no more requests. Higher rides out single losses, lower reacts sooner.
   * Until then an endpoint that has not passed a probe yet gets requests too, where no healthy one is left.
   *
   * Whole number. Default: `3`.
   */
  unhealthy_threshold?: number | undefined;
  /**
   * Statuses with which a probe passes: numbers or ranges.
   *
   * List of statuses or ranges. Default: `[200-399]`.
   */
  expected_statuses?: (string | number)[] | undefined;
  /**
   * Host field of the probes. Default: host and port of the endpoint's URL.
   *
   * Host.
   */
  host?: string | undefined;
  /**
   * Time from one probe of an endpoint to the next, varied a little so that probes do not come all at once. Until an endpoint has passed
   * its first one, probes come more often: after 250 ms at first, then less and less.
   *
   * Duration. Default: `10s`.
   */
  interval?: Duration | 0 | undefined;
  /**
   * Time for a whole probe, from connecting to the status. Past it the probe has failed.
   *
   * Duration. Default: `5s`.
   */
  timeout?: Duration | 0 | undefined;
}

/** The keys of `upstreams.NAME.timeouts` in a configuration. */
export interface UpstreamTimeoutsInput {
  /**
   * Time for a new connection, TLS handshake included. Past it another endpoint is tried, or the answer is 504.
   *
   * Duration. Default: `5s`.
   */
  connect?: Duration | 0 | undefined;
  /**
   * Time from the end of the request to the whole head of the response. Past it the answer is 504.
   *
   * Duration. Default: `60s`.
   */
  response_head?: Duration | 0 | undefined;
  /**
   * Longest time in which nothing passes of the response body and of a request body that is still on its way, or in which the endpoint
   * takes nothing of the request. Past it the exchange is cut.
   *
   * Duration. Default: `60s`.
   */
  idle?: Duration | 0 | undefined;
  /**
   * Each 102 (Processing) of an endpoint gives it `response_head` anew, up to this time after the first one. For operations that take long
   * and say so, such as COPY of WebDAV. Past it the answer is 504.
   *
   * Duration. Default: `1h`.
   */
  processing?: Duration | 0 | undefined;
  /**
   * Time that a tunnel (WebSocket) may stand still in both directions before it is closed.
   *
   * Duration. Default: `1h`.
   */
  tunnel_idle?: Duration | 0 | undefined;
}

/** The keys of `upstreams.NAME.keep_alive` in a configuration. */
export interface UpstreamKeepAliveInput {
  /**
   * Time that an idle connection to an endpoint is kept, or less where the endpoint announces less. Keep it below what endpoints allow.
   *
   * Duration. Default: `60s`.
   */
  idle?: Duration | 0 | undefined;
  /**
   * Idle connections kept per endpoint and thread. With more requests at a time than that, connections are closed and opened again all the
   * time; what is not needed goes after `idle`. 0 closes each after its response.
   *
   * Whole number. Default: `1024`.
   */
  max_idle?: number | undefined;
  /**
   * Greatest age of a connection to an endpoint. An older one is closed after its exchange, so a name that leads elsewhere is followed
   * however busy its connections are. Each goes up to a tenth of the time earlier, so that they do not all go at once.
   *
   * Duration. Default: `10m`.
   */
  max_age?: Duration | 0 | undefined;
}

/** The keys of `upstreams.NAME.tls` in a configuration. */
export interface UpstreamTlsInput {
  /**
   * Whether an `https` endpoint must prove its name with a trusted certificate. Off and without `pinned_keys`, anybody on the way can read
   * and change the traffic; a warning says so at each start.
   *
   * `true` or `false`. Default: `true`.
   */
  verify?: boolean | undefined;
  /**
   * Name that is sent (SNI) and that the certificate must carry. Default: the host of the endpoint's URL.
   *
   * Host name.
   */
  server_name?: string | undefined;
  /**
   * PEM file of the certificates to trust instead of the list that Node brings (Mozilla's), relative to the configuration's folder. Read
   * again when it changes. The system's own store counts with `NODE_OPTIONS=--use-system-ca`.
   *
   * File.
   */
  ca_file?: string | undefined;
  /**
   * PEM file of revocation lists (CRL), one of each authority in an endpoint's chain. A certificate that it names is refused, and so is
   * every certificate when the list of its authority is missing or out of date. Read again when it changes.
   *
   * File.
   */
  crl_file?: string | undefined;
  /**
   * PEM file of the certificate to show to endpoints that ask for one (mutual TLS), and of the intermediate certificates after it, relative
   * to the configuration's folder. Read again when it changes.
   *
   * File.
   */
  cert_file?: string | undefined;
  /**
   * PEM file of the private key. Default: the key stands in `cert_file`.
   *
   * File.
   */
  key_file?: string | undefined;
  /**
   * Passphrase of an encrypted key. Keep it out of the file, and let it change while it is in use: see docs/secrets.md.
   *
   * Secret.
   */
  key_passphrase?: string | SecretCommandInput | undefined;
  /**
   * The lowest version of TLS. Older ones than 1.2 are broken and never spoken.
   *
   * `1.2` or `1.3`. Default: `1.2`.
   */
  min_version?: "1.2" | "1.3" | 1.2 | 1.3 | undefined;
  /**
   * Names of which the certificate must carry one, in place of `server_name` and of the URL's host. What is sent (SNI) stays the same.
   *
   * List of host names.
   */
  pinned_names?: string[] | undefined;
  /**
   * Public keys of which the certificate must carry one, each as `sha256/` and the Base64 of the SHA-256 of its SubjectPublicKeyInfo, as
   * `--pinnedpubkey` of curl takes it. With `verify: false` the key alone is what is trusted: good for self-signed certificates. See
   * docs/tls-to-origins.md.
   *
   * List of public keys.
   */
  pinned_keys?: string[] | undefined;
}

/** The keys of `upstreams.NAME.request_id` in a configuration. */
export interface UpstreamRequestIdInput {
  /**
   * The field that carries the id, to the upstream and in the response.
   *
   * Field name. Default: `X-Request-Id`.
   */
  header?: string | undefined;
  /**
   * Whose id is believed. `trusted_proxies`: that of a proxy of this list. `any`: everybody's, so clients can give many requests the same
   * id. An id is believed if it is 1 to 128 letters, digits or characters of `._~:/+=@-` and stands in one line; else, and from everybody
   * else, it is replaced.
   *
   * `none`, `trusted_proxies` or `any`. Default: `trusted_proxies`.
   */
  trust?: "trusted_proxies" | "none" | "any" | undefined;
  /**
   * Whether responses carry the id too, in the place of what the origin sends. The proxy's own answers carry it in any case, and their
   * problem documents have it as `request_id`.
   *
   * `true` or `false`. Default: `true`.
   */
  response?: boolean | undefined;
}

/** The keys of `upstreams.NAME.maintenance` in a configuration. */
export interface UpstreamMaintenanceInput {
  /**
   * Whether it is switched on by the configuration itself.
   *
   * `true` or `false`. Default: `false`.
   */
  enabled?: boolean | undefined;
  /**
   * A file whose presence switches it on, within a second and without a reload: `touch` it, and remove it afterwards. What is in it does
   * not matter. Relative to the configuration's folder.
   *
   * File.
   */
  flag_file?: string | undefined;
  /**
   * Time after which clients are told to come back, in whole seconds.
   *
   * Duration. Default: `5m`.
   */
  retry_after?: Duration | 0 | undefined;
  /** Who is served all the same. Absent: nobody. */
  unless?: UpstreamMaintenanceUnlessInput | undefined;
}

/** The keys of `upstreams.NAME.maintenance.unless` in a configuration. */
export interface UpstreamMaintenanceUnlessInput {
  /**
   * Addresses and blocks whose clients are served all the same. The address is the one that `trusted_proxies` tell.
   *
   * List of addresses or blocks.
   */
  client_ip: string[];
}

/** The keys of `upstreams.NAME.error_pages.NAME` in a configuration. */
export interface UpstreamErrorPageInput {
  /**
   * A file that is sent as it is, in UTF-8, with the type of its ending.
   *
   * File.
   */
  file?: string | undefined;
  /**
   * A file with variables, those of the error included: `{error.status}`, `{error.title}`, `{error.detail}`.
   *
   * File.
   */
  template?: string | undefined;
  /**
   * The text itself, with the same variables. It is HTML.
   *
   * Text with variables.
   */
  body?: string | undefined;
  /**
   * Whether the page also takes the place of what an origin answers with that status. Its other fields stay, cookies included.
   *
   * `true` or `false`. Default: `false`.
   */
  origin?: boolean | undefined;
}

/** The keys of `upstreams.NAME.rewrite_location[]` in a configuration. */
export interface UpstreamRewriteLocationInput {
  /**
   * What references begin with: a URL, `//host/path` for any scheme, or a path. Whole segments are compared; hosts without case, ports as
   * the scheme has them by default. A path fits references to the origin's own site only.
   *
   * URL or path.
   */
  from: string;
  /**
   * What they begin with instead, with variables of the request, such as `{scheme}://{host}`. It ends in a slash where `from` does.
   *
   * URL with variables.
   */
  to: string;
}

/** The keys of `upstreams.NAME.rewrite_cookies` in a configuration. */
export interface UpstreamRewriteCookiesInput {
  /**
   * In the place of `Domain` of cookies that have one; `""` takes it out, so that the cookie is for the host alone. A cookie without domain
   * gets none: it would be shown to more hosts than its origin meant.
   *
   * Domain.
   */
  domain?: string | undefined;
  /**
   * In the place of `Path` of cookies that have one.
   *
   * Path.
   */
  path?: string | undefined;
  /**
   * Whether cookies have `Secure`, so that browsers send them by TLS only. `false` takes it out but where browsers refuse the cookie
   * without it.
   *
   * `true` or `false`.
   */
  secure?: boolean | undefined;
  /**
   * The value of `SameSite` of all cookies: which requests from other sites bring them. `none` needs `secure: true`.
   *
   * `strict` or `lax` or `none`.
   */
  same_site?: "strict" | "lax" | "none" | undefined;
}

/** The keys of `upstreams.NAME.request_headers` in a configuration. */
export interface UpstreamRequestHeadersInput {
  /**
   * Names of fields that are left out. The first of the four to act; then come `rename`, `set` and `add`.
   *
   * List of field names. Default: `[]`.
   */
  remove?: string[] | undefined;
  /**
   * New names of fields by their old ones. Values and their order stay, and so do lines that have the new name already: `remove` it to
   * replace them.
   */
  rename?: Record<string, string> | undefined;
  /**
   * Values of fields by name: one line each, in the place of all lines of that name. A value that is empty, as `{header.X-A}` may be, sends
   * no line.
   */
  set?: Record<string, string> | undefined;
  /** As `set`, but lines of that name stay. A list adds a line for each value. */
  add?: Record<string, string | string[]> | undefined;
}

/** The keys of `upstreams.NAME.response_headers` in a configuration. */
export interface UpstreamResponseHeadersInput {
  /**
   * Names of fields that are left out. The first of the four to act; then come `rename`, `set` and `add`.
   *
   * List of field names. Default: `[]`.
   */
  remove?: string[] | undefined;
  /**
   * New names of fields by their old ones. Values and their order stay, and so do lines that have the new name already: `remove` it to
   * replace them.
   */
  rename?: Record<string, string> | undefined;
  /**
   * Values of fields by name: one line each, in the place of all lines of that name. A value that is empty, as `{header.X-A}` may be, sends
   * no line.
   */
  set?: Record<string, string> | undefined;
  /** As `set`, but lines of that name stay. A list adds a line for each value. */
  add?: Record<string, string | string[]> | undefined;
  /**
   * Whether answers of the proxy's own get these edits too, such as a 429 or what `respond` says. Their `Content-Type` stays as it is:
   * variables in their text are escaped for it.
   *
   * `true` or `false`. Default: `false`.
   */
  own_answers?: boolean | undefined;
}

/** The keys of `stores.NAME` in a configuration. */
export interface StoreInput {
  /**
   * What the store is. `redis`, also for Valkey and whatever else speaks its protocol, is for limits and logouts over several machines; it
   * needs the package `@redis/client`. `memory` is memory of this process that all its threads share, for `cache`.
   *
   * `redis` or `memory`.
   */
  type: "redis" | "memory";
  /**
   * For `memory`, which needs it: how much it takes at most, from 4MiB to 32GiB; only what is used of it costs memory. What was used least
   * goes first. A reload that changes it begins with an empty store.
   *
   * Size.
   */
  max_size?: Size | number | undefined;
  /**
   * `redis://host:port/database`, `rediss://` with TLS, or `unix:/run/redis.sock`; the port 6379 and the database 0 when left out. No user
   * and no password: those have keys of their own. Give this or `cluster`.
   *
   * URL.
   */
  url?: string | undefined;
  /**
   * URLs of some machines of a cluster, from which the others are learnt; all of them with `redis:` or all with `rediss:`.
   *
   * List of URLs.
   */
  cluster?: string[] | undefined;
  /**
   * Name of the user (ACL). Absent: the default user.
   *
   * Secret.
   */
  username?: string | SecretCommandInput | undefined;
  /**
   * Its password. Keep it out of the file, and let it change while it is in use: see docs/secrets.md. Absent: none.
   *
   * Secret.
   */
  password?: string | SecretCommandInput | undefined;
  /** How a store with `rediss:` is verified. It always is. */
  tls?: StoreTlsInput | undefined;
  /**
   * Begins the names of all keys in the store. What follows is a hash: neither addresses nor users of clients can be read there. Proxies
   * with the same prefix, whose routes are the same, count together.
   *
   * Text. Default: `millrace`.
   */
  prefix?: string | undefined;
  /**
   * Greatest time that a request waits for the store. Past it `on_failure` decides, and an answer that comes later is dropped. A store that
   * fails three times in a row is asked nothing more until it has answered a probe.
   *
   * Duration. Default: `5ms`.
   */
  timeout?: Duration | 0 | undefined;
  /**
   * What decides while the store does not answer. `local`: each process counts by itself, from where the store stood when it last answered
   * about the client. `open`: every request passes. `closed`: none does, and the answer is 503 with Retry-After.
   *
   * `local` or `open` or `closed`. Default: `local`.
   */
  on_failure?: "local" | "open" | "closed" | undefined;
}

/** The keys of `stores.NAME.tls` in a configuration. */
export interface StoreTlsInput {
  /**
   * PEM file of the certificates to trust instead of the list that Node brings (Mozilla's), relative to the configuration's folder. Read at
   * each connection.
   *
   * File.
   */
  ca_file?: string | undefined;
  /**
   * Name that is sent (SNI) and that the certificate must carry. Default: the host of the URL.
   *
   * Host name.
   */
  server_name?: string | undefined;
}

/** The keys of `routes[]` in a configuration. */
export interface RouteInput {
  /**
   * Name in logs, metrics and `explain`. Default: the route's position, `#1`.
   *
   * Name.
   */
  name?: string | undefined;
  /**
   * Conditions that must all hold; without any, the route takes everything. A list has several entries of conditions, one of which is
   * enough. The first route in file order wins. `millrace check` warns about a route that is never reached because earlier ones take all
   * its requests.
   */
  match?: RouteMatchInput | RouteMatchInput[] | undefined;
  /**
   * Gives each request an id, a UUID of version 7, or believes the one that it brings. The id goes to the upstream, into the response, the
   * access log and the proxy's own answers, and is `{request_id}` in values; it stays the same in further attempts. `true` stands for the
   * defaults, `false` takes back what a wider place says. Absent: `{request_id}` has a value all the same, and no field carries it.
   */
  request_id?: boolean | UpstreamRequestIdInput | undefined;
  /** Which pages of other sites may read answers. Preflights are answered by the proxy; the endpoint's own CORS fields are replaced. */
  cors?: RouteCorsInput | undefined;
  /**
   * Refuses clients by their address with 403: by lists of addresses, by country, by autonomous system. The address is the one that
   * `trusted_proxies` tell. A client whose address is not known is refused. Absent: everybody is admitted.
   */
  access?: RouteAccessInput | undefined;
  /**
   * A switch that answers requests with 503 while something is being worked on, with `Retry-After` and the page that `error_pages` have for
   * 503. Of several places it is on if one is. Absent: requests are served.
   */
  maintenance?: UpstreamMaintenanceInput | undefined;
  /**
   * Requests per client, exact over all threads. Past it the answer is 429 with Retry-After. A list: all of its limits hold. Limits by who
   * the client is (`user`, `api_key`, `claim:NAME`, `roles`) act after `authentication` and `require`, all others before. Absent: no limit.
   */
  rate_limit?: RouteRateLimitInput | RouteRateLimitInput[] | undefined;
  /**
   * Requests that may be under way at once, counted over all threads. Above it clients get 429, or 503 where the limit counts whole routes
   * or upstreams. WebSockets count until they close. A list: all of its limits hold. Limits by who the client is act after `authentication`
   * and `require`, all others before. Absent: no limit.
   */
  concurrency_limit?: RouteConcurrencyLimitInput | RouteConcurrencyLimitInput[] | undefined;
  /**
   * Lets in only clients that show who they are: of the methods that the route has, the first for which a request brings anything decides.
   * Absent: everybody is let in.
   */
  authentication?: RouteAuthenticationInput | undefined;
  /**
   * Refuses clients with 403 that `authentication` of the route has let in, and that lack a role, scope or claim. Absent: whoever is let in
   * may do everything.
   */
  require?: RouteRequireInput | undefined;
  /**
   * Refuses requests by their method, the type of their body, and the shape of bodies in JSON, GraphQL and `multipart/form-data`. It looks
   * for no attacks: what it admits is well-formed and no larger than the route needs. Absent: nothing is refused.
   */
  filter?: RouteFilterInput | undefined;
  /**
   * Checks requests, and responses where asked, by the description of the API: paths, methods, parameters, media types, bodies in JSON and
   * forms. What is wrong is named in the answer, never its value. Absent: nothing is checked.
   */
  validate?: RouteValidateInput | undefined;
  /**
   * Tokens of language models per client, exact over all threads, as answers report them (`usage` of JSON and of streamed events) while
   * they pass. Past it the answer is 429 with Retry-After. A list: all of its limits hold. It acts after `authentication` and `require`.
   * Such a route admits no upgrade unless it has `upgrade`, because nothing is counted in a tunnel. Absent: no limit.
   */
  token_limit?: RouteTokenLimitInput | RouteTokenLimitInput[] | undefined;
  /**
   * Stores responses and answers with them, by RFC 9111: the origin says what is stored and for how long. Answers have `Cache-Status`.
   * Absent: nothing is stored.
   */
  cache?: RouteCacheInput | undefined;
  /** Changes path and host of the request that the upstream gets, and the path at which `files` looks. Absent: both stay as they are. */
  rewrite?: RouteRewriteInput | undefined;
  /**
   * Pages for answers with these statuses, by status or class: a file, or `{ file, template, body, origin }`. An exact status goes before
   * its class, and the route's own pages before those of its upstream and of the whole configuration. They are for answers of the proxy's
   * own, and for those of origins where `origin` says so. Clients that prefer JSON get a problem document (RFC 9457) in the place of a page
   * in HTML. Files are read when the configuration is loaded, and again with every reload. Absent: answers of the proxy's own have one line
   * of text, or are a problem document.
   */
  error_pages?: Record<string, string | UpstreamErrorPageInput> | undefined;
  /**
   * Leads references in `Location`, `Content-Location` and `Refresh` of responses to where the client finds them: the endpoint's own
   * address becomes the scheme, host and port that the client used, and a prefix that `rewrite.strip_prefix` took is put back. A list does
   * the same, after its own entries, of which the first that fits counts. `false` takes back what a wider place says. Absent: nothing
   * changes.
   */
  rewrite_location?: boolean | UpstreamRewriteLocationInput[] | undefined;
  /**
   * Attributes of the cookies that origins set. Each key acts on its own, and the most particular place that has it counts. Absent: cookies
   * pass as they are.
   */
  rewrite_cookies?: UpstreamRewriteCookiesInput | undefined;
  /**
   * Fields that tell browsers to be careful: `Strict-Transport-Security` (over TLS only), `X-Content-Type-Options`, `X-Frame-Options`,
   * `Referrer-Policy` and `Permissions-Policy`. `standard` suits most sites and adds what the origin does not send; `strict` allows as
   * little as possible and replaces what the origin sends; `off` takes back what a wider place says. docs/headers.md has the values. Also
   * on the proxy's own answers. Absent: none.
   *
   * `standard` or `strict` or `off`.
   */
  security_headers?: "standard" | "strict" | "off" | undefined;
  /**
   * Fields of requests that are set, added, removed or renamed before they are sent to the upstream. What frames a message, and what the
   * proxy says about the client, cannot be edited.
   */
  request_headers?: UpstreamRequestHeadersInput | undefined;
  /**
   * Fields of responses that are set, added, removed or renamed before they are sent to the client. Interim responses and trailers pass as
   * they are.
   */
  response_headers?: UpstreamResponseHeadersInput | undefined;
  /**
   * Compresses responses for clients that take it, and can decode responses and requests. `true` stands for the defaults. It acts after all
   * other middleware, so that these see bodies as the origin sends them. Absent: bodies pass as they come.
   */
  compression?: true | RouteCompressionInput | undefined;
  /** Sends clients to another URL. */
  redirect?: RouteRedirectInput | undefined;
  /** Answers requests itself, instead of an upstream. */
  respond?: RouteRespondInput | undefined;
  /** Sends the files of a folder, to GET and HEAD. A `rewrite` of the path acts first. */
  files?: RouteFilesInput | undefined;
  /**
   * Middleware of one's own for this route, after that of the top-level `middleware`, in the order in which they act (docs/middleware.md).
   */
  middleware?: RouteMiddlewareInput[] | undefined;
  /** Whether the route's exchanges get lines in the access log, and what those hold; what it leaves out is as `logging.access` says. */
  access_log?: boolean | RouteAccessLogInput | undefined;
  /**
   * Bytes of a request body. Larger ones are refused with 413. Absent: no limit. Bodies are streamed unless `buffer` holds them.
   *
   * Size.
   */
  max_body?: Size | number | undefined;
  /**
   * Holds bodies in memory, so that slow clients do not keep the workers of an origin server busy. Absent: bodies are streamed as they
   * come.
   */
  buffer?: RouteBufferInput | undefined;
  /** Time limits of this route. */
  timeouts?: RouteTimeoutsInput | undefined;
  /** What follows after a failed attempt. Absent: the upstream's `retries`, after lost connections and such that did not come about. */
  retry?: RouteRetryInput | undefined;
  /**
   * Time for which a request waits for an endpoint to come up, where it would be answered with 502 or 503 because none can be reached or is
   * healthy; for a development server that restarts. At most 1000 exchanges per upstream wait, over all threads. A request whose connection
   * was lost waits too, if it may be sent again. Absent: no wait.
   *
   * Duration.
   */
  hold?: Duration | 0 | undefined;
  /**
   * The upstream that requests go to, by its name in `upstreams`. A route has exactly one of `upstream`, `split`, `redirect`, `respond` and
   * `files`.
   *
   * Name.
   */
  upstream?: string | undefined;
  /**
   * In place of `upstream`: several upstreams, each for a share of the requests, to try a new version on some of them. Each request is led
   * as if its upstream were that of the route.
   */
  split?: RouteSplitInput[] | undefined;
  /**
   * By what `split` decides, so that a client always gets the same upstream, in all threads and processes and after a reload: `client_ip`
   * (of an IPv6 address the first 64 bits), or a mapping with `header` or `cookie`. When weights change, only as many clients move as must.
   * Routes with the same upstreams and the same weights agree. Absent: chance decides for each request.
   */
  split_by?: "client_ip" | RouteSplitByInput | undefined;
  /**
   * The protocols to which clients may switch their connections with `Upgrade`, by the names that they have there, without case:
   * `websocket`, `tcp` (Docker's attach and exec), `spdy/3.1`. The bytes that follow the switch pass both ways unseen. A request for
   * another protocol is sent without `Upgrade`, and served by HTTP/1.1. `[]`: no protocol. `h2c`, and whatever else carries HTTP, is
   * refused here, because requests in it would get around every check. Default: `[websocket]`, and `[]` where the route has `token_limit`,
   * which counts nothing of what passes after a switch.
   *
   * List of protocols.
   */
  upgrade?: string[] | undefined;
  /**
   * Sends copies of requests to another upstream too, to try it with real traffic. Its answers are thrown away, and whatever it does,
   * clients do not notice. Copies carry `X-Mirrored: true`. Absent: no copies.
   */
  mirror?: RouteMirrorInput | undefined;
}

/** The keys of `routes[].match` in a configuration. */
export interface RouteMatchInput {
  /**
   * Host or hosts, without case and port; `*.example.com` takes every subdomain at any depth, not `example.com` itself.
   *
   * Text or list.
   */
  host?: string | string[] | undefined;
  /**
   * Path or paths: `/exact`, or `/prefix/*` for `/prefix` and everything below. Compared in a canonical form, so no other spelling of a
   * path leads around a route.
   *
   * Text or list.
   */
  path?: string | string[] | undefined;
  /**
   * A regular expression in the syntax of RE2 that matches some part of the path in its canonical form: begin it with `^` and end it with
   * `$` to match the whole path. Matching takes time linear in the length of the path, whatever the pattern. Named groups, `(?<id>[0-9]+)`,
   * become variables: `{match.id}`.
   *
   * Regular expression.
   */
  path_regex?: string | undefined;
  /**
   * Methods; `GET` admits `HEAD`, and with `cors` a preflight is taken by the method that it asks for.
   *
   * Text or list.
   */
  methods?: string | string[] | undefined;
  /** Fields that must be there with exactly this value; `"*"` stands for any value. */
  headers?: Record<string, string> | undefined;
  /**
   * Parameters of the query that must be there with exactly this value; `"*"` stands for any value. Names and values are compared in
   * decoded form; where a name stands several times, one of its values is enough. Programs read queries in more ways than that (`;` between
   * parameters, `a[]` for `a`, spaces around a name), so do not let authentication depend on a parameter alone.
   */
  query?: Record<string, string> | undefined;
  /**
   * Addresses and blocks, one of which the client's address must be in.
   *
   * Address or block, or list.
   */
  client_ip?: string | string[] | undefined;
  /**
   * What must hold of the certificate that the client has shown and the proxy has verified (`tls.client_certificates` of the listener);
   * `{}`: any. A client without one is not taken, so a route after this one must refuse those that may not pass. Only the certificate of
   * the connection counts, whatever fields of a request say; behind a trusted proxy that is the certificate of this proxy.
   */
  client_certificate?: RouteMatchClientCertificateInput | undefined;
  /**
   * Conditions as in `match` itself. The route does not take a request for which all of them hold; of a list, all of one entry. Where
   * `client_ip` stands here, it counts as holding for a client whose address is not known.
   *
   * Conditions or list of conditions.
   */
  not?: RouteMatchNotInput | RouteMatchNotInput[] | undefined;
}

/** The keys of `routes[].match.client_certificate` in a configuration. */
export interface RouteMatchClientCertificateInput {
  /**
   * Distinguished name or names of the certificate's owner, as a whole and as the access log shows it: `CN=alice,O=Example`, which `openssl
   * x509 -noout -subject -nameopt RFC2253` prints.
   *
   * Text or list.
   */
  subject?: string | string[] | undefined;
  /**
   * The same of the authority that has signed it.
   *
   * Text or list.
   */
  issuer?: string | string[] | undefined;
  /**
   * SHA-256 fingerprint or fingerprints, as `openssl x509 -noout -fingerprint -sha256` prints them.
   *
   * Text or list.
   */
  fingerprint?: string | string[] | undefined;
  /**
   * DNS name or names, one of which the certificate must have; `*.example.com` takes every name below it at any depth.
   *
   * Text or list.
   */
  dns?: string | string[] | undefined;
  /**
   * URI or URIs, one of which the certificate must have; `spiffe://example/shop/*` takes every one with that beginning.
   *
   * Text or list.
   */
  uri?: string | string[] | undefined;
  /**
   * E-mail address or addresses, one of which the certificate must have.
   *
   * Text or list.
   */
  email?: string | string[] | undefined;
}

/** The keys of `routes[].match.not` in a configuration. */
export interface RouteMatchNotInput {
  /**
   * Host or hosts, without case and port; `*.example.com` takes every subdomain at any depth, not `example.com` itself.
   *
   * Text or list.
   */
  host?: string | string[] | undefined;
  /**
   * Path or paths: `/exact`, or `/prefix/*` for `/prefix` and everything below. Compared in a canonical form, so no other spelling of a
   * path leads around a route.
   *
   * Text or list.
   */
  path?: string | string[] | undefined;
  /**
   * A regular expression in the syntax of RE2 that matches some part of the path in its canonical form: begin it with `^` and end it with
   * `$` to match the whole path. Matching takes time linear in the length of the path, whatever the pattern. Named groups, `(?<id>[0-9]+)`,
   * become variables: `{match.id}`.
   *
   * Regular expression.
   */
  path_regex?: string | undefined;
  /**
   * Methods; `GET` admits `HEAD`, and with `cors` a preflight is taken by the method that it asks for.
   *
   * Text or list.
   */
  methods?: string | string[] | undefined;
  /** Fields that must be there with exactly this value; `"*"` stands for any value. */
  headers?: Record<string, string> | undefined;
  /**
   * Parameters of the query that must be there with exactly this value; `"*"` stands for any value. Names and values are compared in
   * decoded form; where a name stands several times, one of its values is enough. Programs read queries in more ways than that (`;` between
   * parameters, `a[]` for `a`, spaces around a name), so do not let authentication depend on a parameter alone.
   */
  query?: Record<string, string> | undefined;
  /**
   * Addresses and blocks, one of which the client's address must be in.
   *
   * Address or block, or list.
   */
  client_ip?: string | string[] | undefined;
  /**
   * What must hold of the certificate that the client has shown and the proxy has verified (`tls.client_certificates` of the listener);
   * `{}`: any. A client without one is not taken, so a route after this one must refuse those that may not pass. Only the certificate of
   * the connection counts, whatever fields of a request say; behind a trusted proxy that is the certificate of this proxy.
   */
  client_certificate?: RouteMatchClientCertificateInput | undefined;
}

/** The keys of `routes[].cors` in a configuration. */
export interface RouteCorsInput {
  /**
   * Origins whose pages may read answers: `https://app.example.com`, `https://*.example.com` for its subdomains, or `"*"` for every page.
   * `"null"` stands for sandboxed and local pages of anybody.
   *
   * List of origins.
   */
  allowed_origins: string[];
  /**
   * Methods that a preflight allows; `"*"` for all.
   *
   * List of methods. Default: `[GET, HEAD, POST]`.
   */
  allowed_methods?: string[] | undefined;
  /**
   * Request fields that a preflight allows; `"*"` for all but Authorization.
   *
   * List of field names. Default: `[]`.
   */
  allowed_headers?: string[] | undefined;
  /**
   * Response fields that a page may read besides those that browsers always show.
   *
   * List of field names. Default: `[]`.
   */
  exposed_headers?: string[] | undefined;
  /**
   * Whether pages may send cookies and credentials. Has no effect together with the origin `"*"`: every page could then act in the name of
   * its visitors.
   *
   * `true` or `false`. Default: `false`.
   */
  allow_credentials?: boolean | undefined;
  /**
   * Time that a browser may remember a preflight's answer; a bare number is seconds. When absent, browsers take 5 s.
   *
   * Duration or seconds.
   */
  max_age?: Duration | number | undefined;
  /**
   * Log why a preflight or an answer got no CORS fields.
   *
   * `true` or `false`. Default: `false`.
   */
  debug?: boolean | undefined;
}

/** The keys of `routes[].access` in a configuration. */
export interface RouteAccessInput {
  /**
   * Addresses and blocks that are admitted; all others are refused, unless one of the other `allow_` keys admits them. `{ file: PATH }`
   * stands for those of a list. Absent: everybody who is not refused by `deny` or another key.
   *
   * List of addresses or blocks, or files.
   */
  allow?: (string | RouteAccessAllowInput)[] | undefined;
  /**
   * Addresses and blocks that are refused, also those in `allow`. `{ file: PATH }` stands for those of a list.
   *
   * List of addresses or blocks, or files. Default: `[]`.
   */
  deny?: (string | RouteAccessAllowInput)[] | undefined;
  /**
   * A database of countries in MaxMind's format (.mmdb), such as GeoLite2-Country. Read again when it changes, without a reload
   * (docs/access.md). Relative to the configuration's folder.
   *
   * File.
   */
  geoip_file?: string | undefined;
  /**
   * Countries that are admitted, by their two letters (ISO 3166-1); `unknown` stands for addresses that the database does not know, such as
   * private ones. All others are refused, unless `allow` or `allow_asns` admits them. Where an address is said to be is a guess: it keeps
   * people away, no attacker.
   *
   * List of countrys, or unknowns.
   */
  allow_countries?: string[] | undefined;
  /**
   * Countries that are refused, `unknown` too if it is listed, also where another key admits the address.
   *
   * List of countrys, or unknowns.
   */
  deny_countries?: string[] | undefined;
  /**
   * The field that tells upstreams the client's country, such as `X-Country`. It is absent where the country is not known. No client can
   * send this field, on whatever route. Absent: upstreams are told nothing.
   *
   * Field name.
   */
  forward_country?: string | undefined;
  /**
   * A database of autonomous systems in the same format, such as GeoLite2-ASN. It may be the file of `geoip_file` if that has both.
   *
   * File.
   */
  asn_file?: string | undefined;
  /**
   * Numbers of autonomous systems whose addresses are admitted, such as `64496` or `AS64496`, or `unknown`; as `allow_countries`.
   *
   * List of number of an autonomous systems, or unknowns.
   */
  allow_asns?: (number | string)[] | undefined;
  /**
   * Numbers of autonomous systems whose addresses are refused, such as those of providers that rent machines; as `deny_countries`.
   *
   * List of number of an autonomous systems, or unknowns.
   */
  deny_asns?: (number | string)[] | undefined;
  /**
   * The field that tells upstreams the number of the client's autonomous system, such as `X-ASN: 64496`; as `forward_country`.
   *
   * Field name.
   */
  forward_asn?: string | undefined;
}

/** The keys of `routes[].access.allow[]` in a configuration. */
export interface RouteAccessAllowInput {
  /**
   * The file of an address list: an address or block a line, with comments after `#` or `;`. Read again when it changes, without a reload
   * (docs/access.md). Relative to the configuration's folder.
   *
   * File.
   */
  file: string;
}

/** The keys of `routes[].rate_limit` in a configuration. */
export interface RouteRateLimitInput {
  /**
   * Requests that a client may make per minute in the long run. Give this or `requests_per_second`.
   *
   * Whole number.
   */
  requests_per_minute?: number | undefined;
  /**
   * Requests that a client may make per second in the long run. Give this or `requests_per_minute`.
   *
   * Whole number.
   */
  requests_per_second?: number | undefined;
  /**
   * Requests that a client which was quiet may make at once. Default: the number of requests per minute or per second.
   *
   * Whole number.
   */
  burst?: number | undefined;
  /**
   * How many requests each request of this route counts as.
   *
   * Whole number. Default: `1`.
   */
  cost?: number | undefined;
  /**
   * A field in which responses say what the request has cost, as a whole number, 0 included: it counts in the place of `cost` from then on,
   * if need be above what was left, up to one more `burst`. Responses without it, or with anything else in it, leave the cost as it was.
   *
   * Field name.
   */
  cost_header?: string | undefined;
  /**
   * Whether all responses tell clients of the limit and what is left of it, in `RateLimit-Policy` and `RateLimit`
   * (draft-ietf-httpapi-ratelimit-headers-12). Answers with 429 always do.
   *
   * `true` or `false`. Default: `false`.
   */
  announce?: boolean | undefined;
  /**
   * The file of a list of addresses and blocks, each with a factor from 0.001 to 1000 behind it, such as `192.0.2.0/24 0.1`, with comments
   * after `#` or `;`: the rate and the burst of these clients are multiplied by it, whatever `key` counts. Of several blocks that hold an
   * address the smallest factor counts. Read again when it changes, without a reload. Relative to the configuration's folder.
   *
   * File.
   */
  reputation_file?: string | undefined;
  /**
   * Gives less to clients, by their address, that meet refusals too often: who tries passwords or paths. `{}` has the defaults. Clients
   * behind one address share its standing.
   */
  adapting?: RouteRateLimitAdaptingInput | undefined;
  /**
   * What is counted, one or several together: `client_ip`, the client's address (IPv6 by its /64); `user`, the user's name as
   * `authentication` has found it; `api_key`, the id of the key of `api_keys`; `claim:NAME`, a claim of the client's token; `path`, in its
   * canonical form; `route`, all requests of the route together; `header:NAME` and `cookie:NAME`, what the request brings. Where a request
   * lacks it, the client's address counts. A client that may send any value has as many allowances as it likes: of fields name only one
   * that a trusted proxy sets, or whose value `authentication` checks.
   *
   * Text or list.
   */
  key?: string | string[] | undefined;
  /**
   * The store of `stores` in which the limit counts, for all machines together: those whose routes and limits are the same. Absent: each
   * process counts by itself. See docs/limits.md.
   *
   * Name.
   */
  store?: string | undefined;
  /**
   * How many requests a thread takes from the store at once, so that most need not wait for it; half of the burst at most. What nobody uses
   * goes back within a second. A client gets at most 5 % of its burst above the limit, however many machines there are. Absent: each
   * request asks, and the count is exact.
   *
   * Whole number.
   */
  lease?: number | undefined;
  /**
   * Other rates for clients with a role that `authentication` has found, by the role's name: `{ pro: { requests_per_minute: 1000 } }`. The
   * first role of this list that the client has decides.
   */
  roles?: Record<string, RouteRateLimitRoleInput> | undefined;
}

/** The keys of `routes[].rate_limit.adapting` in a configuration. */
export interface RouteRateLimitAdaptingInput {
  /**
   * Statuses of answers, the proxy's own included, that are counted.
   *
   * List of whole numbers. Default: `[401, 404, 429]`.
   */
  statuses?: number[] | undefined;
  /**
   * How many of them a client may meet at once, and in each `within`.
   *
   * Whole number. Default: `20`.
   */
  after?: number | undefined;
  /**
   * The time in which the allowance of them comes back.
   *
   * Duration.
   */
  within?: Duration | 0 | undefined;
  /**
   * What the client's rate and burst are multiplied by when it has met more.
   *
   * Number. Default: `0.25`.
   */
  factor?: number | undefined;
  /**
   * How long that holds, from the last one that was too many.
   *
   * Duration.
   */
  for?: Duration | 0 | undefined;
}

/** The keys of `routes[].rate_limit.roles.NAME` in a configuration. */
export interface RouteRateLimitRoleInput {
  /**
   * Requests that a client may make per minute in the long run. Give this or `requests_per_second`.
   *
   * Whole number.
   */
  requests_per_minute?: number | undefined;
  /**
   * Requests that a client may make per second in the long run. Give this or `requests_per_minute`.
   *
   * Whole number.
   */
  requests_per_second?: number | undefined;
  /**
   * Requests that a client which was quiet may make at once. Default: the number of requests per minute or per second.
   *
   * Whole number.
   */
  burst?: number | undefined;
}

/** The keys of `routes[].concurrency_limit` in a configuration. */
export interface RouteConcurrencyLimitInput {
  /**
   * What is counted, one or several together: `client_ip`, the client's address (IPv6 by its /64); `user`, the user's name as
   * `authentication` has found it; `api_key`, the id of the key of `api_keys`; `claim:NAME`, a claim of the client's token; `path`, in its
   * canonical form; `route`, all requests of the route together; `upstream`, all routes that lead to the same upstream (those of a `split`
   * are one upstream of their own), alone or with what else is counted over them; `header:NAME` and `cookie:NAME`, what the request brings.
   * Where a request lacks it, the client's address counts. A client that may send any value has as many allowances as it likes: of fields
   * name only one that a trusted proxy sets, or whose value `authentication` checks.
   *
   * Text or list.
   */
  key?: string | string[] | undefined;
  /**
   * How many requests may be under way at once for each value of `key`, from the head to the end of the response.
   *
   * Whole number.
   */
  max: number;
  /** Requests above `max` wait for their turn. Absent: they are refused at once. */
  queue?: RouteConcurrencyLimitQueueInput | undefined;
}

/** The keys of `routes[].concurrency_limit.queue` in a configuration. */
export interface RouteConcurrencyLimitQueueInput {
  /**
   * How many requests may wait for each value of `key`, over all threads together.
   *
   * Whole number.
   */
  size: number;
  /**
   * How long a request waits at most, 9 seconds at most.
   *
   * Duration.
   */
  timeout?: Duration | 0 | undefined;
}

/** The keys of `routes[].authentication` in a configuration. */
export interface RouteAuthenticationInput {
  /**
   * Tokens, one of which a request must bring as `Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`. Spaces inside are allowed and
   * compared, but many clients cannot send them with `Bearer`. Write `${NAME}` or `file:PATH` to keep them out of the file. Compared in
   * constant time, never logged, never forwarded.
   *
   * List of secrets.
   */
  tokens?: (string | SecretCommandInput)[] | undefined;
  /**
   * Keys whose hashes stand in a file, each with an id, roles, scopes and an end. A request brings one like a token of `tokens`. The id is
   * the user's name.
   */
  api_keys?: RouteAuthenticationApiKeysInput | undefined;
  /**
   * JSON web tokens that somebody else has signed. A Bearer value in the form of a JWT is one, all others are tokens or keys. A token must
   * have an end (`exp`). What was verified is remembered until then, at most as long as the keys stay the same.
   */
  jwt?: RouteAuthenticationJwtInput | undefined;
  /**
   * Name and password (`Authorization: Basic`). They are verified in a thread of the lowest priority, at most 64 wait, and what was right
   * is remembered for five minutes, without the password. Only over TLS are they safe on their way.
   */
  basic?: RouteAuthenticationBasicInput | undefined;
  /**
   * What must hold of the certificate that the client has shown to the listener (`tls.client_certificates`), by the same rules as
   * `match.client_certificate`; `{}`: any. Clients without a certificate are asked for what else there is. Its subject is the user's name.
   */
  certificate?: RouteMatchClientCertificateInput | undefined;
  /**
   * A service that is asked with the request's head: `auth_request` of nginx, ForwardAuth of Traefik. It gets a GET without body, with
   * `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri` and `-For` of the request. An answer with 2xx lets the client in, any other below 500
   * goes to the client as it is, and without an answer there is 503. It is asked last and decides about everybody for whom no other method
   * did.
   */
  forward?: RouteAuthenticationForwardInput | undefined;
  /**
   * A login at an identity provider (OpenID Connect: authorization code with PKCE). Who brings no session, and nothing for the other
   * methods, is sent there if a person waits for a page; requests of scripts get 401. See docs/logins.md.
   */
  oidc?: RouteAuthenticationOidcInput | undefined;
  /**
   * Whether a client that brings nothing is let in too, as one that is not known. Wrong credentials are refused all the same.
   *
   * `true` or `false`. Default: `false`.
   */
  optional?: boolean | undefined;
  /**
   * A short-lived token (JWT) in which the upstream is told who the client is, signed by the proxy: an application that verifies it
   * believes nobody who reaches it around the proxy. It holds `sub`, `roles`, `scope` and `authentication_method`, its type (`typ`) is
   * `internal+jwt`. Clients that are not known have none.
   */
  internal_jwt?: RouteAuthenticationInternalJwtInput | undefined;
  /**
   * Fields in which the upstream is told who the client is. A field that any route names here is taken out of every client's request, on
   * every route and listener, in every spelling that origin servers read as it (`X_User`). Values are UTF-8; control characters, `%` and
   * white space at the ends are percent-encoded, in lists all white space and commas. What is not known sends no field.
   */
  identity_headers?: RouteAuthenticationIdentityHeadersInput | undefined;
}

/** The keys of `routes[].authentication.api_keys` in a configuration. */
export interface RouteAuthenticationApiKeysInput {
  /**
   * A YAML file with the keys' hashes, as `millrace new-key` prints them (docs/authentication.md). Read again when it changes, without a
   * reload. Relative to the configuration's folder.
   *
   * File.
   */
  file: string;
  /**
   * A parameter of the query in which clients may bring a key too, for those that can set no field. It is taken out of what goes upstream.
   * Queries stand in the histories, bookmarks and logs of others, so give such keys few rights. Absent: none.
   *
   * Text.
   */
  query?: string | undefined;
}

/** The keys of `routes[].authentication.jwt` in a configuration. */
export interface RouteAuthenticationJwtInput {
  /**
   * What `iss` of a token must be, or one of several. Absent: anything.
   *
   * Text or list.
   */
  issuer?: string | string[] | undefined;
  /**
   * What `aud` of a token must hold, or one of several: a token that was made for another application is not valid here.
   *
   * Text or list.
   */
  audience: string | string[];
  /**
   * Where the issuer publishes its keys, such as `https://id.example/.well-known/jwks.json`. Asked at the start, every ten minutes, and
   * when a token names a key that is not known, at most every 30 seconds. While it does not answer the keys at hand stay in use.
   *
   * URL.
   */
  jwks_url?: string | undefined;
  /**
   * A file with the issuer's public keys (RFC 7517). Read again when it changes, without a reload.
   *
   * File.
   */
  jwks_file?: string | undefined;
  /**
   * The secret that signs and verifies tokens, of at least 32 characters. Write `${NAME}` or `file:PATH` to keep it out of the file.
   *
   * Secret.
   */
  secret?: string | SecretCommandInput | undefined;
  /**
   * Algorithms of signatures that are accepted. Default: `[RS256, PS256, ES256, EdDSA, Ed25519]`, with `secret` `[HS256]`.
   *
   * List of algorithms.
   */
  algorithms?:
    | (
        | "RS256"
        | "RS384"
        | "RS512"
        | "PS256"
        | "PS384"
        | "PS512"
        | "ES256"
        | "ES384"
        | "ES512"
        | "EdDSA"
        | "Ed25519"
        | "HS256"
        | "HS384"
        | "HS512"
      )[]
    | undefined;
  /**
   * How much the clocks of issuer and proxy may differ, for `exp` and `nbf`.
   *
   * Duration. Default: `30s`.
   */
  clock_skew?: Duration | 0 | undefined;
  /**
   * Where clients bring the token: `Authorization: Bearer`, or a cookie.
   *
   * `header` or `cookie:NAME`. Default: `header`.
   */
  from?: string | undefined;
  /**
   * Whether the upstream gets the token too. Whoever has it can use it for as long as it is valid.
   *
   * `true` or `false`. Default: `false`.
   */
  forward?: boolean | undefined;
  /** Which claims say who the client is. */
  claims?: RouteAuthenticationJwtClaimsInput | undefined;
}

/** The keys of `routes[].authentication.jwt.claims` in a configuration. */
export interface RouteAuthenticationJwtClaimsInput {
  /**
   * The claim with the user's name. `email` and `preferred_username` may change, `sub` never does.
   *
   * Text. Default: `sub`.
   */
  user?: string | undefined;
  /**
   * The claim with the user's roles, an array or a text of words with spaces between them; a dot leads into an object:
   * `realm_access.roles`. Many providers call it `groups`.
   *
   * Text. Default: `roles`.
   */
  roles?: string | undefined;
  /**
   * The same for scopes.
   *
   * Text. Default: `scope`.
   */
  scopes?: string | undefined;
}

/** The keys of `routes[].authentication.basic` in a configuration. */
export interface RouteAuthenticationBasicInput {
  /**
   * A file of users as `htpasswd -B` and `millrace hash-password` write it: `name:hash` a line, with bcrypt or argon2id. Read again when it
   * changes, without a reload. Relative to the configuration's folder.
   *
   * File.
   */
  users_file: string;
  /**
   * A file of roles: `role: name name` a line. Read again when it changes. Absent: users have no roles.
   *
   * File.
   */
  groups_file?: string | undefined;
  /**
   * What browsers show when they ask for name and password.
   *
   * Text. Default: `millrace`.
   */
  realm?: string | undefined;
}

/** The keys of `routes[].authentication.forward` in a configuration. */
export interface RouteAuthenticationForwardInput {
  /**
   * The service that is asked, with path and query: `http://127.0.0.1:9091/api/authz/forward-auth`. Or `upstream` and `path`.
   *
   * URL.
   */
  url?: string | undefined;
  /**
   * The upstream that is asked, by its name in `upstreams`, instead of `url`: for several endpoints, or TLS with an authority of one's own.
   *
   * Name.
   */
  upstream?: string | undefined;
  /**
   * Path and query for `upstream`. Default: `/`.
   *
   * Path.
   */
  path?: string | undefined;
  /**
   * Fields of the client's request that the service gets. `all`: those that would be forwarded, but none about the body, a part of the
   * answer or a condition (`Range`, `If-None-Match`).
   *
   * List of field names, or `all`. Default: `[Authorization, Cookie, Accept, User-Agent, X-Requested-With]`.
   */
  send?: "all" | string[] | undefined;
  /**
   * Further fields for the service, in the place of the client's: `{ X-Original-URL: "{scheme}://{host}{uri}" }`. One without text is not
   * sent.
   */
  set?: Record<string, string> | undefined;
  /**
   * Fields of the answer that the upstream gets, such as `Remote-User`; a mapping gives them other names: `{ X-User: X-Auth-Request-User
   * }`. One that the answer lacks, the upstream gets from nobody: these fields are taken out of every client's request, as those of
   * `identity_headers`. `Authorization` and `Cookie` are replaced on this route only, and taken out for clients whom another method lets
   * in, but for a token of `jwt.forward`.
   *
   * Default: `[]`.
   */
  copy?: string[] | Record<string, string> | undefined;
  /**
   * Fields of an answer that lets in, which the client's response gets too, such as `Set-Cookie` of services that renew their cookie.
   * `Set-Cookie` is added, others are replaced. An answer with one of them is not kept by `cache`.
   *
   * List of field names. Default: `[]`.
   */
  copy_response?: string[] | undefined;
  /**
   * The field of the answer with the user's name, in UTF-8. Absent: the user has none.
   *
   * Field name.
   */
  user?: string | undefined;
  /**
   * The field of the answer with the user's roles, with commas between them.
   *
   * Field name.
   */
  roles?: string | undefined;
  /**
   * Time for the whole answer, at most 9 seconds. Past it the client gets 503.
   *
   * Duration. Default: `5s`.
   */
  timeout?: Duration | 0 | undefined;
  /**
   * Whether answers that let clients in are used again for a short time, in each thread. Kept is a keyed hash of what was sent. Absent: the
   * service is asked each time.
   */
  cache?: RouteAuthenticationForwardCacheInput | undefined;
}

/** The keys of `routes[].authentication.forward.cache` in a configuration. */
export interface RouteAuthenticationForwardCacheInput {
  /**
   * How long an answer that lets a client in is used again, at most 10 minutes. So long can a client go on that has logged out, or may no
   * longer.
   *
   * Duration.
   */
  for: Duration | 0;
  /**
   * Fields that must be equal for an answer to be used again: of those that are sent, and of `X-Forwarded-Method`, `-Proto`, `-Host`,
   * `-Uri` and `-For`. `Authorization` and `Cookie` must be among them where they are sent. Without `X-Forwarded-Uri` an answer for one
   * path lets in to all paths of the route. Absent: everything that the service gets.
   *
   * List of field names.
   */
  key?: string[] | undefined;
}

/** The keys of `routes[].authentication.oidc` in a configuration. */
export interface RouteAuthenticationOidcInput {
  /**
   * The provider, spelled as it calls itself: its settings are read from `/.well-known/openid-configuration` below. They are read when the
   * first user logs in, and once an hour.
   *
   * URL.
   */
  issuer: string;
  /**
   * The id under which the provider knows this application.
   *
   * Text.
   */
  client_id: string;
  /**
   * The secret that goes with it. Absent: a public client, which has none and is protected by PKCE alone.
   *
   * Secret.
   */
  client_secret?: string | SecretCommandInput | undefined;
  /**
   * How the secret is sent to the provider: in `Authorization`, or in the form (`client_secret_post`).
   *
   * `basic` or `post`. Default: `basic`.
   */
  client_authentication?: "basic" | "post" | undefined;
  /**
   * What is asked of the provider, besides `openid`. `offline_access` makes most providers give a refresh token, with which a session
   * notices within minutes that the user was locked out there.
   *
   * List of texts. Default: `[profile, email]`.
   */
  scopes?: string[] | undefined;
  /**
   * Where the provider sends users back. Register it there with the application's scheme and host:
   * `https://app.example.com/oauth2/callback`. The route takes this path and the three below on its hosts, whatever `match` says of paths.
   *
   * Path. Default: `/oauth2/callback`.
   */
  redirect_path?: string | undefined;
  /**
   * Where a login begins that nobody has to make, as for a link "log in" with `optional`. `?return_to=/path` says where it leads; other
   * sites are no such path.
   *
   * Path. Default: `/oauth2/login`.
   */
  login_path?: string | undefined;
  /**
   * Where users log out, here and at the provider. A link or form of the application's own pages leads there; a page of another site can
   * log nobody out.
   *
   * Path. Default: `/oauth2/logout`.
   */
  logout_path?: string | undefined;
  /**
   * Where users come after that. Register it at the provider, like `redirect_path`. It should be a page that asks for no login.
   *
   * Path. Default: `/`.
   */
  post_logout_path?: string | undefined;
  /**
   * Where the provider tells that a user has logged out there (OpenID Connect Back-Channel Logout). Register it at the provider; the
   * sessions end in all workers at once, and on other machines by `session.store`.
   *
   * Path. Default: `/oauth2/back-channel-logout`.
   */
  back_channel_logout_path?: string | undefined;
  /** Further parameters of the request for a login, such as `{ prompt: select_account }`, as the provider's manual names them. */
  parameters?: Record<string, string> | undefined;
  /**
   * The algorithm of the provider's signatures. Another one is refused.
   *
   * `RS256` or `RS384` or `RS512` or `PS256` or `PS384` or `PS512` or `ES256` or `ES384` or `ES512` or `EdDSA` or `Ed25519`. Default:
   * `RS256`.
   */
  algorithm?: "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA" | "Ed25519" | undefined;
  /**
   * Whether the provider's user info endpoint is asked at each login and refresh, for claims that are not in the ID token.
   *
   * `true` or `false`. Default: `false`.
   */
  user_info?: boolean | undefined;
  /**
   * How much the clocks of provider and proxy may differ.
   *
   * Duration. Default: `30s`.
   */
  clock_skew?: Duration | 0 | undefined;
  /**
   * Whether upstreams get the user's access token in `Authorization: Bearer`, in the place of what the client sent there. It makes cookies
   * larger.
   *
   * `true` or `false`. Default: `false`.
   */
  forward_access_token?: boolean | undefined;
  /** Which claims say who the user is. */
  claims?: RouteAuthenticationJwtClaimsInput | undefined;
  /**
   * Who is logged in lies in cookies that browsers can neither read nor change. They are `HttpOnly`, `SameSite=Lax` and, where clients come
   * over TLS, `Secure`.
   */
  session: RouteAuthenticationOidcSessionInput;
}

/** The keys of `routes[].authentication.oidc.session` in a configuration. */
export interface RouteAuthenticationOidcSessionInput {
  /**
   * The store of `stores` by which all machines learn of logouts within two seconds, those of the provider's back channel included. While
   * it is down each machine knows its own, and tells them when it is back. Absent: what is told to one machine is not known to others.
   *
   * Name.
   */
  store?: string | undefined;
  /**
   * Secrets of at least 32 characters, which `openssl rand -base64 32` prints: the sessions' cookies are encrypted with keys made from
   * them. The first seals, all open: to change one, put the new one first and drop the old one when its sessions are over. All machines
   * that serve the same users have the same. Whoever has one can let himself in as anybody: write `${NAME}`, `file:PATH` or another place
   * of docs/secrets.md.
   *
   * List of secrets.
   */
  keys: (string | SecretCommandInput)[];
  /**
   * How long a user stays logged in, at most 720h, however often tokens are refreshed. Then the provider is asked again; where its own
   * session lasts, the user sees none of it.
   *
   * Duration. Default: `8h`.
   */
  max_age?: Duration | 0 | undefined;
}

/** The keys of `routes[].authentication.internal_jwt` in a configuration. */
export interface RouteAuthenticationInternalJwtInput {
  /**
   * The field with the token. It is taken from no client, as the fields of `identity_headers`. In `Authorization` the token stands after
   * `Bearer`, and what clients send there does not reach the upstream of this route.
   *
   * Field name. Default: `X-Internal-Token`.
   */
  header?: string | undefined;
  /**
   * A file with the private key (JWK, for ES256 or EdDSA), as `millrace new-key --internal` prints it. Of several keys the first signs.
   * Read again when it changes, without a reload. Relative to the configuration's folder.
   *
   * File.
   */
  key_file?: string | undefined;
  /**
   * A secret of at least 32 characters instead, for HS256. Whoever can verify tokens with it can make them too. Write `${NAME}` or
   * `file:PATH` to keep it out of the file.
   *
   * Secret.
   */
  secret?: string | SecretCommandInput | undefined;
  /**
   * What `iss` of the tokens says.
   *
   * Text. Default: `millrace`.
   */
  issuer?: string | undefined;
  /**
   * What `aud` says: for whom the tokens are. An application must refuse those for others, which could otherwise use them here.
   *
   * Text or list.
   */
  audience: string | string[];
  /**
   * How long a token is valid. It is used again for a client until three quarters of the time are over.
   *
   * Duration. Default: `1m`.
   */
  lifetime?: Duration | 0 | undefined;
  /**
   * Claims of the client's own token, or of what an identity provider says, that stand in this one too.
   *
   * List of texts. Default: `[]`.
   */
  claims?: string[] | undefined;
}

/** The keys of `routes[].authentication.identity_headers` in a configuration. */
export interface RouteAuthenticationIdentityHeadersInput {
  /**
   * The field with the user's name: the id of a key, the subject of a certificate. `X-User` is usual.
   *
   * Field name.
   */
  user?: string | undefined;
  /**
   * The field with the client's roles, with commas between them. `X-Roles` is usual.
   *
   * Field name.
   */
  roles?: string | undefined;
  /**
   * The field with the scopes of the client's token, with commas between them.
   *
   * Field name.
   */
  scopes?: string | undefined;
  /** Fields for claims of the client's token, by the name of the claim: `{ email: X-Email }`; a dot leads into an object. */
  claims?: Record<string, string> | undefined;
}

/** The keys of `routes[].require` in a configuration. */
export interface RouteRequireInput {
  /**
   * Roles, one of which the client must have.
   *
   * List of texts.
   */
  roles?: string[] | undefined;
  /**
   * Scopes that the client's token must have, all of them.
   *
   * List of scopes.
   */
  scopes?: string[] | undefined;
  /**
   * Claims of the client's token by name; a dot leads into an object. Each must have one of its values. Of a claim that is an array, or a
   * text of words with spaces between them, a member is enough.
   */
  claims?: Record<string, string | string[]> | undefined;
}

/** The keys of `routes[].filter` in a configuration. */
export interface RouteFilterInput {
  /**
   * Methods that are admitted; others are answered 405. `GET` admits `HEAD`. Absent: all.
   *
   * Text or list.
   */
  methods?: string | string[] | undefined;
  /**
   * Media types that bodies may have; others, and bodies without a type, are answered 415. `image/*` stands for all images,
   * `application/*+json` for all types of JSON, `*\/*` for whatever has a type. Absent: those that `json`, `graphql` and `multipart` judge,
   * so that no body passes unjudged by saying that it is of another type; without these all.
   *
   * Text or list.
   */
  content_types?: string | string[] | undefined;
  /** Judges bodies in JSON before anything of them is sent: `application/json`, `text/json` and types that end in `+json`. Absent: none. */
  json?: RouteFilterJsonInput | undefined;
  /**
   * Judges documents of GraphQL: in JSON (`query`), as `application/graphql`, and in the query of the URL. What `json` says, or its
   * defaults, holds for the JSON. Absent: none.
   */
  graphql?: RouteFilterGraphqlInput | undefined;
  /**
   * Counts the parts of `multipart/form-data` while the body passes. What exceeds a limit cuts the request to the origin server, which has
   * received a part of it by then. Absent: none.
   */
  multipart?: RouteFilterMultipartInput | undefined;
}

/** The keys of `routes[].filter.json` in a configuration. */
export interface RouteFilterJsonInput {
  /**
   * Bytes of a body, which is held until it has come: nothing of a refused one reaches the origin server. `limits.buffered_bytes` bounds
   * all of them together.
   *
   * Size. Default: `1MiB`.
   */
  max_size?: Size | number | undefined;
  /**
   * Lists and objects within each other.
   *
   * Whole number. Default: `32`.
   */
  max_depth?: number | undefined;
  /**
   * Names in all objects of a body together.
   *
   * Whole number. Default: `10000`.
   */
  max_keys?: number | undefined;
  /**
   * Bytes of a text or a name, as it is sent. Absent: `max_size` is the only limit.
   *
   * Size.
   */
  max_string?: Size | number | undefined;
  /**
   * Elements of one list. Absent: `max_size` is the only limit.
   *
   * Whole number.
   */
  max_items?: number | undefined;
  /**
   * Whether an object may have a name twice. Programs differ in which of the two values they take, so a client could show one to a check
   * and the other to the application. With `graphql` it may not, whatever stands here.
   *
   * `true` or `false`. Default: `false`.
   */
  duplicate_keys?: boolean | undefined;
}

/** The keys of `routes[].filter.graphql` in a configuration. */
export interface RouteFilterGraphqlInput {
  /**
   * Fields within each other; `{ a { b } }` has 2. Fragments count where they are spread. The usual introspection query has 15.
   *
   * Whole number. Default: `15`.
   */
  max_depth?: number | undefined;
  /**
   * Aliases of an operation, each as often as its fragment is spread.
   *
   * Whole number. Default: `30`.
   */
  max_aliases?: number | undefined;
  /**
   * Fields of an operation that stand in no other field.
   *
   * Whole number. Default: `20`.
   */
  max_root_fields?: number | undefined;
  /**
   * All fields of an operation, each as often as its fragment is spread. The usual introspection query has 229.
   *
   * Whole number. Default: `1000`.
   */
  max_fields?: number | undefined;
  /**
   * Directives of an operation, counted in the same way.
   *
   * Whole number. Default: `50`.
   */
  max_directives?: number | undefined;
  /**
   * Names, numbers, texts and signs of a document.
   *
   * Whole number. Default: `5000`.
   */
  max_tokens?: number | undefined;
  /**
   * Operations in one request, as a list.
   *
   * Whole number. Default: `1`.
   */
  max_batch?: number | undefined;
}

/** The keys of `routes[].filter.multipart` in a configuration. */
export interface RouteFilterMultipartInput {
  /**
   * Parts of a body.
   *
   * Whole number. Default: `100`.
   */
  max_parts?: number | undefined;
  /**
   * Bytes of one part, with its head. Absent: no limit but `max_body`.
   *
   * Size.
   */
  max_part_size?: Size | number | undefined;
  /**
   * Bytes of the head of a part.
   *
   * Size. Default: `8KiB`.
   */
  max_part_head?: Size | number | undefined;
}

/** The keys of `routes[].validate` in a configuration. */
export interface RouteValidateInput {
  /**
   * The OpenAPI document of the API, version 3.0 or 3.1, in YAML or JSON. Read again when it changes, without a reload. Its `$ref` may lead
   * to files in its folder and below. Relative to the configuration's folder.
   *
   * File.
   */
  openapi: string;
  /**
   * Whether requests are checked: `true` refuses those that are not as the document says, `report` passes them on, counts them and logs
   * them, `false` does not look.
   *
   * `true` or `false` or `"report"`. Default: `true`.
   */
  requests?: boolean | "report" | undefined;
  /**
   * Whether responses of the upstream are checked: `report` passes them on as they come, counts those that are not as the document says and
   * logs them; `enforce` holds bodies in JSON until they have come, and answers 502 in the place of a wrong response. Larger ones than
   * `max_body` pass unchecked, and are counted.
   *
   * `false` or `report` or `enforce`. Default: `false`.
   */
  responses?: false | "report" | "enforce" | undefined;
  /**
   * The largest body that is checked. A larger one of a request is refused with 413, and with `report` passed on unchecked. Bodies whose
   * media type is not looked into (docs/validation.md) are not held and not bounded by it. A thread does nothing else while it reads a
   * body: some 20 ms for each MiB.
   *
   * Size. Default: `1MiB`.
   */
  max_body?: Size | number | undefined;
  /**
   * The path in front of the document's own paths, as clients ask for it. Absent: that of the document's `servers`.
   *
   * Text.
   */
  base_path?: string | undefined;
  /**
   * What becomes of requests whose query has a parameter that the document does not describe.
   *
   * `pass` or `refuse`. Default: `pass`.
   */
  undeclared_query?: "pass" | "refuse" | undefined;
}

/** The keys of `routes[].token_limit` in a configuration. */
export interface RouteTokenLimitInput {
  /**
   * Tokens that a client may use per minute in the long run; one that was quiet may use as many at once. Give this, `budget`, or both.
   * Default: no such limit.
   *
   * Whole number.
   */
  tokens_per_minute?: number | undefined;
  /** Tokens that a client may use within an hour, a day or a month. Default: no such limit. */
  budget?: RouteTokenLimitBudgetInput | undefined;
  /**
   * What is counted, one or several together: `client_ip`, the client's address (IPv6 by its /64); `user`, the user's name as
   * `authentication` has found it; `api_key`, the id of the key of `api_keys`; `claim:NAME`, a claim of the client's token; `path`, in its
   * canonical form; `route`, all requests of the route together; `header:NAME` and `cookie:NAME`, what the request brings. Where a request
   * lacks it, the client's address counts. A client that may send any value has as many allowances as it likes: of fields name only one
   * that a trusted proxy sets, or whose value `authentication` checks.
   *
   * Text or list.
   */
  key?: string | string[] | undefined;
  /**
   * The store of `stores` in which the limit counts, for all machines together: those whose routes and limits are the same. A budget then
   * outlives the process too. Absent: each process counts by itself. See docs/limits.md.
   *
   * Name.
   */
  store?: string | undefined;
  /**
   * Other limits for clients with a role that `authentication` has found, by the role's name: `{ pro: { tokens_per_minute: 1000000 } }`.
   * The first role of this list that the client has decides, and its limits take the place of both.
   */
  roles?: Record<string, RouteTokenLimitRoleInput> | undefined;
  /**
   * Which tokens count: those of request and answer together (`total`), or those of the answer (`output`).
   *
   * `total` or `output`. Default: `total`.
   */
  count?: "total" | "output" | undefined;
  /**
   * Tokens that a request takes when it comes, at most all that the limit has; when its answer has passed, what it has really cost takes
   * their place. Where an answer does not say what it has cost, at least these count.
   *
   * Whole number. Default: `1000`.
   */
  estimate?: number | undefined;
}

/** The keys of `routes[].token_limit.budget` in a configuration. */
export interface RouteTokenLimitBudgetInput {
  /**
   * Tokens that a client may use within each of these times.
   *
   * Whole number.
   */
  tokens: number;
  /**
   * How long: all tokens are there again at the beginning of the next hour, day or month of UTC.
   *
   * `hour` or `day` or `month`.
   */
  per: "hour" | "day" | "month";
}

/** The keys of `routes[].token_limit.roles.NAME` in a configuration. */
export interface RouteTokenLimitRoleInput {
  /**
   * Tokens that a client may use per minute in the long run; one that was quiet may use as many at once. Give this, `budget`, or both.
   * Default: no such limit.
   *
   * Whole number.
   */
  tokens_per_minute?: number | undefined;
  /** Tokens that a client may use within an hour, a day or a month. Default: no such limit. */
  budget?: RouteTokenLimitBudgetInput | undefined;
}

/** The keys of `routes[].cache` in a configuration. */
export interface RouteCacheInput {
  /**
   * Name of the store, one of `stores`.
   *
   * Text.
   */
  store: string;
  /** What chooses a response beside scheme, host, path and query, the route, and the fields that `Vary` names. */
  key?: RouteCacheKeyInput | undefined;
  /** Lifetimes of responses whose origin says nothing about them. */
  ttl?: RouteCacheTtlInput | undefined;
  /**
   * For how long after their end responses that do not say so may still be used while a request for a new one is under way.
   *
   * Duration.
   */
  stale_while_revalidate?: Duration | 0 | undefined;
  /**
   * For how long after their end responses that do not say so may be used when the upstream fails or answers with a 5xx status.
   *
   * Duration.
   */
  stale_if_error?: Duration | 0 | undefined;
  /**
   * Largest body that is stored.
   *
   * Size.
   */
  max_object?: Size | number | undefined;
  /**
   * How many responses are stored for one target that differ by request fields; the oldest makes room.
   *
   * Whole number. Default: `32`.
   */
  vary_limit?: number | undefined;
  /**
   * For how long a request waits for the same one that is under way already, 9 seconds at most; 0: it goes to the upstream as well.
   *
   * Duration.
   */
  coalesce?: Duration | 0 | undefined;
  /**
   * Whether `no-cache`, `max-age`, `min-fresh` and `max-stale` in a request's Cache-Control count, by which clients can have the upstream
   * asked. `no-store` and `only-if-cached` always do.
   *
   * `true` or `false`. Default: `false`.
   */
  obey_clients?: boolean | undefined;
  /**
   * Whether responses with Set-Cookie are stored, with these fields: everybody who gets them gets the same cookie.
   *
   * `true` or `false`. Default: `false`.
   */
  store_cookies?: boolean | undefined;
}

/** The keys of `routes[].cache.key` in a configuration. */
export interface RouteCacheKeyInput {
  /** Which parameters of the query are in the key. Absent: the whole query, as it was sent. */
  query?: RouteCacheKeyQueryInput | undefined;
  /**
   * Request fields that choose the response though its `Vary` does not say so.
   *
   * List of field names. Default: `[]`.
   */
  headers?: string[] | undefined;
  /**
   * Cookies that choose the response.
   *
   * List of texts. Default: `[]`.
   */
  cookies?: string[] | undefined;
  /**
   * Whether each user whom `authentication` has found has responses of its own. Without it, what a known client gets is stored only where
   * the origin says that it may be.
   *
   * `true` or `false`. Default: `false`.
   */
  user?: boolean | undefined;
}

/** The keys of `routes[].cache.key.query` in a configuration. */
export interface RouteCacheKeyQueryInput {
  /**
   * The only parameters that choose a response. Absent: all do.
   *
   * List of texts.
   */
  allow?: string[] | undefined;
  /**
   * Parameters that choose none, such as `utm_*`. They still go to the upstream.
   *
   * List of texts. Default: `[]`.
   */
  ignore?: string[] | undefined;
}

/** The keys of `routes[].cache.ttl` in a configuration. */
export interface RouteCacheTtlInput {
  /**
   * For how long responses are fresh whose origin says nothing. Absent: a tenth of the time since their last change, a day at most (RFC
   * 9111 section 4.2.2).
   *
   * Duration.
   */
  default?: Duration | 0 | undefined;
  /** The same for single statuses, those too that are not stored otherwise: `{ 404: 10s }`. */
  by_status?: Record<string, Duration | 0> | undefined;
}

/** The keys of `routes[].rewrite` in a configuration. */
export interface RouteRewriteInput {
  /**
   * Taken off the path, as whole segments in any spelling that `match.path` would take for it: `/api` of `/api/x`, `//api/x` and
   * `/%61pi/x`, not of `/apis`. The rest keeps its spelling, and begins with one slash. `X-Forwarded-Prefix` tells the origin what was
   * taken. A path that is not below the prefix is left as it is.
   *
   * Path.
   */
  strip_prefix?: string | undefined;
  /**
   * Put before the path, after `strip_prefix` has been taken off.
   *
   * Path.
   */
  add_prefix?: string | undefined;
  /** Replaces what a regular expression matches, after the two before it. */
  path_regex?: RouteRewritePathRegexInput | undefined;
  /**
   * The `Host` that the origin gets: `preserve` the client's, `upstream` the host and port of the endpoint's URL, or this name.
   * `X-Forwarded-Host` names the client's in any case.
   *
   * `preserve`, `upstream` or host. Default: `preserve`.
   */
  host?: string | undefined;
}

/** The keys of `routes[].rewrite.path_regex` in a configuration. */
export interface RouteRewritePathRegexInput {
  /**
   * A regular expression in the syntax of RE2, for the path in its canonical form, as after `strip_prefix` and `add_prefix`. Every part
   * that it matches is replaced. A path that it does not match keeps its spelling.
   *
   * Regular expression.
   */
  from: string;
  /**
   * The text that replaces a match: `$1` and `$<name>` stand for groups, `$$` for a dollar sign.
   *
   * Text.
   */
  to: string;
}

/** The keys of `routes[].compression` in a configuration. */
export interface RouteCompressionInput {
  /**
   * Codings that clients may get, the best first: it decides among those that a client likes equally well.
   *
   * List of `zstd`, `br`s or `gzip`s. Default: `[zstd, br, gzip]`.
   */
  encodings?: ("zstd" | "br" | "gzip")[] | undefined;
  /** How hard each coding tries: higher is smaller and slower. */
  levels?: RouteCompressionLevelsInput | undefined;
  /**
   * Media types that are compressed. `image/*` stands for all images, `application/*+json` for all types of JSON. Stars leave out what is
   * compressed by its own means, such as JPEG, video, archives and WOFF; name it without a star if you mean it.
   *
   * List of media types.
   */
  types?: string[] | undefined;
  /**
   * Responses that say they are smaller pass as they are. What does not say its length is compressed.
   *
   * Size. Default: `1KiB`.
   */
  min_size?: Size | number | undefined;
  /**
   * How long bytes of the origin may wait in the compressor when no more follow. Server-sent events and lines of JSON do not wait at all.
   *
   * Duration. Default: `5ms`.
   */
  flush_after?: Duration | 0 | undefined;
  /**
   * How late the thread may be in its work before all responses pass uncompressed. From half of it on, they are compressed at the lowest
   * level, and more and more of them pass.
   *
   * Duration. Default: `50ms`.
   */
  max_delay?: Duration | 0 | undefined;
  /**
   * Memory that compressors and decoders of one thread may take together. Beyond it responses pass as they are, and requests that are to be
   * decoded get 503. A response takes 0.4 MiB with gzip, 1.6 MiB with Brotli and 1.4 MiB with zstd, at the default levels.
   *
   * Size. Default: `64MiB`.
   */
  max_memory?: Size | number | undefined;
  /**
   * Whether answers pass uncompressed to requests with cookies or `Authorization` that another site has had a browser send. Else such a
   * site could find out secrets in pages by their compressed length, where a page repeats what the request says.
   *
   * `true` or `false`. Default: `true`.
   */
  breach_guard?: boolean | undefined;
  /**
   * Whether responses that come compressed in zstd, br or gzip are decoded for clients that do not take that coding.
   *
   * `true` or `false`. Default: `false`.
   */
  decompress?: boolean | undefined;
  /**
   * Whether bodies of requests that come compressed are decoded for the upstream. `true` stands for the defaults of `max_size` and
   * `max_ratio`.
   */
  requests?: boolean | RouteCompressionRequestInput | undefined;
}

/** The keys of `routes[].compression.levels` in a configuration. */
export interface RouteCompressionLevelsInput {
  /**
   * Level of zstd.
   *
   * Whole number. Default: `3`.
   */
  zstd?: number | undefined;
  /**
   * Quality of Brotli. From 5 on it takes several times as long.
   *
   * Whole number. Default: `4`.
   */
  br?: number | undefined;
  /**
   * Level of gzip.
   *
   * Whole number. Default: `5`.
   */
  gzip?: number | undefined;
}

/** The keys of `routes[].compression.requests` in a configuration. */
export interface RouteCompressionRequestInput {
  /**
   * Bytes of a decoded body. What is larger is answered 413, and the request to the upstream is cut.
   *
   * Size. Default: `10MiB`.
   */
  max_size?: Size | number | undefined;
  /**
   * How many times as large as what was sent a decoded body may be; counted from 64 KiB on.
   *
   * Whole number. Default: `100`.
   */
  max_ratio?: number | undefined;
}

/** The keys of `routes[].redirect` in a configuration. */
export interface RouteRedirectInput {
  /**
   * Where to: a URL, or a path on the same host. Variables are those of the request, such as `https://{host}{uri}`. A target that would
   * begin with `//` because of a variable begins with `/`, so that no client can choose the host.
   *
   * URL with variables.
   */
  to: string;
  /**
   * 301 and 308 are permanent: browsers remember them. 307 and 308 keep the method (RFC 9110 section 15.4).
   *
   * 301, 302, 303, 307 or 308. Default: `307`.
   */
  status?: 301 | 302 | 303 | 307 | 308 | undefined;
}

/** The keys of `routes[].respond` in a configuration. */
export interface RouteRespondInput {
  /**
   * Status of the answer, 200 to 599.
   *
   * Whole number. Default: `200`.
   */
  status?: number | undefined;
  /**
   * Fields of the answer, by name. Values may hold variables. A `Content-Type` of text without `charset` gets `charset=utf-8`. Without
   * `Content-Type` a `body` is `text/plain; charset=utf-8`, and a `file` has the type of its ending.
   */
  headers?: Record<string, string> | undefined;
  /**
   * Text of the answer, sent in UTF-8. It may hold variables, which are escaped where `Content-Type` says HTML, XML or JSON.
   *
   * Text with variables.
   */
  body?: string | undefined;
  /**
   * A file with the text of the answer, in UTF-8, sent as it is. Read when the configuration is loaded.
   *
   * File.
   */
  file?: string | undefined;
}

/** The keys of `routes[].files` in a configuration. */
export interface RouteFilesInput {
  /**
   * The folder whose files are sent. Links are followed as long as they stay below it. Names that begin with a dot are not found,
   * `/.well-known/` apart.
   *
   * Folder.
   */
  root: string;
  /**
   * The file, or the first of several, that is sent for a folder. A folder without one is not found: nothing is listed.
   *
   * Text or list.
   */
  index?: string | string[] | undefined;
  /**
   * A file below `root` that is sent, with status 200, for paths that are not found, as a single-page application wants. Not for names with
   * the ending of a style sheet, a script, an image and the like: for these, 404 says what is wrong.
   *
   * Path.
   */
  fallback?: string | undefined;
  /**
   * The compressed copies that are sent to clients who take them, the best first: `app.js.br`, `app.js.zst`, `app.js.gz` beside `app.js`.
   * One that is older than the file itself is left alone. `[]`: none is looked for.
   *
   * List of `br`s or `zstd`s or `gzip`s. Default: `[br, zstd, gzip]`.
   */
  precompressed?: ("br" | "zstd" | "gzip")[] | undefined;
}

/** The keys of `routes[].middleware[]` in a configuration. */
export interface RouteMiddlewareInput {
  /**
   * The module that exports the middleware: a path that begins with `./`, `../` or `/`, relative to the configuration's folder, or the name
   * of an installed package. `#NAME` at the end names one of several.
   *
   * Module.
   */
  use: string;
  /**
   * The options, as the middleware describes them. Absent: `{}`.
   *
   * Anything.
   */
  options?: unknown;
}

/** The keys of `routes[].access_log` in a configuration. */
export interface RouteAccessLogInput {
  /**
   * What lines hold besides `time`, `level` and `event`, by the names in docs/observability.md; `standard` stands for those of every line.
   * The order is always the same. `query` is in no line unless it stands here: it may hold secrets. Default: `[standard]`.
   *
   * List of names.
   */
  fields?:
    | (
        | "standard"
        | "client"
        | "method"
        | "host"
        | "path"
        | "status"
        | "bytes_received"
        | "bytes_sent"
        | "duration_ms"
        | "origin_head_ms"
        | "endpoint"
        | "route"
        | "attempts"
        | "outcome"
        | "worker"
        | "request_id"
        | "trace_id"
        | "user_agent"
        | "referer"
        | "scheme"
        | "query"
        | "upstream"
        | "protocol"
        | "tls_version"
        | "tls_cipher"
        | "tls_server_name"
        | "client_certificate_subject"
        | "client_certificate_issuer"
        | "client_certificate_serial"
        | "client_certificate_fingerprint"
        | "user"
        | "authentication_method"
        | "country"
        | "asn"
        | "proxy_sender"
        | "proxy_unique_id"
        | "fault"
        | "cache"
        | "input_tokens"
        | "output_tokens"
        | "tokens_from"
      )[]
    | undefined;
  /**
   * What of `fields` lines do not hold after all.
   *
   * List of names.
   */
  omit?:
    | (
        | "client"
        | "method"
        | "host"
        | "path"
        | "status"
        | "bytes_received"
        | "bytes_sent"
        | "duration_ms"
        | "origin_head_ms"
        | "endpoint"
        | "route"
        | "attempts"
        | "outcome"
        | "worker"
        | "request_id"
        | "trace_id"
        | "user_agent"
        | "referer"
        | "scheme"
        | "query"
        | "upstream"
        | "protocol"
        | "tls_version"
        | "tls_cipher"
        | "tls_server_name"
        | "client_certificate_subject"
        | "client_certificate_issuer"
        | "client_certificate_serial"
        | "client_certificate_fingerprint"
        | "user"
        | "authentication_method"
        | "country"
        | "asn"
        | "proxy_sender"
        | "proxy_unique_id"
        | "fault"
        | "cache"
        | "input_tokens"
        | "output_tokens"
        | "tokens_from"
      )[]
    | undefined;
  /**
   * Fields of requests that lines hold too, by name, each with all its values as received. Fields that carry credentials (`Authorization`,
   * `Cookie`, `X-Api-Key` and all whose name says token, key, secret or the like) are refused.
   *
   * List of field names.
   */
  request_headers?: string[] | undefined;
  /**
   * The same of responses, as they are sent. What the proxy itself writes into its own answers is not among them.
   *
   * List of field names.
   */
  response_headers?: string[] | undefined;
  /**
   * Share of the exchanges that get a line, such as `10%`, chosen at random. `{ share: 10%, errors: true }` logs all that failed. Default:
   * `100%`.
   */
  sample?: string | RouteAccessLogSampleInput | undefined;
  /**
   * The line as a text with variables (docs/observability.md), or `common` or `combined` for the formats of that name. A value that is
   * missing is `-`; control characters, quotes, and spaces outside of quotes are escaped. Only for the text format, which then is the
   * default; it takes the place of the keys above but `sample`. Default: a line with the fields.
   *
   * Text with variables.
   */
  template?: string | undefined;
}

/** The keys of `routes[].access_log.sample` in a configuration. */
export interface RouteAccessLogSampleInput {
  /**
   * Share of the exchanges.
   *
   * Percentage.
   */
  share: string;
  /**
   * Whether all exchanges are logged that were answered with 500 to 599, or whose response was cut because an endpoint failed.
   *
   * `true` or `false`. Default: `false`.
   */
  errors?: boolean | undefined;
}

/** The keys of `routes[].buffer` in a configuration. */
export interface RouteBufferInput {
  /**
   * How much of a request's body is taken from the client before an endpoint is chosen. A body up to this size reaches the endpoint at once
   * and whole, with `Content-Length` even if it came in chunks without trailers. A larger one is streamed: from the beginning if
   * `Content-Length` says so, else from this size on. `limits.buffered_bytes` bounds all of them together.
   *
   * Size. Default: `0`.
   */
  request?: Size | number | undefined;
  /**
   * How much of a response's body is taken from the endpoint although the client has not taken it yet, so that the connection to the
   * endpoint is free while a slow client reads. The client waits for nothing: what it can take is sent at once. Server-sent events
   * (`text/event-stream`) are never held. `limits.buffered_bytes` bounds all of them together.
   *
   * Size. Default: `0`.
   */
  response?: Size | number | undefined;
}

/** The keys of `routes[].timeouts` in a configuration. */
export interface RouteTimeoutsInput {
  /**
   * Time for the whole exchange, from the request's first byte to the end of the response, all attempts and both bodies included. Past it
   * the answer is 504, or the response is cut if it has begun. It does not end a tunnel (WebSocket). Absent: no such limit.
   *
   * Duration.
   */
  request?: Duration | 0 | undefined;
  /**
   * In place of the upstream's `timeouts.response_head`.
   *
   * Duration.
   */
  response_head?: Duration | 0 | undefined;
  /**
   * In place of the upstream's `timeouts.idle`.
   *
   * Duration.
   */
  idle?: Duration | 0 | undefined;
  /**
   * In place of the upstream's `timeouts.tunnel_idle`.
   *
   * Duration.
   */
  tunnel_idle?: Duration | 0 | undefined;
}

/** The keys of `routes[].retry` in a configuration. */
export interface RouteRetryInput {
  /**
   * Further attempts, each on another endpoint, in place of the upstream's `retries`. 0: none.
   *
   * Whole number. Default: `2`.
   */
  attempts?: number | undefined;
  /**
   * After what another attempt is made: `connect` (no connection came about), `reset` (it was lost before the response), `timeout` (the
   * response's head did not come in time), or the status of a response, such as `503`. The last attempt's response goes to the client
   * whatever its status.
   *
   * List. Default: `[connect, reset]`.
   */
  on?: ("connect" | "reset" | "timeout" | number)[] | undefined;
  /**
   * Whether requests that may change something twice, such as POST and PATCH, are also sent again when an endpoint may have acted on them.
   * Only for applications that recognise a repeated request. Without it they are sent again only when nothing of them was sent.
   *
   * `true` or `false`. Default: `false`.
   */
  non_idempotent?: boolean | undefined;
  /**
   * Share of the exchanges in flight at the upstream that may be at a further attempt at the same time, over all threads; three may in any
   * case. Past it failures are not tried again, so that an upstream in trouble does not get a multiple of its load.
   *
   * Percentage. Default: `20%`.
   */
  budget?: string | undefined;
  /** How long a further attempt waits. A connection lost while it was idle is replaced at once. */
  backoff?: RouteRetryBackoffInput | undefined;
  /**
   * Largest request body that is kept in memory so that it can be sent again. All threads together keep at most 64 MiB; what would go
   * beyond is sent on, but not again.
   *
   * Size. Default: `16KiB`.
   */
  replay?: Size | number | undefined;
}

/** The keys of `routes[].retry.backoff` in a configuration. */
export interface RouteRetryBackoffInput {
  /**
   * Longest wait before the first further attempt; it doubles with each one. The wait is a random part of that.
   *
   * Duration. Default: `25ms`.
   */
  base?: Duration | 0 | undefined;
  /**
   * No wait is longer. A response of a status in `on` whose `Retry-After` asks for more than this goes to the client; one that asks for
   * less is obeyed.
   *
   * Duration. Default: `1s`.
   */
  max?: Duration | 0 | undefined;
}

/** The keys of `routes[].split[]` in a configuration. */
export interface RouteSplitInput {
  /**
   * An upstream, by its name in `upstreams`.
   *
   * Name.
   */
  upstream: string;
  /**
   * Share of the requests, in proportion to the weights of the others. 0: none; one weight at least is above 0.
   *
   * Whole number. Default: `1`.
   */
  weight?: number | undefined;
}

/** The keys of `routes[].split_by` in a configuration. */
export interface RouteSplitByInput {
  /**
   * The value of this field decides. Requests without it go by chance.
   *
   * Field name.
   */
  header?: string | undefined;
  /**
   * The value of this cookie decides. A client without it goes by chance and gets it with the response, as `NAME=...; Path=/; HttpOnly;
   * SameSite=Lax`, with `Secure` where the client uses https.
   *
   * Cookie name.
   */
  cookie?: string | undefined;
  /**
   * Whether a client without the cookie gets it. `false` is for a cookie of the application's own, such as that of its session. Default:
   * `true`.
   *
   * `true` or `false`.
   */
  set?: boolean | undefined;
  /**
   * `Max-Age` of the cookie. Absent: it ends with the browser's session.
   *
   * Duration.
   */
  max_age?: Duration | 0 | undefined;
}

/** The keys of `routes[].mirror` in a configuration. */
export interface RouteMirrorInput {
  /**
   * The upstream that gets the copies, by its name in `upstreams`. It sees all that clients send, credentials included, and must bear it
   * that requests which change something come to it as well.
   *
   * Name.
   */
  upstream: string;
  /**
   * Share of the requests that are copied, by chance.
   *
   * Percentage. Default: `100%`.
   */
  share?: string | undefined;
  /**
   * Largest request body that is copied. It is held in memory until the copy has been answered. The held bodies of all copies take at most
   * 16 MiB in each thread, apart from `limits.buffered_bytes`.
   *
   * Size. Default: `1MiB`.
   */
  max_body?: Size | number | undefined;
  /**
   * While the upstream has as many exchanges in flight, over all threads, no copies are sent.
   *
   * Whole number. Default: `100`.
   */
  max_in_flight?: number | undefined;
}

/** The keys of `defaults` in a configuration. */
export interface DefaultsInput {
  /**
   * For routes: any of their keys but `name`, `match` and those that say what becomes of a request. A limit holds for each route by itself,
   * as if it stood there.
   */
  routes?: DefaultsRoutesInput | undefined;
  /** For upstreams: any of their keys but `endpoints`. */
  upstreams?: DefaultsUpstreamsInput | undefined;
}

/** The keys of `defaults.routes` in a configuration. */
export interface DefaultsRoutesInput {
  /**
   * Gives each request an id, a UUID of version 7, or believes the one that it brings. The id goes to the upstream, into the response, the
   * access log and the proxy's own answers, and is `{request_id}` in values; it stays the same in further attempts. `true` stands for the
   * defaults, `false` takes back what a wider place says. Absent: `{request_id}` has a value all the same, and no field carries it.
   */
  request_id?: boolean | UpstreamRequestIdInput | undefined;
  /** Which pages of other sites may read answers. Preflights are answered by the proxy; the endpoint's own CORS fields are replaced. */
  cors?: RouteCorsInput | undefined;
  /**
   * Refuses clients by their address with 403: by lists of addresses, by country, by autonomous system. The address is the one that
   * `trusted_proxies` tell. A client whose address is not known is refused. Absent: everybody is admitted.
   */
  access?: RouteAccessInput | undefined;
  /**
   * A switch that answers requests with 503 while something is being worked on, with `Retry-After` and the page that `error_pages` have for
   * 503. Of several places it is on if one is. Absent: requests are served.
   */
  maintenance?: UpstreamMaintenanceInput | undefined;
  /**
   * Requests per client, exact over all threads. Past it the answer is 429 with Retry-After. A list: all of its limits hold. Limits by who
   * the client is (`user`, `api_key`, `claim:NAME`, `roles`) act after `authentication` and `require`, all others before. Absent: no limit.
   */
  rate_limit?: RouteRateLimitInput | RouteRateLimitInput[] | undefined;
  /**
   * Requests that may be under way at once, counted over all threads. Above it clients get 429, or 503 where the limit counts whole routes
   * or upstreams. WebSockets count until they close. A list: all of its limits hold. Limits by who the client is act after `authentication`
   * and `require`, all others before. Absent: no limit.
   */
  concurrency_limit?: RouteConcurrencyLimitInput | RouteConcurrencyLimitInput[] | undefined;
  /**
   * Lets in only clients that show who they are: of the methods that the route has, the first for which a request brings anything decides.
   * Absent: everybody is let in.
   */
  authentication?: RouteAuthenticationInput | undefined;
  /**
   * Refuses clients with 403 that `authentication` of the route has let in, and that lack a role, scope or claim. Absent: whoever is let in
   * may do everything.
   */
  require?: RouteRequireInput | undefined;
  /**
   * Refuses requests by their method, the type of their body, and the shape of bodies in JSON, GraphQL and `multipart/form-data`. It looks
   * for no attacks: what it admits is well-formed and no larger than the route needs. Absent: nothing is refused.
   */
  filter?: RouteFilterInput | undefined;
  /**
   * Checks requests, and responses where asked, by the description of the API: paths, methods, parameters, media types, bodies in JSON and
   * forms. What is wrong is named in the answer, never its value. Absent: nothing is checked.
   */
  validate?: RouteValidateInput | undefined;
  /**
   * Tokens of language models per client, exact over all threads, as answers report them (`usage` of JSON and of streamed events) while
   * they pass. Past it the answer is 429 with Retry-After. A list: all of its limits hold. It acts after `authentication` and `require`.
   * Such a route admits no upgrade unless it has `upgrade`, because nothing is counted in a tunnel. Absent: no limit.
   */
  token_limit?: RouteTokenLimitInput | RouteTokenLimitInput[] | undefined;
  /**
   * Stores responses and answers with them, by RFC 9111: the origin says what is stored and for how long. Answers have `Cache-Status`.
   * Absent: nothing is stored.
   */
  cache?: RouteCacheInput | undefined;
  /** Changes path and host of the request that the upstream gets, and the path at which `files` looks. Absent: both stay as they are. */
  rewrite?: RouteRewriteInput | undefined;
  /**
   * Pages for answers with these statuses, by status or class: a file, or `{ file, template, body, origin }`. An exact status goes before
   * its class, and the route's own pages before those of its upstream and of the whole configuration. They are for answers of the proxy's
   * own, and for those of origins where `origin` says so. Clients that prefer JSON get a problem document (RFC 9457) in the place of a page
   * in HTML. Files are read when the configuration is loaded, and again with every reload. Absent: answers of the proxy's own have one line
   * of text, or are a problem document.
   */
  error_pages?: Record<string, string | UpstreamErrorPageInput> | undefined;
  /**
   * Leads references in `Location`, `Content-Location` and `Refresh` of responses to where the client finds them: the endpoint's own
   * address becomes the scheme, host and port that the client used, and a prefix that `rewrite.strip_prefix` took is put back. A list does
   * the same, after its own entries, of which the first that fits counts. `false` takes back what a wider place says. Absent: nothing
   * changes.
   */
  rewrite_location?: boolean | UpstreamRewriteLocationInput[] | undefined;
  /**
   * Attributes of the cookies that origins set. Each key acts on its own, and the most particular place that has it counts. Absent: cookies
   * pass as they are.
   */
  rewrite_cookies?: UpstreamRewriteCookiesInput | undefined;
  /**
   * Fields that tell browsers to be careful: `Strict-Transport-Security` (over TLS only), `X-Content-Type-Options`, `X-Frame-Options`,
   * `Referrer-Policy` and `Permissions-Policy`. `standard` suits most sites and adds what the origin does not send; `strict` allows as
   * little as possible and replaces what the origin sends; `off` takes back what a wider place says. docs/headers.md has the values. Also
   * on the proxy's own answers. Absent: none.
   *
   * `standard` or `strict` or `off`.
   */
  security_headers?: "standard" | "strict" | "off" | undefined;
  /**
   * Fields of requests that are set, added, removed or renamed before they are sent to the upstream. What frames a message, and what the
   * proxy says about the client, cannot be edited.
   */
  request_headers?: UpstreamRequestHeadersInput | undefined;
  /**
   * Fields of responses that are set, added, removed or renamed before they are sent to the client. Interim responses and trailers pass as
   * they are.
   */
  response_headers?: UpstreamResponseHeadersInput | undefined;
  /**
   * Compresses responses for clients that take it, and can decode responses and requests. `true` stands for the defaults. It acts after all
   * other middleware, so that these see bodies as the origin sends them. Absent: bodies pass as they come.
   */
  compression?: true | RouteCompressionInput | undefined;
  /**
   * Middleware of one's own for this route, after that of the top-level `middleware`, in the order in which they act (docs/middleware.md).
   */
  middleware?: RouteMiddlewareInput[] | undefined;
  /** Whether the route's exchanges get lines in the access log, and what those hold; what it leaves out is as `logging.access` says. */
  access_log?: boolean | RouteAccessLogInput | undefined;
  /**
   * Bytes of a request body. Larger ones are refused with 413. Absent: no limit. Bodies are streamed unless `buffer` holds them.
   *
   * Size.
   */
  max_body?: Size | number | undefined;
  /**
   * Holds bodies in memory, so that slow clients do not keep the workers of an origin server busy. Absent: bodies are streamed as they
   * come.
   */
  buffer?: RouteBufferInput | undefined;
  /** Time limits of this route. */
  timeouts?: RouteTimeoutsInput | undefined;
  /** What follows after a failed attempt. Absent: the upstream's `retries`, after lost connections and such that did not come about. */
  retry?: RouteRetryInput | undefined;
  /**
   * Time for which a request waits for an endpoint to come up, where it would be answered with 502 or 503 because none can be reached or is
   * healthy; for a development server that restarts. At most 1000 exchanges per upstream wait, over all threads. A request whose connection
   * was lost waits too, if it may be sent again. Absent: no wait.
   *
   * Duration.
   */
  hold?: Duration | 0 | undefined;
  /**
   * The protocols to which clients may switch their connections with `Upgrade`, by the names that they have there, without case:
   * `websocket`, `tcp` (Docker's attach and exec), `spdy/3.1`. The bytes that follow the switch pass both ways unseen. A request for
   * another protocol is sent without `Upgrade`, and served by HTTP/1.1. `[]`: no protocol. `h2c`, and whatever else carries HTTP, is
   * refused here, because requests in it would get around every check. Default: `[websocket]`, and `[]` where the route has `token_limit`,
   * which counts nothing of what passes after a switch.
   *
   * List of protocols.
   */
  upgrade?: string[] | undefined;
  /**
   * Sends copies of requests to another upstream too, to try it with real traffic. Its answers are thrown away, and whatever it does,
   * clients do not notice. Copies carry `X-Mirrored: true`. Absent: no copies.
   */
  mirror?: RouteMirrorInput | undefined;
}

/** The keys of `defaults.upstreams` in a configuration. */
export interface DefaultsUpstreamsInput {
  /**
   * How an endpoint is chosen for a request: in turn, in proportion to the weights; each worker keeps a turn of its own.
   *
   * `round_robin`. Default: `round_robin`.
   */
  balance?: "round_robin" | undefined;
  /**
   * Probes that take endpoints out and back in. When absent, nothing is probed and every endpoint gets requests. Only when connections to
   * all endpoints of all upstreams have failed does the proxy connect to them by itself, to notice when one is back.
   */
  health_check?: UpstreamHealthCheckInput | undefined;
  /** Time limits for what endpoints do. */
  timeouts?: UpstreamTimeoutsInput | undefined;
  /** Connections that are kept open for the next request. */
  keep_alive?: UpstreamKeepAliveInput | undefined;
  /**
   * Further attempts on other endpoints, made only where a request is safe to send again: nothing of it was sent, or its method is
   * idempotent and what was sent can be repeated.
   *
   * Whole number. Default: `2`.
   */
  retries?: number | undefined;
  /** How `https` endpoints are verified, and what is shown to them. See docs/tls-to-origins.md. */
  tls?: UpstreamTlsInput | undefined;
  /**
   * Each connection to an endpoint begins with a header of the PROXY protocol, of this version, that names the client; with `https`, before
   * TLS. Such a connection serves that client's connection alone and ends with it, so there are as many as clients. Probes and requests of
   * the proxy's own name no client (`UNKNOWN`, `LOCAL`). The endpoint must expect the header. See docs/proxy-protocol.md.
   *
   * `v1` or `v2`.
   */
  proxy_protocol?: "v1" | "v2" | undefined;
  /**
   * Whether requests name this proxy in `Via`, as RFC 9110 demands. nginx with default settings compresses nothing for requests with `Via`
   * (see docs/forwarding.md). Without it, a loop of proxies through this upstream is not noticed.
   *
   * `true` or `false`. Default: `true`.
   */
  via?: boolean | undefined;
  /**
   * Whether requests carry `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`. Off for origins that are somebody else's: nothing
   * is said of the client, and what trusted proxies have said of it, in `Forwarded` too, is dropped.
   *
   * `true` or `false`. Default: `true`.
   */
  x_forwarded?: boolean | undefined;
  /**
   * As `routes[].request_id`, for the routes that lead here. What is more particular acts later: the whole configuration, the upstream, the
   * route.
   */
  request_id?: boolean | UpstreamRequestIdInput | undefined;
  /**
   * As `routes[].maintenance`, for the routes that lead here. What is more particular acts later: the whole configuration, the upstream,
   * the route.
   */
  maintenance?: UpstreamMaintenanceInput | undefined;
  /**
   * As `routes[].error_pages`, for the routes that lead here. What is more particular acts later: the whole configuration, the upstream,
   * the route.
   */
  error_pages?: Record<string, string | UpstreamErrorPageInput> | undefined;
  /**
   * As `routes[].rewrite_location`, for the routes that lead here. What is more particular acts later: the whole configuration, the
   * upstream, the route.
   */
  rewrite_location?: boolean | UpstreamRewriteLocationInput[] | undefined;
  /**
   * As `routes[].rewrite_cookies`, for the routes that lead here. What is more particular acts later: the whole configuration, the
   * upstream, the route.
   */
  rewrite_cookies?: UpstreamRewriteCookiesInput | undefined;
  /**
   * As `routes[].security_headers`, for the routes that lead here. What is more particular acts later: the whole configuration, the
   * upstream, the route.
   *
   * `standard` or `strict` or `off`.
   */
  security_headers?: "standard" | "strict" | "off" | undefined;
  /**
   * As `routes[].request_headers`, for the routes that lead here. What is more particular acts later: the whole configuration, the
   * upstream, the route.
   */
  request_headers?: UpstreamRequestHeadersInput | undefined;
  /**
   * As `routes[].response_headers`, for the routes that lead here. What is more particular acts later: the whole configuration, the
   * upstream, the route.
   */
  response_headers?: UpstreamResponseHeadersInput | undefined;
}

/** The keys of `limits` in a configuration. */
export interface LimitsInput {
  /**
   * Memory for bodies that are held, in all workers together: by `buffer`, by `retry.replay`, and for middleware that collects them. When
   * it is used up, bodies are streamed as without `buffer`, and middleware gets no body; `millrace_buffers_refused_total` counts that, and
   * `millrace_buffered_bytes` shows what is in use. The default is enough for 64 bodies of 1 MiB, or a thousand of 64 KiB.
   *
   * Size. Default: `64MiB`.
   */
  buffered_bytes?: Size | number | undefined;
}

/** The keys of `admin` in a configuration. */
export interface AdminInput {
  /**
   * `host:port` of `/healthz`, `/readyz`, `/status` and `/metrics`. `/healthz` and `/readyz` answer everybody. The others name endpoints:
   * keep the address on loopback, or set `token`. A reload may move it.
   *
   * Address.
   */
  address: Address;
  /**
   * Token for `/status` and `/metrics`, sent as `Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`. Asked for where other machines can
   * reach `address`; on loopback nobody needs it. Keep it out of the file, and let it change while it is in use: see docs/secrets.md.
   * Absent: everybody who reaches the address may read them.
   *
   * Secret.
   */
  token?: string | SecretCommandInput | undefined;
  /**
   * TLS for this address, and certificates of whoever uses it. A reload changes files and rules; to switch TLS on or off, or to begin to
   * ask for certificates, it must move the address as well. Absent: plain HTTP.
   */
  tls?: AdminTlsInput | undefined;
  /**
   * Names that `Host` of a request to this address may hold, without port. IP addresses and `localhost` are always allowed. A request with
   * another name gets 403, because a foreign web page could reach the address that way (DNS rebinding).
   *
   * List of host names.
   */
  hosts?: string[] | undefined;
}

/** The keys of `admin.tls` in a configuration. */
export interface AdminTlsInput {
  /**
   * PEM file of the certificate and of the intermediate certificates after it (`fullchain.pem`), relative to the configuration's folder.
   * The names that it serves are those in the certificate, exact, as `*.example.com` for one label, or IP addresses. Read again when it
   * changes; see docs/tls.md.
   *
   * File.
   */
  cert_file: string;
  /**
   * PEM file of the private key. Default: the key stands in `cert_file`.
   *
   * File.
   */
  key_file?: string | undefined;
  /**
   * Passphrase of an encrypted key. Keep it out of the file, and let it change while it is in use: see docs/secrets.md.
   *
   * Secret.
   */
  key_passphrase?: string | SecretCommandInput | undefined;
  /**
   * The lowest version of TLS. Older ones than 1.2 are broken and never spoken.
   *
   * `1.2` or `1.3`. Default: `1.2`.
   */
  min_version?: "1.2" | "1.3" | 1.2 | 1.3 | undefined;
  /**
   * Asks whoever uses the address for a certificate. `token` is asked for besides, where it is set and other machines can reach the
   * address. Absent: no certificate is asked for.
   */
  client_certificates?: AdminTlsClientCertificatesInput | undefined;
}

/** The keys of `admin.tls.client_certificates` in a configuration. */
export interface AdminTlsClientCertificatesInput {
  /**
   * `required`: a client without a certificate that is trusted and valid gets no connection. `optional`: one without any gets `/healthz`
   * and `/readyz` and nothing else, for probes that have none.
   *
   * `required` or `optional`. Default: `required`.
   */
  mode?: "required" | "optional" | undefined;
  /**
   * PEM file of the certificates to trust, relative to the configuration's folder. No others are trusted, the system's neither. Read again
   * when it changes.
   *
   * File.
   */
  ca_file: string;
  /**
   * PEM file of revocation lists (CRL), one of each authority in a client's chain. A certificate that it names is refused, and so is every
   * certificate when the list of its authority is missing or out of date. Read again when it changes.
   *
   * File.
   */
  crl_file?: string | undefined;
}

/** The keys of `secrets` in a configuration. */
export interface SecretsInput {
  /**
   * The folder in which `credential:NAME` looks for the file of that name. Absent: the one that systemd names in `$CREDENTIALS_DIRECTORY`,
   * else `/run/secrets`.
   *
   * File.
   */
  folder?: string | undefined;
}

/** The keys of `logging` in a configuration. */
export interface LoggingInput {
  /**
   * The least severe messages that are logged, in upper or lower case. The access log does not depend on it.
   *
   * `debug`, `info`, `warn` or `error`. Default: `info`.
   */
  level?: string | undefined;
  /**
   * One JSON object per line, or lines for people. Absent: `text` where the output is a terminal, else `json`. Text has colours on a
   * terminal, unless `NO_COLOR` is set or `TERM` is `dumb`; `FORCE_COLOR` overrides both.
   *
   * `json` or `text`.
   */
  format?: "json" | "text" | undefined;
  /**
   * Where lines go. A file is appended to (a relative path counts from where the process was started), and opened again on SIGUSR1 so that
   * it can be rotated. It may be a named pipe. An output that is full, or that nobody reads, holds nothing up: some megabytes of lines
   * wait, and further ones are dropped and counted. A reload may change it without losing a line.
   *
   * `stdout`, `stderr` or file. Default: `stdout`.
   */
  output?: string | undefined;
  /**
   * Whether every exchange gets a line, and what lines hold. Tokens and cookies never stand in one, and queries only where the
   * configuration asks for them.
   */
  access?: boolean | RouteAccessLogInput | undefined;
}

/** The keys of `shutdown` in a configuration. */
export interface ShutdownInput {
  /**
   * Time that exchanges in flight get after SIGTERM or SIGINT, and those of a listener that a reload removes; then they are cut.
   *
   * Duration. Default: `30s`.
   */
  timeout?: Duration | 0 | undefined;
  /**
   * Time after SIGTERM or SIGINT in which connections are still accepted and served while `/readyz` answers 503, so that a balancer in
   * front notices before a connection is refused. Only then `timeout` begins. A second signal ends the process at once.
   *
   * Duration. Default: `0s`.
   */
  delay?: Duration | 0 | undefined;
}

/** The keys of `startup` in a configuration. */
export interface StartupInput {
  /**
   * Whether each upstream needs a healthy endpoint (without a health check: one that can be reached) before connections are accepted. If
   * one has none in time, the process ends with exit code 2 and says why for each endpoint.
   *
   * `true` or `false`. Default: `false`.
   */
  require_healthy?: boolean | undefined;
  /**
   * Time that `require_healthy` waits.
   *
   * Duration. Default: `10s`.
   */
  wait?: Duration | 0 | undefined;
}

/** The same in its short form, for one upstream. */
export interface ShortConfigInput {
  /** The one listener. */
  server?: ShortServerInput | undefined;
  /** The endpoints of the one upstream, each a URL or `{ url, weight }`. */
  backends: (string | UpstreamEndpointInput)[];
  /** As `routes[].rate_limit`. */
  rate_limit?: RouteRateLimitInput | RouteRateLimitInput[] | undefined;
  /** As `routes[].cors`. */
  cors?: RouteCorsInput | undefined;
  /** One token for everything. */
  authentication?: ShortAuthenticationInput | undefined;
  /** As `upstreams.NAME.health_check`; a bare number is seconds. When absent, backends are probed by connecting. */
  health_check?: ShortHealthCheckInput | undefined;
  /**
   * Data-plane threads, 1 to 256; `auto`: as many as the machine runs at once. A reload cannot change it.
   *
   * Whole number or `auto`. Default: `auto`.
   */
  workers?: "auto" | number | undefined;
  /**
   * Addresses and blocks of the proxies in front of this one. `X-Forwarded-For` is believed and appended to only when it comes from one of
   * these. From everybody else it is replaced, because a client can write into it what it likes. The log names such a client once in a
   * while: it may be a proxy that is missing here.
   *
   * List of addresses or blocks. Default: `[]`.
   */
  trusted_proxies?: string[] | undefined;
  /**
   * Which field the `trusted_proxies` write: `X-Forwarded-For`, or `Forwarded` (RFC 7239). Only that one is believed, and the other is
   * replaced even when a trusted proxy sends it: a proxy passes on what it does not know, so the client may have written it.
   *
   * `x_forwarded_for` or `forwarded`. Default: `x_forwarded_for`.
   */
  client_address_from?: "x_forwarded_for" | "forwarded" | undefined;
  /** Limits for all workers together. */
  limits?: LimitsInput | undefined;
  /**
   * Middleware of one's own for all routes, in the order in which they act: after the checks of the proxy (`cors`, `rate_limit`,
   * `authentication`) and before the upstream (docs/middleware.md).
   *
   * Default: `[]`.
   */
  middleware?: RouteMiddlewareInput[] | undefined;
  /** The address for whoever operates the proxy; off when absent. */
  admin?: AdminInput | undefined;
  /** Where secrets lie. A secret itself may be written in several ways, see docs/secrets.md. */
  secrets?: SecretsInput | undefined;
  /** The application log and the access log, which share one output. */
  logging?: LoggingInput | undefined;
  /** How the process ends. */
  shutdown?: ShutdownInput | undefined;
  /** What must hold before connections are accepted. */
  startup?: ShortStartupInput | undefined;
}

/** The keys of `server` in a configuration. */
export interface ShortServerInput {
  /**
   * Where to listen, as `listeners[].address`.
   *
   * Address. Default: `:8080`.
   */
  address?: Address | undefined;
  /**
   * Time for a request head, and between two reads of a request body: `listeners[].timeouts.request_head` and `.idle`. 0: the default.
   *
   * Duration or seconds.
   */
  read_timeout?: Duration | number | undefined;
  /**
   * Time until a backend's response head is there: `upstreams.NAME.timeouts.response_head`. 0: the default.
   *
   * Duration or seconds.
   */
  write_timeout?: Duration | number | undefined;
  /**
   * Time that an idle connection waits for its next request: `listeners[].timeouts.keep_alive`. 0: the default.
   *
   * Duration or seconds.
   */
  idle_timeout?: Duration | number | undefined;
  /**
   * Bytes of a request head: `listeners[].limits.head_bytes`; at least 512. 0: the default.
   *
   * Size.
   */
  max_header_bytes?: Size | number | undefined;
}

/** The keys of `authentication` in a configuration. */
export interface ShortAuthenticationInput {
  /**
   * Whether requests need the token. Off, everybody is let in.
   *
   * `true` or `false`. Default: `false`.
   */
  enabled?: boolean | undefined;
  /**
   * The token that a request must bring as `Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`. Spaces inside are allowed and compared, but
   * many clients cannot send them with `Bearer`. Keep it out of the file, and let it change while it is in use: see docs/secrets.md.
   *
   * Secret.
   */
  required_token?: string | SecretCommandInput | undefined;
}

/** The keys of `health_check` in a configuration. */
export interface ShortHealthCheckInput {
  /**
   * Path that a probe asks for with GET. Without it a probe only connects (for `https` including the TLS handshake).
   *
   * Path.
   */
  path?: string | undefined;
  /**
   * Probes in a row that must pass before an unhealthy endpoint gets requests again. The first one that it passes ever counts at once.
   *
   * Whole number. Default: `2`.
   */
  healthy_threshold?: number | undefined;
  /**
   * Probes in a row that must fail before a healthy endpoint gets no more requests. Higher rides out single losses, lower reacts sooner.
   * Until then an endpoint that has not passed a probe yet gets requests too, where no healthy one is left.
   *
   * Whole number. Default: `3`.
   */
  unhealthy_threshold?: number | undefined;
  /**
   * Statuses with which a probe passes: numbers or ranges.
   *
   * List of statuses or ranges. Default: `[200-399]`.
   */
  expected_statuses?: (string | number)[] | undefined;
  /**
   * Host field of the probes. Default: host and port of the endpoint's URL.
   *
   * Host.
   */
  host?: string | undefined;
  /**
   * Time from one probe of an endpoint to the next, varied a little so that probes do not come all at once. Until an endpoint has passed
   * its first one, probes come more often: after 250 ms at first, then less and less. Default: 10s.
   *
   * Duration or seconds.
   */
  interval?: Duration | number | undefined;
  /**
   * The same as `interval`; only one of them may be given.
   *
   * Duration or seconds.
   */
  frequency?: Duration | number | undefined;
  /**
   * Time for a whole probe, from connecting to the status. Past it the probe has failed.
   *
   * Duration or seconds. Default: `5s`.
   */
  timeout?: Duration | number | undefined;
}

/** The keys of `startup` in a configuration. */
export interface ShortStartupInput {
  /**
   * Whether each upstream needs a healthy endpoint (without a health check: one that can be reached) before connections are accepted. If
   * one has none in time, the process ends with exit code 2 and says why for each endpoint.
   *
   * `true` or `false`. Default: `true`.
   */
  require_healthy?: boolean | undefined;
  /**
   * Time that `require_healthy` waits.
   *
   * Duration. Default: `10s`.
   */
  wait?: Duration | 0 | undefined;
}

/** The keys that `false` takes out of a route. */
export type RouteKeyOff =
  | "cors"
  | "access"
  | "maintenance"
  | "rate_limit"
  | "concurrency_limit"
  | "authentication"
  | "require"
  | "filter"
  | "validate"
  | "token_limit"
  | "cache"
  | "rewrite"
  | "error_pages"
  | "rewrite_cookies"
  | "security_headers"
  | "request_headers"
  | "response_headers"
  | "compression"
  | "middleware"
  | "max_body"
  | "buffer"
  | "timeouts"
  | "retry"
  | "hold"
  | "upgrade"
  | "mirror";

/** The keys that `false` takes out of an upstream. */
export type UpstreamKeyOff =
  | "health_check"
  | "proxy_protocol"
  | "maintenance"
  | "error_pages"
  | "rewrite_cookies"
  | "security_headers"
  | "request_headers"
  | "response_headers";
