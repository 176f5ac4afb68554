/**
 * Tells systemd how the process stands, as sd_notify(3) describes: it serves, reloads, stops, and is alive.
 *
 * The messages go to a Unix datagram socket, which Node cannot open. The program `systemd-notify` sends them, so the unit needs
 * `NotifyAccess=all`. It runs once per message, one at a time so that the messages keep their order. Nothing waits for it but the very
 * end of the process, and that for a limited time; where it is missing, fails or hangs, the log says so and Millrace goes on.
 *
 * What has not been sent yet is kept as a state and not as a queue: whatever comes in whatever number, at most three messages wait.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { messageOf } from "../base/errors.ts";
import type { AppLog } from "../observe/app-log.ts";

export interface ServiceManagerOptions {
  /** The variables that systemd sets are read from here and removed: no other child of the process may use them. */
  readonly environment: Record<string, string | undefined>;
  readonly pid: number;
  readonly log: AppLog;
}

/** `systemd-notify` waits five seconds at most until systemd has read the message. */
const SEND_MS = 6000;
/** Time that a message under way still gets when the stop comes; the stop is the more important one. */
const SEND_BEFORE_STOP_MS = 500;
/** Time for the last message at the end of the process. */
const CLOSE_MS = 1500;
/** After how long a watchdog that was not fed, because something stood still, is considered again. */
const FEED_AGAIN_MS = 1000;
/** Above it a timer of Node would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

const PROGRAM = "systemd-notify";

export class ServiceManager {
  private readonly log: AppLog;
  /** What `systemd-notify` gets to see; null: no service manager wants to hear anything. */
  private readonly environment: Record<string, string> | null;
  /** Half of the time after which systemd ends a process that it has not heard of; null: it does not. */
  private readonly feedMs: number | null;
  private standstill: () => string | null = () => null;
  private feedTimer: NodeJS.Timeout | undefined;
  private withheld: boolean = false;
  private reloads: number = 0;
  /** What waits to be sent, in this order. */
  private reloadingMessage: readonly string[] | null = null;
  private readyMessage: readonly string[] | null = null;
  private feedWaits: boolean = false;
  private stoppingWaits: boolean = false;
  private isStopping: boolean = false;
  private sending: Sending | null = null;
  /** The last message could not be sent, and the log has said so. */
  private failing: boolean = false;
  private onSettled: (() => void)[] = [];

  constructor({ environment, pid, log }: ServiceManagerOptions) {
    this.log = log;
    const { NOTIFY_SOCKET: socket = "", WATCHDOG_USEC: usec, WATCHDOG_PID: watchdogPid, PATH: path } = environment;
    for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete environment[name];
    const isAddress = /^([/@].|vsock)/.test(socket);
    if (socket !== "" && !isAddress) {
      log.warn(
        "service_manager_untold",
        "NOTIFY_SOCKET is neither a path nor an abstract socket (@name): the service manager hears nothing",
      );
    }
    this.environment = isAddress ? { NOTIFY_SOCKET: socket, ...(path === undefined ? {} : { PATH: path }) } : null;
    this.feedMs = feedInterval(usec, watchdogPid, pid);
  }

  /**
   * All listeners accept connections.
   * @param standstill asked before the watchdog is fed: what stands still, in words; null: everything makes progress
   */
  ready(standstill: () => string | null): void {
    this.standstill = standstill;
    this.readyMessage = ["READY=1", "STATUS=serving"];
    this.feedLater(this.feedMs);
    this.sendNext();
  }

  /** A reload begins. */
  reloading(): void {
    this.reloads++;
    // By this time systemd tells whether the reload that it asked for is meant, or an earlier one.
    const usec = process.hrtime.bigint() / 1000n;
    this.reloadingMessage = ["RELOADING=1", `MONOTONIC_USEC=${usec}`, "STATUS=reloading"];
    // The end of an earlier reload that systemd has not heard of yet: this one's end will tell it.
    this.readyMessage = null;
    this.sendNext();
  }

  /** A reload has ended. */
  reloaded(refused: boolean): void {
    if (--this.reloads > 0) return;
    this.readyMessage = ["READY=1", `STATUS=serving${refused ? "; the last configuration was refused, see the log" : ""}`];
    this.sendNext();
  }

  /** The process begins to end. */
  stopping(): void {
    this.isStopping = this.stoppingWaits = true;
    this.sending?.hurry();
    this.sendNext();
  }

  /** Resolves when nothing waits to be sent. */
  settled(): Promise<void> {
    if (this.sending === null) return Promise.resolve();
    return new Promise((resolve) => this.onSettled.push(resolve));
  }

  /** Nothing is sent any more; resolves when what waited has been, or within a moment. */
  async close(): Promise<void> {
    clearTimeout(this.feedTimer);
    this.feedWaits = false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([this.settled(), late]);
    clearTimeout(timer);
    this.reloadingMessage = this.readyMessage = null;
    this.stoppingWaits = false;
    this.sending?.end();
  }

  private feedLater(delayMs: number | null): void {
    if (delayMs === null || this.environment === null) return;
    clearTimeout(this.feedTimer);
    this.feedTimer = setTimeout(() => this.feed(), Math.min(delayMs, TIMER_MS_MAX)).unref();
  }

  private feed(): void {
    const standing = this.standstill();
    if (standing !== null) {
      if (!this.withheld) this.log.error("watchdog_withheld", `the service manager's watchdog is not fed: ${standing}`);
      this.withheld = true;
      return this.feedLater(FEED_AGAIN_MS);
    }
    this.withheld = false;
    this.feedWaits = true;
    this.feedLater(this.feedMs);
    this.sendNext();
  }

  private sendNext(): void {
    if (this.environment === null || this.sending !== null) return;
    const variables = this.takeMessage();
    if (variables === null) {
      for (const resolve of this.onSettled.splice(0)) resolve();
      return;
    }
    this.sending = new Sending(variables, this.environment, (problem) => {
      this.sending = null;
      if (problem !== null && !this.failing) {
        this.log.warn("service_manager_untold", `the service manager was not told ${variables[0] ?? ""}: ${problem}`);
      }
      this.failing = problem !== null;
      this.sendNext();
    });
  }

  private takeMessage(): readonly string[] | null {
    if (this.stoppingWaits) {
      this.stoppingWaits = false;
      return ["STOPPING=1", "STATUS=finishing what is in flight"];
    }
    // Systemd must not take a process that stops for one that serves.
    if (!this.isStopping) {
      const message = this.reloadingMessage ?? this.readyMessage;
      if (this.reloadingMessage !== null) this.reloadingMessage = null;
      else this.readyMessage = null;
      if (message !== null) return message;
    }
    if (!this.feedWaits) return null;
    this.feedWaits = false;
    return ["WATCHDOG=1"];
  }
}

/** One run of `systemd-notify`. */
class Sending {
  private readonly child: ChildProcess | null;
  private readonly onEnd: (problem: string | null) => void;
  private readonly timer: NodeJS.Timeout;
  private ended: boolean = false;

  /** @param onEnd called once, never before this constructor returns, with what went wrong */
  constructor(variables: readonly string[], environment: Record<string, string>, onEnd: (problem: string | null) => void) {
    this.onEnd = onEnd;
    this.timer = setTimeout(() => this.end(), SEND_MS).unref();
    process.once("exit", this.kill);
    this.child = this.start(variables, environment);
  }

  /** It has only a moment left. */
  hurry(): void {
    setTimeout(() => this.end(), SEND_BEFORE_STOP_MS).unref();
  }

  end(): void {
    this.kill();
    this.finish(`${PROGRAM} did not end in time`);
  }

  private start(variables: readonly string[], environment: Record<string, string>): ChildProcess | null {
    const failed = (error: unknown): void => this.finish(`${PROGRAM} cannot be run: ${messageOf(error)}`);
    try {
      const child = spawn(PROGRAM, variables, { env: environment, stdio: "ignore" });
      child.once("error", failed);
      child.once("exit", (code, signal) => this.finish(code === 0 ? null : `${PROGRAM} ended with ${signal ?? `exit code ${code ?? ""}`}`));
      child.unref();
      return child;
    } catch (error) {
      // Of some errors, such as too little memory for one more process, Node tells in this way.
      setImmediate(failed, error);
      return null;
    }
  }

  private readonly kill = (): void => void this.child?.kill("SIGKILL");

  private finish(problem: string | null): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.timer);
    process.off("exit", this.kill);
    this.onEnd(problem);
  }
}

/** As sd_watchdog_enabled(3) reads the variables, and halved as it advises: milliseconds, or null when this process is not watched. */
function feedInterval(usec: string | undefined, watchdogPid: string | undefined, pid: number): number | null {
  if (usec === undefined || !/^[0-9]{1,18}$/.test(usec) || Number(usec) === 0) return null;
  if (watchdogPid !== undefined && watchdogPid !== String(pid)) return null;
  return Number(usec) / 2000;
}
