import type { HttpVersion } from "../http/http-version.ts";
import { RequestHead } from "../http/request-head.ts";
import { WrittenHead } from "./remembered/written-head.ts";

/**
 * The head of an HTTP/1 request, with what only the HTTP/1 reader and writer need. It is a subclass of RequestHead rather than an object
 * that the head refers to, so that a head is one object, and code for all versions sees one class per version, which V8 tells apart by
 * one comparison.
 */
export class Http1RequestHead extends RequestHead {
  // The members of RequestHead again, writable for the reader.
  declare version: HttpVersion;
  declare method: string;
  declare target: string;
  declare forwardTarget: string;
  declare path: string;
  declare authority: string;
  declare host: string;
  declare hostReplaced: boolean;

  /** The minor version: 0 for HTTP/1.0, 1 for HTTP/1.1. The same as in `version`. */
  minor: 0 | 1 = 1;
  /** The request line as received, with its CRLF. */
  startLine: string = "";
  /** Whether the request line can be sent upstream unchanged. */
  startLineReusable: boolean = false;
  /** The text that was last written for this head when it was forwarded. */
  readonly written: WrittenHead = new WrittenHead();

  override get size(): number {
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
    this.derivedFromTarget = null;
    this.notes = null;
    this.written.forget();
  }
}
