import type { Buffer } from "node:buffer";

/** Bytes that a reader may be behind with before the connection is paused. */
const AHEAD_BYTES_MAX = 256 * 1024;

/** The body of a message that is being read from a connection, as a web stream with back-pressure. */
export class MessageBody {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  private controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | null = null;
  private isOver: boolean = false;
  private readonly flow: (goesOn: boolean) => void;

  /**
   * @param flow called with false when the reader is too far behind, and with true when it goes on
   * @param cancelled called when nobody wants the rest
   */
  constructor(flow: (goesOn: boolean) => void, cancelled: () => void) {
    this.flow = flow;
    this.stream = new ReadableStream(
      {
        start: (controller) => void (this.controller = controller),
        pull: () => flow(true),
        cancel: () => {
          this.isOver = true;
          cancelled();
        },
      },
      { highWaterMark: AHEAD_BYTES_MAX, size: (chunk) => chunk.byteLength },
    );
  }

  /** Copies `bytes[start, end)`. */
  add(bytes: Buffer, start: number, end: number): void {
    if (this.isOver) return;
    this.controller?.enqueue(new Uint8Array(bytes.subarray(start, end)));
    if ((this.controller?.desiredSize ?? 1) <= 0) this.flow(false);
  }

  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.controller?.close();
  }

  fail(error: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    this.controller?.error(error);
  }
}
