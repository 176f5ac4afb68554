import type { VirtualClock } from "../net/transport/memory/virtual-clock.ts";

/**
 * In memory everything happens at once, except what waits for the virtual clock. So if the clock stands still and nothing has happened in
 * this much real time, nothing will.
 */
const PATIENCE_MS = 5000;

/** Calls `giveUp` when the virtual clock has stood still for PATIENCE_MS of real time. The returned function cancels the call. */
export function untilClockStandsStill(clock: VirtualClock, giveUp: () => void): () => void {
  let timer: NodeJS.Timeout;
  const watch = (): void => {
    const { nowMs } = clock;
    timer = setTimeout(() => (clock.nowMs === nowMs ? giveUp() : watch()), PATIENCE_MS);
  };
  watch();
  return () => clearTimeout(timer);
}
