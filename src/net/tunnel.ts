/**
 * Two connections that pass bytes on to each other once the origin has switched protocols (RFC 9110 section 7.8): everything in both
 * directions, byte for byte, with back-pressure; a FIN is passed on as a FIN, a reset ends both; an idle limit of its own.
 */
import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { Deadline } from "../base/deadlines.ts";
import type { DeadlineOwner } from "../base/deadlines.ts";
import type { Exchange } from "../proxy/exchange.ts";
import { CounterId } from "../shared/metric-table.ts";
import type { Outlet } from "./outlet.ts";
import type { Thread } from "./thread.ts";

export interface TunnelSide {
  readonly socket: Socket;
  readonly outlet: Outlet;
}

/** Time for the last bytes to leave, once both sides have ended. */
const FLUSH_MS = 10_000;

export class Tunnel implements DeadlineOwner {
  private readonly thread: Thread;
  private readonly exchange: Exchange;
  private readonly downstream: TunnelSide;
  private readonly upstream: TunnelSide;
  private readonly idleMs: number;
  private readonly deadline: Deadline;
  private downstreamEnded: boolean = false;
  private upstreamEnded: boolean = false;
  private over: boolean = false;

  constructor(thread: Thread, exchange: Exchange, downstream: TunnelSide, upstream: TunnelSide, idleMs: number) {
    this.thread = thread;
    this.exchange = exchange;
    this.downstream = downstream;
    this.upstream = upstream;
    this.idleMs = idleMs;
    this.deadline = new Deadline(this);
    thread.deadlines.set(this.deadline, thread.now + idleMs);
    thread.metrics.add(CounterId.tunnels_open, 1);
    thread.metrics.add(CounterId.tunnels_opened, 1);
  }

  /** `bytes[0, count)` arrived at that side. */
  received(side: TunnelSide, bytes: Buffer, count: number): void {
    this.thread.deadlines.set(this.deadline, this.thread.now + this.idleMs);
    if (side === this.downstream) this.exchange.bytesReceived += count;
    const outlet = this.other(side).outlet;
    outlet.slice(bytes, 0, count);
    if (!outlet.flush()) side.socket.pause();
  }

  /** Whether nothing refers to the bytes that side received last. */
  flowing(side: TunnelSide): boolean {
    return !this.other(side).outlet.blocked;
  }

  /** What was written to that side has left. */
  drained(side: TunnelSide): void {
    const source = this.other(side).socket;
    if (!source.destroyed) source.resume();
  }

  /** FIN from that side. */
  ended(side: TunnelSide): void {
    if (side === this.downstream) this.downstreamEnded = true;
    else this.upstreamEnded = true;
    this.other(side).socket.end();
    if (this.downstreamEnded && this.upstreamEnded) this.finish(false);
  }

  /** That side's socket is gone. */
  closed(side: TunnelSide): void {
    const ended = side === this.downstream ? this.downstreamEnded : this.upstreamEnded;
    this.finish(!ended);
    if (this.downstream.socket.destroyed && this.upstream.socket.destroyed) this.thread.deadlines.remove(this.deadline);
  }

  onDeadline(): void {
    if (!this.over) this.exchange.outcome = "tunnel_idle";
    this.finish(true);
    for (const { socket } of [this.downstream, this.upstream]) socket.destroy();
  }

  private finish(abruptly: boolean): void {
    if (this.over) return;
    this.over = true;
    this.thread.deadlines.remove(this.deadline);
    this.thread.metrics.add(CounterId.tunnels_open, -1);
    for (const { socket } of [this.downstream, this.upstream]) {
      if (socket.destroyed) continue;
      if (abruptly) socket.destroy();
      // What was written before the end still goes out, to a peer that takes it.
      else socket.destroySoon();
    }
    if (!abruptly) this.thread.deadlines.set(this.deadline, this.thread.now + FLUSH_MS);
    this.exchange.tunnelEnded();
  }

  private other(side: TunnelSide): TunnelSide {
    return side === this.downstream ? this.upstream : this.downstream;
  }
}
