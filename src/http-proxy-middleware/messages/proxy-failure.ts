import type { FailureKind } from "../../proxy/exchange/failure.ts";
import type { ProxyError } from "../options/options.ts";

/** The error for an attempt that failed, with the code that Node would give it. */
export function failureError(kind: FailureKind): ProxyError {
  const [code, message] = ERRORS[kind];
  return proxyError(code, message);
}

export function proxyError(code: string, message: string): ProxyError {
  return Object.assign(new Error(message), { code });
}

const ERRORS: Readonly<Record<FailureKind, readonly [code: string, message: string]>> = {
  connection_refused: ["ECONNREFUSED", "the target refused the connection"],
  destination_unroutable: ["EHOSTUNREACH", "the target cannot be reached"],
  dns_error: ["ENOTFOUND", "the target's name could not be resolved"],
  dns_timeout: ["EAI_AGAIN", "the target's name was not resolved in time"],
  connection_timeout: ["ETIMEDOUT", "the target did not accept the connection in time"],
  certificate_error: ["ERR_TLS_HANDSHAKE", "the target's certificate was not trusted"],
  tls_error: ["ERR_TLS_HANDSHAKE", "the target did not speak TLS as it should"],
  connection_limit: ["EMFILE", "there is no connection to spare"],
  connection_terminated: ["ECONNRESET", "socket hang up"],
  response_timeout: ["ETIMEDOUT", "the target did not answer in time"],
  malformed_response: ["HPE_INVALID_RESPONSE", "the target's answer was malformed"],
  write_timeout: ["ETIMEDOUT", "the target did not take the request in time"],
};

/** Status of the answer to the client, where the program does not answer itself. */
export function errorStatus(code: string | undefined): number {
  if (code === undefined) return 500;
  if (code.startsWith("HPE_INVALID")) return 502;
  if (code.startsWith("HPM_ERR_INVALID_MULTIPART")) return 400;
  return UNREACHABLE.has(code) ? 504 : 500;
}

const UNREACHABLE = new Set(["ECONNRESET", "ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH", "EAI_AGAIN"]);
