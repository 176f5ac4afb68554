/**
 * Leases: a thread takes what a key has in blocks, so that most requests need not wait for the store. A block is good for a time (`leaseMs`) after it was asked for; what is
 * left of it then goes back. A block is half of what was used in such a time lately, so a client that seldom comes keeps nothing from the other threads, and little goes back.
 *
 * However many threads have blocks, that bounds what passes after a time of silence, in which all of them went back: whatever is used from then on was taken from the store
 * at most `leaseMs` before, and the store gives out, less what goes back, no more than the limit allows. So a client gets at most what comes back in `leaseMs` above its limit, and
 * `leaseMs` is 5 % of the time in which a whole burst comes back. In the long run it gets its rate and no more.
 */
import { emissionIntervalUs } from "../policy/rate-limit/gcra.ts";
import type { SharedLimit, StoreAnswer } from "../proxy/feature/shared-store.ts";
import type { StoreClock } from "./store-connection.ts";

/** Part of the time in which a burst comes back. */
const EXCESS = 0.05;
/** What nobody uses goes back after that time at the latest. */
const FOR_MS_MAX = 1000;
/** How often is looked for blocks whose time is over. */
const SWEEP_MS = 50;
/** What was not given back so long after its time is lost: the store does not remember for longer how much was there. */
const LATE_MS = 100;
/** Keys of which a thread has blocks. Further ones are asked for each time. */
const KEYS_MAX = 10_000;

/** What leases need of the store's client. */
export interface LeaseSource {
  take(
    name: string,
    limit: SharedLimit,
    cost: number,
    least: number,
    late: (answer: StoreAnswer) => void,
  ): Promise<StoreAnswer | null> | null;
  settle(name: string, limit: SharedLimit, count: number): void;
}

interface Block {
  left: number;
  readonly askedMs: number;
  readonly untilMs: number;
}

interface Key {
  readonly limit: SharedLimit;
  block: Block | null;
  /** Asked for while `block` was in use, and used after it. */
  next: Block | null;
  isAsking: boolean;
  /** How much was used since then, and in the time of a block before. */
  used: number;
  usedBefore: number;
  sinceMs: number;
  /** Until then nobody asks for `refusedCost` or more: it was refused, and cannot have come back. */
  refusedUntilMs: number;
  refusedCost: number;
  /** When all of it is there again, as the refusal has said. */
  fullAtMs: number;
}

export class Leases {
  private readonly source: LeaseSource;
  private readonly clock: StoreClock;
  private readonly keys: Map<string, Key> = new Map();
  private cancelSweep: (() => void) | null = null;

  constructor(source: LeaseSource, clock: StoreClock) {
    this.source = source;
    this.clock = clock;
  }

  /**
   * As `SharedStore.take`.
   * @param size the greatest block
   */
  take(name: string, limit: SharedLimit, cost: number, size: number): StoreAnswer | Promise<StoreAnswer | null> | null {
    const now = this.clock.now();
    const key = this.keyOf(name, limit);
    if (key === null) return this.source.take(name, limit, cost, cost, () => {});
    this.dropOld(name, key, now);
    noteUse(key, cost, now);
    const { block } = key;
    if (block !== null && block.left >= cost) {
      block.left -= cost;
      // Before the block is used up, so that nobody waits for the next one.
      const wanted = sizeFor(key, size);
      if (4 * block.left <= wanted && key.next === null && !key.isAsking && now >= key.refusedUntilMs) void this.ask(name, key, 0, wanted);
      return { taken: cost, resetMs: null };
    }
    if (now < key.refusedUntilMs && cost >= key.refusedCost) return { taken: 0, resetMs: Math.max(0, key.fullAtMs - now) };
    // Whoever comes while a block is on its way does not wait for it, because it may not be enough for all.
    return this.ask(name, key, cost, key.isAsking ? cost : Math.max(cost, sizeFor(key, size)));
  }

  /** Gives back what is left of all blocks. */
  end(): void {
    this.cancelSweep?.();
    this.cancelSweep = null;
    for (const [name, key] of this.keys) this.giveBackAll(name, key);
    this.keys.clear();
  }

  private keyOf(name: string, limit: SharedLimit): Key | null {
    const known = this.keys.get(name);
    // A reload, or a role of the client, has changed its limit.
    if (known !== undefined && isSame(known.limit, limit)) return known;
    if (known !== undefined) this.giveBackAll(name, known);
    else if (this.keys.size >= KEYS_MAX) return null;
    const key: Key = {
      limit,
      block: null,
      next: null,
      isAsking: false,
      used: 0,
      usedBefore: 0,
      sinceMs: 0,
      refusedUntilMs: 0,
      refusedCost: 0,
      fullAtMs: 0,
    };
    this.keys.set(name, key);
    this.cancelSweep ??= this.clock.after(SWEEP_MS, () => this.sweep());
    return key;
  }

  /** @param cost of the request that waits; 0: none does */
  private ask(name: string, key: Key, cost: number, wanted: number): Promise<StoreAnswer | null> | null {
    const { limit } = key;
    const askedMs = this.clock.now();
    const isBlock = wanted > cost;
    const late = ({ taken }: StoreAnswer): void => this.giveBack(name, key, taken - cost, askedMs);
    const asked = this.source.take(name, limit, wanted, Math.max(1, cost), late);
    if (asked === null) return null;
    if (isBlock) key.isAsking = true;
    return asked.then((answer) => {
      if (isBlock) key.isAsking = false;
      if (answer === null) return null;
      const { taken, resetMs } = answer;
      if (taken === 0) {
        this.refused(key, Math.max(1, cost), resetMs ?? 0);
        // What is left may have come with the block that was on its way.
        this.dropOld(name, key, this.clock.now());
        if (cost > 0 && key.block !== null && key.block.left >= cost) {
          key.block.left -= cost;
          return { taken: cost, resetMs: null };
        }
      } else this.keep(name, key, { left: taken - cost, askedMs, untilMs: askedMs + leaseMs(limit) });
      return { taken: Math.min(taken, cost), resetMs };
    });
  }

  private keep(name: string, key: Key, block: Block): void {
    if (block.left === 0) return;
    const isForgotten = this.keys.get(name) !== key;
    if (isForgotten || this.clock.now() >= block.untilMs || (key.block !== null && key.next !== null))
      this.giveBack(name, key, block.left, block.askedMs);
    else if (key.block === null || key.block.left === 0) key.block = block;
    else key.next = block;
  }

  private refused(key: Key, cost: number, resetMs: number): void {
    const now = this.clock.now();
    const { rate } = key.limit;
    const retryMs = resetMs - ((rate.burst - cost) * emissionIntervalUs(rate)) / 1000;
    // Somebody else may give something back before.
    key.refusedUntilMs = now + Math.min(Math.max(0, retryMs), leaseMs(key.limit));
    key.refusedCost = cost;
    key.fullAtMs = now + resetMs;
  }

  private dropOld(name: string, key: Key, now: number): void {
    while (key.block !== null && (key.block.left === 0 || now >= key.block.untilMs)) {
      this.giveBack(name, key, key.block.left, key.block.askedMs);
      key.block = key.next;
      key.next = null;
    }
  }

  private giveBackAll(name: string, key: Key): void {
    for (const block of [key.block, key.next]) if (block !== null) this.giveBack(name, key, block.left, block.askedMs);
  }

  private giveBack(name: string, { limit }: Key, count: number, askedMs: number): void {
    if (count > 0 && this.clock.now() - askedMs <= leaseMs(limit) + LATE_MS) this.source.settle(name, limit, -count);
  }

  private sweep(): void {
    const now = this.clock.now();
    for (const [name, key] of this.keys) {
      this.dropOld(name, key, now);
      if (key.block === null && !key.isAsking && now - key.sinceMs >= 2 * FOR_MS_MAX) this.keys.delete(name);
    }
    this.cancelSweep = this.keys.size === 0 ? null : this.clock.after(SWEEP_MS, () => this.sweep());
  }
}

function isSame(one: SharedLimit, other: SharedLimit): boolean {
  if (one === other) return true;
  const [a, b] = [one.rate, other.rate];
  return a.requests === b.requests && a.windowSeconds === b.windowSeconds && a.burst === b.burst && one.debtMax === other.debtMax;
}

function noteUse(key: Key, cost: number, now: number): void {
  const forMs = leaseMs(key.limit);
  const passedMs = now - key.sinceMs;
  if (passedMs >= forMs) {
    key.usedBefore = passedMs < 2 * forMs ? key.used : 0;
    key.used = 0;
    key.sinceMs = now;
  }
  key.used += cost;
}

/** @param most the greatest block */
function sizeFor({ used, usedBefore }: Key, most: number): number {
  return Math.max(1, Math.min(most, Math.max(used, usedBefore) >> 1));
}

/** For how many microseconds what was taken may be given back; 0: it is no limit with leases. */
export function spanUs(limit: SharedLimit): number {
  return limit.isLeased ? Math.ceil(1000 * (leaseMs(limit) + LATE_MS + SWEEP_MS)) : 0;
}

/** How long a block is good for. */
export function leaseMs({ rate }: SharedLimit): number {
  return Math.min(FOR_MS_MAX, (EXCESS * rate.burst * emissionIntervalUs(rate)) / 1000);
}
