/**
 * Opens TLS connections to endpoints on Node's own handle: first the TCP connection as a socket of Node's, which tries a name's addresses, then TLS on the handle
 * below it. The certificate is verified before anybody may write.
 */
import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import net from "node:net";
import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import type { Endpoint, TlsSession } from "../../proxy/upstream/endpoint.ts";
import { RawTlsTransport } from "./raw-tls-transport.ts";
import { takeHandle } from "./raw-access.ts";
import { StreamTransport } from "./stream-transport.ts";
import type { TlsAccess, TlsHandle } from "./tls-access.ts";
import type { Transport, TransportReader, TransportWriter } from "./transport.ts";

/** The protocols offered to endpoints, in the form of ALPN (RFC 7301 section 3.1). */
const PROTOCOLS: Buffer = Buffer.from("\x08http/1.1", "latin1");

/** What a TLS connection to an endpoint needs. */
export interface DialledTls {
  readonly access: TlsAccess;
  readonly context: SecureContext;
  /** The name that is sent (SNI) and that the certificate must carry: a host name, or an address, which is not sent. */
  readonly name: string;
  readonly verify: boolean;
  /** The session to resume, and where a new one goes. */
  readonly sessions: Pick<Endpoint, "session">;
  /** Bytes that go first on the connection, before TLS, as latin1 text; "": none. */
  readonly preface: string;
}

/**
 * A connection that is being opened. It is only good for being destroyed. `onConnect` gets the transport of the encrypted connection; a failure comes as
 * `reader.onClosed`.
 * @param socket begins to connect, and does not read
 */
export class DialingTls implements Transport {
  readonly readsOnDemand: boolean = false;
  private readonly tls: DialledTls;
  private readonly users: { readonly reader: TransportReader; readonly writer: TransportWriter };
  private readonly onConnect: (transport: Transport) => void;
  private current: Transport;
  /** The session that the connection asks to resume. */
  private resumed: TlsSession | null = null;
  /** A session that the endpoint has offered before it was verified. */
  private offered: Buffer | null = null;
  /** Until when the endpoint's certificate is valid; null: it is not verified yet. */
  private usableUntilMs: number | null = null;

  constructor(
    socket: Socket,
    tls: DialledTls,
    reader: TransportReader,
    writer: TransportWriter,
    onConnect: (transport: Transport) => void,
  ) {
    this.tls = tls;
    this.users = { reader, writer };
    this.onConnect = onConnect;
    this.current = new StreamTransport(socket, reader, writer);
    socket.on("connect", () => this.encrypt(socket));
  }

  private encrypt(socket: Socket): void {
    const { access, context, name, sessions, preface } = this.tls;
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
    const { session } = sessions;
    if (session !== null && session.usableUntilMs > Date.now()) {
      this.resumed = session;
      handle.setSession(session.data);
    }
    handle.enableSessionCallbacks();
    handle.onnewsession = (_, data) => this.onSession(data);
    const transport: RawTlsTransport = new RawTlsTransport(
      access,
      tcp,
      handle,
      {
        ...this.users,
        handshake: {
          established: () => void setImmediate(() => this.established(transport, handle)),
          failed: (code) => transport.destroy(code),
        },
      },
      true,
    );
    this.current = transport;
    transport.begin();
    if (!transport.destroyed) handle.start();
  }

  /** The endpoint offers a session. It is kept once the endpoint has proved who it is: a resumed session brings no certificate to look at. */
  private onSession(data: Buffer): void {
    this.offered = Buffer.from(data);
    if (this.usableUntilMs !== null) this.keepSession(this.usableUntilMs);
  }

  private keepSession(usableUntilMs: number): void {
    const { sessions } = this.tls;
    if (this.offered !== null) sessions.session = { data: this.offered, usableUntilMs };
    this.offered = null;
  }

  private established(transport: RawTlsTransport, handle: TlsHandle): void {
    if (transport.destroyed) return;
    const { verify, name } = this.tls;
    const { resumed } = this;
    const proof = resumed !== null && handle.isSessionReused() ? resumed : verify ? proofOf(handle, name) : UNPROVED;
    if (typeof proof === "string") return transport.destroy(proof);
    this.usableUntilMs = proof.usableUntilMs;
    this.keepSession(proof.usableUntilMs);
    transport.start();
    this.onConnect(transport);
  }

  get destroyed(): boolean {
    return this.current.destroyed;
  }

  get readable(): boolean {
    return this.current.readable;
  }

  get writable(): boolean {
    return false;
  }

  get queuedBytes(): number {
    return 0;
  }

  write(): boolean {
    return true;
  }

  readInto(): void {}

  pause(): void {}

  resume(): void {}

  end(): void {}

  destroySoon(): void {
    this.destroy();
  }

  destroy(code?: string): void {
    this.current.destroy(code);
  }

  reset(): void {
    this.destroy();
  }
}

/** Without verification sessions are as good as any handshake, as long as the endpoint takes them. */
const UNPROVED: Pick<TlsSession, "usableUntilMs"> = { usableUntilMs: Infinity };

/** Until when the endpoint's certificate proves who it is; or OpenSSL's or Node's name of why it does not. */
function proofOf(handle: TlsHandle, name: string): Pick<TlsSession, "usableUntilMs"> | string {
  const fault = handle.verifyError();
  if (fault !== null) return fault.code ?? "CERT_REJECTED";
  const { raw } = handle.getPeerCertificate(false) ?? {};
  if (raw === undefined) return "CERT_MISSING";
  const certificate = new X509Certificate(raw);
  const carries = net.isIP(name) === 0 ? certificate.checkHost(name, { subject: "never" }) : certificate.checkIP(name);
  return carries === undefined ? "ERR_TLS_CERT_ALTNAME_INVALID" : { usableUntilMs: certificate.validToDate.getTime() };
}
