import { Buffer } from "node:buffer";
import path from "node:path";
import type { FileContent } from "./test-files.ts";
import type { FileStore, NoFile, OpenFile } from "../proxy/feature/file-store.ts";

/** Longer files are read piece by piece, as from a disk. */
const CONTENT_BYTES_MAX = 64 * 1024;

/** The files of a test, by path. A folder is there if a file lies in it. */
export class MemoryFiles implements FileStore {
  private readonly contents: () => Readonly<Record<string, FileContent>>;
  private readonly modifiedMs: number;

  /** @param contents the contents as they are at this moment */
  constructor(contents: () => Readonly<Record<string, FileContent>>, modifiedMs: number) {
    this.contents = contents;
    this.modifiedMs = modifiedMs;
  }

  async open(root: string, name: string): Promise<OpenFile | NoFile> {
    const place = path.posix.join(root, name);
    const content = this.at(place);
    if (content !== undefined)
      return new MemoryFile(typeof content === "string" ? Buffer.from(content) : Buffer.from(content), this.modifiedMs);
    const isFolder = Object.keys(this.contents()).some((key) => path.posix.normalize(key).startsWith(place.replace(/\/*$/, "/")));
    return isFolder ? "folder" : "missing";
  }

  async exists(file: string): Promise<boolean> {
    return this.at(path.posix.normalize(file)) !== undefined;
  }

  private at(place: string): FileContent | undefined {
    return Object.entries(this.contents()).find(([key]) => path.posix.normalize(key) === place)?.[1];
  }
}

class MemoryFile implements OpenFile {
  readonly content: Buffer | null;
  readonly size: number;
  readonly modifiedMs: number;
  readonly pieceBytes: number = CONTENT_BYTES_MAX;
  private readonly bytes: Buffer;

  constructor(bytes: Buffer, modifiedMs: number) {
    this.bytes = bytes;
    this.content = bytes.length > CONTENT_BYTES_MAX ? null : bytes;
    this.size = bytes.length;
    this.modifiedMs = modifiedMs;
  }

  async read(into: Buffer, position: number): Promise<number> {
    return this.bytes.copy(into, 0, position);
  }

  close(): void {}
}
