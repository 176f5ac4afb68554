/** The rule of the script that runs in Redis (redis/gcra-script.ts), for stores of tests: an end-to-end test compares both. */
import { emissionIntervalUs } from "../policy/rate-limit/gcra.ts";
import { spanUs } from "./leases.ts";
import { windowName } from "./store-connection.ts";
import type { StoreCommand } from "./store-connection.ts";

/** What a key holds, in microseconds. */
interface Held {
  readonly full: number;
  readonly before: number;
  readonly least: number;
  readonly began: number;
}

export class ScriptedCount {
  private readonly keys: Map<string, Held> = new Map();
  private readonly windows: Map<string, number> = new Map();

  get names(): readonly string[] {
    return [...this.keys.keys(), ...this.windows.keys()];
  }

  /** Returns what the script does; for a window the number taken, and how many are then (redis/window-script.ts). */
  run(command: StoreCommand, nowMs: number): readonly [taken: number, resetUs: number] {
    return command.limit.windowMs === undefined ? this.runBucket(command, nowMs) : this.runWindow(command);
  }

  private runWindow({ name, limit, cost, least }: StoreCommand): readonly [taken: number, count: number] {
    const key = windowName(name);
    const count = this.windows.get(key) ?? 0;
    if (least !== null && count + cost > limit.rate.burst) return [0, count];
    const sum = Math.max(0, count + cost);
    this.windows.set(key, sum);
    return [cost, sum];
  }

  private runBucket({ name, limit, cost, least: enough }: StoreCommand, nowMs: number): readonly [taken: number, resetUs: number] {
    const { rate, debtMax } = limit;
    const [now, interval, span] = [Math.round(nowMs * 1000), emissionIntervalUs(rate), spanUs(limit)];
    const capacity = interval * rate.burst;
    const last = now + capacity + interval * debtMax;
    const held = this.keys.get(name);
    // A key whose time has come is gone.
    const isThere = held !== undefined && held.full > now;
    let full = Math.min(last, Math.max(now, held?.full ?? 0));
    const missing = full - now;
    let [before, least, began] = isThere ? [held.before, held.least, held.began] : [0, 0, now];
    if (now - began >= span) {
      before = now - began < 2 * span ? least : missing;
      [least, began] = [missing, now];
    }
    least = Math.min(least, missing);
    let taken = cost;
    if (enough !== null && full + interval * taken > now + capacity) {
      taken = Math.floor((now + capacity - full) / interval);
      if (taken < enough) taken = 0;
    }
    if (span > 0 && taken < 0) full -= Math.min(interval * -taken, before, least);
    else full = Math.max(now, Math.min(last, full + interval * taken));
    if (cost === 0 || taken !== 0) this.keys.set(name, { full, before, least, began });
    return [taken, full - now];
  }
}
