import { FieldSection } from "./field-section.ts";
import type { HttpVersion } from "./http-version.ts";

/**
 * A request's head, whatever HTTP version carried it. Nothing but the codec that reads it may write to it: each has a class of its own
 * below this one, which adds what that version must know. A head is valid until its exchange has finished, for its reader uses the object
 * again.
 */
export class RequestHead extends FieldSection {
  /** The version that its sender speaks. */
  readonly version: HttpVersion = "1.1";
  readonly method: string = "";
  /** The target as received: origin-form, absolute-form, or "*". */
  readonly target: string = "";
  /** The target as it goes upstream: origin-form or "*" (absolute-form reduced, an empty path made "/"). */
  readonly forwardTarget: string = "";
  /** Path of `forwardTarget` without query, spelled as received. */
  readonly path: string = "";
  /** Whom the request is for: the value of Host, or the authority of the target. Empty only for HTTP/1.0 without Host. */
  readonly authority: string = "";
  /** `authority` in lower case, without port and without a trailing dot. */
  readonly host: string = "";
  /** There is no Host line with the value of `authority`: whoever sends the head on writes one. */
  readonly hostReplaced: boolean = false;

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
}
