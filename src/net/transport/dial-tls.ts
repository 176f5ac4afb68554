/**
 * Opens TLS connections to endpoints on Node's own handle: first the TCP connection as a socket of Node's, which tries a name's addresses, then TLS on the handle
 * below it. The certificate is verified before anybody may write.
 */
import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import net from "node:net";
import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { codeOf } from "../../base/errors.ts";
import { endpointContext, proofOf } from "../../certificates/endpoint-tls.ts";
import type { EndpointProof } from "../../certificates/endpoint-tls.ts";
import type { Endpoint } from "../../proxy/upstream/endpoint.ts";
import type { UpstreamTls } from "../../shared/upstream-tls.ts";
import { DialingTlsStream } from "./dial-tls-stream.ts";
import { DialingTransport } from "./dialing-transport.ts";
import { RawTlsTransport } from "./raw-tls-transport.ts";
import { takeHandle } from "./raw-access.ts";
import { Resumption } from "./resumption.ts";
import { StreamTransport } from "./stream-transport.ts";
import type { TlsAccess, TlsHandle } from "./tls-access.ts";
import type { Transport, TransportReader, TransportWriter } from "./transport.ts";

/** The protocols offered to endpoints, in the form of ALPN (RFC 7301 section 3.1). */
const PROTOCOLS: Buffer = Buffer.from("\x08http/1.1", "latin1");

/**
 * Begins TLS to an endpoint, on a connection that is being opened. `onConnect` gets the transport of the encrypted connection; a failure comes as
 * `reader.onClosed`.
 * @param access null: Node's own TLS sockets are used
 * @param socket begins to connect, and does not read
 * @param preface bytes that go first on the connection, before TLS, as latin1 text; "": none
 */
export function dialTls(
  access: TlsAccess | null,
  endpoint: Endpoint,
  socket: Socket,
  reader: TransportReader,
  writer: TransportWriter,
  onConnect: (transport: Transport) => void,
  preface: string,
): Transport {
  try {
    const context = endpointContext(endpoint.settings.tls, access === null ? "declined" : "closed");
    if (access !== null) return new DialingTls(access, context, endpoint, preface, socket, reader, writer, onConnect);
    return new DialingTlsStream(endpoint, preface, socket, reader, writer, onConnect);
  } catch (error) {
    // OpenSSL does not take what the settings hold.
    const failed = new StreamTransport(socket, reader, writer);
    failed.destroy(codeOf(error));
    return failed;
  }
}

/** A TLS connection on Node's handle that is being opened. */
class DialingTls extends DialingTransport {
  private readonly access: TlsAccess;
  private readonly context: SecureContext;
  private readonly endpoint: Endpoint;
  /** The endpoint's settings when the connection was begun. */
  private readonly settings: UpstreamTls;
  private readonly preface: string;
  private readonly onConnect: (transport: Transport) => void;
  constructor(
    access: TlsAccess,
    context: SecureContext,
    endpoint: Endpoint,
    preface: string,
    socket: Socket,
    reader: TransportReader,
    writer: TransportWriter,
    onConnect: (transport: Transport) => void,
  ) {
    super(socket, reader, writer);
    this.access = access;
    this.context = context;
    this.endpoint = endpoint;
    this.settings = endpoint.settings.tls;
    this.preface = preface;
    this.onConnect = onConnect;
  }

  protected override connected(socket: Socket): void {
    const { access, context, settings, endpoint, preface } = this;
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
    const sessions = new Resumption(endpoint, settings, Date.now());
    if (sessions.asked !== null) handle.setSession(sessions.asked.data);
    handle.enableSessionCallbacks();
    handle.onnewsession = (_, data) => sessions.offer(Buffer.from(data));
    const transport: RawTlsTransport = new RawTlsTransport(
      access,
      tcp,
      handle,
      {
        reader: this.reader,
        writer: this.writer,
        handshake: {
          established: () => void setImmediate(() => this.established(transport, handle, sessions)),
          failed: (code) => transport.destroy(code),
        },
      },
      true,
    );
    this.current = transport;
    transport.begin();
    if (!transport.destroyed) handle.start();
  }

  private established(transport: RawTlsTransport, handle: TlsHandle, sessions: Resumption): void {
    if (transport.destroyed) return;
    const { settings, endpoint } = this;
    const { asked } = sessions;
    const proof = asked !== null && handle.isSessionReused() ? asked : proofOfHandle(settings, endpoint.host, handle);
    if (typeof proof === "string") return transport.destroy(proof);
    sessions.proved(proof.usableUntilMs);
    transport.start();
    this.onConnect(transport);
  }
}

function proofOfHandle(settings: UpstreamTls, host: string, handle: TlsHandle): EndpointProof | string {
  const fault = handle.verifyError();
  const { raw } = handle.getPeerCertificate(false) ?? {};
  const code = fault === null ? null : (fault.code ?? "CERT_REJECTED");
  return proofOf(settings, host, code, raw === undefined ? null : new X509Certificate(raw));
}
