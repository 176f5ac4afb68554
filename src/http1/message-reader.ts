/**
 * Reads HTTP/1 messages without I/O: the common part of RequestReader and ResponseReader. Call `feed` with bytes, then `next` until it
 * returns `needMore` or `end`, then `restart` for the next message.
 *
 * The reader never throws on input and never waits. The events are the same however the bytes are split. It copies an unfinished section,
 * and keeps no reference to a fed buffer unless the caller says that the buffer stays. remembered/README.md says what it keeps of the
 * previous message.
 *
 * ```text
 *   start line --> field lines --head--> body: none | length | chunked --> trailer lines | until close | tunnel --end--> (restart)
 * ```
 * Longer than 500 lines because it is one state machine, and what it may skip of a message depends on every step.
 */
import { Buffer } from "node:buffer";
import { FieldSection } from "../http/field-section.ts";
import { Known } from "../http/known-fields.ts";
import { BodyFraming, Framing } from "./body-framing.ts";
import { Chunk, ChunkedDecoder } from "./chunked.ts";
import { CR, LF } from "./chars.ts";
import { Faults } from "./faults.ts";
import type { Fault } from "./faults.ts";
import { LineScan, fieldLineFault, folded, needMore, readFieldLine, readFold, sectionEnd } from "./field-lines.ts";
import type { MessageLimits } from "./limits.ts";
import { latin1 } from "../base/latin1.ts";
import { LastHead } from "./remembered/last-head.ts";
import { SectionBefore } from "./remembered/section-before.ts";
import { NO_RUNS, StableLines, isSame } from "./remembered/stable-lines.ts";
import type { StableRun } from "./remembered/stable-lines.ts";

export const Event = {
  /** All fed bytes are consumed. */
  needMore: 0,
  /** The head is complete: `head` and `framing` are set. */
  head: 1,
  /** Body bytes: `bytes[dataStart, dataEnd)`. */
  data: 2,
  /** The message is complete; `trailers` holds its trailer section, if any. Bytes after it are not read before `restart`. */
  end: 3,
  /** The message is refused, for the reason in `fault`. The reader reads nothing more. */
  fault: 4,
} as const;
export type EventKind = (typeof Event)[keyof typeof Event];

const State = {
  startLine: 0,
  fields: 1,
  bodyNone: 2,
  bodyLength: 3,
  bodyChunked: 4,
  trailers: 5,
  untilClose: 6,
  done: 7,
  failed: 8,
} as const;

const EMPTY = Buffer.alloc(0);
/** After two messages with different field lines in a row, the next 64 are only compared run by run, not as a whole. */
const RUNS_FIRST = 64;

export abstract class MessageReader<Head extends FieldSection> {
  /** The memory that `dataStart` and `dataEnd` refer to. */
  bytes: Buffer = EMPTY;
  dataStart: number = 0;
  dataEnd: number = 0;
  head: Head;
  readonly framing: BodyFraming = new BodyFraming();
  /** The trailer section. Null: the message has none. */
  trailers: FieldSection | null = null;
  fault: Fault = Faults.requestLine;

  protected limits: MessageLimits;
  /** The unread bytes are `bytes[at, limit)`. */
  protected at: number = 0;
  protected limit: number = 0;
  /** `bytes` is the same memory at every feed, so a view of it may be kept. */
  private stays: boolean = false;
  /** Offset in `bytes` of the head or trailer section that is being read. */
  protected base: number = 0;
  /** Offset in `bytes` of that section's field lines. */
  private linesAt: number = 0;
  private state: number = State.startLine;
  /** The start line was read, so `head` has the facts of the current message and not of the previous one. */
  protected startLineRead: boolean = false;
  /** Bytes left of a body with `Framing.length`. */
  private remaining: number = 0;
  private chunked: ChunkedDecoder | null = null;
  /** A copy of the unfinished section. Null: no section is unfinished, or it is still in the caller's memory. */
  private kept: Buffer | null = null;
  private readonly lineScan: LineScan;
  /** How many further messages are only compared run by run, see RUNS_FIRST. */
  private runsFirst: number = 0;
  /** The last comparison of all field lines at once found them the same. */
  private linesStay: boolean = false;
  /** The field lines of the previous message. */
  private readonly before: SectionBefore = new SectionBefore();
  private readonly stable: StableLines = new StableLines();
  private readonly last: LastHead = new LastHead();
  /** This is not the first message of its connection. Nothing is remembered of the first one, because many connections bring only one. */
  private follows: boolean = false;
  /** The start line is the same as in the previous message. */
  protected sameStart: boolean = false;
  /** No known field has changed since the previous message, so everything that depends only on known fields is still right. */
  private recalled: boolean = false;

  /** @param forgiving true for responses: repairs the two faults that RFC 9112 sections 5.1 and 5.2 say how to repair */
  constructor(limits: MessageLimits, head: Head, forgiving: boolean) {
    this.limits = limits;
    this.head = head;
    this.lineScan = new LineScan(forgiving);
  }

  /**
   * Gives `bytes[start, end)` to read. All earlier bytes must have been consumed.
   * @param stays the caller feeds this same memory every time, so the reader may keep a view of it
   */
  feed(bytes: Buffer, start: number, end: number, stays: boolean = false): void {
    this.stays = stays;
    if (this.kept === null) {
      this.bytes = bytes;
      this.base = start;
      this.linesAt = start;
      this.at = start;
      this.limit = end;
      return;
    }
    this.keep(bytes, start, end);
  }

  /** Reads on to the next event. */
  next(): EventKind {
    switch (this.state) {
      case State.startLine:
        return this.nextStartLine();
      case State.fields:
        return this.nextFields();
      case State.bodyNone:
        return this.complete();
      case State.bodyLength:
        return this.nextOfLength();
      case State.bodyChunked:
        return this.nextChunked();
      case State.trailers:
        return this.nextTrailers();
      case State.untilClose:
        return this.nextUntilClose();
      case State.done:
        return Event.end;
      default:
        return Event.fault;
    }
  }

  /** Call at the peer's FIN. `end`: that completes the message. `needMore`: no message has begun. `fault`: the message is incomplete. */
  endOfInput(): EventKind {
    if (this.state === State.untilClose) return this.complete();
    if (this.state === State.done) return Event.end;
    if (this.state === State.failed) return Event.fault;
    if (this.state === State.startLine && this.at >= this.limit && this.kept === null) return Event.needMore;
    return this.fail(Faults.incomplete);
  }

  /** Whether a head has begun but is not complete. */
  get insideHead(): boolean {
    return this.state === State.fields || (this.state === State.startLine && this.kept !== null);
  }

  /** For a head that is not complete: sets its text to the lines that were read so far. */
  protected setTextSoFar(): void {
    const { head, bytes } = this;
    this.takeStartLine(latin1(bytes, this.base, this.linesAt));
    head.text = latin1(bytes, this.linesAt, this.at);
  }

  /** Bytes of the current message's head that have come so far. */
  get bytesOfHead(): number {
    return this.limit - this.base;
  }

  /** Whether the previous message's field lines are remembered, which makes reading the next one faster. */
  get remembers(): boolean {
    return this.last.edition !== 0;
  }

  /** Whether an unfinished section was copied: the next bytes to feed are appended to it. */
  get insideLine(): boolean {
    return this.kept !== null;
  }

  /** Whether unread bytes are left, such as the next message after `end`. An unfinished section that was copied does not count. */
  get hasRest(): boolean {
    return this.kept === null && this.at < this.limit;
  }

  /** A copy of the unread bytes, which count as consumed then. */
  takeRest(): Buffer {
    if (this.kept !== null) return EMPTY;
    const rest = Buffer.from(this.bytes.subarray(this.at, this.limit));
    this.at = this.limit;
    return rest;
  }

  /** Begins the next message of the connection, and reads it into `head`. Unread bytes are read next. */
  restart(head: Head): void {
    this.state = State.startLine;
    this.startLineRead = false;
    this.follows = true;
    if (head !== this.head) this.forgetLast();
    this.head = head;
    this.trailers = null;
    // The next message may begin in the memory of `kept`, and is read there through `bytes`. `kept` only marks an unfinished section.
    this.kept = null;
    this.startMessage();
  }

  /** Call between messages, with nothing unread: forgets everything that was read, so that the reader can serve another connection. */
  forget(): void {
    this.restart(this.head);
    this.head.forget();
    this.before.forget();
    this.forgetLast();
    this.letGo();
  }

  /** Call between messages: sets other limits. Forgets the previous message, because it was checked against the old limits. */
  limitTo(limits: MessageLimits): void {
    if (limits === this.limits) return;
    this.limits = limits;
    this.forgetLast();
  }

  private forgetLast(): void {
    this.follows = false;
    this.linesStay = false;
    this.stable.forget();
    this.last.forget();
  }

  /** For `readStartLine`, after it has read the start line: prepares `head` for the new message. */
  protected clearHead(): void {
    this.before.take(this.head);
    this.head.clear();
  }

  /** Call between messages, with nothing unread: gives up the reference to the caller's buffer. */
  letGo(): void {
    this.bytes = EMPTY;
    this.at = 0;
    this.limit = 0;
    this.base = 0;
  }

  /**
   * Reads the start line at `at`. True: done. False: more input is needed. Fault: refuse the message. Sets `base` to its first byte and
   * `at` to the byte after it, and reads at most `startLineBytesMax` bytes.
   */
  protected abstract readStartLine(): boolean | Fault;
  /** Takes the start line as text. Not called if it is the same as in the previous message. */
  protected abstract takeStartLine(text: string): void;
  /**
   * Checks the complete field lines and decides `framing`.
   * @param recalled no known field has changed since the previous message, which was valid. What depends only on known fields need not be
   *   checked again.
   */
  protected abstract finishHead(recalled: boolean): Fault | null;
  protected startMessage(): void {}

  /** For `readStartLine`: whether the previous start line comes again at `at`, complete before `end`. If so, `at` moves after it. */
  protected isLastStartLine(end: number): boolean {
    const length = this.last.startLengthAt(this.bytes, this.at, end);
    this.sameStart = length > 0;
    this.at += length;
    return this.sameStart;
  }

  /** For `readStartLine`: remembers a start line that differs from the previous one. */
  protected rememberStartLine(): void {
    if (this.follows) this.last.rememberStart(this.bytes, this.base, this.at);
  }

  private nextStartLine(): EventKind {
    if (this.recallHead()) return this.headRead(true);
    const result = this.readStartLine();
    if (result === true) {
      this.startLineRead = true;
      this.linesAt = this.at;
      this.state = State.fields;
      if (this.runsFirst > 0 && this.stable.runs !== NO_RUNS) this.runsFirst--;
      else if (this.recallLines()) return this.headRead(true);
      else if (this.linesStay) this.linesStay = false;
      else this.runsFirst = RUNS_FIRST;
      return this.recallRuns() ? this.headRead(this.recalled) : this.nextFields();
    }
    if (result !== false) return this.fail(result);
    if (this.limit - this.base >= this.limits.startLineBytesMax) return this.fail(Faults.startLineTooLong);
    return this.wantMore();
  }

  private nextFields(): EventKind {
    const fault = this.readLines(this.head);
    if (fault === undefined) return this.wantMore();
    if (fault !== null) return this.fail(fault);
    this.completeHead(this.at - 2);
    if (this.follows) this.rememberLines();
    this.stable.learn(this.before.text, this.head.text, this.head);
    return this.headRead(false);
  }

  /** Completes the head, whose lines end at `end`. Makes one text of start line and field lines, or of field lines alone. */
  private completeHead(end: number): void {
    const { head, bytes, base, linesAt } = this;
    if (this.sameStart) return head.complete(latin1(bytes, linesAt, end));
    const text = latin1(bytes, base, end);
    this.takeStartLine(text.slice(0, linesAt - base));
    head.complete(text.slice(linesAt - base));
  }

  /** Remembers the octets of the field lines, which end at `at`. */
  private rememberLines(): void {
    this.last.rememberLines(this.bytes, this.linesAt, this.at, this.head.edition);
  }

  /** Whether the whole head is here, equals the previous one and begins at the same place. If so, it counts as read. */
  private recallHead(): boolean {
    const { head, at, last } = this;
    if (at !== 0 || last.edition !== head.edition) return false;
    // Limits are not checked: the previous head was within them.
    const length = last.lengthAtPlace(this.bytes, this.limit);
    if (length === 0) return false;
    head.hidden = 0;
    this.sameStart = true;
    this.startLineRead = true;
    this.linesAt = last.startLength;
    this.at = length;
    return true;
  }

  /** Whether all field lines are here and equal those of the previous message. If so, they count as read. */
  private recallLines(): boolean {
    const { head, before, bytes, base, at, last } = this;
    if (last.edition === 0 || last.edition !== before.edition) return false;
    const length = last.linesLengthAt(bytes, at, Math.min(this.limit, base + this.limits.headBytesMax));
    if (length === 0) return false;
    before.recall(head);
    this.linesStay = true;
    this.runsFirst = 0;
    if (!this.sameStart) this.takeStartLine(latin1(bytes, base, at));
    else if (base === 0 && this.stays) last.rememberPlace(bytes);
    this.at = at + length;
    return true;
  }

  /**
   * Reads the field lines by comparing runs: takes over runs of lines that are the same as before, and reads the lines between them. False:
   * a run has changed or is not complete; the caller goes on line by line from `at`.
   */
  private recallRuns(): boolean {
    const { head, before, bytes, linesAt } = this;
    const { runs } = this.stable;
    if (runs === NO_RUNS) return false;
    const end = Math.min(this.limit, this.base + this.limits.headBytesMax);
    this.recalled = true;
    for (let index = 0; index < runs.length; index++) {
      const run = runs[index] as StableRun;
      if (!this.readLinesTo(run.first, end)) return false;
      const stop = this.at + run.bytes.length;
      if (stop > end || !isSame(run.bytes, 0, run.bytes.length, bytes, this.at, stop)) return false;
      head.takeOver(run.first, run.end, this.at - linesAt, run.present);
      this.at = stop;
    }
    if (!this.readLinesTo(before.count, end)) return false;
    const { at } = this;
    if (at + 2 > end || bytes[at] !== CR || bytes[at + 1] !== LF) return false;
    this.at = at + 2;
    this.completeHead(at);
    // The octets are needed only if all lines of the next message will be compared at once.
    if (this.runsFirst === 0) this.rememberLines();
    if (this.recalled) before.recallDerived(head);
    return true;
  }

  /** Reads lines one by one until there are `line` lines. False: something else came, and was not read. */
  private readLinesTo(line: number, end: number): boolean {
    const { head } = this;
    while (head.count < line) {
      const before = head.knownId(head.count);
      const result = readFieldLine(this.bytes, this.at, end, this.linesAt, head, this.lineScan);
      if (result < 0) return false;
      this.at = result;
      if (before !== Known.none || head.knownId(head.count - 1) !== Known.none) this.recalled = false;
    }
    return true;
  }

  private headRead(recalled: boolean): EventKind {
    const refused = this.finishHead(recalled);
    if (refused !== null) return this.fail(refused);
    this.kept = null;
    this.enterBody();
    return Event.head;
  }

  private enterBody(): void {
    switch (this.framing.kind) {
      case Framing.length:
        this.remaining = this.framing.length;
        this.state = State.bodyLength;
        break;
      case Framing.chunked:
        this.chunked ??= new ChunkedDecoder();
        this.chunked.reset();
        this.state = State.bodyChunked;
        break;
      case Framing.untilClose:
        this.state = State.untilClose;
        break;
      default:
        this.state = State.bodyNone;
    }
  }

  private nextOfLength(): EventKind {
    if (this.remaining === 0) return this.complete();
    if (this.at >= this.limit) return Event.needMore;
    this.dataStart = this.at;
    this.dataEnd = Math.min(this.limit, this.at + this.remaining);
    this.remaining -= this.dataEnd - this.dataStart;
    this.at = this.dataEnd;
    return Event.data;
  }

  private nextChunked(): EventKind {
    const decoder = this.chunked;
    if (decoder === null) return Event.needMore;
    const result = decoder.step(this.bytes, this.at, this.limit);
    this.at = decoder.at;
    if (result === Chunk.data) {
      this.dataStart = decoder.dataStart;
      this.dataEnd = decoder.dataEnd;
      return Event.data;
    }
    if (result === Chunk.needMore) return Event.needMore;
    if (result === Chunk.fault) return this.fail(decoder.fault);
    this.base = this.at;
    this.linesAt = this.at;
    this.trailers = new FieldSection();
    this.state = State.trailers;
    return this.nextTrailers();
  }

  private nextTrailers(): EventKind {
    const trailers = this.trailers;
    if (trailers === null) return this.complete();
    const fault = this.readLines(trailers);
    if (fault === undefined) return this.wantMore();
    if (fault !== null) return this.fail(fault);
    trailers.complete(latin1(this.bytes, this.linesAt, this.at - 2));
    if (trailers.count === 0) this.trailers = null;
    this.kept = null;
    return this.complete();
  }

  private nextUntilClose(): EventKind {
    if (this.at >= this.limit) return Event.needMore;
    this.dataStart = this.at;
    this.dataEnd = this.limit;
    this.at = this.limit;
    return Event.data;
  }

  /** Reads field lines into the section: null at its end, undefined for more input, or the fault. */
  private readLines(section: FieldSection): Fault | null | undefined {
    // Bytes beyond the limit are not read, because the verdict must not depend on how many of them have arrived.
    const end = Math.min(this.limit, this.base + this.limits.headBytesMax);
    for (;;) {
      let result = readFieldLine(this.bytes, this.at, end, this.linesAt, section, this.lineScan);
      if (result === folded) result = readFold(this.bytes, this.at, end, this.linesAt, section, this.lineScan);
      if (result >= 0) {
        this.at = result;
        if (section.count > this.limits.fieldsMax) return Faults.tooManyFields;
        continue;
      }
      if (result === sectionEnd) {
        this.at += 2;
        return null;
      }
      if (result !== needMore) return fieldLineFault(result);
      return this.limit - this.base >= this.limits.headBytesMax ? Faults.headTooLarge : undefined;
    }
  }

  private complete(): EventKind {
    this.state = State.done;
    return Event.end;
  }

  private fail(fault: Fault): EventKind {
    this.fault = fault;
    this.state = State.failed;
    this.kept = null;
    return Event.fault;
  }

  /** The section continues in the next feed: copies what is here of it, unless it is in `kept` already. */
  private wantMore(): EventKind {
    if (this.base === this.limit) this.kept = null;
    else if (this.kept === null) {
      const { bytes, base, at, limit } = this;
      this.kept = Buffer.allocUnsafeSlow(Math.max(512, 2 * (limit - base)));
      bytes.copy(this.kept, 0, base, limit);
      this.bytes = this.kept;
      this.base = 0;
      this.at = at - base;
      this.linesAt -= base;
      this.limit = limit - base;
    }
    return Event.needMore;
  }

  /** Appends `bytes[start, end)` to the unfinished section. */
  private keep(bytes: Buffer, start: number, end: number): void {
    const length = this.limit + (end - start);
    let kept = this.kept ?? EMPTY;
    if (length > kept.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * kept.length));
      kept.copy(larger, 0, 0, this.limit);
      kept = larger;
      this.kept = larger;
      this.bytes = larger;
    }
    bytes.copy(kept, this.limit, start, end);
    this.limit = length;
  }
}
