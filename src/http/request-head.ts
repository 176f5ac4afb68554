import { FieldSection } from "./field-section.ts";
import { WrittenHead } from "./written-head.ts";

/** A request's head, whatever HTTP version carried it. Valid until its exchange has finished. */
export class RequestHead extends FieldSection {
  method: string = "";
  /** The target as received: origin-form, absolute-form, or "*". */
  target: string = "";
  /** The target as it goes upstream: origin-form or "*" (absolute-form reduced, an empty path made "/"). */
  forwardTarget: string = "";
  /** Path of `forwardTarget` without query, spelled as received. */
  path: string = "";
  /** Value of Host, or the authority of an absolute-form target. Empty only for HTTP/1.0 without Host. */
  authority: string = "";
  /** `authority` in lower case, without port and without a trailing dot. */
  host: string = "";
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  minor: 0 | 1 = 1;
  /** As received, with its CRLF. */
  startLine: string = "";
  /** Whether the start line can go upstream as it stands. */
  startLineReusable: boolean = false;
  /** `authority` is not the value of Host: the target's stands for it, or there is none. */
  hostReplaced: boolean = false;
  readonly written: WrittenHead = new WrittenHead();

  /** Octets of the complete head, the empty line included. */
  get size(): number {
    return this.startLine.length + this.text.length + 2;
  }

  override forget(): void {
    super.forget();
    this.startLine = "";
    this.target = "";
    this.forwardTarget = "";
    this.path = "";
    this.authority = "";
    this.host = "";
    this.written.forget();
  }
}
