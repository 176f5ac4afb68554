import { Timed } from "../../base/deadlines.ts";

/** How long a middleware may take to say whether a request is admitted, or who answers it. The client waits for it, and its connection is kept. */
export const ADMISSION_MS_MAX = 10_000;

/** The wait for what a middleware says later. A plain exchange has none. */
export class PendingAdmission extends Timed {
  private readonly onTimeout: () => void;

  /** @param onTimeout called when nothing was said in time */
  constructor(onTimeout: () => void) {
    super();
    this.onTimeout = onTimeout;
  }

  onDeadline(): void {
    this.onTimeout();
  }
}
