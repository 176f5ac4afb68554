import type { Buffer } from "node:buffer";
import type { FieldSection } from "../http/field-section.ts";

/** The part of a request's body that has come, and that nobody has taken yet. */
export class HeldBody {
  private readonly pieces: Buffer[] = [];
  /** The body is complete with what is held. */
  isEnded: boolean = false;
  trailers: FieldSection | null = null;

  get isEmpty(): boolean {
    return this.pieces.length === 0;
  }

  add(bytes: Buffer): void {
    if (bytes.length > 0) this.pieces.push(bytes);
  }

  end(trailers: FieldSection | null): void {
    this.isEnded = true;
    this.trailers = trailers;
  }

  /** Takes the next bytes out. Null: there are none. */
  take(): Buffer | null {
    return this.pieces.shift() ?? null;
  }

  clear(): void {
    this.pieces.length = 0;
    this.trailers = null;
  }
}
