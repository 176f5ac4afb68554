import { FieldSection } from "./field-section.ts";

/** A response's head, whatever HTTP version carried it. Valid until its exchange has finished. */
export class ResponseHead extends FieldSection {
  status: number = 0;
  /** Where the reason phrase lies in `text`. */
  reasonStart: number = 0;
  reasonEnd: number = 0;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  minor: 0 | 1 = 1;
  /** Whether the status line in `text` can go downstream as it stands. */
  startLineReusable: boolean = false;
  /** Offset in `text` behind the start line's CRLF, where the first field line begins. */
  fieldsStart: number = 0;
  /** Offset in `text` behind the last field line, before the empty line. */
  fieldsEnd: number = 0;

  get reason(): string {
    return this.text.slice(this.reasonStart, this.reasonEnd);
  }
}
