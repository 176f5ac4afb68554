import type { Buffer } from "node:buffer";
import type { Transport } from "../src/net/transport/transport.ts";
import { bodyOf, strayByte } from "./bytes.ts";
import type { Sending } from "./sending.ts";

/** One side of a switched connection: it sends so many bytes and its end, and looks at what comes until the other side's end. */
export class TunnelEnd {
  receivedBytes: number = 0;
  private readonly transport: Transport;
  private readonly fail: (message: string) => void;
  /** Whose bytes come, and how many there are. */
  private readonly owner: number;
  private readonly bytes: number;
  /** It sends its end when the other side has sent its own. */
  private readonly isPolite: boolean;
  private hasSentAll: boolean = false;
  private hasSentEnd: boolean = false;
  private otherHasEnded: boolean = false;

  constructor(transport: Transport, fail: (message: string) => void, owner: number, bytes: number, isPolite: boolean) {
    this.isPolite = isPolite;
    this.transport = transport;
    this.fail = fail;
    this.owner = owner;
    this.bytes = bytes;
  }

  sends(sending: Sending, owner: number, bytes: number): void {
    sending.add([bodyOf(owner, 0, bytes)]);
    sending.onEmpty = () => this.sent();
    // Few have been sent already.
    sending.add([]);
  }

  /** Everything of this side has been sent. */
  sent(): void {
    this.hasSentAll = true;
    if (this.hasSentEnd || (this.isPolite && !this.otherHasEnded)) return;
    this.hasSentEnd = true;
    this.transport.end();
    if (this.otherHasEnded) this.transport.destroy();
  }

  takes(bytes: Buffer, start: number, end: number): void {
    const stray = strayByte(this.owner, this.receivedBytes, bytes, start, end);
    if (stray >= 0) this.fail(`a tunnel's bytes are others from byte ${stray} on`);
    this.receivedBytes += end - start;
    if (this.receivedBytes > this.bytes) this.fail(`a tunnel brings ${this.receivedBytes} of ${this.bytes} bytes`);
  }

  otherEnds(): void {
    this.otherHasEnded = true;
    if (this.hasSentEnd) this.transport.destroy();
    else if (this.hasSentAll) this.sent();
  }
}
