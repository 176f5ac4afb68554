import type { Socket } from "node:net";
import type { EndpointProof } from "../../certificates/endpoint-tls.ts";
import type { UpstreamTls } from "../../shared/upstream-tls.ts";
import type { Dialing } from "./dialing.ts";
import { Resumption } from "./resumption.ts";
import { StreamTransport } from "./stream-transport.ts";
import type { AcceptedTransport, Transport } from "./transport.ts";

/**
 * A TLS connection that is being opened: first the TCP connection as a socket of Node's, which tries a name's addresses, then TLS on it, each step with a
 * transport of its own. Until `onConnect` is called it is only good for being destroyed.
 */
export abstract class DialingTls implements Transport {
  readonly readsOnDemand: boolean = false;
  protected readonly dialing: Dialing;
  /** The endpoint's settings when the connection was begun. */
  protected readonly settings: UpstreamTls;
  /** The transport of the present step. It tells the reader when the connection fails. */
  protected current: Transport;

  /** @param socket begins to connect, and does not read */
  constructor(dialing: Dialing, socket: Socket) {
    this.dialing = dialing;
    this.settings = dialing.endpoint.settings.tls;
    this.current = new StreamTransport(socket, dialing.reader, dialing.writer);
    socket.on("connect", () => this.connected(socket, new Resumption(dialing.endpoint, this.settings, Date.now())));
  }

  /** The TCP connection is open: sends the preface and begins TLS. */
  protected abstract connected(socket: Socket, sessions: Resumption): void;

  /**
   * The handshake is finished: hands the transport over if the endpoint has proved who it is. A resumed session brings no certificate: its proof is that of the
   * handshake by which it was made.
   */
  protected established(transport: AcceptedTransport, sessions: Resumption, isReused: boolean, judge: () => EndpointProof | string): void {
    if (transport.destroyed) return;
    const { asked } = sessions;
    const proof = asked !== null && isReused ? asked : judge();
    if (typeof proof === "string") return transport.destroy(proof);
    sessions.proved(proof.usableUntilMs);
    transport.start();
    this.dialing.onConnect(transport);
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
