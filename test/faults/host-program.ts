/** Starts the program that proxies are embedded in (embedding-program.ts), and has it embed them. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { eventually } from "../support/eventually.ts";
import { Printed } from "../support/printed.ts";
import type { LogRecord } from "../support/printed.ts";
import type { Embedded, Wanted } from "./embedding-program.ts";

const PROGRAM = fileURLToPath(new URL("embedding-program.ts", import.meta.url));
const PATIENCE_MS = 15_000;

export class HostProgram {
  private readonly child: ChildProcess;
  private readonly printed: Printed;
  private readonly embedded: Map<number, Embedded> = new Map();
  private serial: number = 0;

  /** @param environment variables besides those of this process */
  constructor(environment: Readonly<Record<string, string>>) {
    const child = spawn(process.execPath, [PROGRAM], {
      env: { MILLRACE_WARM_UP: "off", ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.child = child;
    this.printed = new Printed(() => child.emit("output"));
    this.printed.read(child.stdout);
    this.printed.read(child.stderr);
    child.on("message", (embedded: Embedded) => {
      this.embedded.set(embedded.serial, embedded);
      child.emit("output");
    });
    // A failed test may not reach its end: the program must neither keep this process alive nor outlive it.
    child.unref();
    child.channel?.unref();
    for (const stream of [child.stdout, child.stderr]) if (stream instanceof Socket) stream.unref();
    const kill = (): void => void child.kill("SIGKILL");
    process.once("exit", kill);
    child.once("exit", () => process.off("exit", kill));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Everything that the program and its proxies have printed so far. */
  output(): string {
    return this.printed.text;
  }

  /** Access log records so far, of all its proxies. */
  access(): readonly LogRecord[] {
    return this.printed.events("access");
  }

  /** Has a proxy embedded with this configuration, which must log to stdout and have an admin address. */
  async embed(config: string, byFetch: boolean): Promise<Embedded> {
    const serial = ++this.serial;
    this.child.send({ serial, config, byFetch } satisfies Wanted);
    // The program stands still while it creates a proxy, which the time limits of a row that runs already would not bear.
    await this.until(() => this.embedded.size === this.serial, "the embedded proxies");
    return this.embedded.get(serial) ?? { serial, port: 0, adminPort: 0 };
  }

  /** Waits until the condition holds; it is asked whenever the program has printed something. */
  until(condition: () => boolean, what: string): Promise<void> {
    const { child } = this;
    const met = (): boolean => {
      if (condition()) return true;
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the program ended with ${child.exitCode ?? child.signalCode} before ${what}:\n${this.output()}`);
      return false;
    };
    const subscribe = (look: () => void): (() => void) => {
      child.on("output", look).on("close", look);
      return () => void child.off("output", look).off("close", look);
    };
    return eventually(met, subscribe, PATIENCE_MS, () => `waited in vain for ${what}:\n${this.output().slice(-2000)}`);
  }

  /** Ends all proxies and returns the program's exit code. Whatever kept the program alive would make this wait in vain. */
  async stop(): Promise<number> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      child.ref();
      child.disconnect();
      await once(child, "exit");
    }
    return child.exitCode ?? -1;
  }
}
