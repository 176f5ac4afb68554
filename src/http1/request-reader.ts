import { isSameAuthority, splitAbsolute } from "../http/absolute-form.ts";
import { hostOf, isAuthority } from "../http/authority.ts";
import { Known, bit } from "../http/known-fields.ts";
import { decideFraming } from "./body-framing.ts";
import { CR, LF, SP, TARGET, TCHAR } from "./chars.ts";
import { Faults } from "./faults.ts";
import type { Fault } from "./faults.ts";
import { Http1RequestHead } from "./http1-request-head.ts";
import { EMPTY_LINES_MAX, METHOD_BYTES_MAX } from "./limits.ts";
import type { MessageLimits } from "./limits.ts";
import { MessageReader } from "./message-reader.ts";
import { latin1 } from "../base/latin1.ts";

/**
 * The value of Host that was checked last, on any connection of the thread, and the host in it. Most clients ask for the same few hosts.
 * Their heads share these strings, so that comparing two equal ones compares only two references.
 */
let checked: { readonly authority: string; readonly host: string } = { authority: "\0", host: "" };

/** Reads the requests on one downstream connection. MessageReader describes how to call it. */
export class RequestReader extends MessageReader<Http1RequestHead> {
  private emptyLines: number = 0;
  /** Offset from `base` of the first unchecked byte of an unfinished target, so that a target that comes byte by byte is checked once. */
  private targetChecked: number = 0;
  /** Position of the target in the request line. */
  private targetStart: number = 0;
  private targetEnd: number = 0;
  // Authority, host and minor version of the previous request. If no known field has changed, Host and framing are not checked again.
  private lastAuthority: string = "";
  private lastHost: string = "";
  private lastMinor: number = -1;

  constructor(limits: MessageLimits, head: Http1RequestHead = new Http1RequestHead()) {
    super(limits, head, false);
  }

  override forget(): void {
    super.forget();
    this.lastAuthority = "";
    this.lastHost = "";
  }

  protected override startMessage(): void {
    this.emptyLines = 0;
    this.targetChecked = 0;
  }

  /** Exactly `method SP request-target SP HTTP-version CRLF` (RFC 9112 section 3), with single spaces. Faults are not repaired. */
  protected override readStartLine(): boolean | Fault {
    const { bytes, limit } = this;
    let at = this.at;
    while (at < limit && (bytes[at] === CR || bytes[at] === LF)) {
      if (bytes[at] === LF) return Faults.bareLineFeed;
      if (at + 1 >= limit) return this.stayAt(at);
      if (bytes[at + 1] !== LF) return Faults.bareCarriageReturn;
      if (++this.emptyLines > EMPTY_LINES_MAX) return Faults.emptyLines;
      at += 2;
      this.at = at;
    }
    this.base = at;
    this.at = at;
    const end = Math.min(limit, at + this.limits.startLineBytesMax);

    if (this.isLastStartLine(end)) {
      this.clearHead();
      return true;
    }
    while (at < end && TCHAR[bytes[at] as number] === 1) at++;
    if (at - this.base > METHOD_BYTES_MAX) return Faults.methodTooLong;
    if (at >= end) return false;
    if (bytes[at] !== SP || at === this.base) return Faults.requestLine;
    const methodEnd = at;

    at++;
    const targetStart = at;
    if (this.targetChecked !== 0) at = this.base + this.targetChecked;
    while (at < end && TARGET[bytes[at] as number] === 1) at++;
    this.targetChecked = at - this.base;
    if (at >= end) return false;
    if (bytes[at] !== SP || at === targetStart) return Faults.requestLine;
    const targetEnd = at;

    at++;
    const version = readVersion(bytes, at, end);
    if (version === -1) return false;
    if (version === -2) return Faults.requestLine;
    if (version === -3) return Faults.version;

    const head = this.head;
    this.clearHead();
    head.minor = version === 0 ? 0 : 1;
    head.version = version === 0 ? "1.0" : "1.1";
    head.method = methodOf(bytes, this.base, methodEnd) ?? latin1(bytes, this.base, methodEnd);
    this.at = at + 10;
    this.targetStart = targetStart - this.base;
    this.targetEnd = targetEnd - this.base;
    this.rememberStartLine();
    return true;
  }

  protected override takeStartLine(text: string): void {
    this.head.startLine = text;
    this.head.target = text.slice(this.targetStart, this.targetEnd);
  }

  /** The head as far as it was read, to answer or log an unfinished or refused request. Null: its request line is not complete. */
  get startedHead(): Http1RequestHead | null {
    if (!this.startLineRead) return null;
    const { head } = this;
    if (head.edition === 0) {
      this.setTextSoFar();
      this.forgetHost(head);
    }
    return head;
  }

  protected override finishHead(recalled: boolean): Fault | null {
    const head = this.head;
    // The start line and all known fields are those of the previous request, which was valid.
    if (recalled && this.sameStart) return null;
    head.startLineReusable = head.minor === 1;
    head.hostReplaced = false;
    const fault = this.readHost(head, recalled) ?? this.readTarget(head);
    if (fault !== null) return fault;
    if (!recalled || head.minor !== this.lastMinor) {
      this.lastMinor = head.minor;
      const framing = decideFraming(head, { status: 0, toHead: false, minor: head.minor }, this.framing);
      if (framing !== null) return framing;
    }
    // RFC 9110 section 9.3.8.
    return head.method === "TRACE" && this.framing.kind !== 0 ? Faults.traceBody : null;
  }

  /** Checks Host (RFC 9112 section 3.2): exactly one valid line in HTTP/1.1, at most one in 1.0. */
  private readHost(head: Http1RequestHead, recalled: boolean): Fault | null {
    if ((head.present & bit(Known.host)) === 0) {
      this.forgetHost(head);
      head.hostReplaced = true;
      return head.minor === 0 ? null : Faults.hostMissing;
    }
    if (recalled) {
      head.authority = this.lastAuthority;
      head.host = this.lastHost;
      return null;
    }
    this.forgetHost(head);
    let found = -1;
    for (let index = 0; index < head.count; index++) {
      if (head.knownId(index) !== Known.host) continue;
      if (found >= 0) return Faults.hostRepeated;
      found = index;
    }
    const authority = head.value(found);
    if (authority !== checked.authority) {
      if (!isAuthority(authority)) return Faults.hostInvalid;
      checked = { authority, host: hostOf(authority) };
    }
    this.lastAuthority = checked.authority;
    this.lastHost = checked.host;
    head.authority = this.lastAuthority;
    head.host = this.lastHost;
    return null;
  }

  /** The head object is reused and still has the authority and host of the previous request. */
  private forgetHost(head: Http1RequestHead): void {
    head.authority = "";
    head.host = "";
  }

  /** Reads the target in one of its four forms (RFC 9112 section 3.2). */
  private readTarget(head: Http1RequestHead): Fault | null {
    const target = head.target;
    head.forwardTarget = target;
    if (target.charCodeAt(0) === 0x2f) {
      const query = target.indexOf("?");
      head.path = query < 0 ? target : target.slice(0, query);
      return null;
    }
    head.startLineReusable = false;
    head.path = target;
    if (target === "*") return head.method === "OPTIONS" ? null : Faults.targetInvalid;
    if (head.method === "CONNECT") return isAuthority(target) ? null : Faults.targetInvalid;
    return readAbsolute(head, target);
  }

  /** An empty line is unfinished: its CR is there, its LF is not. */
  private stayAt(at: number): false {
    this.base = at;
    this.at = at;
    return false;
  }
}

/** Reads an absolute-form target. It contains the authority; a Host field with another one is refused (docs/conformance.md, item 39). */
function readAbsolute(head: Http1RequestHead, target: string): Fault | null {
  const parts = splitAbsolute(head.method, target);
  if (parts === null) return Faults.targetInvalid;
  const { authority } = parts;
  if (head.authority !== "" && !isSameAuthority(head.authority, authority)) return Faults.targetMismatch;
  head.hostReplaced ||= head.authority !== authority;
  head.authority = authority;
  head.host = hostOf(authority);
  head.forwardTarget = parts.forwardTarget;
  const query = head.forwardTarget.indexOf("?");
  head.path = query < 0 ? head.forwardTarget : head.forwardTarget.slice(0, query);
  return null;
}

/**
 * Reads the version and the CRLF after it. 0: HTTP/1.0. 1: HTTP/1.1. −1: more input is needed. −2: malformed. −3: another version (RFC 9112
 * section 2.3 would allow to read 1.2 as 1.1).
 */
function readVersion(bytes: Uint8Array, at: number, limit: number): number {
  const expected = "HTTP/";
  for (let index = 0; index < 5; index++) {
    if (at + index >= limit) return -1;
    if (bytes[at + index] !== expected.charCodeAt(index)) return -2;
  }
  if (at + 5 >= limit) return -1;
  const major = (bytes[at + 5] as number) - 0x30;
  if (major < 0 || major > 9) return -2;
  if (at + 6 >= limit) return -1;
  if (bytes[at + 6] !== 0x2e) return major === 1 ? -2 : bytes[at + 6] === CR ? -3 : -2;
  if (at + 7 >= limit) return -1;
  const minor = (bytes[at + 7] as number) - 0x30;
  if (minor < 0 || minor > 9) return -2;
  if (at + 8 >= limit) return -1;
  if (bytes[at + 8] !== CR) return -2;
  if (at + 9 >= limit) return -1;
  if (bytes[at + 9] !== LF) return -2;
  return major === 1 && minor <= 1 ? minor : -3;
}

/** The text of a common method, without allocating it. Null: another method. */
function methodOf(bytes: Uint8Array, start: number, end: number): string | null {
  switch (end - start) {
    case 3:
      if (bytes[start] === 0x47 && bytes[start + 1] === 0x45 && bytes[start + 2] === 0x54) return "GET";
      if (bytes[start] === 0x50 && bytes[start + 1] === 0x55 && bytes[start + 2] === 0x54) return "PUT";
      return null;
    case 4:
      if (bytes[start] === 0x50 && bytes[start + 1] === 0x4f && bytes[start + 2] === 0x53 && bytes[start + 3] === 0x54) return "POST";
      if (bytes[start] === 0x48 && bytes[start + 1] === 0x45 && bytes[start + 2] === 0x41 && bytes[start + 3] === 0x44) return "HEAD";
      return null;
    default:
      return null;
  }
}
