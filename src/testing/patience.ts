import type { VirtualClock } from "../net/transport/memory/virtual-clock.ts";

/** In memory all happens at once; what has not happened after so much of the machine's time waits for the clock, which stands still. */
const PATIENCE_MS = 5000;

/** Calls `giveUp` once the clock has stood still for long, unless the returned function is called before. */
export function untilClockStandsStill(clock: VirtualClock, giveUp: () => void): () => void {
  let timer: NodeJS.Timeout;
  const watch = (): void => {
    const { nowMs } = clock;
    timer = setTimeout(() => (clock.nowMs === nowMs ? giveUp() : watch()), PATIENCE_MS);
  };
  watch();
  return () => clearTimeout(timer);
}
