import type { Buffer } from "node:buffer";
import { Outlet } from "./outlet.ts";
import type { Transport } from "../transport/transport.ts";

/** A transport for tests that keeps each write as a list of its pieces, and never reads. `takesAtOnce`: whether writes finish at once. */
export class Sink implements Transport {
  readonly readsOnDemand: boolean;
  readonly destroyed = false;
  readable = true;
  readonly writable = true;
  readonly queuedBytes = 0;
  takesAtOnce = true;
  readonly written: string[][] = [];
  /** The arguments of `readInto`. */
  readonly targets: Buffer[] = [];

  constructor(readsOnDemand: boolean = true) {
    this.readsOnDemand = readsOnDemand;
  }

  write(data: string | readonly (string | Buffer)[]): boolean {
    this.written.push(typeof data === "string" ? [data] : data.map((piece) => piece.toString("latin1")));
    return this.takesAtOnce;
  }

  readInto(buffer: Buffer): void {
    this.targets.push(buffer);
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroySoon(): void {}
  destroy(): void {}
  reset(): void {}
}

/** An outlet that writes to the sink. */
export function outletTo(sink: Sink, onBlocked: () => void = () => {}): Outlet {
  const outlet = new Outlet({ onUnblocked: () => {}, onBlocked, onWriteFailed: () => {} });
  outlet.transport = sink;
  return outlet;
}
