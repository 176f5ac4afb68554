import { FieldSection } from "./field-section.ts";
import type { HttpVersion } from "./http-version.ts";

// Each codec has a subclass with what that version needs, and only the codec writes to the head.

/**
 * A response's head, in any HTTP version (RFC 9110 section 6.3). The proxy reuses the object, so a head is valid only until its exchange has
 * finished; `detach` makes a lasting copy. To make a head from names and values, use `buildResponseHead`.
 */
export class ResponseHead extends FieldSection {
  /** The version that the sender speaks. */
  readonly version: HttpVersion = "1.1";
  /** The status code, 100 to 599 (RFC 9110 section 15). */
  readonly status: number = 0;
  /** The reason phrase of HTTP/1; "" if there is none. */
  readonly reason: string = "";

  /**
   * @internal
   * @param lines field lines to copy; the head then never changes. Null: a codec fills the head.
   */
  constructor(facts: ResponseFacts | null = null, lines: FieldSection | null = null) {
    super(lines);
    if (facts === null) return;
    this.version = facts.version;
    this.status = facts.status;
    this.reason = facts.reason;
  }

  /** A copy that outlives the exchange and never changes: for a cache, for example. */
  detach(): ResponseHead {
    return new ResponseHead(this, this);
  }
}

/** @internal The parts of a response's head other than its fields. */
export type ResponseFacts = Pick<ResponseHead, "version" | "status" | "reason">;
