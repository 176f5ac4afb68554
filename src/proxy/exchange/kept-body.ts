/**
 * Bytes of a request's body that are kept in memory, to be sent to an endpoint later, or again in a further attempt. Whoever keeps a body
 * (collected-body.ts) decides how much of it.
 *
 * All kept bytes of the process count against one limit, `ExchangeThread.takeMemory`. What is counted is the memory that they take, which
 * is up to twice their number.
 */
import type { Buffer } from "node:buffer";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { BodySink } from "../ports/body-sink.ts";
import { GatheredBytes } from "./gathered-bytes.ts";

type Memory = Pick<ExchangeThread, "takeMemory" | "giveMemory">;

export class KeptBody {
  private readonly memory: Memory;
  private readonly gathered: GatheredBytes = new GatheredBytes();
  /** Bytes reserved by `takeMemory`. */
  private taken: number = 0;

  /** @param memory where memory is reserved: the thread, or for copies of requests the thread's `copies` */
  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** How many bytes are kept. */
  get size(): number {
    return this.gathered.size;
  }

  /** All bytes so far. A new view each time, because a receiver may write over the bytes before a slice (ports/body-sink.ts). */
  get bytes(): Buffer {
    return this.gathered.bytes;
  }

  /**
   * Adds a copy of the bytes. Returns false if the process has no memory left for kept bodies: these bytes are kept all the same, because
   * they must be sent on, but no more should be.
   */
  add(bytes: Buffer, start: number, end: number): boolean {
    this.gathered.add(bytes, start, end);
    const more = this.gathered.capacity - this.taken;
    if (more === 0) return true;
    if (!this.memory.takeMemory(more)) return false;
    this.taken += more;
    return true;
  }

  /** How much memory the bytes take that was not reserved, because none was left. */
  get unreserved(): number {
    return this.gathered.capacity - this.taken;
  }

  /** Sends all bytes so far. May be called once for each attempt. */
  sendTo(out: BodySink): void {
    const { bytes } = this;
    if (bytes.length > 0) out.data(bytes, 0, bytes.length);
  }

  /** The bytes will not be sent again: frees the memory. What `bytes` and `sendTo` have given stays valid. */
  letGo(): void {
    if (this.taken > 0) this.memory.giveMemory(this.taken);
    this.taken = 0;
    this.gathered.letGo();
  }
}
