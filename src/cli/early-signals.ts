/**
 * Handles signals from the start of the process until `serve` does, because a service manager may reload or stop a process that it has just
 * started.
 */
export class EarlySignals {
  private hungUp: boolean = false;
  /** SIGHUP is remembered until there is a configuration to reload. */
  private readonly hold = (): void => void (this.hungUp = true);
  /** SIGTERM and SIGINT end the process at once, because nothing is in flight yet. */
  private readonly end = (): never => process.exit(0);

  /** SIGUSR1 is ignored, because no log file is open yet. Without a handler, Node would open its debugger to every user of this machine. */
  private readonly ignore = (): void => {};

  constructor() {
    process.on("SIGHUP", this.hold).on("SIGUSR1", this.ignore).on("SIGTERM", this.end).on("SIGINT", this.end);
  }

  /** Removes the handlers; others must have been added before. True when a SIGHUP has come. */
  release(): boolean {
    process.off("SIGHUP", this.hold).off("SIGUSR1", this.ignore).off("SIGTERM", this.end).off("SIGINT", this.end);
    return this.hungUp;
  }
}
