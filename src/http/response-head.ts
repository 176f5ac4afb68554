import { FieldSection } from "./field-section.ts";
import type { HttpVersion } from "./http-version.ts";

/** The parts of a response's head other than its fields. */
export interface ResponseFacts {
  /** The version that the sender speaks. */
  readonly version: HttpVersion;
  readonly status: number;
  /** The reason phrase of HTTP/1; "" if there is none. */
  readonly reason: string;
}

/**
 * A response's head, in any HTTP version. Each codec has a subclass with what that version needs, and only the codec writes to the head.
 *
 * The codec reuses the object, so a head is valid only until its exchange has finished; `detach` makes a lasting copy. To make a head
 * from names and values, use `buildResponseHead`.
 */
export class ResponseHead extends FieldSection implements ResponseFacts {
  readonly version: HttpVersion = "1.1";
  readonly status: number = 0;
  readonly reason: string = "";

  /** @param lines field lines to copy; the head then never changes. Null: a codec fills the head. */
  constructor(facts: ResponseFacts | null = null, lines: FieldSection | null = null) {
    super(lines);
    if (facts === null) return;
    this.version = facts.version;
    this.status = facts.status;
    this.reason = facts.reason;
  }

  /** A copy that outlives the exchange and never changes, see RequestHead.detach. */
  detach(): ResponseHead {
    return new ResponseHead(this, this);
  }
}
