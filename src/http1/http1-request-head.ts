import type { HttpVersion } from "../http/http-version.ts";
import { RequestHead } from "../http/request-head.ts";
import { WrittenHead } from "./remembered/written-head.ts";

/**
 * The head of an HTTP/1 request. A class below RequestHead, and not an object that a head refers to: its fields lie in one object, and
 * what does not care for the version sees one kind of object for each version, which V8 tells apart by one comparison.
 */
export class Http1RequestHead extends RequestHead {
  // What RequestHead has, for the reader to write.
  declare version: HttpVersion;
  declare method: string;
  declare target: string;
  declare forwardTarget: string;
  declare path: string;
  declare authority: string;
  declare host: string;
  declare hostReplaced: boolean;

  /** 0 for HTTP/1.0, 1 for HTTP/1.1: what `version` says. */
  minor: 0 | 1 = 1;
  /** As received, with its CRLF. */
  startLine: string = "";
  /** Whether the start line can go upstream as it stands. */
  startLineReusable: boolean = false;
  /** How it was written when it was sent on. */
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
    this.written.forget();
  }
}
