/** Small files that a thread keeps in memory, the last used ones up to a bound. */
import type { Buffer } from "node:buffer";
import type { Stats } from "node:fs";
import type { OpenFile } from "../proxy/feature/file-store.ts";

const BYTES_MAX = 16 * 1024 ** 2;
const FILES_MAX = 4096;
/** What a file costs beside its content, about. */
const OVERHEAD_BYTES = 512;
/**
 * A file that was changed within this time before it was read is not kept: clocks of file systems are coarse, so it could change once more without a
 * trace.
 */
const SETTLED_MS = 2000;

/** What tells one state of a file from another. */
export type Identity = Pick<Stats, "dev" | "ino" | "size" | "mtimeMs" | "ctimeMs">;

export class KeptFiles {
  private readonly epochMs: () => number;
  /** The last used one at the end. */
  private readonly files: Map<string, KeptFile> = new Map();
  private bytes: number = 0;

  constructor(epochMs: () => number) {
    this.epochMs = epochMs;
  }

  /** The file at that path below the root, if it is still in the state that it was kept in. */
  get(root: string, path: string, now: Identity): OpenFile | null {
    const key = keyOf(root, path);
    const file = this.files.get(key);
    if (file === undefined) return null;
    this.drop(key, file);
    if (!isSame(file.identity, now)) return null;
    this.add(key, file);
    return file;
  }

  /** Makes a file of its content, and keeps it if it can be recognised later. */
  keep(root: string, path: string, { dev, ino, size, mtimeMs, ctimeMs }: Identity, content: Buffer): OpenFile {
    const file = new KeptFile({ dev, ino, size, mtimeMs, ctimeMs }, content);
    if (Math.max(mtimeMs, ctimeMs) > this.epochMs() - SETTLED_MS) return file;
    const key = keyOf(root, path);
    const before = this.files.get(key);
    if (before !== undefined) this.drop(key, before);
    this.add(key, file);
    for (const [oldest, kept] of this.files) {
      if (this.bytes <= BYTES_MAX && this.files.size <= FILES_MAX) break;
      this.drop(oldest, kept);
    }
    return file;
  }

  private add(key: string, file: KeptFile): void {
    this.files.set(key, file);
    this.bytes += costOf(key, file);
  }

  private drop(key: string, file: KeptFile): void {
    this.files.delete(key);
    this.bytes -= costOf(key, file);
  }
}

export function isSame(a: Identity, b: Identity): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs;
}

function costOf(key: string, { content }: KeptFile): number {
  return content.length + key.length + OVERHEAD_BYTES;
}

/** The same file may lie inside of one root and outside of another one, to which a link leads: each root has its own. */
function keyOf(root: string, path: string): string {
  return `${root}\0${path}`;
}

class KeptFile implements OpenFile {
  readonly identity: Identity;
  readonly content: Buffer;

  constructor(identity: Identity, content: Buffer) {
    this.identity = identity;
    this.content = content;
  }

  get pieceBytes(): number {
    return this.content.length;
  }

  get size(): number {
    return this.content.length;
  }

  get modifiedMs(): number {
    return this.identity.mtimeMs;
  }

  read(): Promise<number> {
    return Promise.resolve(-1);
  }

  close(): void {}
}
