/**
 * Tells systemd the state of the process, with the messages of sd_notify(3): it serves, reloads, stops, or is alive (the watchdog).
 *
 * Node cannot open the Unix datagram socket that takes these messages, so the program `systemd-notify` sends them; the unit therefore
 * needs `NotifyAccess=all`. The program runs once per message, one run at a time, so that messages keep their order. Only the end of the
 * process waits for it, for a limited time. When the program is missing, fails or hangs, the log says so and Millrace goes on.
 *
 * Unsent messages are not queued: for each kind of message only the newest is kept.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { messageOf } from "../../base/errors.ts";
import type { AppLog } from "../../observe/app-log.ts";

export interface ServiceManagerOptions {
  /** The process's environment. systemd's variables are read and removed, so that no other child process can use them. */
  readonly environment: Record<string, string | undefined>;
  readonly pid: number;
  readonly log: AppLog;
}

/** Time limit for one message. `systemd-notify` itself waits up to five seconds until systemd has read it. */
const SEND_MS = 6000;
/** Time that the message under way still has when the process begins to stop: the message about the stop is more important. */
const SEND_BEFORE_STOP_MS = 500;
/** Time for unsent messages at the end of the process. */
const CLOSE_MS = 1500;
/** When the watchdog was not fed because something stood still, how long until that is checked again. */
const FEED_AGAIN_MS = 1000;
/** The longest delay of a timer in Node; a longer one would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

const PROGRAM = "systemd-notify";

export class ServiceManager {
  private readonly log: AppLog;
  /** Environment of `systemd-notify`. Null: no service manager wants messages, so none are sent. */
  private readonly environment: Record<string, string> | null;
  /** Interval of watchdog messages: half of the time after which systemd ends a silent process. Null: there is no watchdog. */
  private readonly feedMs: number | null;
  private standstill: () => string | null = () => null;
  private feedTimer: NodeJS.Timeout | undefined;
  /** The watchdog is not being fed, and the log has said so. */
  private withheld: boolean = false;
  /** Reloads under way. */
  private reloads: number = 0;
  /** Unsent messages. See `takeMessage` for their order. */
  private reloadingMessage: readonly string[] | null = null;
  private readyMessage: readonly string[] | null = null;
  private feedWaits: boolean = false;
  private stoppingWaits: boolean = false;
  private isStopping: boolean = false;
  /** The message under way. */
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
   * Tells that the process serves: all listeners accept connections.
   * @param standstill called before each watchdog message. It returns what stands still, in words: then no message is sent. Null:
   *   everything makes progress.
   */
  ready(standstill: () => string | null): void {
    this.standstill = standstill;
    this.readyMessage = ["READY=1", "STATUS=serving"];
    this.feedLater(this.feedMs);
    this.sendNext();
  }

  /** Tells that a reload begins. */
  reloading(): void {
    this.reloads++;
    // From this time systemd knows whether the message is about the reload that it asked for or about an earlier one.
    const usec = process.hrtime.bigint() / 1000n;
    this.reloadingMessage = ["RELOADING=1", `MONOTONIC_USEC=${usec}`, "STATUS=reloading"];
    // An unsent message about the end of an earlier reload is obsolete: the end of this reload sends a new one.
    this.readyMessage = null;
    this.sendNext();
  }

  /** Tells that a reload has ended, once no other one is under way. */
  reloaded(refused: boolean): void {
    if (--this.reloads > 0) return;
    this.readyMessage = ["READY=1", `STATUS=serving${refused ? "; the last configuration was refused, see the log" : ""}`];
    this.sendNext();
  }

  /** Tells that the process begins to stop. */
  stopping(): void {
    this.isStopping = this.stoppingWaits = true;
    this.sending?.hurry();
    this.sendNext();
  }

  /** Resolves when no message waits or is under way. */
  settled(): Promise<void> {
    if (this.sending === null) return Promise.resolve();
    return new Promise((resolve) => this.onSettled.push(resolve));
  }

  /** Ends all sending. Waits until the unsent messages are sent, but not longer than `CLOSE_MS`. */
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
    // After STOPPING=1, no other message may tell systemd that the process serves or reloads.
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

  /** @param onEnd called once, after this constructor has returned. `problem`: what went wrong; null: the message was sent */
  constructor(variables: readonly string[], environment: Record<string, string>, onEnd: (problem: string | null) => void) {
    this.onEnd = onEnd;
    this.timer = setTimeout(() => this.end(), SEND_MS).unref();
    process.once("exit", this.kill);
    this.child = this.start(variables, environment);
  }

  /** Limits the rest of the run to a short time. */
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
      // For some errors, such as too little memory for one more process, `spawn` throws.
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

/**
 * Interval of watchdog messages in milliseconds: half of `WATCHDOG_USEC`, as sd_watchdog_enabled(3) advises. Null: systemd does not
 * watch this process.
 */
function feedInterval(usec: string | undefined, watchdogPid: string | undefined, pid: number): number | null {
  if (usec === undefined || !/^[0-9]{1,18}$/.test(usec) || Number(usec) === 0) return null;
  if (watchdogPid !== undefined && watchdogPid !== String(pid)) return null;
  return Number(usec) / 2000;
}
