/**
 * Delays small writes to the end of the event loop's turn, and then makes all of them one after the other, requests before responses. So a
 * peer on the same machine is woken once for many messages, and the kernel's code for writing stays in the processor's caches. When turns
 * have only few writes there is nothing to gain, and most writes are made at once (docs/performance.md).
 */

/** What waits in a batch: an outlet with text for its connection. */
export interface Waiting {
  /** Writes the text, unless it was written meanwhile. */
  endWait(): void;
}

/** A batch of this size is written at the next event, before the turn ends, so that no peer waits for a thousand others. */
const WRITES_MAX = 128;
/**
 * After a turn with fewer writes than this, the next `PASSED_OVER` writes do not wait: for few writes, the call at the turn's end costs more
 * than it gains.
 */
const WORTHWHILE = 4;
/** See `WORTHWHILE`. */
const PASSED_OVER = 16;

export class WriteBatch {
  /**
   * The arrays keep their length from turn to turn, so that they are not allocated again. `requestCount` and `responseCount` say how much
   * is used.
   */
  private readonly requests: (Waiting | null)[] = [];
  private readonly responses: (Waiting | null)[] = [];
  private requestCount: number = 0;
  private responseCount: number = 0;
  private readonly atTurnEnd: (then: () => void) => void;
  private readonly endTurn: () => void = () => this.onTurnEnd();
  private writesOfTurn: number = 0;
  /** How many further writes do not wait. */
  private passOver: number = 0;
  /** At least one write waits, or has waited, for the end of this turn. */
  turnIsBusy: boolean = false;
  private flushing: boolean = false;

  /** @param atTurnEnd calls its argument once, after the events of the current turn */
  constructor(atTurnEnd: (then: () => void) => void) {
    this.atTurnEnd = atTurnEnd;
  }

  /** Adds an outlet to the batch. Returns false if the outlet should write at once. */
  keep(outlet: Waiting, isRequest: boolean): boolean {
    if (this.flushing) return false;
    if (this.passOver > 0) {
      this.passOver--;
      return false;
    }
    if (!this.turnIsBusy) {
      this.turnIsBusy = true;
      this.atTurnEnd(this.endTurn);
    }
    this.writesOfTurn++;
    if (isRequest) this.requests[this.requestCount++] = outlet;
    else this.responses[this.responseCount++] = outlet;
    return true;
  }

  get isFull(): boolean {
    return this.requestCount + this.responseCount >= WRITES_MAX;
  }

  /** Writes the batch. Never call it within an event of a connection, because failed and unfinished writes call the connections' owners. */
  flush(): void {
    this.flushing = true;
    write(this.requests, this.requestCount);
    write(this.responses, this.responseCount);
    this.requestCount = 0;
    this.responseCount = 0;
    this.flushing = false;
  }

  private onTurnEnd(): void {
    this.turnIsBusy = false;
    if (this.writesOfTurn < WORTHWHILE) this.passOver = PASSED_OVER;
    this.writesOfTurn = 0;
    this.flush();
  }
}

/** Writes the first `count` outlets in order, and removes them from the list. */
function write(list: (Waiting | null)[], count: number): void {
  for (let index = 0; index < count; index++) {
    const outlet = list[index];
    list[index] = null;
    outlet?.endWait();
  }
}
