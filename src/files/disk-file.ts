import type { Buffer } from "node:buffer";
import { read } from "node:fs";
import type { Stats } from "node:fs";
import type { OpenFile } from "../proxy/feature/file-store.ts";

/** A file that is open, too large to be kept in memory. */
export class DiskFile implements OpenFile {
  readonly size: number;
  readonly modifiedMs: number;
  readonly content: null = null;
  readonly pieceBytes: number;
  private readonly fd: number;
  private readonly closeNow: () => void;
  private isReading: boolean = false;
  private isClosed: boolean = false;

  /** @param closeNow closes the descriptor */
  constructor(fd: number, { size, mtimeMs }: Pick<Stats, "size" | "mtimeMs">, pieceBytes: number, closeNow: () => void) {
    this.fd = fd;
    this.size = size;
    this.modifiedMs = mtimeMs;
    this.pieceBytes = pieceBytes;
    this.closeNow = closeNow;
  }

  read(into: Buffer, position: number): Promise<number> {
    this.isReading = true;
    return new Promise((resolve) => {
      read(this.fd, into, 0, into.length, position, (error, count) => {
        this.isReading = false;
        if (this.isClosed) this.closeNow();
        resolve(error === null ? count : -1);
      });
    });
  }

  /** While a thread of the pool reads, the descriptor stays: its number could soon be another file's. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (!this.isReading) this.closeNow();
  }
}
