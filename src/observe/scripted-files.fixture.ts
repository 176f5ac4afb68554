import assert from "node:assert/strict";
import { NOBODY_READS } from "./log-files.ts";
import type { SinkFiles } from "./log-files.ts";

/** Files in memory whose coming writes end as the test says. */
export class ScriptedFiles implements SinkFiles {
  written = "";
  opened: string[] = [];
  closed: number[] = [];
  /** Files that are there before they are opened. */
  readonly existing = new Set<string>();
  removed: string[] = [];
  concurrent = 0;
  /**
   * How the coming writes end: with an error code, with a number of bytes, or not until the test says so (`hold`). Others take everything.
   */
  script: (string | number)[] = [];
  held: (() => void) | null = null;
  private nextFd = 10;
  /** Whether nobody has opened the named pipe for reading. */
  unread = false;
  /** Outputs that are terminals. */
  readonly terminals = new Set<string>();
  /** What was written to each descriptor, for tests that open several. */
  readonly taken = new Map<number, string>();

  write(
    fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    done: (error: NodeJS.ErrnoException | null, written: number) => void,
  ): void {
    assert.equal(++this.concurrent, 1, "two writes at a time");
    const outcome = this.script.shift();
    const finish = (): void => {
      this.concurrent--;
      if (typeof outcome === "string" && outcome !== "hold") return done(Object.assign(new Error(outcome), { code: outcome }), 0);
      const count = typeof outcome === "number" ? Math.min(outcome, length) : length;
      const text = buffer.toString("latin1", offset, offset + count);
      this.written += text;
      this.taken.set(fd, (this.taken.get(fd) ?? "") + text);
      done(null, count);
    };
    if (outcome === "hold") this.held = finish;
    else setImmediate(finish);
  }
  /** Takes three bytes at a time, or fails as the script says. The last entry of the script counts for all further writes. */
  writeSync(_fd: number, buffer: Buffer): number {
    const outcome = this.script.length > 1 ? this.script.shift() : this.script[0];
    if (typeof outcome === "string") throw Object.assign(new Error(outcome), { code: outcome });
    const count = Math.min(buffer.length, 3);
    this.written += buffer.toString("latin1", 0, count);
    return count;
  }
  open(path: string): number {
    if (path === "missing/file") throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
    this.opened.push(path);
    if (this.unread) return NOBODY_READS;
    return this.nextFd++;
  }
  isTerminal(fd: number): boolean {
    return this.terminals.has(this.opened[fd - 10] ?? "");
  }
  close(fd: number): void {
    this.closed.push(fd);
  }
  isMissing(output: string): boolean {
    return !this.existing.has(output);
  }
  removeEmpty(output: string): void {
    this.removed.push(output);
  }
}
