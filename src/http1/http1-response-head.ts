import type { HttpVersion } from "../http/http-version.ts";
import { ResponseHead } from "../http/response-head.ts";
import { LatestHead, WrittenHead } from "./remembered/written-head.ts";

/** Shared by all connections, see "Between connections" in remembered/README.md. */
const latestWritten = new LatestHead();
let latestText = "";

/** The head of an HTTP/1 response. Http1RequestHead says why it is a subclass. */
export class Http1ResponseHead extends ResponseHead {
  // The members of ResponseHead again, writable for the reader.
  declare version: HttpVersion;
  declare status: number;
  declare reason: string;

  /** The minor version: 0 for HTTP/1.0, 1 for HTTP/1.1 and any later 1.x. The same as in `version`. */
  minor: 0 | 1 = 1;
  /** The status line as received, with its CRLF. */
  startLine: string = "";
  /** Whether the status line can be sent downstream unchanged. */
  startLineReusable: boolean = false;
  /** The text that was last written for this head when it was forwarded. */
  readonly written: WrittenHead = new WrittenHead(latestWritten);

  override complete(text: string): void {
    if (text !== latestText) latestText = text;
    super.complete(latestText);
  }
}
