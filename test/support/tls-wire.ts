/**
 * The server's side of a TLS connection over a TCP socket, whose records pass through the test's hands: it can keep them back, split them, cut them off without
 * close_notify, and forge some.
 */
import { Duplex } from "node:stream";
import type { Socket } from "node:net";
import tls from "node:tls";
import type { SecureContext, TLSSocketOptions } from "node:tls";

/** A record of application data that no key has made. */
const FORGED = Buffer.concat([Buffer.from([0x17, 3, 3, 0, 40]), Buffer.alloc(40, 7)]);
/** A fatal alert in the clear: handshake_failure. */
const ALERT = Buffer.from([0x15, 3, 3, 0, 2, 2, 40]);
/** Enough of the first message. */
const FIRST_BYTES = 64;

export class TlsWire extends Duplex {
  readonly tcp: Socket;
  /** Records of this side go nowhere from now on, its close_notify too. */
  isMuted: boolean = false;
  /** Bytes of the other side come to nothing from now on. */
  isDeaf: boolean = false;
  /** Cuts what is sent into pieces, each of which leaves in a turn of its own; null: it leaves as OpenSSL writes it. */
  cut: ((bytes: Buffer) => readonly Buffer[]) | null = null;
  /** Settles when the pieces of what was cut have left; null: none are on their way. */
  private pieces: Promise<void> | null = null;
  private isStopped: boolean = false;
  /** The bytes with which this side began. */
  firstWritten: Buffer = Buffer.alloc(0);

  constructor(tcp: Socket) {
    super({ allowHalfOpen: true });
    this.tcp = tcp;
    tcp.on("data", (chunk: Buffer) => {
      if (!this.isDeaf && !this.push(chunk)) tcp.pause();
    });
    tcp.on("end", () => void this.push(null));
    // A close follows.
    tcp.on("error", () => {});
    tcp.on("close", () => this.destroy());
  }

  /** Sends a FIN, and no close_notify. */
  endBare(): void {
    this.isMuted = true;
    this.tcp.end();
  }

  /** Refuses the handshake, which must not have got far enough for keys. */
  refuse(): void {
    this.isMuted = true;
    this.tcp.end(ALERT);
  }

  /** Sends a record that the other side cannot decrypt, after the one of which pieces are on their way. */
  forge(): void {
    if (this.pieces === null) this.tcp.write(FORGED);
    else void this.pieces.then(() => this.forge());
  }

  /** Gives this side a record that it cannot decrypt, upon which it sends a fatal alert. */
  alert(): void {
    this.push(FORGED);
  }

  /** Takes nothing more from the other side. */
  stopReading(): void {
    this.isStopped = true;
    this.tcp.pause();
  }

  readOn(): void {
    this.isStopped = false;
    this.tcp.resume();
  }

  override _read(): void {
    if (!this.isStopped) this.tcp.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.firstWritten.length < FIRST_BYTES) this.firstWritten = Buffer.concat([this.firstWritten, chunk]);
    if (this.isMuted || !this.tcp.writable) done();
    else if (this.cut === null) this.tcp.write(chunk, () => done());
    else {
      this.pieces = this.writePieces(this.cut(chunk));
      void this.pieces.then(() => {
        this.pieces = null;
        done();
      });
    }
  }

  private async writePieces(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) {
      // Another piece may have ended the connection.
      if (this.isMuted || !this.tcp.writable) return;
      await new Promise<void>((resolve) => {
        this.tcp.write(piece, () => setImmediate(resolve));
      });
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.isMuted) this.tcp.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.tcp.destroy();
    done(error);
  }
}

/** Certificates by the name in SNI; "": the one for all other names. */
export type Contexts = ReadonlyMap<string, SecureContext>;

/** Begins TLS on a wire. */
export function secured(wire: TlsWire, contexts: Contexts, options: TLSSocketOptions = {}): tls.TLSSocket {
  const contextOf = (name: string): SecureContext | undefined => contexts.get(name) ?? contexts.get("");
  const socket = new tls.TLSSocket(wire, {
    isServer: true,
    ALPNProtocols: ["http/1.1"],
    ...options,
    secureContext: contextOf(""),
    SNICallback: (name, answer) => answer(null, contextOf(name)),
  });
  // A failed handshake is told so, and not by `error`.
  socket.on("_tlsError", () => socket.destroy());
  return socket;
}
