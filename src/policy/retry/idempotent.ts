/**
 * Whether sending a request with this method twice means the same as sending it once (RFC 9110 section 9.2.2). The list is that of the IANA
 * registry of HTTP methods. False for a method that the registry does not list, and for those that it lists as not idempotent: CONNECT,
 * LOCK, PATCH and POST.
 */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

const IDEMPOTENT: ReadonlySet<string> = new Set(
  `ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT COPY DELETE GET HEAD LABEL LINK MERGE MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE
  MOVE OPTIONS ORDERPATCH PRI PROPFIND PROPPATCH PUT QUERY REBIND REPORT SEARCH TRACE UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF
  VERSION-CONTROL`.split(/\s+/),
);
