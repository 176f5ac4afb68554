/**
 * Recognises authentication schemes that authenticate a connection instead of a request, such as NTLM and Negotiate.
 *
 * RFC 9110 section 11.2 wants each request authenticated for itself. With these schemes the origin server takes all later requests on
 * the connection for the same user's (RFC 4559 section 6). So a connection on which one of them was used must not carry other clients'
 * requests.
 */
import { Known } from "./known-fields.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";

/** A scheme as a separate word, anywhere in the value. To mistake a parameter for a scheme only costs a pooled connection. */
const SCHEME = /(?:^|[\s,])(?:negotiate|ntlm|kerberos|nego2|credssp)(?=$|[\s,])/i;

/** Whether the request has credentials of such a scheme. It has at most one Authorization: a request with more was refused before. */
export function authenticatesConnection(request: RequestHead): boolean {
  const credentials = request.knownValue(Known.authorization);
  return credentials !== undefined && SCHEME.test(credentials);
}

/** Whether the response asks for credentials of such a scheme. */
export function challengesConnection(response: ResponseHead): boolean {
  return response.status === 401 && response.values("www-authenticate").some((value) => SCHEME.test(value));
}
