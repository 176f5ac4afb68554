import { FieldSection } from "./field-section.ts";
import { LatestHead, WrittenHead } from "./written-head.ts";

/** Of all responses: what the connections to an origin bring is often the same, new once a second by its `Date`, and need not be kept by each. */
const latestWritten = new LatestHead();
let latestText = "";

/** A response's head, whatever HTTP version carried it. Valid until its exchange has finished. */
export class ResponseHead extends FieldSection {
  status: number = 0;
  /** As received, with its CRLF. */
  startLine: string = "";
  /** Where the reason phrase lies in it. */
  reasonStart: number = 0;
  reasonEnd: number = 0;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  minor: 0 | 1 = 1;
  /** Whether the status line can go downstream as it stands. */
  startLineReusable: boolean = false;
  readonly written: WrittenHead = new WrittenHead(latestWritten);

  override complete(text: string): void {
    if (text !== latestText) latestText = text;
    super.complete(latestText);
  }

  get reason(): string {
    return this.startLine.slice(this.reasonStart, this.reasonEnd);
  }
}
