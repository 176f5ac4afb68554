/** The most bytes of bodies that the copies of one thread hold together. */
const BYTES_MAX = 16 * 1024 * 1024;

/** A copy of a request that waits or is on its way. */
export interface Copy {
  giveUp(): void;
}

/** A copy that is complete. */
export interface WaitingCopy {
  /** Sends it, and takes it out of those that wait. */
  send(): void;
}

/**
 * The copies of requests (`mirror`) of one thread, and the memory of their bodies. This memory is counted apart from that of other held bodies: an
 * upstream that takes its copies slowly must not leave less for requests.
 */
export class Copies {
  /** Bytes held now. */
  bytes: number = 0;
  /** Copies that are complete and go out at the next tick, in the order in which their requests were complete. */
  readonly waiting: Set<WaitingCopy> = new Set();
  private readonly open: Set<Copy> = new Set();

  get size(): number {
    return this.open.size;
  }

  add(copy: Copy): void {
    this.open.add(copy);
  }

  delete(copy: Copy): void {
    this.open.delete(copy);
  }

  /** Gives all copies up, because the thread ends: no client waits for them. */
  giveUpAll(): void {
    for (const copy of this.open) copy.giveUp();
  }

  /** As `ExchangeThread.takeMemory`. */
  takeMemory(bytes: number): boolean {
    if (this.bytes + bytes > BYTES_MAX) return false;
    this.bytes += bytes;
    return true;
  }

  giveMemory(bytes: number): void {
    this.bytes -= bytes;
  }
}
