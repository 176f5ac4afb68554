/** Answers requests with a stored response: whole, a range of it, or 304 where the client has it already. */
import { buildResponseHead } from "../../http/build-head.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { rangeOf } from "../../policy/representation/byte-range.ts";
import { evaluate, rangeHolds } from "../../policy/representation/preconditions.ts";
import type { Conditions } from "../../policy/representation/preconditions.ts";
import { answer } from "../../proxy/exchange/answers.ts";
import type { ResponseSource, SourceInput, SourceRequest, SourceResponse } from "../../proxy/feature/response-source.ts";
import type { StoredRecord } from "../../proxy/feature/response-store.ts";
import { Asked, askedBits } from "./asked.ts";
import { dateOf, headOf, validatorsOf } from "./stored-response.ts";
import type { StoredResponse } from "./stored-response.ts";

/** A response from the store, for one request. */
export class StoredSource implements ResponseSource {
  private readonly stored: StoredResponse;
  private readonly record: StoredRecord;
  private isStarted: boolean = false;

  /** @param record is released when it has been sent */
  constructor(stored: StoredResponse, record: StoredRecord) {
    this.stored = stored;
    this.record = record;
  }

  start({ request }: SourceRequest, response: SourceResponse): SourceInput {
    this.isStarted = true;
    const transfer = new StoredTransfer(this.record, response);
    begin(this.stored, this.record, request, response, transfer);
    return transfer;
  }

  /** The exchange is over: a source that was never started lets its record go. */
  letGo(): void {
    if (!this.isStarted) this.record.release();
    this.isStarted = true;
  }
}

function begin(
  stored: StoredResponse,
  record: StoredRecord,
  request: RequestHead,
  response: SourceResponse,
  transfer: StoredTransfer,
): void {
  const bits = askedBits(request);
  if (stored.status !== 200 || (bits & (Asked.conditions | Asked.range)) === 0) {
    response.respond(headOf(stored), record.bodyBytes);
    return request.method === "HEAD" ? transfer.finish() : transfer.send(0, record.bodyBytes);
  }
  const conditions = conditionsOf(request);
  const validators = validatorsOf(stored);
  // Without Last-Modified its date counts for If-Modified-Since (RFC 9111 section 4.3.2).
  const dated = Number.isNaN(validators.modifiedMs) ? { ...validators, modifiedMs: dateOf(stored) } : validators;
  // Conditions and ranges are about what a 200 would bring (RFC 9110 sections 13.2.1 and 14.2).
  if (evaluate(conditions, dated) === "not_modified") {
    response.respond(notModified(stored), 0);
    return transfer.finish();
  }
  const isHead = request.method === "HEAD";
  const range = isHead || !rangeHolds(conditions, validators) ? null : rangeOf(request.get("range"), record.bodyBytes);
  if (range === "unsatisfiable") {
    transfer.abort();
    return response.answer(
      answer(416, "cache_range", "The response has no such bytes.", [["Content-Range", `bytes */${record.bodyBytes}`]]),
    );
  }
  if (range === null) {
    response.respond(headOf(stored), record.bodyBytes);
    return isHead ? transfer.finish() : transfer.send(0, record.bodyBytes);
  }
  const fields = [...stored.fields, ["Content-Range", `bytes ${range.first}-${range.last}/${record.bodyBytes}`] as const];
  response.respond(buildResponseHead({ status: 206 }, fields), range.last - range.first + 1);
  transfer.send(range.first, range.last + 1);
}

/** Sends a part of a record at the client's pace. */
class StoredTransfer implements SourceInput {
  private readonly record: StoredRecord;
  private readonly response: SourceResponse;
  private at: number = 0;
  private until: number = 0;
  private isOver: boolean = false;

  constructor(record: StoredRecord, response: SourceResponse) {
    this.record = record;
    this.response = response;
  }

  send(at: number, until: number): void {
    this.at = at;
    this.until = until;
    this.writable();
  }

  writable(): void {
    const { record, response } = this;
    while (!this.isOver) {
      if (this.at >= this.until) return this.finish();
      const piece = record.piece(this.at);
      const bytes = piece.length > this.until - this.at ? piece.subarray(0, this.until - this.at) : piece;
      this.at += bytes.length;
      response.write(bytes);
      if (!response.flush()) return;
    }
  }

  /** Everything was sent, and the client has taken it. Not called `end`: that is the end of the request's body (`SourceInput`). */
  finish(): void {
    if (this.isOver) return;
    this.abort();
    this.response.end(null);
  }

  abort(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.record.release();
  }
}

/** RFC 9110 section 15.4.5: a 304 has what caches need, and no metadata of the content. */
const NOT_IN_304: ReadonlySet<string> = new Set(["content-type", "content-encoding", "content-language", "content-range", "accept-ranges"]);

function notModified({ fields }: StoredResponse): ReturnType<typeof buildResponseHead> {
  return buildResponseHead(
    { status: 304 },
    fields.filter(([name]) => !NOT_IN_304.has(name.toLowerCase())),
  );
}

export function conditionsOf(request: RequestHead): Conditions {
  return {
    // Those are for the origin to judge.
    ifMatch: [],
    ifUnmodifiedSince: undefined,
    ifNoneMatch: request.values("if-none-match"),
    ifModifiedSince: request.get("if-modified-since"),
    ifRange: request.get("if-range"),
  };
}
