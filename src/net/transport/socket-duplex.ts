import type { Buffer } from "node:buffer";
import type { ByteDuplex } from "../../proxy/ports/tunnel.ts";
import type { Outlet } from "../buffers/outlet.ts";
import type { Transport } from "./transport.ts";

/** One side of a tunnel, over the transport and the outlet of a connection that had carried HTTP before. */
export class SocketDuplex implements ByteDuplex {
  private readonly transport: Transport;
  private readonly outlet: Outlet;

  constructor(transport: Transport, outlet: Outlet) {
    this.transport = transport;
    this.outlet = outlet;
  }

  get isGone(): boolean {
    return this.transport.destroyed;
  }

  get isBlocked(): boolean {
    return this.outlet.blocked;
  }

  get hasFailed(): boolean {
    return this.outlet.failed;
  }

  write(bytes: Buffer, start: number, end: number): boolean {
    this.outlet.slice(bytes, start, end);
    return this.outlet.flush();
  }

  pause(): void {
    this.transport.pause();
  }

  resume(): void {
    this.transport.resume();
  }

  end(): void {
    this.transport.end();
  }

  closeSoon(): void {
    this.transport.destroySoon();
  }

  close(): void {
    this.transport.destroy();
  }

  reset(): void {
    this.transport.reset();
  }
}
