import { randomFillSync } from "node:crypto";
import { dial } from "./transport/dial.ts";
import type { Platform } from "./platform.ts";
import { monotonicMs } from "./system-clock.ts";

/** The platform of a running process: the machine's clocks, timers and sockets. */
export const machine: Platform = {
  now: monotonicMs,
  epochMs: () => Date.now(),
  random: () => Math.random(),
  fillRandom: (bytes) => void randomFillSync(bytes),
  every: (ms, tick) => {
    const timer = setInterval(tick, ms);
    return () => clearInterval(timer);
  },
  atTurnEnd: (then) => void setImmediate(then),
  dial,
};
