/** Puts TLS on an accepted connection: on Node's handle where that is possible, else on a socket of Node's. */
import type { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { TlsFacts } from "../../proxy/ports/tls-facts.ts";
import type { ClientHello } from "../../tls/client-hello.ts";
import { ACME_PROTOCOL } from "../../tls/certificate-names.ts";
import { codeOf } from "../../base/errors.ts";
import { RawTlsTransport } from "../transport/raw-tls-transport.ts";
import type { HandshakeSink } from "../transport/raw-tls-transport.ts";
import type { RawAccess, RawHandle } from "../transport/raw-access.ts";
import { RawTransport } from "../transport/raw-transport.ts";
import { StreamTransport } from "../transport/stream-transport.ts";
import { tlsAccess } from "../transport/tls-access.ts";
import type { PeerCertificate, TlsHandle } from "../transport/tls-access.ts";
import type { AcceptedTransport, TransportReader, TransportWriter } from "../transport/transport.ts";
import type { PeerProof } from "./client-certificate.ts";
import { ACME_PROTOCOLS, HTTP1_PROTOCOLS } from "./server-contexts.ts";
import type { Served } from "./server-contexts.ts";

export interface Users {
  readonly reader: TransportReader;
  readonly writer: TransportWriter;
  readonly handshake: HandshakeSink;
}

/** A connection whose handshake is under way or finished. The facts are known once it is finished. */
export interface Encrypted extends PeerProof {
  readonly transport: AcceptedTransport;
  /** Gives OpenSSL the client's first message. */
  begin(): void;
  /** Takes TLS away again after it has failed. Returns what is left of the connection; null: it was closed. Not for use within `failed`. */
  clear(reader: TransportReader, writer: TransportWriter): AcceptedTransport | null;
  isResumed(): boolean;
  protocolFacts(): Pick<TlsFacts, "version" | "cipher" | "protocol">;
}

/**
 * @param transport gives away what it stands on, and must not be used afterwards
 * @param received what the client has sent so far; used within `begin`
 * @returns null if TLS is not possible on that transport
 */
export function encrypt(
  transport: AcceptedTransport,
  served: Served,
  received: Buffer,
  hello: ClientHello,
  users: Users,
): Encrypted | null {
  const below = transport.release?.() ?? null;
  if (below === null) return null;
  if (below instanceof Duplex) return new StreamEncrypted(below, served, received, hello, users);
  return rawEncrypted(below, served, received, hello, users);
}

function rawEncrypted(tcp: RawHandle, served: Served, received: Buffer, hello: ClientHello, users: Users): Encrypted | null {
  const access = tlsAccess();
  if (access === null) {
    tcp.close();
    return null;
  }
  const handle = access.wrap(tcp, served.context, true);
  const { clients } = served.set;
  handle.setALPNProtocols(protocolsFor(hello));
  if (clients !== null) handle.setVerifyMode(true, clients.mode === "required");
  if (served.ocsp !== null) handle.setOCSPResponse(served.ocsp);
  const transport = new RawTlsTransport(access, tcp, handle, users);
  return new RawEncrypted(access, transport, handle, received);
}

function protocolsFor(hello: ClientHello): Buffer {
  return hello.protocols.includes(ACME_PROTOCOL) ? ACME_PROTOCOLS : HTTP1_PROTOCOLS;
}

class RawEncrypted implements Encrypted {
  readonly transport: RawTlsTransport;
  private readonly handle: TlsHandle;
  private readonly received: Buffer;
  private readonly access: RawAccess;

  constructor(access: RawAccess, transport: RawTlsTransport, handle: TlsHandle, received: Buffer) {
    this.access = access;
    this.transport = transport;
    this.handle = handle;
    this.received = received;
  }

  begin(): void {
    this.transport.begin();
    if (!this.transport.destroyed) this.handle.receive(this.received);
  }

  clear(reader: TransportReader, writer: TransportWriter): AcceptedTransport | null {
    const { transport, access } = this;
    return transport.destroyed ? null : new RawTransport(access, transport.release(), reader, writer);
  }

  isResumed(): boolean {
    return this.handle.isSessionReused();
  }

  protocolFacts(): Pick<TlsFacts, "version" | "cipher" | "protocol"> {
    const { handle } = this;
    const protocol = handle.getALPNNegotiatedProtocol();
    return {
      version: versionOf(handle.getProtocol()),
      cipher: handle.getCipher().standardName,
      protocol: protocol === false ? null : protocol,
    };
  }

  verifyError(): (Error & { readonly code?: string }) | null {
    return this.handle.verifyError();
  }

  peerCertificate(): PeerCertificate | undefined {
    return this.handle.getPeerCertificate(true);
  }
}

/** TLS on a socket of Node's. */
class StreamEncrypted implements Encrypted {
  readonly transport: StreamTransport;
  private readonly socket: TLSSocket;

  constructor(below: Duplex, served: Served, received: Buffer, hello: ClientHello, { reader, writer, handshake }: Users) {
    const { clients } = served.set;
    below.unshift(received);
    const socket = new TLSSocket(below, {
      isServer: true,
      secureContext: served.context,
      ALPNProtocols: protocolsFor(hello),
      requestCert: clients !== null,
      rejectUnauthorized: clients?.mode === "required",
    });
    socket.disableRenegotiation();
    this.socket = socket;
    this.transport = new StreamTransport(socket, reader, writer);
    let isOver = false;
    socket.once("secure", () => {
      isOver = true;
      handshake.established();
    });
    // Before the handshake is finished, Node's sockets of servers tell of faults by this event only.
    socket.on("_tlsError", (error: Error) => {
      if (isOver) this.transport.destroy(codeOf(error));
      else handshake.failed(codeOf(error));
      isOver = true;
    });
  }

  begin(): void {}

  /** A socket of Node's reads nothing more when TLS has failed. */
  clear(): null {
    this.socket.destroy();
    return null;
  }

  isResumed(): boolean {
    return this.socket.isSessionReused();
  }

  protocolFacts(): Pick<TlsFacts, "version" | "cipher" | "protocol"> {
    const { socket } = this;
    const protocol = socket.alpnProtocol;
    return {
      version: versionOf(socket.getProtocol() ?? ""),
      cipher: socket.getCipher().standardName,
      protocol: typeof protocol === "string" ? protocol : null,
    };
  }

  verifyError(): (Error & { readonly code?: string }) | null {
    return verdictOf(this.socket);
  }

  peerCertificate(): PeerCertificate | undefined {
    return this.socket.getPeerCertificate(true);
  }
}

/** The verdict on the client's certificate. Node's sockets tell it only for connections of its own server, so it is asked of the handle below. */
function verdictOf(socket: TLSSocket): (Error & { readonly code?: string }) | null {
  const { _handle: handle } = socket as TLSSocket & { readonly _handle?: Partial<Pick<TlsHandle, "verifyError">> | null };
  return typeof handle?.verifyError === "function" ? handle.verifyError() : new Error("the certificate cannot be judged");
}

function versionOf(name: string): TlsFacts["version"] {
  return name === "TLSv1.2" ? "TLSv1.2" : "TLSv1.3";
}
