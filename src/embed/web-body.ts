import { Buffer } from "node:buffer";
import type { HostedBody, HostedBodyReader } from "./hosted-message.ts";

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** The body of a request of the web's standard. */
export class WebBody implements HostedBody {
  private readonly stream: ReadableStream<Uint8Array> | null;
  private source: Reader | null = null;
  private reader: HostedBodyReader | null = null;
  private isFlowing: boolean = false;
  private isReading: boolean = false;

  /** @param stream null: there is no body */
  constructor(stream: ReadableStream<Uint8Array> | null) {
    this.stream = stream;
  }

  start(reader: HostedBodyReader): void {
    this.reader = reader;
  }

  resume(): void {
    this.isFlowing = true;
    if (this.stream === null || this.isReading) return;
    this.source ??= this.stream.getReader();
    void this.readOn(this.source);
  }

  pause(): void {
    this.isFlowing = false;
  }

  /** Its sender is told, and sends no more. */
  discard(): boolean {
    this.close();
    return false;
  }

  close(): void {
    this.reader = null;
    this.isFlowing = false;
    const { source, stream } = this;
    const cancelled = source !== null ? source.cancel() : stream?.locked === false ? stream.cancel() : undefined;
    // A sender that fails to stop is none of the proxy's business.
    cancelled?.catch(() => {});
  }

  /** Never rejects. */
  private async readOn(source: Reader): Promise<void> {
    this.isReading = true;
    while (this.isFlowing) {
      let bytes: Buffer | null;
      try {
        const { done, value } = await source.read();
        bytes = done ? null : bytesOf(value);
      } catch {
        return this.reader?.bodyFailed();
      }
      if (bytes === null) return this.reader?.bodyEnded(null);
      this.reader?.bodyRead(bytes);
    }
    this.isReading = false;
  }
}

/** Throws a TypeError for what is no chunk of a body, or is one whose memory somebody else has got meanwhile. */
function bytesOf(chunk: unknown): Buffer {
  if (!(chunk instanceof Uint8Array)) throw new TypeError("the chunk is no Uint8Array");
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
