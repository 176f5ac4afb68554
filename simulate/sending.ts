import { Buffer } from "node:buffer";
import type { VirtualClock } from "../src/net/transport/memory/virtual-clock.ts";
import type { Transport } from "../src/net/transport/transport.ts";

/** One for all clients and endpoints: each takes what it reads before it returns. */
export const readBuffer: Buffer = Buffer.allocUnsafeSlow(16 * 1024);

/** Sends queued bytes in pieces, at once or one each `everyMs`, as the other side takes them. */
export class Sending {
  sentBytes: number = 0;
  /** Nothing is sent any more. */
  isStopped: boolean = false;
  /** Called after each piece. */
  onSent: () => void = () => {};
  /** Called when all that was queued has been taken. */
  onEmpty: () => void = () => {};
  private readonly clock: VirtualClock;
  private readonly pieceBytes: number;
  private readonly everyMs: number;
  private transport: Transport | null = null;
  private queue: Buffer[] = [];
  private isBlocked: boolean = false;
  private isWaiting: boolean = false;

  constructor(clock: VirtualClock, pieceBytes: number, everyMs: number) {
    this.clock = clock;
    this.pieceBytes = pieceBytes;
    this.everyMs = everyMs;
  }

  start(transport: Transport): void {
    this.transport = transport;
    this.go();
  }

  add(...bytes: readonly Buffer[]): void {
    this.queue.push(...bytes.filter(({ length }) => length > 0));
    this.go();
  }

  stop(): void {
    this.isStopped = true;
    this.queue = [];
  }

  /** All that was written before has been taken. */
  written(): void {
    this.isBlocked = false;
    this.go();
  }

  private go(): void {
    const { transport } = this;
    if (transport === null) return;
    while (!this.isBlocked && !this.isWaiting && !this.isStopped && transport.writable) {
      const [first] = this.queue;
      if (first === undefined) return this.onEmpty();
      const piece = first.subarray(0, this.pieceBytes);
      if (piece.length === first.length) this.queue.shift();
      else this.queue[0] = first.subarray(piece.length);
      this.sentBytes += piece.length;
      this.isBlocked = !transport.write([piece]);
      this.onSent();
      if (this.everyMs > 0 && this.queue.length > 0) this.pause();
    }
  }

  private pause(): void {
    this.isWaiting = true;
    this.clock.after(this.everyMs, () => {
      this.isWaiting = false;
      this.go();
    });
  }
}
