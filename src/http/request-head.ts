import { FieldSection } from "./field-section.ts";
import type { HttpVersion } from "./http-version.ts";

// Each codec has a subclass with what that version needs, and only the codec writes to the head.

/**
 * A request's head, in any HTTP version (RFC 9110 section 6.3). The proxy reuses the object, so a head is valid only until its exchange has
 * finished; `detach` makes a lasting copy. To make a head from names and values, use `buildRequestHead`.
 */
export class RequestHead extends FieldSection {
  /** The version that the client speaks. */
  readonly version: HttpVersion = "1.1";
  /** As received; methods are case-sensitive (RFC 9110 section 9.1). */
  readonly method: string = "";
  /** The target as received: origin-form, absolute-form, or "*" (RFC 9112 section 3.2). */
  readonly target: string = "";
  /** The target as it is sent upstream: origin-form or "*". Absolute-form is reduced to its path; an empty path becomes "/". */
  readonly forwardTarget: string = "";
  /** Path of `forwardTarget` without query, spelled as received. */
  readonly path: string = "";
  /** The host and port that the request is for: the value of Host, or the authority of the target. "" only in HTTP/1.0 without Host. */
  readonly authority: string = "";
  /** `authority` in lower case, without port and without a trailing dot. */
  readonly host: string = "";
  /** @internal No Host line has the value of `authority`, so the writer of the upstream request must write one. */
  readonly hostReplaced: boolean = false;
  /**
   * @internal A place for one value that was computed from the target. It stays there while further messages are read into this head, so whoever
   * uses it compares the target, and checks that the value is its own.
   */
  derivedFromTarget: object | null = null;
  /** @internal A place for what the access log says of the field lines. Whoever uses it compares the edition. */
  notes: object | null = null;

  /**
   * @internal
   * @param lines field lines to copy; the head then never changes. Null: a codec fills the head.
   */
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
   * @internal Whether the client understands interim responses (RFC 9110 section 15.2), and so may use `Expect: 100-continue`: in all
   * versions but HTTP/1.0.
   */
  get understandsInterim(): boolean {
    return this.version !== "1.0";
  }

  /**
   * A copy that outlives the exchange and never changes: for a cache, for a request that is sent again later, for several exchanges at
   * once. It may be kept as long as one likes.
   */
  detach(): RequestHead {
    return new RequestHead(this, this);
  }
}

/** @internal The parts of a request's head other than its fields. */
export type RequestFacts = Pick<
  RequestHead,
  "version" | "method" | "target" | "forwardTarget" | "path" | "authority" | "host" | "hostReplaced"
>;
