/** What a line of the access log can hold, and what each stands for. */

/** What every line holds unless the configuration chooses, in the order of a line. */
export const STANDARD_FIELDS = {
  client: "The client's address, by `trusted_proxies`.",
  method: "As received.",
  host: "In lower case, without port.",
  path: "As received, without the query, which may hold secrets.",
  status: "Status of the answer; 499: the client left before there was one.",
  bytes_received: "Bytes of the request, head included.",
  bytes_sent: "Bytes handed to the system for the client, head included.",
  duration_ms: "From the request's first byte to the last of its answer.",
  origin_head_ms: "To the end of the endpoint's response head; absent where there was none.",
  endpoint: "URL of the endpoint that answered or failed last; empty where there was none.",
  route: "The route's name, or its place in the file where it has none: `#1` is the first route.",
  attempts: "Endpoints, or connections to them, that were tried.",
  outcome: "How the request ended, see below.",
  worker: "The thread, from 0.",
  request_id: "The request's id; absent where it has none, see below.",
  trace_id: "The trace id of `traceparent`; absent where that field is missing or malformed.",
  user_agent: "The first 512 characters of `User-Agent`; absent where there is none.",
  referer:
    "`Referer` without query, fragment and credentials, which may be secrets; absent where there is none, or it is no URL and no path.",
} as const;

/** What lines hold only where the configuration asks for it. */
export const FURTHER_FIELDS = {
  scheme: "`http` or `https`, as the client used it.",
  query: "As received, with all the secrets that clients put there.",
  upstream: "The upstream that the request was for; empty where there was none. Of a `split` it is the side that was chosen.",
  protocol: "The client's version of HTTP, such as `HTTP/1.1`.",
  tls_version:
    "The version of TLS, `TLSv1.2` or `TLSv1.3`; empty on a plain connection, as are the next six. Where TLS ends at a load balancer, version, cipher and name are what its PROXY header says.",
  tls_cipher: "OpenSSL's name of the cipher suite.",
  tls_server_name: "The name that the client has named in SNI.",
  client_certificate_subject: "The owner of the verified certificate that the client has shown, such as `CN=alice,O=Example`.",
  client_certificate_issuer: "The authority that has signed it.",
  client_certificate_serial: "Its serial number, in hexadecimal digits.",
  client_certificate_fingerprint: "Its SHA-256 fingerprint, in hexadecimal digits.",
  user: "Who the client is, as `authentication` has found out; empty where it tells no name.",
  authentication_method: "How that was found out: `tokens`, `basic` and so on; empty for a client that is not known.",
  country: "The client's country, as `access.geoip_file` of its route says; empty where it is not known or not looked up.",
  asn: "The number of the client's autonomous system, as `access.asn_file` says.",
  proxy_sender: "Address of the load balancer that sent the PROXY header; empty on a listener without `proxy_protocol`.",
  proxy_unique_id: "The id of the connection in that header; empty where it has none.",
  fault:
    "What is wrong with the request or the response by the API's description (`validate`), such as `body /items/0/price minimum`: where, and the keyword, without the value; empty where nothing is. Routes with `validate` have it in their lines anyway.",
  cache:
    "How the cache of the route has dealt with the request, as `Cache-Status` says it: `hit; ttl=45`, `fwd=uri-miss; stored`, `fwd=uri-miss; detail=set-cookie`; empty without a cache.",
  input_tokens:
    "Tokens of the request to a language model, as the answer has said or as they are estimated; absent where there are none. Routes with `token_limit` have this and the next two unless `fields` is given.",
  output_tokens: "Those of its answer.",
  tokens_from: "Where both come from: `usage` of the answer, or `estimate`.",
} as const;

export type StandardField = keyof typeof STANDARD_FIELDS;
export type FurtherField = keyof typeof FURTHER_FIELDS;
export type AccessField = StandardField | FurtherField;

/** What a template of lines can hold besides the fields and the variables of requests. */
export const LINE_VARIABLES = {
  time: "When the request's first byte was read; RFC 3339, UTC, milliseconds.",
  clf_time: "The same in the Common Log Format: `23/Nov/2026:10:00:00 +0000`.",
} as const;

/** Templates by name. */
export const NAMED_TEMPLATES = {
  common: '{client} - - [{clf_time}] "{method} {path} {protocol}" {status} {bytes_sent}',
  combined: '{client} - - [{clf_time}] "{method} {path} {protocol}" {status} {bytes_sent} "{referer}" "{user_agent}"',
} as const;

export function isStandardField(name: string): name is StandardField {
  return Object.hasOwn(STANDARD_FIELDS, name);
}

export function isFurtherField(name: string): name is FurtherField {
  return Object.hasOwn(FURTHER_FIELDS, name);
}
