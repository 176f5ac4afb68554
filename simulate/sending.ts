import { Buffer } from "node:buffer";
import type { VirtualClock } from "../src/net/transport/memory/virtual-clock.ts";
import type { Transport } from "../src/net/transport/transport.ts";

/** The read buffer of all clients and endpoints: each takes the bytes of a read before the next read comes. */
export const readBuffer: Buffer = Buffer.allocUnsafeSlow(16 * 1024);

/** The parts of a message, in order. */
export type Message = readonly Buffer[];

/** Sends queued messages in pieces as fast as the other side takes them, or one piece every `everyMs` milliseconds. */
export class Sending {
  sentBytes: number = 0;
  /** Whether nothing is sent any more. */
  isStopped: boolean = false;
  /** Called after each piece. */
  onSent: () => void = () => {};
  /** Called when everything that was queued has been taken. */
  onEmpty: () => void = () => {};
  private readonly clock: VirtualClock;
  private readonly pieceBytes: number;
  private readonly everyMs: number;
  private transport: Transport | null = null;
  private queue: Message[] = [];
  /** The part of the first message that is sent next, and how many bytes of that part have been sent. */
  private part: number = 0;
  private at: number = 0;
  private isBlocked: boolean = false;
  private isWaiting: boolean = false;

  constructor(clock: VirtualClock, pieceBytes: number, everyMs: number) {
    this.clock = clock;
    this.pieceBytes = pieceBytes;
    this.everyMs = everyMs;
  }

  /** Whether everything that was queued has been written. */
  get isEmpty(): boolean {
    return this.queue.length === 0;
  }

  start(transport: Transport): void {
    this.transport = transport;
    this.go();
  }

  add(message: Message): void {
    if (message.some((part) => part.length > 0)) this.queue.push(message);
    this.go();
  }

  stop(): void {
    this.isStopped = true;
    this.queue = [];
  }

  /** The transport has taken everything that was written. */
  written(): void {
    this.isBlocked = false;
    this.go();
  }

  private go(): void {
    const { transport } = this;
    if (transport === null) return;
    while (!this.isBlocked && !this.isWaiting && !this.isStopped && transport.writable) {
      const [first] = this.queue;
      if (first === undefined) return this.onEmpty();
      const piece = this.take(first);
      this.sentBytes += lengthOf(piece);
      this.isBlocked = !transport.write(piece);
      this.onSent();
      if (this.everyMs > 0 && this.queue.length > 0) this.pause();
    }
  }

  /** The next piece of the first message. */
  private take(message: Message): Message {
    const piece: Buffer[] = [];
    for (let left = this.pieceBytes; left > 0;) {
      const part = message[this.part];
      if (part === undefined) break;
      const end = Math.min(part.length, this.at + left);
      piece.push(this.at === 0 && end === part.length ? part : part.subarray(this.at, end));
      left -= end - this.at;
      this.at = end;
      if (end < part.length) break;
      this.part++;
      this.at = 0;
    }
    while (message[this.part]?.length === 0) this.part++;
    if (this.part === message.length) {
      this.queue.shift();
      this.part = 0;
    }
    return piece;
  }

  private pause(): void {
    this.isWaiting = true;
    this.clock.after(this.everyMs, () => {
      this.isWaiting = false;
      this.go();
    });
  }
}

export function lengthOf(message: Message): number {
  let length = 0;
  for (const part of message) length += part.length;
  return length;
}

/** The first `length` bytes of the message. */
export function beginningOf(message: Message, length: number): Message {
  const found: Buffer[] = [];
  let left = length;
  for (const part of message) {
    if (left > 0) found.push(part.subarray(0, left));
    left -= part.length;
  }
  return found;
}
