/** Opens TLS connections to endpoints on Node's own handle. The certificate is verified before anybody may write. */
import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import net from "node:net";
import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { proofOf } from "../../certificates/endpoint-tls.ts";
import type { EndpointProof } from "../../certificates/endpoint-tls.ts";
import type { UpstreamTls } from "../../shared/upstream-tls.ts";
import type { Dialing } from "./dialing.ts";
import { DialingTls } from "./dialing-tls.ts";
import { RawTlsTransport } from "./raw-tls-transport.ts";
import { takeHandle } from "./raw-access.ts";
import type { Resumption } from "./resumption.ts";
import type { TlsAccess, TlsHandle } from "./tls-access.ts";

/** The protocols offered to endpoints, in the form of ALPN (RFC 7301 section 3.1). */
const PROTOCOLS: Buffer = Buffer.from("\x08http/1.1", "latin1");

/** A TLS connection on Node's handle that is being opened. */
export class DialingTlsHandle extends DialingTls {
  private readonly access: TlsAccess;
  private readonly context: SecureContext;

  constructor(access: TlsAccess, context: SecureContext, dialing: Dialing, socket: Socket) {
    super(dialing, socket);
    this.access = access;
    this.context = context;
  }

  protected override connected(socket: Socket, sessions: Resumption): void {
    const { access, context, settings } = this;
    const { endpoint, reader, writer, preface } = this.dialing;
    const name = settings.serverName ?? endpoint.host;
    const tcp = takeHandle(socket);
    // The socket was opened to be used through its handle, but has none.
    if (tcp === null) return this.current.destroy("ENOTSUP");
    socket.removeAllListeners();
    // The first bytes of a connection always have room in the kernel's buffer: no write is open when TLS begins.
    if (preface !== "") tcp.writeLatin1String(null, preface);
    const handle = access.wrap(tcp, context, false);
    handle.setALPNProtocols(PROTOCOLS);
    // SNI allows no IP addresses (RFC 6066 section 3).
    if (net.isIP(name) === 0) handle.setServername(name);
    if (sessions.asked !== null) handle.setSession(sessions.asked.data);
    handle.enableSessionCallbacks();
    handle.onnewsession = (_, data) => sessions.offer(Buffer.from(data));
    const established = (): void => {
      if (!transport.destroyed)
        this.established(transport, sessions, handle.isSessionReused(), () => proofOfHandle(settings, endpoint.host, handle));
    };
    const handshake = { established: () => void setImmediate(established), failed: (code: string) => transport.destroy(code) };
    const transport = new RawTlsTransport(access, tcp, handle, { reader, writer, handshake }, true);
    this.current = transport;
    transport.begin();
    if (!transport.destroyed) handle.start();
  }
}

function proofOfHandle(settings: UpstreamTls, host: string, handle: TlsHandle): EndpointProof | string {
  const fault = handle.verifyError();
  const { raw } = handle.getPeerCertificate(false) ?? {};
  const code = fault === null ? null : (fault.code ?? "CERT_REJECTED");
  return proofOf(settings, host, code, raw === undefined ? null : new X509Certificate(raw));
}
