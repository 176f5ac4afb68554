import type { HttpVersion } from "../http/http-version.ts";
import { ResponseHead } from "../http/response-head.ts";
import { LatestHead, WrittenHead } from "./remembered/written-head.ts";

/** Shared by all connections: see "Between connections" in remembered/README.md. */
const latestWritten = new LatestHead();
let latestText = "";

/** The head of an HTTP/1 response. Why it is a class of its own: see Http1RequestHead. */
export class Http1ResponseHead extends ResponseHead {
  // What ResponseHead has, for the reader to write.
  declare version: HttpVersion;
  declare status: number;
  declare reason: string;

  /** 0 for HTTP/1.0, 1 for HTTP/1.1 and what claims to be later: what `version` says. */
  minor: 0 | 1 = 1;
  /** As received, with its CRLF. */
  startLine: string = "";
  /** Whether the status line can go downstream as it stands. */
  startLineReusable: boolean = false;
  /** How it was written when it was sent on. */
  readonly written: WrittenHead = new WrittenHead(latestWritten);

  override complete(text: string): void {
    if (text !== latestText) latestText = text;
    super.complete(latestText);
  }
}
