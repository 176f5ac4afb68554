import { FieldSection } from "./field-section.ts";
import type { HttpVersion } from "./http-version.ts";

/**
 * A response's head, whatever HTTP version carried it. Nothing but the codec that reads it may write to it: each has a class of its own
 * below this one, which adds what that version must know. A head is valid until its exchange has finished, for its reader uses the object
 * again.
 */
export class ResponseHead extends FieldSection {
  /** The version that its sender speaks. */
  readonly version: HttpVersion = "1.1";
  readonly status: number = 0;
  /** The reason phrase of HTTP/1; "" where there is none. */
  readonly reason: string = "";
}
