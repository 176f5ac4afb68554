/** Signals that come before anything serves: a service manager may reload or stop what it has just started. */
export class EarlySignals {
  private hungUp: boolean = false;
  private readonly hold = (): void => void (this.hungUp = true);
  /** Nothing is in flight yet. */
  private readonly end = (): never => process.exit(0);

  constructor() {
    process.on("SIGHUP", this.hold).on("SIGTERM", this.end).on("SIGINT", this.end);
  }

  /** Others handle them from now on. Whether a SIGHUP came. */
  release(): boolean {
    process.off("SIGHUP", this.hold).off("SIGTERM", this.end).off("SIGINT", this.end);
    return this.hungUp;
  }
}
