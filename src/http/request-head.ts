import { FieldSection } from "./field-section.ts";
import type { HttpVersion } from "./http-version.ts";

/** What a request's head says beside its fields. */
export interface RequestFacts {
  /** The version that its sender speaks. */
  readonly version: HttpVersion;
  readonly method: string;
  /** The target as received: origin-form, absolute-form, or "*". */
  readonly target: string;
  /** The target as it goes upstream: origin-form or "*" (absolute-form reduced, an empty path made "/"). */
  readonly forwardTarget: string;
  /** Path of `forwardTarget` without query, spelled as received. */
  readonly path: string;
  /** Whom the request is for: the value of Host, or the authority of the target. Empty only for HTTP/1.0 without Host. */
  readonly authority: string;
  /** `authority` in lower case, without port and without a trailing dot. */
  readonly host: string;
  /** There is no Host line with the value of `authority`: whoever sends the head on writes one. */
  readonly hostReplaced: boolean;
}

/**
 * A request's head, whatever HTTP version carried it. Nobody but the codec that reads it may write to it: each codec has a class of its own
 * below this one, which adds what that version must know. Such a head is valid until its exchange has finished, for its reader uses the
 * object again; `detach` gives one that stays. From names and values a head is made by `buildRequestHead`.
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

  /** @param lines its field lines: with these it never changes. Without, a codec fills it. */
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

  /** Octets of the whole head as it was received. */
  get size(): number {
    return this.text.length;
  }

  /**
   * Whether the client understands interim responses (RFC 9110 section 15.2) and with them `Expect: 100-continue`: all versions have
   * them but HTTP/1.0.
   */
  get understandsInterim(): boolean {
    return this.version !== "1.0";
  }

  /**
   * A copy that outlives the exchange and never changes: for a cache, for a request that goes out again later, for several exchanges at once.
   * It hides what this head hides. It says the same, but what only a codec knows is left behind.
   */
  detach(): RequestHead {
    return new RequestHead(this, this);
  }
}
