/**
 * Opens files for those who ask, in the thread pool and never in the thread itself. What is opened is checked by its descriptor, so that no exchange
 * of a folder for a link between two steps leads out of the root. Small files are kept in memory, and sent without being opened as long as the
 * system says that they are the same.
 */
import { constants, close, fstat, open } from "node:fs";
import type { Stats } from "node:fs";
import type { FileStore, NoFile, OpenFile } from "../proxy/feature/file-store.ts";
import { DiskFile } from "./disk-file.ts";
import { KeptFiles, isSame } from "./kept-files.ts";
import { noFile } from "./no-file.ts";
import { readSmall } from "./read-small.ts";
import { RealPaths } from "./real-paths.ts";
import { SharedStats } from "./shared-stats.ts";

/** Files that are open at once in one thread, most of them for clients that take their time. */
const OPEN_MAX = 1024;
/** Read at once, which is what each of them holds in memory: larger pieces cost a quarter less, as long as few files are open. */
const PIECE_BYTES = 64 * 1024;
const LARGE_PIECE_BYTES = 256 * 1024;
const LARGE_PIECES_MAX = 64;
/** Files up to this size are read at once and kept. */
const SMALL_BYTES = 64 * 1024;
/** How often a small file that changes under the reader is read again. */
const TRIES = 3;

// A pipe without a writer, or a terminal, must not hold a thread of the pool.
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

export interface DiskFilesOptions {
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  /** Told that a descriptor was opened, or with -1 closed. */
  readonly counted: (delta: number) => void;
  /** Whether there are descriptors left for files. */
  readonly mayOpen: () => boolean;
  readonly openMax?: number;
}

export class DiskFiles implements FileStore {
  private readonly options: DiskFilesOptions;
  private readonly stats: SharedStats = new SharedStats();
  private readonly kept: KeptFiles;
  private readonly paths: RealPaths = new RealPaths();
  private isOpen: number = 0;

  constructor(options: DiskFilesOptions) {
    this.options = options;
    this.kept = new KeptFiles(options.epochMs);
  }

  async open(root: string, path: string): Promise<OpenFile | NoFile> {
    const file = `${root}/${path}`;
    const found = await this.stats.of(file);
    if (typeof found === "string") return found;
    if (found.isDirectory()) return this.paths.unlessOutside("folder", file, root);
    if (!found.isFile()) return "refused";
    return this.kept.get(root, path, found) ?? this.openAnew(root, path, TRIES);
  }

  async exists(file: string): Promise<boolean> {
    return (await this.stats.of(file)) !== "missing";
  }

  private async openAnew(root: string, path: string, tries: number): Promise<OpenFile | NoFile> {
    const file = `${root}/${path}`;
    if (tries === 0 || this.isOpen >= (this.options.openMax ?? OPEN_MAX) || !this.options.mayOpen()) return "busy";
    this.count(1);
    const fd = await opened(file);
    if (typeof fd === "string") {
      this.count(-1);
      return fd === "unreadable" ? this.paths.unlessOutside(fd, file, root) : fd;
    }
    const stats = await statOf(fd);
    const refused = stats === null ? "failed" : !stats.isFile() ? "refused" : await this.paths.leavesRoot(fd, file, root, stats);
    if (stats === null || refused !== null) {
      this.close(fd);
      // The root itself may be a link that was turned to another folder after the file was opened.
      return refused === "refused" && tries > 1 ? this.openAnew(root, path, 1) : (refused ?? "failed");
    }
    if (stats.size > SMALL_BYTES) return new DiskFile(fd, stats, this.pieceBytes, () => this.close(fd));
    const content = await readSmall(fd, stats.size);
    const after = content === null ? null : await statOf(fd);
    this.close(fd);
    if (content === null || after === null) return "failed";
    if (!isSame(stats, after) || content.length !== stats.size) return this.openAnew(root, path, tries - 1);
    return this.kept.keep(root, path, stats, content);
  }

  private get pieceBytes(): number {
    return this.isOpen <= LARGE_PIECES_MAX ? LARGE_PIECE_BYTES : PIECE_BYTES;
  }

  private close(fd: number): void {
    // Nothing can be done about a failure, and the descriptor is free after it too.
    close(fd, () => this.count(-1));
  }

  private count(delta: number): void {
    this.isOpen += delta;
    this.options.counted(delta);
  }
}

function opened(file: string): Promise<number | NoFile> {
  return new Promise((resolve) => {
    open(file, FLAGS, (error, fd) => resolve(error === null ? fd : noFile(error)));
  });
}

function statOf(fd: number): Promise<Stats | null> {
  return new Promise((resolve) => {
    fstat(fd, (error, stats) => resolve(error === null ? stats : null));
  });
}
