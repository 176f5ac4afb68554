/**
 * Files on disk, for features that send them. src/files implements it; tests have files in memory. No method rejects.
 */
import type { Buffer } from "node:buffer";

export interface FileStore {
  /**
   * Opens a regular file below a folder. Links are followed as long as they lead to something below that folder.
   * @param root the folder, absolute
   * @param path names separated by slashes: none is empty, `.` or `..`, and none holds a NUL
   */
  open(root: string, path: string): Promise<OpenFile | NoFile>;
  /** Whether there is anything at that place. */
  exists(file: string): Promise<boolean>;
}

/**
 * Why there is no file:
 * - `missing`: there is nothing of that name
 * - `folder`: it is a folder
 * - `refused`: it is a device, a pipe or a socket, or a link has led out of the root
 * - `unreadable`: this user may not read it
 * - `busy`: too many files are open, or the file changes while it is read
 * - `failed`: the system reports anything else
 */
export type NoFile = "missing" | "folder" | "refused" | "unreadable" | "busy" | "failed";

/** A file, as it was when it was opened. */
export interface OpenFile {
  /** Length in bytes. */
  readonly size: number;
  /** When it was changed last, in milliseconds since 1970, with a fraction where the file system has one. */
  readonly modifiedMs: number;
  /** The whole content, if the store has it in memory; never change these bytes. Null: use `read`. */
  readonly content: Buffer | null;
  /** How many bytes are best read at once. The caller of `read` provides the memory. */
  readonly pieceBytes: number;
  /**
   * Reads the next bytes into the beginning of `into`, which nobody may use until the promise settles. Resolves with their number; 0: the file ends
   * there; -1: the system reports a failure.
   */
  read(into: Buffer, position: number): Promise<number>;
  /** Call it once, whatever has happened. */
  close(): void;
}

/** A store without files. */
export const NO_FILES: FileStore = { open: () => Promise.resolve("missing"), exists: () => Promise.resolve(false) };
