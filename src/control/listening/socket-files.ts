/**
 * The files of Unix listeners. Each is removed when its listener closes or the process ends, but only as long as it is the socket that this
 * process has put there: another program, such as the next Millrace, may have put its own under the same path.
 */
import fs from "node:fs";

interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

export class SocketFiles {
  private readonly files: Map<string, FileIdentity> = new Map();
  /** For an end of the process that waits for nothing. */
  private readonly onExit = (): void => this.removeAll();

  /** Call when the listener is open. */
  note(path: string): void {
    const stat = fs.lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isSocket() !== true) return;
    if (this.files.size === 0) process.on("exit", this.onExit);
    this.files.set(path, stat);
  }

  /** Removes the file if it is still the noted one. */
  remove(path: string): void {
    const noted = this.files.get(path);
    if (noted === undefined) return;
    this.files.delete(path);
    if (this.files.size === 0) process.off("exit", this.onExit);
    try {
      const { dev, ino } = fs.lstatSync(path);
      if (dev === noted.dev && ino === noted.ino) fs.rmSync(path);
    } catch {
      // It is gone already, or may not be removed any more. A file that stays is removed by whoever listens there next.
    }
  }

  removeAll(): void {
    for (const path of this.files.keys()) this.remove(path);
  }
}
