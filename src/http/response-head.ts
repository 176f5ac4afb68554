import { FieldSection } from "./field-section.ts";
import type { HttpVersion } from "./http-version.ts";

/** What a response's head says beside its fields. */
export interface ResponseFacts {
  /** The version that its sender speaks. */
  readonly version: HttpVersion;
  readonly status: number;
  /** The reason phrase of HTTP/1; "" where there is none. */
  readonly reason: string;
}

/**
 * A response's head, whatever HTTP version carried it. Nobody but the codec that reads it may write to it: each codec has a class of its own
 * below this one, which adds what that version must know. Such a head is valid until its exchange has finished, for its reader uses the
 * object again; `detach` gives one that stays. From names and values a head is made by `buildResponseHead`.
 */
export class ResponseHead extends FieldSection implements ResponseFacts {
  readonly version: HttpVersion = "1.1";
  readonly status: number = 0;
  readonly reason: string = "";

  /** @param lines its field lines: with these it never changes. Without, a codec fills it. */
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
