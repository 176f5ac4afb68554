/**
 * One coarse timing wheel for all deadlines of a thread instead of a timer per socket. A deadline that moves later, the common case,
 * costs one assignment: it is re-filed only when its old slot comes up. Times are milliseconds of any monotonic clock.
 */
export interface DeadlineOwner {
  /** The time has come. Called from `advance`, at most one tick late. */
  onDeadline(deadline: Deadline): void;
}

export class Deadline {
  readonly owner: DeadlineOwner;
  /** When it is due; Infinity while unset. */
  at: number = Infinity;
  /** Tick of the slot that it is filed in, or -1. */
  filedTick: number = -1;
  previous: Deadline | null = null;
  next: Deadline | null = null;

  constructor(owner: DeadlineOwner) {
    this.owner = owner;
  }
}

const SLOTS = 512;

export class Deadlines {
  readonly tickMs: number;
  private readonly slots: (Deadline | null)[] = Array.from({ length: SLOTS }, () => null);
  private readonly batch: Deadline[] = [];
  private currentTick: number;

  constructor(tickMs: number, now: number) {
    this.tickMs = tickMs;
    this.currentTick = Math.floor(now / tickMs);
  }

  /** Sets or moves a deadline to the time `at`. */
  set(deadline: Deadline, at: number): void {
    deadline.at = at;
    const tick = Math.max(Math.ceil(at / this.tickMs), this.currentTick + 1);
    if (deadline.filedTick !== -1) {
      if (tick >= deadline.filedTick) return;
      this.unfile(deadline);
    }
    this.file(deadline, tick);
  }

  /** It will not come due. It may stay filed until its slot comes up. */
  cancel(deadline: Deadline): void {
    deadline.at = Infinity;
  }

  /** Takes it out of the wheel for good: its owner goes away. */
  remove(deadline: Deadline): void {
    deadline.at = Infinity;
    if (deadline.filedTick !== -1) this.unfile(deadline);
  }

  /** Fires what is due at `now`. Call it about every `tickMs`. */
  advance(now: number): void {
    const target = Math.floor(now / this.tickMs);
    // After a long stall one turn of the wheel visits every slot.
    if (target - this.currentTick > SLOTS) this.currentTick = target - SLOTS;
    while (this.currentTick < target) {
      this.currentTick++;
      this.visit(this.currentTick % SLOTS, now);
    }
  }

  private visit(slot: number, now: number): void {
    // Taken off whole before any handler runs: a handler may set, move or remove any deadline, those of this slot included.
    const batch = this.batch;
    for (let each = this.slots[slot] ?? null; each !== null;) {
      const next: Deadline | null = each.next;
      each.filedTick = -1;
      each.previous = null;
      each.next = null;
      batch.push(each);
      each = next;
    }
    this.slots[slot] = null;
    for (const each of batch) {
      if (each.filedTick !== -1 || each.at === Infinity) continue;
      if (each.at <= now) {
        each.at = Infinity;
        each.owner.onDeadline(each);
      } else {
        this.file(each, Math.max(Math.ceil(each.at / this.tickMs), this.currentTick + 1));
      }
    }
    batch.length = 0;
  }

  private file(deadline: Deadline, tick: number): void {
    // Beyond one turn it is filed at the wheel's far end and looked at again there.
    const filed = Math.min(tick, this.currentTick + SLOTS - 1);
    const slot = filed % SLOTS;
    const first = this.slots[slot] ?? null;
    deadline.filedTick = filed;
    deadline.previous = null;
    deadline.next = first;
    if (first !== null) first.previous = deadline;
    this.slots[slot] = deadline;
  }

  private unfile(deadline: Deadline): void {
    if (deadline.previous !== null) deadline.previous.next = deadline.next;
    else this.slots[deadline.filedTick % SLOTS] = deadline.next;
    if (deadline.next !== null) deadline.next.previous = deadline.previous;
    deadline.next = null;
    deadline.previous = null;
    deadline.filedTick = -1;
  }
}
