import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";

/** Told what the proxy sends over the connection. */
export interface TunnelObserver {
  /** Whether the proxy is about to answer by itself, because the target could not be asked. */
  readonly hasFailed: boolean;
  /** The target has switched protocols. The client has the head. @param head as it was sent, without the empty line */
  opened(head: string): void;
  /** Bytes of the target, after the switch. */
  received(bytes: Buffer): void;
  /** Instead of the proxy's own answer. Called once. */
  failed(): void;
  closed(): void;
}

/**
 * The client's connection of a WebSocket, as the proxy is given it. What passes can be observed, and an answer of the proxy's own never reaches the
 * client: the program answers.
 */
export class TunnelClient extends Duplex {
  private readonly socket: Duplex;
  private readonly observer: TunnelObserver;
  /** What was sent before it is known what it is. */
  private head: Buffer = Buffer.alloc(0);
  private kind: "unknown" | "tunnel" | "response" | "failure" = "unknown";

  constructor(socket: Duplex, observer: TunnelObserver) {
    super({ allowHalfOpen: true });
    this.socket = socket;
    this.observer = observer;
    socket.on("data", (bytes: Buffer) => {
      if (!this.push(bytes)) socket.pause();
    });
    socket.on("end", () => this.push(null));
    socket.on("error", () => {});
    socket.on("close", () => this.destroy());
    socket.pause();
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.kind === "failure") return done();
    if (this.kind === "unknown") return this.begin(bytes, done);
    if (this.kind === "tunnel") this.observer.received(bytes);
    this.pass(bytes, done);
  }

  /** Finds out from the first bytes what the proxy sends. */
  private begin(bytes: Buffer, done: (error?: Error | null) => void): void {
    this.head = this.head.length === 0 ? bytes : Buffer.concat([this.head, bytes]);
    const { head, observer } = this;
    if (observer.hasFailed) {
      this.kind = "failure";
      observer.failed();
      return done();
    }
    const isSwitch = /^HTTP\/1\.[01] 101 /.test(head.toString("latin1", 0, STATUS_BYTES));
    const end = head.indexOf("\r\n\r\n");
    if (isSwitch && end < 0) return done();
    this.kind = isSwitch ? "tunnel" : "response";
    this.head = Buffer.alloc(0);
    this.pass(head, done);
    if (!isSwitch) return;
    observer.opened(head.toString("latin1", 0, end));
    if (head.length > end + 4) observer.received(head.subarray(end + 4));
  }

  private pass(bytes: Buffer, done: (error?: Error | null) => void): void {
    const { socket } = this;
    if (socket.destroyed || socket.writableEnded) return done();
    // A client that has gone is told by `close`.
    socket.write(bytes, () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    const { socket } = this;
    if (this.kind !== "failure" && !socket.destroyed && !socket.writableEnded) socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.kind !== "failure") this.socket.destroy();
    this.observer.closed();
    done(error);
  }
}

/** As many bytes as a status line has up to the end of the status. */
const STATUS_BYTES = "HTTP/1.1 101 ".length;
