/**
 * One coarse timing wheel for all deadlines of a thread instead of a timer per socket. A deadline that moves later, the common case,
 * costs one assignment: it is re-filed only when its old slot comes up. Times are milliseconds of any monotonic clock; what is kept are
 * ticks, whole numbers since the wheel was made, for V8 keeps every fraction in an object of its own.
 */

/** Far from any tick. */
const NEVER = 2 ** 31 - 1;

/** What a deadline can be set for, one at a time. */
export abstract class Timed {
  /** Tick at which it is due; NEVER while none is set. */
  dueTick: number = NEVER;
  /** Tick of the slot that it is filed in, or -1. */
  filedTick: number = -1;
  previous: Timed | null = null;
  next: Timed | null = null;

  /** The time has come. Called from `advance`, at most one tick late. */
  abstract onDeadline(): void;
}

const SLOTS = 512;

export class Deadlines {
  private readonly tickMs: number;
  private readonly startedAt: number;
  private readonly slots: (Timed | null)[] = Array.from({ length: SLOTS }, () => null);
  private readonly batch: Timed[] = [];
  private currentTick: number = 0;

  constructor(tickMs: number, now: number) {
    this.tickMs = tickMs;
    this.startedAt = now;
  }

  /** The first tick that is not before the time `at`. */
  tickOf(at: number): number {
    return Math.ceil((at - this.startedAt) / this.tickMs);
  }

  /** How many ticks take at least `ms` milliseconds. */
  ticksIn(ms: number): number {
    return Math.ceil(ms / this.tickMs);
  }

  /** Whether what was due in that tick has been told so. */
  hasPassed(tick: number): boolean {
    return tick <= this.currentTick;
  }

  /** Sets or moves its deadline to the time `at`. */
  set(timed: Timed, at: number): void {
    this.setTick(timed, this.tickOf(at));
  }

  /** The same with a tick. */
  setTick(timed: Timed, wanted: number): void {
    const tick = Math.max(wanted, this.currentTick + 1);
    timed.dueTick = tick;
    if (timed.filedTick !== -1) {
      if (tick >= timed.filedTick) return;
      this.unfile(timed);
    }
    this.file(timed);
  }

  /** It will not come due. It may stay filed until its slot comes up. */
  cancel(timed: Timed): void {
    timed.dueTick = NEVER;
  }

  /** Takes it out of the wheel for good: it goes away. */
  remove(timed: Timed): void {
    timed.dueTick = NEVER;
    if (timed.filedTick !== -1) this.unfile(timed);
  }

  /** Whether its deadline has passed at `now`, fired or not. */
  isOver(timed: Timed, now: number): boolean {
    return now - this.startedAt >= timed.dueTick * this.tickMs;
  }

  /** Fires what is due at `now`. Call it about every `tickMs`. */
  advance(now: number): void {
    const target = Math.floor((now - this.startedAt) / this.tickMs);
    // After a long stall one turn of the wheel visits every slot.
    if (target - this.currentTick > SLOTS) this.currentTick = target - SLOTS;
    while (this.currentTick < target) {
      this.currentTick++;
      this.visit(this.currentTick % SLOTS);
    }
  }

  private visit(slot: number): void {
    // Taken off whole before any handler runs: a handler may set, move or remove any deadline, those of this slot included.
    const batch = this.batch;
    for (let each = this.slots[slot] ?? null; each !== null;) {
      const next: Timed | null = each.next;
      each.filedTick = -1;
      each.previous = null;
      each.next = null;
      batch.push(each);
      each = next;
    }
    this.slots[slot] = null;
    for (const each of batch) {
      if (each.filedTick !== -1 || each.dueTick === NEVER) continue;
      if (each.dueTick <= this.currentTick) {
        each.dueTick = NEVER;
        each.onDeadline();
      } else this.file(each);
    }
    batch.length = 0;
  }

  private file(timed: Timed): void {
    // Beyond one turn it is filed at the wheel's far end and looked at again there.
    const filed = Math.min(timed.dueTick, this.currentTick + SLOTS - 1);
    const slot = filed % SLOTS;
    const first = this.slots[slot] ?? null;
    timed.filedTick = filed;
    timed.previous = null;
    timed.next = first;
    if (first !== null) first.previous = timed;
    this.slots[slot] = timed;
  }

  private unfile(timed: Timed): void {
    if (timed.previous !== null) timed.previous.next = timed.next;
    else this.slots[timed.filedTick % SLOTS] = timed.next;
    if (timed.next !== null) timed.next.previous = timed.previous;
    timed.next = null;
    timed.previous = null;
    timed.filedTick = -1;
  }
}
