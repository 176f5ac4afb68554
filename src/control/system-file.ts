/** A small file of the system that is looked at often and changes seldom. */
import fs from "node:fs";
import { messageOf } from "../base/errors.ts";

/** Beyond that it is not what it should be, and reading it would hold the thread. */
const BYTES_MAX = 16 * 1024 * 1024;

export class SystemFile {
  private readonly path: string;
  /** What stat said of the text that was read last; null: nothing was read. */
  private seen: string | null = null;

  constructor(path: string) {
    this.path = path;
  }

  /** The text, or null while it is the same as at the last call. A file that is not there, or cannot be read, is empty. */
  changed(): string | null {
    let seen: string;
    let text = "";
    try {
      const { ino, size, mtimeMs, ctimeMs } = fs.statSync(this.path);
      seen = `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
      if (seen === this.seen) return null;
      if (size <= BYTES_MAX) text = fs.readFileSync(this.path, "utf8");
    } catch (error) {
      seen = messageOf(error);
      if (seen === this.seen) return null;
    }
    this.seen = seen;
    return text;
  }
}
