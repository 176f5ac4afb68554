/**
 * A timing wheel: all deadlines of a thread in one structure, instead of a timer per socket. Moving a deadline later, the common case,
 * costs one assignment: the deadline stays in its old slot and is filed again when that slot comes up.
 *
 * Callers give times in milliseconds of any monotonic clock. The wheel stores ticks, whole numbers counted from its construction,
 * because V8 allocates an object for every number with a fraction.
 */

/** Stands for "no deadline": later than any tick. */
const NEVER = 2 ** 31 - 1;

/** Whatever can have a deadline, one at a time. */
export abstract class Timed {
  /** Tick of the deadline; NEVER while none is set. */
  dueTick: number = NEVER;
  /** Tick of the slot in which this object is filed; -1 while it is in none. May be earlier than `dueTick`. */
  filedTick: number = -1;
  previous: Timed | null = null;
  next: Timed | null = null;

  /** The deadline has come. `Deadlines.advance` calls this, at most one tick late. */
  abstract onDeadline(): void;
}

const SLOTS = 512;

/** The wheel. `tickMs` is its precision; `now` in the constructor is the time on the caller's clock. */
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

  /** Whether the deadlines of this tick have fired. */
  hasPassed(tick: number): boolean {
    return tick <= this.currentTick;
  }

  /** Sets the deadline of `timed` to the time `at`, or moves it there. */
  set(timed: Timed, at: number): void {
    this.setTick(timed, this.tickOf(at));
  }

  /** As `set`, with a tick from `tickOf` instead of a time. */
  setTick(timed: Timed, wanted: number): void {
    const tick = Math.max(wanted, this.currentTick + 1);
    timed.dueTick = tick;
    if (timed.filedTick !== -1) {
      if (tick >= timed.filedTick) return;
      this.unfile(timed);
    }
    this.file(timed);
  }

  /** Clears the deadline. The object may stay in its slot until that comes up; `remove` takes it out at once. */
  cancel(timed: Timed): void {
    timed.dueTick = NEVER;
  }

  /** Clears the deadline and drops the wheel's reference to `timed`, which is about to go away. */
  remove(timed: Timed): void {
    timed.dueTick = NEVER;
    if (timed.filedTick !== -1) this.unfile(timed);
  }

  /** Whether the deadline of `timed` has passed at `now`, fired or not. */
  isOver(timed: Timed, now: number): boolean {
    return now - this.startedAt >= timed.dueTick * this.tickMs;
  }

  /** Fires every deadline that is due at `now`. To be called about every `tickMs`. */
  advance(now: number): void {
    const target = Math.floor((now - this.startedAt) / this.tickMs);
    // After a long stall one turn of the wheel is enough: it visits every slot.
    if (target - this.currentTick > SLOTS) this.currentTick = target - SLOTS;
    while (this.currentTick < target) {
      this.currentTick++;
      this.visit(this.currentTick % SLOTS);
    }
  }

  private visit(slot: number): void {
    // The slot is emptied before any handler runs, because a handler may set, move or remove any deadline, those of this slot included.
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
    // A deadline further away than one turn is filed in the last slot and filed again when that slot comes up.
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
