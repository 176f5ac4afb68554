/**
 * Authentication that is bound to a connection. RFC 9110 section 11.2 asks each request to stand for itself; these schemes break with
 * that (RFC 4559 section 6): after the handshake whatever comes on the connection is taken for the same user's. A connection on which
 * one of them was seen must not carry anybody else's requests.
 */
import { Known } from "./known-fields.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";

/** The scheme as a word of its own, wherever it stands: taking a parameter for a scheme costs a pooled connection and nothing else. */
const SCHEME = /(?:^|[\s,])(?:negotiate|ntlm|kerberos|nego2|credssp)(?=$|[\s,])/i;

/** Whether the request brings credentials that are meant for its connection. A request with more than one Authorization is refused before. */
export function authenticatesConnection(request: RequestHead): boolean {
  const credentials = request.knownValue(Known.authorization);
  return credentials !== undefined && SCHEME.test(credentials);
}

/** Whether the response asks for such credentials. */
export function challengesConnection(response: ResponseHead): boolean {
  return response.status === 401 && response.values("www-authenticate").some((value) => SCHEME.test(value));
}
