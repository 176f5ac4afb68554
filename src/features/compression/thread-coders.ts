/** What the routes of a thread share: idle coders, and how late the thread is. */
import { Buffer } from "node:buffer";
import type { FineClock } from "../../proxy/feature/fine-clock.ts";
import type { ThreadContext } from "../../proxy/feature/feature.ts";
import { Coder } from "./coder.ts";
import { LoadGauge } from "./load-gauge.ts";
import type { Coding } from "../../policy/compression/codings.ts";

/** Coders for gzip that are kept for the next response: to make one costs more than to compress a small response. */
const IDLE_MAX = 4;

export class ThreadCoders {
  readonly load: LoadGauge;
  /** Where coders write; what is passed on is copied. */
  readonly scratch: Buffer = Buffer.allocUnsafeSlow(64 * 1024);
  /** Bytes that bodies under way take together. */
  heldBytes: number = 0;
  /** Coders that are in use. */
  inUse: number = 0;
  private readonly idle: { readonly level: number; readonly coder: Coder }[] = [];

  constructor(clock: FineClock) {
    this.load = new LoadGauge(clock);
  }

  static of({ once, fine }: Pick<ThreadContext, "once" | "fine">): ThreadCoders {
    return once(SHARED, () => new ThreadCoders(fine));
  }

  /** Reserves memory for a body. Returns false if it would be more than `bytesMax` together. */
  reserve(bytes: number, bytesMax: number): boolean {
    if (this.heldBytes + bytes > bytesMax) return false;
    this.heldBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.heldBytes -= bytes;
  }

  encoder(coding: Coding, level: number): Coder {
    this.inUse++;
    const at = coding === "gzip" ? this.idle.findIndex((each) => each.level === level) : -1;
    return this.idle.splice(at, at < 0 ? 0 : 1)[0]?.coder ?? Coder.encoder(coding, level);
  }

  decoder(coding: Coding): Coder {
    this.inUse++;
    return Coder.decoder(coding);
  }

  /** @param level of a coder that compresses; -1: it decodes */
  giveBack(coder: Coder, coding: Coding, level: number): void {
    this.inUse--;
    if (coding !== "gzip" || level < 0) return coder.close();
    if (this.idle.length >= IDLE_MAX) this.idle.shift()?.coder.close();
    coder.reset();
    this.idle.push({ level, coder });
  }
}

/** Stands for what all routes of a configuration have in common. */
const SHARED = {};
