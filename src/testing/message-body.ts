import { Buffer } from "node:buffer";
import { CHUNK_END, chunkStart } from "../http1/write-chunk.ts";
import type { TestConnection } from "./connection.ts";

/** Unread bytes in the stream above which the connection is paused. */
const AHEAD_BYTES_MAX = 256 * 1024;

/** The body of a message that is being read from a connection, as a web stream with back-pressure. */
export class MessageBody {
  /** The stream to give to a `Request` or `Response`. */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  private controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | null = null;
  private isOver: boolean = false;
  private readonly connection: TestConnection;

  /**
   * @param connection is paused while the stream holds too many unread bytes
   * @param cancelled is called when the stream's reader cancels it
   */
  constructor(connection: TestConnection, cancelled: () => void) {
    this.connection = connection;
    this.stream = new ReadableStream(
      {
        start: (controller) => void (this.controller = controller),
        pull: () => connection.resume(),
        cancel: () => {
          this.isOver = true;
          cancelled();
        },
      },
      { highWaterMark: AHEAD_BYTES_MAX, size: (chunk) => chunk.byteLength },
    );
  }

  /** Adds a copy of `bytes[start, end)` to the stream. */
  add(bytes: Buffer, start: number, end: number): void {
    if (this.isOver) return;
    this.controller?.enqueue(new Uint8Array(bytes.subarray(start, end)));
    if ((this.controller?.desiredSize ?? 1) <= 0) this.connection.pause();
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

/** The bytes of one chunk that contains this piece of a body (RFC 9112 section 7.1). */
export function chunkOf(piece: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(chunkStart(piece.length)), piece, Buffer.from(CHUNK_END)]);
}
