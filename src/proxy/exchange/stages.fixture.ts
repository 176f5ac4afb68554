/** Simple body stages for tests, and exchanges that have them. */
import { Buffer } from "node:buffer";
import { latin1 } from "../../base/latin1.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { BodyStage, StageOutput } from "../feature/body-stage.ts";
import type { Middleware } from "../feature/middleware.ts";
import { Dialogue } from "./fake-ports.fixture.ts";

export const GET = "GET /";
export const PUT = "PUT /\nContent-Length: 4";
export const OK = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";

export const ofResponse = (make: () => BodyStage): Middleware => ({
  name: "x",
  onResponse: (_, { head }) => (head === null ? null : make()),
});
export const ofRequest = (make: () => BodyStage): Middleware => ({ name: "x", onUpstreamRequest: () => make() });

/** An exchange for that request head, whose endpoint is connected. */
export function asking(head: string, ...hooks: readonly Middleware[]): Dialogue {
  const d = new Dialogue({ hooks });
  d.client.asks(head);
  d.upstream.connects();
  return d.skip();
}

/** A stage that maps each piece to another text and writes it at once. */
export function mapping(map: (text: string) => string, length: number = -1): BodyStage {
  let out: StageOutput | null = null;
  return {
    length,
    start: (output) => void (out = output),
    data: (bytes, start, end) => out?.write(Buffer.from(map(latin1(bytes, start, end)), "latin1")),
    end: (trailers) => out?.end(trailers),
  };
}

export const upper = (): BodyStage => mapping((text) => text.toUpperCase());

/** A stage that holds its input until the test calls `writes` and `ends`. */
export class Held implements BodyStage {
  readonly length: number;
  output: StageOutput | null = null;
  text: string = "";
  /** The result of `flush`. */
  takes: boolean = true;
  inputEnded: boolean = false;
  aborted: number = 0;
  writables: number = 0;
  private trailers: FieldSection | null = null;

  constructor(length: number = -1) {
    this.length = length;
  }

  start(output: StageOutput): void {
    this.output = output;
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.text += latin1(bytes, start, end);
  }

  end(trailers: FieldSection | null): void {
    this.inputEnded = true;
    this.trailers = trailers;
  }

  flush(): boolean {
    return this.takes;
  }

  writable(): void {
    this.writables++;
  }

  abort(): void {
    this.aborted++;
  }

  /** Writes all that it holds. Returns whether the receiver takes more. */
  writes(text: string = this.text): boolean {
    this.text = "";
    this.output?.write(Buffer.from(text, "latin1"));
    return this.output?.flush() ?? false;
  }

  ends(): void {
    this.output?.end(this.trailers);
  }
}
