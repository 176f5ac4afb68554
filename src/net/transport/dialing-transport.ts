import type { Socket } from "node:net";
import { StreamTransport } from "./stream-transport.ts";
import type { Transport, TransportReader, TransportWriter } from "./transport.ts";

/** A connection that is being opened in several steps, each with a transport of its own. It is only good for being destroyed. */
export abstract class DialingTransport implements Transport {
  readonly readsOnDemand: boolean = false;
  protected readonly reader: TransportReader;
  protected readonly writer: TransportWriter;
  /** The transport of the present step. It tells the reader when the connection fails. */
  protected current: Transport;

  /** @param socket begins to connect, and does not read */
  constructor(socket: Socket, reader: TransportReader, writer: TransportWriter) {
    this.reader = reader;
    this.writer = writer;
    this.current = new StreamTransport(socket, reader, writer);
    socket.on("connect", () => this.connected(socket));
  }

  /** The TCP connection is open. */
  protected abstract connected(socket: Socket): void;

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
