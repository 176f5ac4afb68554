import type { FileStore } from "../../proxy/feature/file-store.ts";

/** How long the result of one look at the file is used. */
const HOLDS_MS = 1000;

/** Whether a file exists. The file is looked for by `isThere`, if the last look is too old, and not by a timer. */
export class FlagFile {
  private readonly path: string;
  private readonly files: FileStore;
  private readonly now: () => number;
  private wasThere: boolean = false;
  private lookedAt: number = -Infinity;
  private looking: Promise<boolean> | null = null;

  /** @param now monotonic milliseconds */
  constructor(path: string, files: FileStore, now: () => number) {
    this.path = path;
    this.files = files;
    this.now = now;
  }

  isThere(): boolean | Promise<boolean> {
    return this.now() < this.lookedAt + HOLDS_MS ? this.wasThere : (this.looking ??= this.look());
  }

  private async look(): Promise<boolean> {
    const at = this.now();
    this.wasThere = await this.files.exists(this.path);
    this.lookedAt = at;
    this.looking = null;
    return this.wasThere;
  }
}
