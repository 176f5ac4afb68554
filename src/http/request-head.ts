import { FieldSection } from "./field-section.ts";
import type { HttpVersion } from "./http-version.ts";

/** The parts of a request's head other than its fields. */
export interface RequestFacts {
  /** The version that the client speaks. */
  readonly version: HttpVersion;
  readonly method: string;
  /** The target as received: origin-form, absolute-form, or "*". */
  readonly target: string;
  /** The target as it is sent upstream: origin-form or "*". Absolute-form is reduced to its path; an empty path becomes "/". */
  readonly forwardTarget: string;
  /** Path of `forwardTarget` without query, spelled as received. */
  readonly path: string;
  /** The host and port that the request is for: the value of Host, or the authority of the target. "" only in HTTP/1.0 without Host. */
  readonly authority: string;
  /** `authority` in lower case, without port and without a trailing dot. */
  readonly host: string;
  /** No Host line has the value of `authority`, so the writer of the upstream request must write one. */
  readonly hostReplaced: boolean;
}

/**
 * A request's head, in any HTTP version. Each codec has a subclass with what that version needs, and only the codec writes to the head.
 *
 * The codec reuses the object, so a head is valid only until its exchange has finished; `detach` makes a lasting copy. To make a head
 * from names and values, use `buildRequestHead`.
 */
export class RequestHead extends FieldSection implements RequestFacts {
  readonly version: HttpVersion = "1.1";
  readonly method: string = "";
  readonly target: string = "";
  readonly forwardTarget: string = "";
  readonly path: string = "";
  readonly authority: string = "";
  readonly host: string = "";
  readonly hostReplaced: boolean = false;

  /** @param lines field lines to copy; the head then never changes. Null: a codec fills the head. */
  constructor(facts: RequestFacts | null = null, lines: FieldSection | null = null) {
    super(lines);
    if (facts === null) return;
    this.version = facts.version;
    this.method = facts.method;
    this.target = facts.target;
    this.forwardTarget = facts.forwardTarget;
    this.path = facts.path;
    this.authority = facts.authority;
    this.host = facts.host;
    this.hostReplaced = facts.hostReplaced;
  }

  /** Bytes of the whole head as received. */
  get size(): number {
    return this.text.length;
  }

  /**
   * Whether the client understands interim responses (RFC 9110 section 15.2), and so may use `Expect: 100-continue`: in all versions but
   * HTTP/1.0.
   */
  get understandsInterim(): boolean {
    return this.version !== "1.0";
  }

  /**
   * A copy that outlives the exchange and never changes: for a cache, for a request that is sent again later, for several exchanges at
   * once. It has everything but what only the codec needs; hidden fields stay hidden.
   */
  detach(): RequestHead {
    return new RequestHead(this, this);
  }
}
