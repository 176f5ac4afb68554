/**
 * Notices changes of files, for `millrace run --watch`. It asks the system for their state several times a second. Notifications (fs.watch) would
 * cost less, but they belong to a file and not to its name: editors put a new file in the place of the old one, deployments swap a link to a
 * folder, and file systems of networks and containers send none at all. A configuration has few files.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { isPattern, namesMatching } from "../control/named-files/included-files.ts";

/** Time between two looks. A change is told when the look after it finds nothing new, so an editor may write in several steps. */
const LOOK_MS = 200;

/** System clocks stamp files by a clock of their own, which may be this much behind. */
const CLOCK_MS = 20;

export class FileWatch {
  /** The state of each file by its path, as it was when the file was last used. */
  private readonly used: Map<string, string> = new Map();
  /** The states at the last look, if they are not those in use. */
  private seen: ReadonlyMap<string, string> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private readonly lookMs: number;

  constructor(lookMs: number = LOOK_MS) {
    this.lookMs = lookMs;
  }

  /**
   * Takes the files that a configuration was read from, and the patterns by which files were looked for: a pattern changes when the names that
   * match it do.
   * @param since epoch milliseconds before the first was read; a file that is newer may have changed since, and counts as changed
   * @param areAll whether no others are to be watched; false when reading has failed and may not have come to all
   */
  async use(files: ReadonlySet<string>, since: number, areAll: boolean): Promise<void> {
    for (const file of files) {
      if (this.used.has(file)) continue;
      const { state, changedAt } = await stateOf(file);
      this.used.set(file, changedAt > since - CLOCK_MS ? "" : state);
    }
    if (areAll) for (const file of this.used.keys()) if (!files.has(file)) this.used.delete(file);
  }

  /** Calls `changed` after each change, until `close`. */
  start(changed: () => void): void {
    const look = async (): Promise<void> => {
      if (await this.hasChanged()) changed();
      if (this.timer !== null) this.timer = setTimeout(() => void look(), this.lookMs);
    };
    this.timer = setTimeout(() => void look(), this.lookMs);
  }

  close(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  /** Whether files have changed and now stand still. Their states are then those in use. */
  private async hasChanged(): Promise<boolean> {
    const now = new Map<string, string>();
    for (const file of this.used.keys()) now.set(file, (await stateOf(file)).state);
    const before = this.seen;
    this.seen = now;
    const stoodStill = [...now].every(([file, state]) => before?.get(file) === state);
    if (!stoodStill || [...now].every(([file, state]) => this.used.get(file) === state)) return false;
    for (const [file, state] of now) if (this.used.has(file)) this.used.set(file, state);
    return true;
  }
}

interface FileState {
  /** A text that changes with the file, and when its name leads to another one. */
  readonly state: string;
  /** Epoch milliseconds; 0 when the file is not there. */
  readonly changedAt: number;
}

async function stateOf(file: string): Promise<FileState> {
  if (isPattern(path.basename(file))) return stateOfNames(path.dirname(file), path.basename(file));
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await fs.stat(file, { bigint: true });
    return { state: [dev, ino, size, mtimeNs, ctimeNs].join(), changedAt: Number(ctimeNs / 1_000_000n) };
  } catch {
    return { state: "missing", changedAt: 0 };
  }
}

async function stateOfNames(folder: string, pattern: string): Promise<FileState> {
  try {
    const { mtimeNs } = await fs.stat(folder, { bigint: true });
    return { state: namesMatching(folder, pattern).join("/"), changedAt: Number(mtimeNs / 1_000_000n) };
  } catch {
    return { state: "missing", changedAt: 0 };
  }
}
