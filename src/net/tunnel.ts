/**
 * Two connections that pass bytes on to each other once the origin has switched protocols (RFC 9110 section 7.8): everything in both
 * directions, byte for byte, with back-pressure; a FIN is passed on as a FIN, a reset ends both; an idle limit of its own.
 */
import type { Buffer } from "node:buffer";
import { Timed } from "../base/deadlines.ts";
import type { Exchange } from "../proxy/exchange/exchange.ts";
import type { ByteDuplex, TunnelEvents } from "../proxy/ports/tunnel.ts";
import type { UpstreamStream } from "../proxy/ports/upstream-stream.ts";
import { CounterId } from "../shared/metric-table.ts";
import type { ConnectionThread } from "./connection-thread.ts";

/** How long bytes that the system has taken may take to arrive. */
const ON_THEIR_WAY_MS = 1000;

/** Time for the last bytes to leave, once the tunnel has ended. */
const FLUSH_MS = 10_000;

export class Tunnel extends Timed implements TunnelEvents {
  private readonly thread: ConnectionThread;
  private readonly exchange: Exchange;
  readonly downstream: ByteDuplex;
  private readonly upstream: ByteDuplex;
  private readonly idleMs: number;
  private downstreamEnded: boolean = false;
  private upstreamEnded: boolean = false;
  /** When bytes were last passed on to that side. */
  private downstreamFedAt: number = -Infinity;
  private upstreamFedAt: number = -Infinity;
  private over: boolean = false;

  constructor(thread: ConnectionThread, exchange: Exchange, downstream: ByteDuplex, upstream: UpstreamStream, idleMs: number) {
    super();
    this.thread = thread;
    this.exchange = exchange;
    this.downstream = downstream;
    this.upstream = upstream.enterTunnel(this);
    this.idleMs = idleMs;
    thread.deadlines.set(this, thread.now + idleMs);
    thread.metrics.add(CounterId.tunnels_open, 1);
    thread.metrics.add(CounterId.tunnels_opened, 1);
  }

  /** `bytes[0, count)` arrived at that side. */
  received(side: ByteDuplex, bytes: Buffer, count: number): void {
    if (this.over) return;
    this.thread.deadlines.set(this, this.thread.now + this.idleMs);
    if (side === this.downstream) this.exchange.bytesReceived += count;
    if (side === this.downstream) this.upstreamFedAt = this.thread.now;
    else this.downstreamFedAt = this.thread.now;
    if (!this.other(side).write(bytes, 0, count)) side.pause();
  }

  /** Whether nothing refers to the bytes that side received last. */
  flowing(side: ByteDuplex): boolean {
    return this.over || !this.other(side).isBlocked;
  }

  /** What was written to that side has left. */
  unblocked(side: ByteDuplex): void {
    this.other(side).resume();
  }

  /** FIN from that side. */
  ended(side: ByteDuplex): void {
    if (side === this.downstream) this.downstreamEnded = true;
    else this.upstreamEnded = true;
    if (this.over) return side.closeSoon();
    this.other(side).end();
    if ((this.downstreamEnded && this.upstreamEnded) || side.hasFailed) this.finish();
  }

  /** That side takes nothing more. What it had sent before is still passed on; its end comes when that has been read. */
  writeFailed(side: ByteDuplex): void {
    if (this.hasEnded(side)) this.finish();
    else this.unblocked(side);
  }

  /** That side's transport is gone. */
  closed(side: ByteDuplex): void {
    const other = this.other(side);
    // A reset is passed on as one, unless bytes may still be on their way in the system, which it would take with it.
    if (!this.hasEnded(side) && !this.over && !this.fedLately(other)) other.reset();
    this.finish();
    if (this.downstream.isGone && this.upstream.isGone) this.thread.deadlines.remove(this);
  }

  onDeadline(): void {
    if (!this.over) this.exchange.outcome = "tunnel_idle";
    this.finish();
    for (const side of [this.downstream, this.upstream]) {
      // Closed, the system would keep for minutes what a peer that stands still has not taken.
      if (side.isBlocked) side.reset();
      else side.close();
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
      if (side.isGone) continue;
      side.end();
      if (this.hasEnded(side)) side.closeSoon();
      else side.resume();
    }
    this.thread.deadlines.set(this, this.thread.now + FLUSH_MS);
    this.exchange.tunnelEnded();
  }

  private fedLately(side: ByteDuplex): boolean {
    const fedAt = side === this.downstream ? this.downstreamFedAt : this.upstreamFedAt;
    return side.isBlocked || this.thread.now - fedAt < ON_THEIR_WAY_MS;
  }

  private hasEnded(side: ByteDuplex): boolean {
    return side === this.downstream ? this.downstreamEnded : this.upstreamEnded;
  }

  private other(side: ByteDuplex): ByteDuplex {
    return side === this.downstream ? this.upstream : this.downstream;
  }
}
