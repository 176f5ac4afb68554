/**
 * A tunnel between a client's connection and an endpoint's, after the origin has switched protocols (RFC 9110 section 7.8). It passes all bytes
 * on in both directions, with back-pressure. A FIN is passed on as a FIN; a reset ends both connections. A tunnel has an idle limit of its own.
 * A tunnel has one state and one deadline; tunnel-state.ts shows both.
 */
import type { Buffer } from "node:buffer";
import { Timed } from "../base/deadlines.ts";
import type { Exchange } from "../proxy/exchange/exchange.ts";
import type { ByteDuplex, TunnelEvents } from "../proxy/ports/tunnel.ts";
import type { UpstreamStream } from "../proxy/ports/upstream-stream.ts";
import { CounterId } from "../shared/metric-table.ts";
import type { ConnectionThread } from "./connection-thread.ts";
import { Deadline, State } from "./tunnel-state.ts";

/** How long bytes that were handed to the system may take to arrive. */
const ON_THEIR_WAY_MS = 1000;

/** Time for the last bytes to leave, once the tunnel has ended. */
const FLUSH_MS = 10_000;

export class Tunnel extends Timed implements TunnelEvents {
  private readonly thread: ConnectionThread;
  private readonly exchange: Exchange;
  readonly downstream: ByteDuplex;
  private readonly upstream: ByteDuplex;
  private readonly idleMs: number;
  state: State = State.open;
  /** What the deadline is for. `setDeadline` sets it together with its time. */
  private deadline: Deadline = Deadline.idle;
  /** When bytes were last passed on to each side, in monotonic milliseconds. */
  private downstreamFedAt: number = -Infinity;
  private upstreamFedAt: number = -Infinity;

  constructor(thread: ConnectionThread, exchange: Exchange, downstream: ByteDuplex, upstream: UpstreamStream, idleMs: number) {
    super();
    this.thread = thread;
    this.exchange = exchange;
    this.downstream = downstream;
    this.upstream = upstream.enterTunnel(this);
    this.idleMs = idleMs;
    this.setDeadline(Deadline.idle, idleMs);
    thread.metrics.add(CounterId.tunnels_open, 1);
    thread.metrics.add(CounterId.tunnels_opened, 1);
  }

  /** The only place that changes the state. */
  enter(state: State): void {
    this.state = state;
  }

  /** `bytes[0, count)` arrived from `side`. */
  received(side: ByteDuplex, bytes: Buffer, count: number): void {
    if (this.state === State.ending) return;
    this.setDeadline(Deadline.idle, this.idleMs);
    if (side === this.downstream) this.exchange.bytesReceived += count;
    if (side === this.downstream) this.upstreamFedAt = this.thread.now;
    else this.downstreamFedAt = this.thread.now;
    if (!this.other(side).write(bytes, 0, count)) side.pause();
  }

  /** Whether the bytes that `side` received last are written, so that their buffer may be used again. */
  flowing(side: ByteDuplex): boolean {
    return this.state === State.ending || !this.other(side).isBlocked;
  }

  /** Everything written to `side` has been sent: the other side is read again. */
  unblocked(side: ByteDuplex): void {
    this.other(side).resume();
  }

  /** `side` has sent its FIN. */
  ended(side: ByteDuplex): void {
    if (this.state === State.ending) return side.closeSoon();
    if (this.state === State.open) this.enter(side === this.downstream ? State.downstreamEnded : State.upstreamEnded);
    else if (!this.hasEnded(side)) this.enter(State.bothEnded);
    this.other(side).end();
    if (this.state === State.bothEnded || side.hasFailed) this.finish();
  }

  /** A write to `side` has failed. What it sent before is still read and passed on; its end follows. */
  writeFailed(side: ByteDuplex): void {
    if (this.state === State.ending) return;
    if (this.hasEnded(side)) this.finish();
    else this.unblocked(side);
  }

  /** The transport of `side` is closed. */
  closed(side: ByteDuplex): void {
    const other = this.other(side);
    // A reset is passed on as a reset, unless bytes may still be on their way to the other side: a reset would destroy them.
    if (this.state !== State.ending && !this.hasEnded(side) && !this.wasFedRecently(other)) other.reset();
    this.finish();
    if (this.downstream.isGone && this.upstream.isGone) this.thread.deadlines.remove(this);
  }

  onDeadline(): void {
    if (this.deadline === Deadline.idle) {
      this.exchange.outcome = "tunnel_idle";
      this.finish();
    }
    for (const side of [this.downstream, this.upstream]) {
      // After an orderly close the system would keep unsent bytes for minutes if the peer takes nothing.
      if (side.isBlocked) side.reset();
      else side.close();
    }
  }

  /**
   * Ends the tunnel. Bytes written before are still sent, to a peer that takes them in time. What the peer still sends is read and thrown away:
   * closing with unread bytes would cause a reset, which destroys what the peer has not read yet (RFC 9112 section 9.6).
   */
  private finish(): void {
    const before = this.state;
    if (before === State.ending) return;
    this.enter(State.ending);
    this.thread.metrics.add(CounterId.tunnels_open, -1);
    for (const side of [this.downstream, this.upstream]) {
      if (side.isGone) continue;
      side.end();
      if (this.hasEnded(side, before)) side.closeSoon();
      else side.resume();
    }
    this.setDeadline(Deadline.flush, FLUSH_MS);
    this.exchange.tunnelEnded();
  }

  /** Whether bytes may still be on their way to `side`. */
  private wasFedRecently(side: ByteDuplex): boolean {
    const fedAt = side === this.downstream ? this.downstreamFedAt : this.upstreamFedAt;
    return side.isBlocked || this.thread.now - fedAt < ON_THEIR_WAY_MS;
  }

  /** Whether `side` has sent its FIN, in a state before `ending`. */
  private hasEnded(side: ByteDuplex, state: State = this.state): boolean {
    return state === State.bothEnded || state === (side === this.downstream ? State.downstreamEnded : State.upstreamEnded);
  }

  private setDeadline(deadline: Deadline, inMs: number): void {
    this.deadline = deadline;
    this.thread.deadlines.set(this, this.thread.now + inMs);
  }

  private other(side: ByteDuplex): ByteDuplex {
    return side === this.downstream ? this.upstream : this.downstream;
  }
}
