import type { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { ProxySocket } from "../options/options.ts";

/** The other end of a WebSocket for listeners of `open`: shows what the target sends, while somebody listens, and sends what is written. */
export class TargetSocket extends Duplex implements ProxySocket {
  private readonly client: Duplex;
  private readonly send: (bytes: Buffer) => void;

  /** @param client the client's connection */
  constructor(client: Duplex, send: (bytes: Buffer) => void) {
    super();
    this.client = client;
    this.send = send;
    this.on("error", () => {});
  }

  address(): object {
    const { client } = this;
    const address: unknown = "address" in client && typeof client.address === "function" ? Reflect.apply(client.address, client, []) : {};
    return typeof address === "object" && address !== null ? address : {};
  }

  /** Bytes of the target pass whether anybody reads them here or not, so none are kept for later. */
  show(bytes: Buffer): void {
    if (this.readableFlowing === true) this.push(bytes);
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.send(bytes);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.client.destroy();
    done(error);
  }
}
