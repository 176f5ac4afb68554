/** The other reader of a client's first message: OpenSSL, on Node's TLS handle over a socket that is not connected, so that it answers within the call. */
import { Buffer } from "node:buffer";
import { createSecureContext } from "node:tls";
import { TestAuthority } from "../test/support/certificates.ts";
import { newTcpHandle } from "../src/net/transport/raw-access.ts";
import { tlsAccess } from "../src/net/transport/tls-access.ts";

/** What OpenSSL has made of the first bytes of a client. */
export interface OpenSslReading {
  /** The name in SNI; null: it has seen none. */
  readonly serverName: string | null;
  /** What it has chosen of acme-tls/1 and http/1.1; null: the client offers nothing. */
  readonly protocol: string | null;
  /** It has refused the client; null: it has not. */
  readonly fault: string | null;
  /** It has answered with a message of its own, and not refused. */
  readonly accepted: boolean;
}

const certificate = await (await TestAuthority.create()).issue(["a.test"]);
const CONTEXT = createSecureContext({ cert: certificate.chain, key: certificate.key, minVersion: "TLSv1.2" });
/** In the order in which it prefers them. */
const PROTOCOLS = Buffer.from("\x0aacme-tls/1\x08http/1.1", "latin1");

/** Null: this version of Node gives no access to its TLS handle. What a reading leaves behind is freed in the next turn. */
export function readByOpenSsl(bytes: Buffer): OpenSslReading | null {
  const access = tlsAccess();
  const tcp = newTcpHandle();
  if (access === null || tcp === null) return null;
  const handle = access.wrap(tcp, CONTEXT, true);
  let fault: string | null = null;
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- Node's handles call this field
  handle.onerror = ({ code }) => (fault ??= code ?? "a fault without a code");
  handle.onread = () => undefined;
  handle.onhandshakedone = () => {};
  handle.setALPNProtocols(PROTOCOLS);
  handle.receive(bytes);
  const name: unknown = Reflect.apply(Reflect.get(handle, "getServername"), handle, []);
  const protocol = handle.getALPNNegotiatedProtocol();
  const reading = {
    serverName: typeof name === "string" ? name : null,
    protocol: protocol === false ? null : protocol,
    fault,
    accepted: fault === null && handle.writeQueueSize > 0,
  };
  tcp.close();
  setImmediate(() => handle.destroySSL());
  return reading;
}
