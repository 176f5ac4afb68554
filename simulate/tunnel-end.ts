import type { Buffer } from "node:buffer";
import type { Transport } from "../src/net/transport/transport.ts";
import { bodyOf, strayByte } from "./bytes.ts";
import type { Sending } from "./sending.ts";

/** One side of a tunnel: sends a number of bytes and its FIN, and checks what it receives until the other side's FIN. */
export class TunnelEnd {
  receivedBytes: number = 0;
  private readonly transport: Transport;
  private readonly fail: (message: string) => void;
  /** The owner of the bytes to be received, and how many there are. */
  private readonly owner: number;
  private readonly bytes: number;
  /** Whether this side sends its FIN only after the other side has sent its own. */
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
    // A few bytes have been sent already, before `onEmpty` was set: this calls it.
    sending.add([]);
  }

  /** Everything that this side has to send was taken. */
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
