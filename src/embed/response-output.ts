/** Writes the response of an exchange into a response of the host program, and counts what was written and what the client has taken. */
import { Buffer } from "node:buffer";
import type { BodyLength } from "../http/body-length.ts";
import type { FieldEdits } from "../http/field-edits.ts";
import { fieldPairs } from "../http/field-pairs.ts";
import type { FieldPair } from "../http/field-pairs.ts";
import type { FieldSection } from "../http/field-section.ts";
import { keptTrailers } from "../http/forward-fields.ts";
import type { ResponseEdits } from "../http/head-edits.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { ResponseHead } from "../http/response-head.ts";
import { interimLines, unframedLines } from "../http/response-lines.ts";
import { reasonPhrase } from "../http/status.ts";
import { finishAnswer } from "../proxy/exchange/finished-answer.ts";
import type { LocalAnswer } from "../proxy/local-answer.ts";
import type { HostedResponse } from "./hosted-message.ts";
import { without } from "./read-head.ts";

/** Larger slices are written in several pieces: what the client has taken is only known by the piece. */
const PIECE_BYTES_MAX = 64 * 1024;
/** Bytes of a status line, the reason phrase apart: `HTTP/1.1 200  CRLF`, and the empty line. */
const START_BYTES = 17;

export class ResponseOutput {
  /** Bytes written, heads included. They are the bytes that HTTP/1.1 would have, without the frames of chunks. */
  bytesWritten: number = 0;
  /** Whether the client's connection ends after this response. */
  isLast: boolean = false;
  /** The response has as many bytes as the client takes for now: it says when it takes more. */
  isBlocked: boolean = false;
  isCut: boolean = false;
  private readonly response: HostedResponse;
  /** The trailers are sent only where they can be. */
  private hasTrailers: boolean = false;
  private isChunked: boolean = false;
  /** The trailers of a complete response whose end waits until the request is complete; null: none waits. */
  private lastFields: readonly FieldPair[] | null = null;
  /** Bytes of bodies given to `response.write`. */
  private given: number = 0;
  private takenAtMark: number = 0;

  constructor(response: HostedResponse) {
    this.response = response;
  }

  get queuedBytes(): number {
    return this.response.queuedBytes;
  }

  get isBehindAnother(): boolean {
    return this.response.isBehindAnother;
  }

  /** From now on `takenSinceMark` counts. */
  markTaken(): void {
    this.takenAtMark = this.taken;
  }

  get takenSinceMark(): number {
    return this.taken - this.takenAtMark;
  }

  private get taken(): number {
    return this.given - this.queuedBytes;
  }

  interim(head: ResponseHead): void {
    if (!this.response.isOurs) return;
    const lines = interimLines(head);
    this.bytesWritten += START_BYTES + lines.length;
    this.response.interim(head.status, fieldPairs(lines));
  }

  respond(head: ResponseHead, length: BodyLength, edits: ResponseEdits, request: RequestHead, epochMs: number): void {
    const { response } = this;
    this.isChunked = length < 0 && request.method !== "HEAD";
    this.hasTrailers = this.isChunked && response.sendsTrailers && request.version !== "1.0";
    let lines = unframedLines(head, edits, { length, hasTrailers: this.hasTrailers, isHttp1: response.isHttp1, epochMs });
    if (this.isChunked && response.isHttp1 && request.version !== "1.0") lines += "Transfer-Encoding: chunked\r\n";
    this.head(edits.newStatus ?? head.status, edits.newStatus === null ? head.reason : reasonPhrase(edits.newStatus), lines);
  }

  /** Sends an answer of the proxy's own. Throws, and sends nothing, if a field cannot be sent. */
  answer(answer: LocalAnswer, request: RequestHead | null, edits: FieldEdits, epochMs: number, isRead: boolean): void {
    const { status, lines, body } = finishAnswer(answer, request, edits, epochMs);
    this.head(status, reasonPhrase(status), lines);
    if (body !== "") this.write(Buffer.from(body, "latin1"));
    this.end(null, isRead);
  }

  private head(status: number, reason: string, lines: string): void {
    this.bytesWritten += START_BYTES + reason.length + lines.length;
    if (!this.response.isOurs) return;
    const fields: FieldPair[] = fieldPairs(lines);
    if (this.isLast && this.response.isHttp1) endConnection(fields);
    // A 205 may announce a body that no version above HTTP/1.1 and no program of the web's standard lets it have (RFC 9110 section 15.3.6).
    const sent = status === 205 && !this.response.isHttp1 ? without(fields, ["content-length"]) : fields;
    this.response.head(status, reason, sent);
  }

  /** The bytes are valid during the call only, so they are copied. */
  data(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end; at += PIECE_BYTES_MAX) this.write(Buffer.from(bytes.subarray(at, Math.min(end, at + PIECE_BYTES_MAX))));
  }

  private write(bytes: Buffer): void {
    const { response } = this;
    this.bytesWritten += bytes.length;
    if (!response.isOurs) return;
    this.given += bytes.length;
    if (!response.write(bytes)) this.isBlocked = true;
  }

  /** @param isRead whether the request is complete */
  end(trailers: FieldSection | null, isRead: boolean): void {
    const fields = this.hasTrailers ? fieldPairs(keptTrailers(trailers)) : [];
    // The connection ends with the response. If it ended while the client still sends, the system would send a reset, which can destroy the
    // response on its way (RFC 9112 section 9.6). A client that knows the length knows that the response is complete.
    this.lastFields = this.response.isHttp1 && this.isLast && !isRead ? fields : null;
    if (this.lastFields === null) this.response.end(fields);
    else this.response.flush();
  }

  /** The request is complete, or its rest is not waited for. */
  requestIsOver(): void {
    const { lastFields } = this;
    this.lastFields = null;
    if (lastFields !== null) this.response.end(lastFields);
  }

  /** Sends what was written. Returns false if the client is slow. */
  flush(): boolean {
    this.response.flush();
    return !this.isBlocked;
  }

  cut(): void {
    this.isCut = true;
    this.response.cut();
  }

  reset(): void {
    this.response.reset();
  }
}

/** Adds `Connection: close`. A response that has Connection already is a 426, which names Upgrade there. */
function endConnection(fields: FieldPair[]): void {
  const at = fields.findIndex(([name]) => name === "Connection");
  if (at < 0) fields.push(["Connection", "close"]);
  else fields[at] = ["Connection", `${fields[at]?.[1] ?? ""}, close`];
}
