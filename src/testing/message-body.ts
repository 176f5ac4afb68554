import { Buffer } from "node:buffer";
import { CHUNK_END, chunkStart } from "../http1/write-chunk.ts";
import type { TestConnection } from "./connection.ts";

/** Bytes that a reader may be behind with before the connection is paused. */
const AHEAD_BYTES_MAX = 256 * 1024;

/** The body of a message that is being read from a connection, as a web stream with back-pressure. */
export class MessageBody {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  private controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | null = null;
  private isOver: boolean = false;
  private readonly connection: TestConnection;

  /**
   * @param connection paused while the reader is too far behind
   * @param cancelled called when nobody wants the rest
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

  /** Copies `bytes[start, end)`. */
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

/** A piece of a body as a chunk of its own (RFC 9112 section 7.1). */
export function chunkOf(piece: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(chunkStart(piece.length)), piece, Buffer.from(CHUNK_END)]);
}
