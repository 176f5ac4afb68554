/** Opens TLS connections to endpoints with Node's own TLS sockets, where there is no access to its handles. */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { endpointOptions, proofOfSocket } from "../../certificates/endpoint-tls.ts";
import { DialingTls } from "./dialing-tls.ts";
import { TRUNCATED } from "./raw-tls-transport.ts";
import type { Resumption } from "./resumption.ts";
import { orderWrites } from "./stream-bridge.ts";
import { StreamTransport } from "./stream-transport.ts";

/** A TLS connection on a TLS socket that is being opened. `onConnect` gets the transport of that socket. */
export class DialingTlsStream extends DialingTls {
  private isEstablished: boolean = false;
  /** The endpoint has said that it has sent everything (close_notify). */
  private isComplete: boolean = false;

  protected override connected(socket: Socket, sessions: Resumption): void {
    const { settings } = this;
    const { endpoint, reader, writer, preface } = this.dialing;
    if (preface !== "") socket.write(preface, "latin1");
    // From here on the socket of TLS tells the reader what becomes of the connection.
    socket.removeAllListeners();
    const encrypted = new EncryptedBytes(socket);
    const inner = tls.connect({
      ...endpointOptions(settings, endpoint.host),
      socket: encrypted,
      ...(sessions.asked === null ? {} : { session: Buffer.from(sessions.asked.data) }),
    });
    orderWrites(inner);
    const secured = new StreamTransport(inner, reader, writer);
    this.current = secured;
    encrypted.onEnd = () => this.ended(secured);
    // No event tells of the end of TLS before all that came is read, which may be long after the end of the connection.
    const push = inner.push.bind(inner);
    inner.push = (bytes: unknown, encoding?: BufferEncoding) => {
      if (bytes === null) this.isComplete = true;
      return push(bytes, encoding);
    };
    inner.on("session", (data) => sessions.offer(data));
    // Once: with TLS 1.2 the event comes again with each wish of the endpoint for another handshake.
    inner.once("secureConnect", () => {
      this.isEstablished = true;
      this.established(secured, sessions, inner.isSessionReused(), () => proofOfSocket(settings, endpoint.host, inner));
    });
  }

  /** The connection below TLS has ended. */
  private ended(secured: StreamTransport): void {
    if (this.isComplete) return;
    if (!this.isEstablished) return secured.destroy(TRUNCATED);
    secured.endFault = TRUNCATED;
  }
}

/**
 * The bytes of a socket as a stream that is no socket. Node's TLS tells its user of the end of the connection below it as if the peer had said that it had
 * sent everything; through this stream the end of the connection is seen by itself.
 */
class EncryptedBytes extends Duplex {
  /** Called when all bytes have been read, before TLS learns that no more come. */
  onEnd: () => void = () => {};
  private readonly socket: Socket;

  constructor(socket: Socket) {
    super({ allowHalfOpen: true });
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      if (!this.push(bytes)) socket.pause();
    });
    socket.on("end", () => void this.push(null));
    socket.on("error", (error) => void this.destroy(error));
    socket.on("close", () => void this.destroy());
    // The first listener: that of TLS comes after it.
    this.on("end", () => this.onEnd());
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(bytes: Buffer, _: BufferEncoding, written: (error?: Error | null) => void): void {
    this.socket.write(bytes, written);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.socket.destroy();
    done(error);
  }
}
