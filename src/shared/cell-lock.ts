/**
 * A lock in a cell of shared memory, for what takes some hundred nanoseconds. The cell holds its owner, 0 when it is free. A holder that is dead must be
 * released by someone who knows; if that does not happen, a waiter takes the lock after a quarter of a second.
 */

/** Tries before a waiter sleeps. They take longer than a holder needs, unless the system has taken its processor away. */
const SPINS_MAX = 200;
const SLEEP_MS = 1;
/** Sleeps after which the owner of a lock counts as dead, and the waiter takes the lock. */
const SLEEPS_MAX = 250;

/** @param owner a number above 0 that no other thread has */
export function lockCell(cells: Int32Array, lock: number, owner: number): void {
  let sleeps = 0;
  let holderBefore = 0;
  for (let spins = 0; ; spins++) {
    const holder = Atomics.compareExchange(cells, lock, 0, owner);
    // A lock of this very owner was left by a dead worker with the same index, because a thread never locks twice.
    if (holder === 0 || holder === owner) return;
    if (spins < SPINS_MAX) continue;
    // A lock whose holder changes is not held by a dead worker.
    sleeps = holder === holderBefore ? sleeps + 1 : 0;
    holderBefore = holder;
    if (sleeps > SLEEPS_MAX && Atomics.compareExchange(cells, lock, holder, owner) === holder) return;
    // Holders do not wake sleepers, because that would cost every holder more than the few waiters could gain.
    Atomics.wait(cells, lock, holder, SLEEP_MS);
  }
}

/** Frees the lock, unless it was taken from a thread that stood still for too long. */
export function unlockCell(cells: Int32Array, lock: number, owner: number): void {
  Atomics.compareExchange(cells, lock, owner, 0);
}
