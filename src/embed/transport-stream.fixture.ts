import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { OpenTransport, Transport, TransportReader, TransportWriter } from "../net/transport/transport.ts";

/** A transport as a stream of Node's, so that Node's http reads from connections in memory. */
export class TransportStream extends Duplex implements TransportReader, TransportWriter {
  readBuffer: Buffer = Buffer.alloc(64 * 1024);
  readonly remoteAddress: string;
  private readonly transport: Transport;
  private whenWritten: (() => void) | null = null;

  constructor(open: OpenTransport, peer: string) {
    super({ allowHalfOpen: true });
    this.remoteAddress = peer;
    const transport = open(this, this);
    this.transport = transport;
    transport.start();
    transport.pause();
  }

  override _read(): void {
    this.transport.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.transport.write([bytes])) done();
    else this.whenWritten = done;
  }

  override _final(done: () => void): void {
    this.transport.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.transport.destroy();
    done(error);
  }

  resetAndDestroy(): void {
    this.transport.reset();
    this.destroy();
  }

  destroySoon(): void {
    if (this.writableFinished) this.destroy();
    else this.end(() => this.destroy());
  }

  onRead(bytes: Buffer, count: number): void {
    if (!this.push(Buffer.from(bytes.subarray(0, count)))) this.transport.pause();
  }

  onEnd(): void {
    this.push(null);
  }

  onClosed(code: string | null): void {
    this.destroy(code === null ? undefined : Object.assign(new Error(code), { code }));
  }

  onWritten(): void {
    const done = this.whenWritten;
    this.whenWritten = null;
    done?.();
  }

  onWriteFailed(): void {}
}
