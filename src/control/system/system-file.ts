/** Reads a small system file, such as /etc/hosts, again only when it has changed. */
import fs from "node:fs";
import { messageOf } from "../../base/errors.ts";

/** A larger file cannot be a real one, and reading it would block the thread. It counts as empty. */
const BYTES_MAX = 16 * 1024 * 1024;

export class SystemFile {
  private readonly path: string;
  /** Identifies the version of the file that was read last, from stat(2) or its error. Null: nothing was read yet. */
  private seen: string | null = null;

  constructor(path: string) {
    this.path = path;
  }

  /** The file's text. Null: it has not changed since the last call. A file that is missing or cannot be read counts as empty. */
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
