import { decideFraming } from "./body-framing.ts";
import { CR, FIELD_VALUE, LF, SP } from "./chars.ts";
import { Faults } from "./faults.ts";
import type { Fault } from "./faults.ts";
import { Http1ResponseHead } from "./http1-response-head.ts";
import type { MessageLimits } from "./limits.ts";
import { MessageReader } from "./message-reader.ts";

const STATUS_PREFIX = "HTTP/1.";

/** Reads the responses on one upstream connection. MessageReader describes how to call it. */
export class ResponseReader extends MessageReader<Http1ResponseHead> {
  /** Whether the next response answers a HEAD request. The caller sets it before the response arrives. */
  toHead: boolean = false;
  /** Status, minor version and `toHead` of the previous response, as one number. Together with the fields they decide the framing. */
  private decidedBy: number = 0;
  /** Position of the reason phrase in the status line. */
  private reasonStart: number = 0;
  private reasonEnd: number = 0;

  constructor(limits: MessageLimits, head: Http1ResponseHead = new Http1ResponseHead()) {
    super(limits, head, true);
  }

  /**
   * `HTTP-version SP status-code SP [ reason-phrase ] CRLF` (RFC 9112 section 4). The second SP may be missing, because many origin servers
   * leave it out.
   */
  protected override readStartLine(): boolean | Fault {
    const { bytes, at } = this;
    const limit = Math.min(this.limit, at + this.limits.startLineBytesMax);
    this.base = at;
    if (this.isLastStartLine(limit)) {
      this.clearHead();
      return true;
    }
    for (let index = 0; index < STATUS_PREFIX.length; index++) {
      if (at + index >= limit) return false;
      if (bytes[at + index] !== STATUS_PREFIX.charCodeAt(index)) return Faults.statusLine;
    }
    let position = at + 7;
    if (position >= limit) return false;
    const minor = (bytes[position] as number) - 0x30;
    if (minor < 0 || minor > 9) return Faults.statusLine;
    if (++position >= limit) return false;
    if (bytes[position] !== SP) return Faults.statusLine;
    let status = 0;
    for (let digit = 0; digit < 3; digit++) {
      if (++position >= limit) return false;
      const value = (bytes[position] as number) - 0x30;
      if (value < 0 || value > 9) return Faults.statusLine;
      status = status * 10 + value;
    }
    if (status < 100 || status > 599) return Faults.statusLine;
    if (++position >= limit) return false;
    let reasonStart = position;
    if (bytes[position] === SP) reasonStart = ++position;
    else if (bytes[position] !== CR) return Faults.statusLine;
    while (position < limit && FIELD_VALUE[bytes[position] as number] === 1) position++;
    if (position + 1 >= limit) return position < limit && bytes[position] !== CR ? Faults.statusLine : false;
    if (bytes[position] !== CR || bytes[position + 1] !== LF) return Faults.statusLine;

    const head = this.head;
    this.clearHead();
    head.status = status;
    head.minor = minor === 0 ? 0 : 1;
    head.version = minor === 0 ? "1.0" : "1.1";
    head.startLineReusable = minor === 1 && reasonStart === at + 13;
    this.reasonStart = reasonStart - at;
    this.reasonEnd = position - at;
    this.at = position + 2;
    this.rememberStartLine();
    return true;
  }

  protected override takeStartLine(text: string): void {
    this.head.startLine = text;
    this.head.reason = text.slice(this.reasonStart, this.reasonEnd);
  }

  protected override finishHead(recalled: boolean): Fault | null {
    const { head, framing } = this;
    const facts = head.status * 4 + head.minor * 2 + (this.toHead ? 1 : 0);
    if (!recalled || facts !== this.decidedBy) {
      this.decidedBy = facts;
      // A fault need not be remembered: no further message is read after it.
      const fault = decideFraming(head, { status: head.status, toHead: this.toHead, minor: head.minor }, framing);
      if (fault !== null) return fault;
    }
    head.hidden = framing.misplaced;
    return null;
  }
}
