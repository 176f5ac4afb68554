import type { RestartHistory } from "./restart-delay.ts";
import type { WorkerHandle } from "./worker-handle.ts";

/** The place of one worker. When the worker dies, its replacement takes the same seat. */
export interface Seat {
  readonly index: number;
  readonly opensListeners: boolean;
  /** Null: the worker has died, and its replacement has not started yet. */
  handle: WorkerHandle | null;
  listening: boolean;
  history: RestartHistory;
  /** Starts the replacement. */
  timer: NodeJS.Timeout | null;
  /** The heartbeat at the last check. */
  beat: number;
  /** Checks in a row at which the heartbeat had not changed. */
  missedBeats: number;
}
