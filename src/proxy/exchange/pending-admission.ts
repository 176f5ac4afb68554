import { Timed } from "../../base/deadlines.ts";

/** How long a middleware may take to say whether a request is admitted. The client waits for it, and its connection is kept. */
export const ADMISSION_MS_MAX = 10_000;

/** The wait for a verdict that comes later. A plain exchange has none. */
export class PendingAdmission extends Timed {
  /** Position of the middleware whose verdict is awaited. */
  readonly index: number;
  private readonly onTimeout: () => void;

  /** @param onTimeout called when no verdict has come in time */
  constructor(index: number, onTimeout: () => void) {
    super();
    this.index = index;
    this.onTimeout = onTimeout;
  }

  onDeadline(): void {
    this.onTimeout();
  }
}
