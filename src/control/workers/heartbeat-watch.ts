/** Ends workers whose event loop does not run, such as in an endless loop. They serve nobody and cannot notice it themselves. */
import type { AppLog } from "../../observe/app-log.ts";
import type { Seat } from "./seat.ts";
import { stuckWorker } from "./stuck-worker.ts";

/** Interval of the heartbeat checks. */
const WATCH_MS = 1000;
/** Missed beats after which a worker is stuck. Checks are counted, not time, because the whole process may have been suspended. */
const STUCK_BEATS = 10;
/** Missed beats after which a worker counts as standing still. One may be missed right after the whole process was suspended. */
const STILL_BEATS = 2;

export interface HeartbeatOptions {
  readonly log: Pick<AppLog, "error">;
  /** The worker's heartbeat: a number that changes as long as its event loop runs. */
  readonly beats: (worker: number) => number;
  /** The numbers of the middleware that the worker is running, and of the one that it ran last; 0: none. */
  readonly middlewareIn: (worker: number) => { readonly running: number; readonly last: number };
}

export class HeartbeatWatch {
  private readonly options: HeartbeatOptions;
  private readonly seats: readonly Seat[];
  private interval: NodeJS.Timeout | undefined;

  constructor(seats: readonly Seat[], options: HeartbeatOptions) {
    this.seats = seats;
    this.options = options;
  }

  start(): void {
    this.interval = setInterval(() => this.check(), WATCH_MS);
  }

  stop(): void {
    clearInterval(this.interval);
  }

  /** A worker that makes no progress now; null: all do. */
  get stillWorker(): number | null {
    return this.seats.find((seat) => seat.missedBeats >= STILL_BEATS)?.index ?? null;
  }

  private check(): void {
    const { log, beats, middlewareIn } = this.options;
    for (const seat of this.seats) {
      const beat = beats(seat.index);
      // A thread that still loads its code has no beat yet.
      const isRunning = seat.listening || (seat.handle !== null && beat !== 0);
      seat.missedBeats = isRunning && beat === seat.beat ? seat.missedBeats + 1 : 0;
      seat.beat = beat;
      // Repeated every STUCK_BEATS checks, because ending a thread can fail.
      if (seat.missedBeats === 0 || seat.missedBeats % STUCK_BEATS !== 0) continue;
      log.error(...stuckWorker(seat.index, seat.handle, middlewareIn(seat.index), WATCH_MS * STUCK_BEATS));
      void seat.handle?.terminate();
    }
  }
}
