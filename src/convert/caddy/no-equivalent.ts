/** Directives of Caddy that are not converted. "": Millrace does not need them, or does the same anyway. */
export const REASONS: Readonly<Record<string, string>> = {
  templates: "templates in files have no equivalent",
  tls: "",
  log: "",
  log_skip: "",
  skip_log: "",
  log_name: "",
  log_append: "fields of the log are chosen in `logging`",
  tracing: "tracing has no equivalent",
  bind: "",
  fs: "file systems other than that of the machine have no equivalent",
  map: "values by the request have no equivalent",
  vars: "values of one's own have no equivalent",
  push: "",
  intercept: "answers by the status of the origin have no equivalent here; see `error_pages`",
  handle_errors: "answers instead of errors have no equivalent here; see `error_pages`",
  copy_response: "",
  copy_response_headers: "",
  method: "changing the method has no equivalent",
  acme_server: "a certificate authority has no equivalent",
};

/** Directives that answer requests, and for which Millrace has nothing: such a route answers 501. */
export const HANDLERS: Readonly<Record<string, string>> = {
  php_fastcgi: "PHP is not run, so this answers 501",
  php_server: "PHP is not run, so this answers 501",
  php: "PHP is not run, so this answers 501",
  metrics: "`admin` has an address of its own with /metrics, so this answers 501",
  acme_server: "a certificate authority has no equivalent, so this answers 501",
  invoke: "named routes have no equivalent, so this answers 501",
  mercure: "it has no equivalent, so this answers 501",
};

/** Directives of Caddy 1, which has another format. */
export const OF_CADDY_1: ReadonlySet<string> = new Set([
  "proxy",
  "fastcgi",
  "gzip",
  "errors",
  "websocket",
  "browse",
  "startup",
  "internal",
  "ext",
  "mime",
  "git",
]);
