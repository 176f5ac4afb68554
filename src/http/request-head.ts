import { FieldSection } from "./field-section.ts";

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
  /** Offset in `text` behind the start line's CRLF, where the first field line begins. */
  fieldsStart: number = 0;
  /** Offset in `text` behind the last field line, before the empty line. */
  fieldsEnd: number = 0;

  /** Whether the start line in `text` can go upstream as it stands. */
  startLineReusable: boolean = false;

  override forget(): void {
    super.forget();
    this.target = "";
    this.forwardTarget = "";
    this.path = "";
  }

  override clear(): void {
    super.clear();
    this.startLineReusable = false;
    this.authority = "";
    this.host = "";
  }
}
