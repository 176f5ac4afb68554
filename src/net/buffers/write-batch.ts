/**
 * Small writes of one turn of the event loop wait for its end and go to the kernel one behind the other, requests before responses.
 * A peer on the same machine is then woken once for many messages instead of for each, and the kernel's writing code stays in the
 * processor's caches. Where turns bring little there is nothing to gain, and most writes do not wait (docs/performance.md).
 */

/** What waits: an outlet with text for its connection. */
export interface Waiting {
  /** Writes it, unless that was done meanwhile. */
  endWait(): void;
}

/** With as many the batch is written at the next event, before the turn ends: nobody waits for a thousand others. */
const WRITES_MAX = 128;
/** A turn of fewer is not worth being told its end ... */
const WORTHWHILE = 4;
/** ... and after it so many writes do not wait. */
const PASSED_OVER = 16;

export class WriteBatch {
  /** The lists keep their length: emptied, they would be given memory again in every turn. */
  private readonly requests: (Waiting | null)[] = [];
  private readonly responses: (Waiting | null)[] = [];
  private requestCount: number = 0;
  private responseCount: number = 0;
  private readonly atTurnEnd: (then: () => void) => void;
  private readonly endTurn: () => void = () => this.onTurnEnd();
  private writesOfTurn: number = 0;
  private passOver: number = 0;
  /** Writes wait for the end of this turn. */
  turnIsBusy: boolean = false;
  private flushing: boolean = false;

  /** @param atTurnEnd calls what it is given once, after the events of the current turn */
  constructor(atTurnEnd: (then: () => void) => void) {
    this.atTurnEnd = atTurnEnd;
  }

  /** False: to be written now. */
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

  /** Never from within an event of a connection: what fails or blocks calls back. */
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

/** In their order; the list refers to none of them afterwards. */
function write(list: (Waiting | null)[], count: number): void {
  for (let index = 0; index < count; index++) {
    const outlet = list[index];
    list[index] = null;
    outlet?.endWait();
  }
}
