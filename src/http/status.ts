/** Reason phrases of the statuses that the proxy itself answers with (RFC 9110 section 15, RFC 6585). */
const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  204: "No Content",
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  508: "Loop Detected",
};

/** Whether a response with that final status may have a body (RFC 9110 section 6.4.1), responses to HEAD aside. */
export function mayHaveBody(status: number): boolean {
  return status !== 204 && status !== 304;
}

/** The standard reason phrase; "Unknown" for a status that the proxy does not answer with. */
export function reasonPhrase(status: number): string {
  return REASONS[status] ?? "Unknown";
}
