/**
 * Two connections that pass bytes on to each other once the origin has switched protocols (RFC 9110 section 7.8): everything in both
 * directions, byte for byte, with back-pressure; a FIN is passed on as a FIN, a reset ends both; an idle limit of its own.
 */
import type { Buffer } from "node:buffer";
import { Timed } from "../base/deadlines.ts";
import type { Exchange } from "../proxy/exchange.ts";
import { CounterId } from "../shared/metric-table.ts";
import type { Outlet } from "./outlet.ts";
import type { Thread } from "./thread.ts";
import type { Transport } from "./transport.ts";

export interface TunnelSide {
  readonly transport: Transport;
  readonly outlet: Outlet;
}

/** How long bytes that the system has taken may take to arrive. */
const ON_THEIR_WAY_MS = 1000;

/** Time for the last bytes to leave, once the tunnel has ended. */
const FLUSH_MS = 10_000;

export class Tunnel extends Timed {
  private readonly thread: Thread;
  private readonly exchange: Exchange;
  private readonly downstream: TunnelSide;
  private readonly upstream: TunnelSide;
  private readonly idleMs: number;
  private downstreamEnded: boolean = false;
  private upstreamEnded: boolean = false;
  /** When bytes were last passed on to that side. */
  private downstreamFedAt: number = -Infinity;
  private upstreamFedAt: number = -Infinity;
  private over: boolean = false;

  constructor(thread: Thread, exchange: Exchange, downstream: TunnelSide, upstream: TunnelSide, idleMs: number) {
    super();
    this.thread = thread;
    this.exchange = exchange;
    this.downstream = downstream;
    this.upstream = upstream;
    this.idleMs = idleMs;
    thread.deadlines.set(this, thread.now + idleMs);
    thread.metrics.add(CounterId.tunnels_open, 1);
    thread.metrics.add(CounterId.tunnels_opened, 1);
  }

  /** `bytes[0, count)` arrived at that side. */
  received(side: TunnelSide, bytes: Buffer, count: number): void {
    if (this.over) return;
    this.thread.deadlines.set(this, this.thread.now + this.idleMs);
    if (side === this.downstream) this.exchange.bytesReceived += count;
    if (side === this.downstream) this.upstreamFedAt = this.thread.now;
    else this.downstreamFedAt = this.thread.now;
    const outlet = this.other(side).outlet;
    outlet.slice(bytes, 0, count);
    if (!outlet.flush()) side.transport.pause();
  }

  /** Whether nothing refers to the bytes that side received last. */
  flowing(side: TunnelSide): boolean {
    return this.over || !this.other(side).outlet.blocked;
  }

  /** What was written to that side has left. */
  drained(side: TunnelSide): void {
    this.other(side).transport.resume();
  }

  /** FIN from that side. */
  ended(side: TunnelSide): void {
    if (side === this.downstream) this.downstreamEnded = true;
    else this.upstreamEnded = true;
    if (this.over) return side.transport.destroySoon();
    this.other(side).transport.end();
    if ((this.downstreamEnded && this.upstreamEnded) || side.outlet.failed) this.finish();
  }

  /** That side takes nothing more. What it had sent before is still passed on; its end comes when that has been read. */
  writeFailed(side: TunnelSide): void {
    if (this.hasEnded(side)) this.finish();
    else this.drained(side);
  }

  /** That side's transport is gone. */
  closed(side: TunnelSide): void {
    const other = this.other(side);
    // A reset is passed on as one, unless bytes may still be on their way in the system, which it would take with it.
    if (!this.hasEnded(side) && !this.over && !this.fedLately(other)) other.transport.reset();
    this.finish();
    if (this.downstream.transport.destroyed && this.upstream.transport.destroyed) this.thread.deadlines.remove(this);
  }

  onDeadline(): void {
    if (!this.over) this.exchange.outcome = "tunnel_idle";
    this.finish();
    for (const { transport, outlet } of [this.downstream, this.upstream]) {
      // Closed, the system would keep for minutes what a peer that stands still has not taken.
      if (outlet.blocked) transport.reset();
      else transport.destroy();
    }
  }

  /**
   * The tunnel ends. What was written before still goes out, to a peer that takes it in time; what that peer still sends is read and
   * thrown away, for closing with bytes unread is a reset, which takes with it what the peer has not read (RFC 9112 section 9.6).
   */
  private finish(): void {
    if (this.over) return;
    this.over = true;
    this.thread.metrics.add(CounterId.tunnels_open, -1);
    for (const side of [this.downstream, this.upstream]) {
      if (side.transport.destroyed) continue;
      side.transport.end();
      if (this.hasEnded(side)) side.transport.destroySoon();
      else side.transport.resume();
    }
    this.thread.deadlines.set(this, this.thread.now + FLUSH_MS);
    this.exchange.tunnelEnded();
  }

  private fedLately(side: TunnelSide): boolean {
    const fedAt = side === this.downstream ? this.downstreamFedAt : this.upstreamFedAt;
    return side.outlet.blocked || this.thread.now - fedAt < ON_THEIR_WAY_MS;
  }

  private hasEnded(side: TunnelSide): boolean {
    return side === this.downstream ? this.downstreamEnded : this.upstreamEnded;
  }

  private other(side: TunnelSide): TunnelSide {
    return side === this.downstream ? this.upstream : this.downstream;
  }
}
