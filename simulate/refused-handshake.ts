/** A handshake that is refused, as TLS refuses a client's certificate: whoever is refused is left some time to read why, and to close. */
import type { Buffer } from "node:buffer";
import type { HandshakeEvents, HandshakeRun } from "../src/net/accept/handshake.ts";
import type { AcceptedTransport, OpenTransport, TransportReader, TransportWriter } from "../src/net/transport/transport.ts";
import { readBuffer } from "./sending.ts";

/** How long a refused client is waited for. */
export const REFUSED_MS = 200;

export class RefusedHandshake implements HandshakeRun, TransportReader, TransportWriter {
  readBuffer: Buffer = readBuffer;
  private readonly events: HandshakeEvents;
  private readonly onRefused: () => void;
  private readonly transport: AcceptedTransport;
  private isRefused: boolean = false;

  /** @param onRefused called when it is refused: with the first bytes that come */
  constructor(open: OpenTransport, events: HandshakeEvents, onRefused: () => void) {
    this.events = events;
    this.onRefused = onRefused;
    this.transport = open(this, this);
    this.transport.start();
  }

  abort(): void {
    this.transport.destroy();
  }

  onRead(): void {
    if (this.isRefused) return;
    this.isRefused = true;
    this.onRefused();
    this.events.refused(REFUSED_MS);
  }

  onEnd(): void {
    this.transport.destroy();
  }

  onClosed(): void {
    this.events.closed();
  }

  onWritten(): void {}

  onWriteFailed(): void {
    this.transport.destroy();
  }
}
