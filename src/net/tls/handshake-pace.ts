/**
 * Spreads the handshakes of a thread over the turns of its event loop. The first step of a handshake costs as much time as several requests; when hundreds of
 * clients come at once, the requests of established connections would wait for all of them.
 */

/** How many handshakes begin in one turn: about a third of a millisecond of work. */
const PER_TURN = 1;

export class HandshakePace {
  private begun: number = 0;
  private readonly waiting: Set<() => void> = new Set();
  private isPlanned: boolean = false;
  private readonly atTurnEnd: (then: () => void) => void;

  constructor(atTurnEnd: (then: () => void) => void) {
    this.atTurnEnd = atTurnEnd;
  }

  /** Calls `begin` now or in a later turn. The returned function gives up the place. */
  take(begin: () => void): () => void {
    this.plan();
    if (this.begun < PER_TURN && this.waiting.size === 0) {
      this.begun++;
      begin();
      return () => {};
    }
    this.waiting.add(begin);
    return () => void this.waiting.delete(begin);
  }

  private plan(): void {
    if (this.isPlanned) return;
    this.isPlanned = true;
    this.atTurnEnd(() => this.nextTurn());
  }

  private nextTurn(): void {
    this.isPlanned = false;
    this.begun = 0;
    if (this.waiting.size > 0) this.plan();
    for (const begin of this.waiting) {
      if (this.begun === PER_TURN) return;
      this.waiting.delete(begin);
      this.begun++;
      begin();
    }
  }
}
