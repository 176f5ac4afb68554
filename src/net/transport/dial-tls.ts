import type { Socket } from "node:net";
import { codeOf } from "../../base/errors.ts";
import { endpointContext } from "../../certificates/endpoint-tls.ts";
import type { Dialing } from "./dialing.ts";
import { DialingTlsHandle } from "./dialing-tls-handle.ts";
import { DialingTlsStream } from "./dialing-tls-stream.ts";
import { StreamTransport } from "./stream-transport.ts";
import type { TlsAccess } from "./tls-access.ts";
import type { Transport } from "./transport.ts";

/**
 * Begins TLS to an endpoint, on a connection that is being opened.
 * @param access null: Node's own TLS sockets are used
 * @param socket begins to connect, and does not read
 */
export function dialTls(access: TlsAccess | null, dialing: Dialing, socket: Socket): Transport {
  try {
    const context = endpointContext(dialing.endpoint.settings.tls, access === null ? "declined" : "closed");
    return access === null ? new DialingTlsStream(dialing, socket) : new DialingTlsHandle(access, context, dialing, socket);
  } catch (error) {
    // OpenSSL does not take what the settings hold.
    const failed = new StreamTransport(socket, dialing.reader, dialing.writer);
    failed.destroy(codeOf(error));
    return failed;
  }
}
