/** Span over which the rate of a request body is judged; the first one is its grace. */
export const SPAN_MS = 5000;

/**
 * Watches that a request body keeps coming: no pause longer than the idle limit, and a minimum rate over each span. Time in which the
 * proxy itself did not read (the origin was slow) never counts against the client.
 */
export class BodyPace {
  private spanStart: number = 0;
  private spanBytes: number = 0;
  private spanHeldUp: boolean = false;
  private lastProgressAt: number = 0;

  begin(now: number): void {
    this.lastProgressAt = now;
    this.startSpan(now, false);
  }

  /** Body bytes arrived. */
  add(bytes: number, now: number): void {
    this.spanBytes += bytes;
    this.lastProgressAt = now;
  }

  /** Something passed in the other direction. */
  flowed(now: number): void {
    this.lastProgressAt = now;
  }

  /** What is left of a time in which nothing passes, in milliseconds. */
  idleLeftMs(now: number, idleMs: number): number {
    return idleMs - (now - this.lastProgressAt);
  }

  /** The proxy reads again: a new span begins. */
  goesOn(now: number): void {
    this.begin(now);
  }

  /** Whether the body is too slow at `now`. `bytesPerSecond` 0: no minimum rate. `heldUp`: the proxy is not reading at the moment. */
  tooSlow(now: number, idleMs: number, bytesPerSecond: number, heldUp: boolean): boolean {
    const excused = heldUp || this.spanHeldUp;
    const spanOver = now - this.spanStart >= SPAN_MS;
    const slow = spanOver && this.spanBytes < (bytesPerSecond * SPAN_MS) / 1000;
    if (!excused && (slow || this.idleLeftMs(now, idleMs) <= 0)) return true;
    if (spanOver || excused) this.startSpan(now, heldUp);
    return false;
  }

  /** When to ask again, in milliseconds. */
  nextCheckMs(now: number, idleMs: number): number {
    return Math.max(1, Math.min(this.idleLeftMs(now, idleMs), SPAN_MS));
  }

  private startSpan(now: number, heldUp: boolean): void {
    this.spanStart = now;
    this.spanBytes = 0;
    this.spanHeldUp = heldUp;
  }
}
