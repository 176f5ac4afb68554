/**
 * The programs that print secrets (`exec`). Each runs once when a configuration is loaded that names it, however many secrets do, and again from time to
 * time while a configuration is in use that does. When a later run fails the value of before stays, and that is told once.
 */
import { messageOf } from "../../base/errors.ts";
import { sourceKey } from "../../config/placed-secrets.ts";
import type { SecretCommand } from "../../values/secret-source.ts";
import { runCommand } from "./run-command.ts";
import type { CommandToRun } from "./run-command.ts";

/** Programs that run at the same time. */
const RUNNING_MAX = 8;
/** Time until a failed run is tried again, unless the next one is due earlier. */
const RETRY_MS = 30_000;

export interface SecretCommandsOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
  /** Absent: as processes of the system. */
  readonly run?: (command: CommandToRun, signal: AbortSignal) => Promise<string>;
}

/** What happens to values that are in use. */
export interface CommandNews {
  /** What is wrong with another value, without showing it; null: nothing. */
  readonly fault: (key: string, value: string) => string | null;
  /** A program has printed another value. */
  readonly changed: (key: string) => void;
  /** A program has failed, or its value cannot be used. Told once until it succeeds again. */
  readonly refused: (key: string, problem: string) => void;
}

interface Known {
  command: SecretCommand;
  value: string;
  /** When the program runs again, in monotonic milliseconds. */
  dueAt: number;
  isFailing: boolean;
  /** Whether the configuration in use names it; else only one that is being loaded does. */
  isUsed: boolean;
}

export class SecretCommands {
  private readonly options: SecretCommandsOptions;
  private readonly known: Map<string, Known> = new Map();
  /** Runs that are under way, by the keys of their commands. */
  private readonly running: Map<string, Promise<string>> = new Map();
  private readonly waiting: (() => void)[] = [];
  private active: number = 0;
  private news: CommandNews | null = null;
  private cancelRenewal: (() => void) | null = null;
  private readonly stopping: AbortController = new AbortController();

  constructor(options: SecretCommandsOptions) {
    this.options = options;
  }

  /**
   * Loads a configuration. `load` gets a function that gives what a program has printed, or null if it has not run yet. Then the programs run of which it was
   * null, and `load` is called once more; where one of them has failed the function throws.
   */
  async loadWith<T>(load: (printed: (command: SecretCommand) => string | null) => T): Promise<T> {
    const wanted = new Map<string, SecretCommand>();
    const first = load((command) => {
      const key = sourceKey(command);
      const value = this.known.get(key)?.value;
      if (value !== undefined) return value;
      const shortest = wanted.get(key);
      if (shortest === undefined || command.renew < shortest.renew) wanted.set(key, command);
      return null;
    });
    if (wanted.size === 0) return first;
    const results = new Map<string, Error | null>();
    await Promise.all(
      [...wanted].map(async ([key, command]) => {
        try {
          await this.read(key, command);
          results.set(key, null);
        } catch (error) {
          results.set(key, new Error(messageOf(error)));
        }
      }),
    );
    return load((command) => {
      const key = sourceKey(command);
      const failure = results.get(key);
      if (failure instanceof Error) throw failure;
      return this.known.get(key)?.value ?? null;
    });
  }

  /** The value that a program has printed last. */
  valueOf(key: string): string | undefined {
    return this.known.get(key)?.value;
  }

  /** The commands of the configuration that is in use now: they are renewed, the others are forgotten. */
  keep(commands: readonly SecretCommand[], news: CommandNews): void {
    this.news = news;
    const renewals = new Map<string, number>();
    for (const command of commands) {
      const key = sourceKey(command);
      renewals.set(key, Math.min(command.renew, renewals.get(key) ?? Infinity));
    }
    for (const [key, known] of this.known) {
      const renew = renewals.get(key);
      if (renew === undefined) this.known.delete(key);
      else {
        if (!known.isFailing) known.dueAt += renew - known.command.renew;
        known.command = { ...known.command, renew };
        known.isUsed = true;
      }
    }
    this.plan();
  }

  /** Ends the programs that run. */
  stop(): void {
    this.stopping.abort();
    this.cancelRenewal?.();
    this.cancelRenewal = null;
    this.known.clear();
  }

  private async read(key: string, command: SecretCommand): Promise<void> {
    const value = await this.run(key, command);
    this.known.set(key, { command, value, dueAt: this.options.now() + command.renew, isFailing: false, isUsed: false });
  }

  /** A run, or the one that is under way. */
  private run(key: string, command: SecretCommand): Promise<string> {
    const running = this.running.get(key);
    if (running !== undefined) return running;
    const run = this.runInTurn(key, command).finally(() => this.running.delete(key));
    this.running.set(key, run);
    return run;
  }

  private async runInTurn(key: string, { exec, folder, timeout, hidden }: SecretCommand): Promise<string> {
    if (this.active >= RUNNING_MAX) await new Promise<void>((turn) => this.waiting.push(turn));
    this.active++;
    try {
      const { environment, run = runCommand } = this.options;
      const value = this.known.get(key)?.value;
      const old = value === undefined ? [] : [value];
      return await run({ exec, folder, environment, timeoutMs: timeout, hidden: [...hidden, ...old] }, this.stopping.signal);
    } finally {
      this.active--;
      this.waiting.shift()?.();
    }
  }

  private plan(): void {
    this.cancelRenewal?.();
    this.cancelRenewal = null;
    const due = [...this.known].flatMap(([key, { dueAt, isUsed }]) => (isUsed && !this.running.has(key) ? [dueAt] : []));
    if (due.length === 0 || this.stopping.signal.aborted) return;
    const waitMs = Math.max(0, Math.min(...due) - this.options.now());
    this.cancelRenewal = this.options.after(waitMs, () => {
      this.cancelRenewal = null;
      for (const [key, known] of this.known) {
        if (known.isUsed && !this.running.has(key) && known.dueAt <= this.options.now()) void this.renew(key, known);
      }
      this.plan();
    });
  }

  private async renew(key: string, known: Known): Promise<void> {
    const read = await this.run(key, known.command).then(
      (value) => ({ value, problem: this.news?.fault(key, value) ?? null }),
      (error: unknown) => ({ value: known.value, problem: messageOf(error) }),
    );
    // It may have been forgotten, or read by a reload, meanwhile.
    if (this.stopping.signal.aborted || this.known.get(key) !== known) return;
    const { renew } = known.command;
    known.dueAt = this.options.now() + (read.problem === null ? renew : Math.min(renew, RETRY_MS));
    if (read.problem !== null && !known.isFailing) this.news?.refused(key, read.problem);
    known.isFailing = read.problem !== null;
    if (read.problem === null && read.value !== known.value) {
      known.value = read.value;
      this.news?.changed(key);
    }
    this.plan();
  }
}
