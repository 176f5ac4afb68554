/** The rate of a request body is measured over spans of this length. A body is never too slow before its first span is over. */
export const SPAN_MS = 5000;

/**
 * Decides whether a request body comes too slowly: after a pause longer than the idle limit, or below a minimum rate over one span. Time in
 * which the proxy itself did not read (because the origin was slow) never counts against the client. All times are monotonic milliseconds.
 */
export class BodyPace {
  private spanStart: number = 0;
  private spanBytes: number = 0;
  private spanHeldUp: boolean = false;
  private lastProgressAt: number = 0;

  /** The body begins. */
  begin(now: number): void {
    this.lastProgressAt = now;
    this.startSpan(now, false);
  }

  /** Body bytes arrived. */
  add(bytes: number, now: number): void {
    this.spanBytes += bytes;
    this.lastProgressAt = now;
  }

  /** Bytes of the response were written: this ends a pause, but does not count for the rate. */
  flowed(now: number): void {
    this.lastProgressAt = now;
  }

  /** Milliseconds until the connection has been without any byte for `idleMs`; 0 or less once it has. */
  idleLeftMs(now: number, idleMs: number): number {
    return idleMs - (now - this.lastProgressAt);
  }

  /** The proxy reads the client again after a pause: a new span begins. */
  goesOn(now: number): void {
    this.begin(now);
  }

  /**
   * Whether the body is too slow at `now`.
   * @param bytesPerSecond the minimum rate; 0 for none
   * @param heldUp whether the client is excused at the moment, for example because the proxy is not reading
   */
  tooSlow(now: number, idleMs: number, bytesPerSecond: number, heldUp: boolean): boolean {
    const excused = heldUp || this.spanHeldUp;
    const spanOver = now - this.spanStart >= SPAN_MS;
    const slow = spanOver && this.spanBytes < (bytesPerSecond * SPAN_MS) / 1000;
    if (!excused && (slow || this.idleLeftMs(now, idleMs) <= 0)) return true;
    if (spanOver || excused) this.startSpan(now, heldUp);
    return false;
  }

  /** Milliseconds after which to call `tooSlow` again. */
  nextCheckMs(now: number, idleMs: number): number {
    return Math.max(1, Math.min(this.idleLeftMs(now, idleMs), SPAN_MS));
  }

  private startSpan(now: number, heldUp: boolean): void {
    this.spanStart = now;
    this.spanBytes = 0;
    this.spanHeldUp = heldUp;
  }
}
