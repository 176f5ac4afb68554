/** The proxy's own answers, except those of middleware and of failed attempts (failure.ts). finished-answer.ts turns them into what is sent. */
import type { LocalAnswer } from "../local-answer.ts";

const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/** Makes a {@link LocalAnswer}. */
export function answer(
  status: number,
  reason: string,
  detail: string,
  fields: LocalAnswer["fields"] = [],
  proxyStatus?: string,
): LocalAnswer {
  return proxyStatus === undefined ? { status, reason, detail, fields } : { status, reason, detail, fields, proxyStatus };
}

/** The answer to a malformed request. */
export function malformed(reason: string, detail: string): LocalAnswer {
  return ending(answer(400, reason, detail, [], "http_request_error"));
}

/** The same answer, after which the connection ends. */
export function ending(given: LocalAnswer): LocalAnswer {
  return { ...given, endsConnection: true };
}

export const NO_ROUTE: LocalAnswer = answer(404, "no_route", "No route takes this request.");
export const BAD_PATH: LocalAnswer = malformed("bad_path", "The path is malformed.");
export const NO_HOST: LocalAnswer = malformed("no_host", "The request names no host that a redirect could lead to.");
/** Without Proxy-Status: RFC 9209 has no error type for a request that came on the wrong connection. */
export const MISDIRECTED: LocalAnswer = answer(421, "misdirected", "This host is served on connections of its own.");
/** In plain text, whatever the client accepts: whoever reads it has probably typed `http` for `https`. */
export const PLAIN_HTTP: LocalAnswer = {
  ...malformed("plain_http", "This port speaks HTTPS, and the request came without TLS."),
  body: { contentType: "text/plain; charset=utf-8", text: "This port speaks HTTPS, and the request came without TLS.\n" },
};
export const CLIENT_CERTIFICATE_REFUSED: LocalAnswer = malformed(
  "client_certificate_refused",
  "The certificate that you have shown is not accepted here.",
);
export const CONNECTION_NAMES_NEEDED: LocalAnswer = malformed(
  "connection_names_needed",
  "The Connection field names a field that is not for one hop.",
);
export const UNSAFE_FIELD_NAME: LocalAnswer = malformed(
  "unsafe_field_name",
  "A field name holds other characters than letters, digits and hyphens.",
);
export const CREDENTIALS_TWICE: LocalAnswer = answer(
  400,
  "credentials_twice",
  "There are two Authorization fields.",
  [],
  "http_request_error",
);
export const METHOD_REFUSED: LocalAnswer = answer(405, "method_refused", "This method is not served here.", [["Allow", METHODS]]);
export const BODY_TOO_LARGE: LocalAnswer = answer(413, "body_too_large", "The request body is too large.");
export const EXPECTATION_FAILED: LocalAnswer = answer(417, "expectation_failed", "Only 100-continue can be expected here.");
export const REQUEST_TIMEOUT: LocalAnswer = ending(answer(408, "request_timeout", "The request did not arrive in time."));
/** The whole exchange has taken longer than its route allows. */
export const EXCHANGE_TIMEOUT: LocalAnswer = answer(
  504,
  "exchange_timeout",
  "The request was not answered in time.",
  [],
  "http_response_timeout",
);
export const LOOP_DETECTED: LocalAnswer = answer(508, "loop", "The request passed this proxy too often.", [], "proxy_loop_detected");
export const OPTIONS_HERE: LocalAnswer = answer(204, "options", "", [["Allow", METHODS]]);
export const INTERNAL_ERROR: LocalAnswer = answer(500, "internal_error", "The proxy failed.", [], "proxy_internal_error");
export const NO_ENDPOINT: LocalAnswer = answer(
  503,
  "no_endpoint",
  "No origin can take this request at the moment.",
  [["Retry-After", "5"]],
  "destination_unavailable",
);

/** The promise of a hook has not settled in time. */
export const ADMISSION_TIMEOUT: LocalAnswer = answer(
  504,
  "admission_timeout",
  "The request could not be checked in time.",
  [],
  "proxy_internal_error",
);

/** The proxy drains, and the time for exchanges in flight is over. */
export const DRAIN_TIMEOUT: LocalAnswer = answer(503, "drain_timeout", "The proxy stops.", [["Retry-After", "5"]]);

/** Sent on a new connection when file descriptors are short. */
export const NO_SOCKETS: LocalAnswer = answer(503, "no_sockets", "The proxy has no connection to spare.", [["Retry-After", "1"]]);
