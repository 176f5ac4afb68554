/** Signals that come before anything serves: a service manager may reload or stop what it has just started. */
export class EarlySignals {
  private hungUp: boolean = false;
  private readonly hold = (): void => void (this.hungUp = true);
  /** Nothing is in flight yet. */
  private readonly end = (): never => process.exit(0);

  /** There is no log file yet that could be opened again; left to Node, the signal would open its debugger to whoever is on this machine. */
  private readonly ignore = (): void => {};

  constructor() {
    process.on("SIGHUP", this.hold).on("SIGUSR1", this.ignore).on("SIGTERM", this.end).on("SIGINT", this.end);
  }

  /** Others handle them from now on. Whether a SIGHUP came. */
  release(): boolean {
    process.off("SIGHUP", this.hold).off("SIGUSR1", this.ignore).off("SIGTERM", this.end).off("SIGINT", this.end);
    return this.hungUp;
  }
}
