/**
 * Shared by the tests of the codec: feeds a wire (the bytes of one direction) to a reader in pieces, and records everything that a caller
 * can see as a transcript. Two readings of one wire must give equal transcripts. The file is named like a test so that no build ships it.
 *
 * Every reading is made as hard as the protocol of calls allows: pieces come in one buffer that is reused, at changing offsets, and
 * is overwritten as soon as the reader has said `needMore`.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import type { FieldSection } from "../http/field-section.ts";
import { Framing } from "./body-framing.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { MessageLimits } from "./limits.ts";
import { Event } from "./message-reader.ts";
import type { MessageReader } from "./message-reader.ts";
import { RequestReader } from "./request-reader.ts";
import { ResponseReader } from "./response-reader.ts";

/** One message as the reader's events gave it. */
export interface SeenMessage {
  /** The facts of the start line and what was derived from it. */
  readonly start: string;
  /** `name: value` of each line, in order. */
  readonly fields: readonly string[];
  /** `none`, `length 5`, `chunked`, `untilClose` or `tunnel`. */
  readonly framing: string;
  /** Whether framing fields are misplaced, so that they are not forwarded. */
  readonly misplaced: boolean;
  /** The section as received, what is hidden and whether it is doubtful; then the known id and the offsets of each field. */
  readonly detail: readonly unknown[];
  body: string;
  /** null: no trailer section. */
  trailers: readonly string[] | null;
  complete: boolean;
}

export interface Transcript {
  readonly messages: SeenMessage[];
  /** `code status`, or null. */
  fault: string | null;
  /** Bytes after the last message that its reader did not read (responses only). */
  rest: string;
  /** The result of `endOfInput` after the last byte: `needMore`, `end`, or the fault's code; `none` after a complete response. */
  endOfInput: string;
}

export interface Reading {
  /** Offsets in the wire where one piece ends and the next begins, ascending; none: all at once. */
  readonly cuts?: readonly number[];
  readonly limits?: MessageLimits;
  /** Whether the responses answer HEAD. */
  readonly toHead?: boolean;
  /** Between two messages, take the unread bytes out of the reader and feed them again, like a driver that has to wait. */
  readonly takeRest?: boolean;
  /** Each piece is fed from the beginning of the same memory, like a thread's read buffer. */
  readonly inPlace?: boolean;
}

const WHOLE: readonly number[] = [];
/** Overwrites old pieces. It is legal in names, targets and values: reading it by mistake changes the transcript without a fault. */
const POISON = 0x41;
const OFFSETS = [0, 1, 5, 64];
/** Cuts between all bytes are kept for wires up to this length. */
const KEPT_LENGTH_MAX = 1200;
/** Fed to a reader that has refused a message. */
const AFTER_FAULT = latin1("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
/** All readings use the beginning of this memory: memory of its own for each would cost more than the reading. */
let scratchMemory = Buffer.alloc(0);
/** The part of it that the latest reading used. After a reading that did not throw, every byte of it is `POISON`. */
let scratchPart = scratchMemory;
let isPoisoned = false;
/** The results of `everyByte` for short wires, by length. */
const cutsOfLength: Map<number, readonly number[]> = new Map();

/** All requests of one downstream connection. */
export function readRequests(wire: Buffer, reading: Reading = {}): Transcript {
  const reader = new RequestReader(reading.limits ?? DEFAULT_LIMITS);
  return read(wire, reading, reader, false, () => {
    const { method, startLine, target, forwardTarget, path, authority, host, hostReplaced, minor, startLineReusable } = reader.head;
    return JSON.stringify([method, target, forwardTarget, path, authority, host, minor, startLineReusable, hostReplaced, startLine]);
  });
}

/** The responses to one request: interim ones, the final one, and the bytes after it. */
export function readResponses(wire: Buffer, reading: Reading = {}): Transcript {
  const reader = new ResponseReader(reading.limits ?? DEFAULT_LIMITS);
  reader.toHead = reading.toHead === true;
  return read(wire, reading, reader, true, () => {
    const { status, startLine, reason, minor, startLineReusable } = reader.head;
    return JSON.stringify([status, reason, minor, startLineReusable, startLine]);
  });
}

function read<Head extends FieldSection>(
  wire: Buffer,
  reading: Reading,
  reader: MessageReader<Head>,
  oneExchange: boolean,
  startFacts: () => string,
): Transcript {
  const seen: Transcript = { messages: [], fault: null, rest: "", endOfInput: "none" };
  const scratch = scratchOf(wire.length + 64);
  const cuts = reading.cuts ?? WHOLE;
  let open: SeenMessage | null = null;
  let over = false;
  // No reader may spin: every event but the last of a piece consumes a byte or ends a part of a message.
  let eventsLeft = 3 * wire.length + 2 * cuts.length + 64;

  let from = 0;
  for (let piece = 0; piece <= cuts.length && seen.fault === null; piece++) {
    const to = piece < cuts.length ? Math.min(wire.length, cuts[piece] ?? 0) : wire.length;
    if (over) {
      seen.rest += wire.toString("latin1", from, to);
      from = to;
      continue;
    }
    const offset = reading.inPlace === true ? 0 : (OFFSETS[piece % OFFSETS.length] ?? 0);
    // Most pieces are single bytes, for which the calls of Buffer cost more than the reading.
    if (to === from + 1) scratch[offset] = wire[from] ?? 0;
    else wire.copy(scratch, offset, from, to);
    const end = offset + to - from;
    reader.feed(scratch, offset, end, reading.inPlace === true);
    from = to;
    for (let waiting = false; !waiting;) {
      assert.ok(eventsLeft-- > 0, "the reader spins");
      switch (reader.next()) {
        case Event.head:
          open = seenHead(reader, startFacts());
          seen.messages.push(open);
          break;
        case Event.data:
          assert.ok(
            open !== null && reader.dataStart < reader.dataEnd && reader.dataEnd <= reader.bytes.length,
            "data outside of the bytes",
          );
          open.body += reader.bytes.toString("latin1", reader.dataStart, reader.dataEnd);
          break;
        case Event.end: {
          assert.ok(open !== null, "an end without a head");
          assert.equal(reader.next(), Event.end, "end stays end before restart");
          assert.equal(reader.endOfInput(), Event.end, "FIN after a complete message");
          finish(open, reader);
          if (oneExchange && (reader.framing.kind === Framing.tunnel || !open.start.startsWith("[1"))) {
            seen.rest = reader.takeRest().toString("latin1");
            assert.equal(reader.hasRest, false);
            over = true;
            waiting = true;
          } else if (reading.takeRest === true) {
            const rest = reader.takeRest();
            reader.restart(reader.head);
            reader.feed(rest, 0, rest.length);
          } else reader.restart(reader.head);
          open = null;
          break;
        }
        case Event.fault:
          seen.fault = `${reader.fault.code} ${reader.fault.status}`;
          assertStuck(reader);
          waiting = true;
          break;
        default:
          waiting = true;
      }
    }
    if (end === offset + 1) scratch[offset] = POISON;
    else scratch.fill(POISON, offset, end);
  }
  isPoisoned = true;
  if (seen.fault !== null) seen.endOfInput = reader.fault.code;
  else if (!over) {
    const result = reader.endOfInput();
    seen.endOfInput = result === Event.end ? "end" : result === Event.needMore ? "needMore" : reader.fault.code;
    if (result === Event.end && open !== null) finish(open, reader);
    if (result === Event.fault) assertStuck(reader);
  }
  return seen;
}

function scratchOf(length: number): Buffer {
  if (scratchMemory.length < length) scratchMemory = Buffer.alloc(2 * length);
  if (scratchPart.length !== length || !isPoisoned) scratchPart = scratchMemory.subarray(0, length).fill(POISON);
  isPoisoned = false;
  return scratchPart;
}

const FRAMING_NAMES: ReadonlyMap<unknown, string> = new Map(Object.entries(Framing).map(([name, value]) => [value, name]));

function seenHead<Head extends FieldSection>(reader: MessageReader<Head>, start: string): SeenMessage {
  const { head, framing } = reader;
  const kind = FRAMING_NAMES.get(framing.kind) ?? "?";
  const detail: unknown[] = [head.text, head.present, head.hidden, framing.doubtful];
  for (let index = 0; index < head.count; index++) detail.push(head.knownId(index), head.nameStart(index), head.valueEnd(index));
  return {
    start,
    fields: lines(head),
    framing: framing.kind === Framing.length ? `length ${framing.length}` : kind,
    misplaced: framing.misplaced !== 0,
    detail,
    body: "",
    trailers: null,
    complete: false,
  };
}

function finish<Head extends FieldSection>(message: SeenMessage, reader: MessageReader<Head>): void {
  message.trailers = reader.trailers === null ? null : lines(reader.trailers);
  message.complete = true;
}

function lines(section: FieldSection): string[] {
  const found: string[] = [];
  for (let index = 0; index < section.count; index++) found.push(`${section.name(index)}: ${section.value(index)}`);
  return found;
}

/** A refused message stays refused, whatever comes. */
function assertStuck<Head extends FieldSection>(reader: MessageReader<Head>): void {
  const { fault } = reader;
  reader.feed(AFTER_FAULT, 0, AFTER_FAULT.length);
  assert.equal(reader.next(), Event.fault);
  assert.equal(reader.endOfInput(), Event.fault);
  assert.equal(reader.fault, fault);
  assert.equal(reader.insideHead, false);
}

export function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** Cuts between all bytes. */
export function everyByte(length: number): readonly number[] {
  const known = cutsOfLength.get(length);
  if (known !== undefined) return known;
  const cuts = Array.from({ length: Math.max(0, length - 1) }, (_, index) => index + 1);
  if (length <= KEPT_LENGTH_MAX) cutsOfLength.set(length, cuts);
  return cuts;
}

/** Offsets at which to cut a wire, one per reading: all of a short wire; of a long one those near its ends and limits, and some others. */
export function cutPoints(length: number, all: number = 1200): readonly number[] {
  if (length <= all) return everyByte(length);
  const points = new Set<number>();
  const around = (middle: number, reach: number): void => {
    for (let at = middle - reach; at <= middle + reach; at++) if (at > 0 && at < length) points.add(at);
  };
  const reach = length > 20_000 ? 6 : 80;
  around(0, reach);
  around(length, reach);
  for (const limit of [8 * 1024, 32 * 1024]) around(limit, Math.min(reach, 20));
  for (let at = 97; at < length; at += Math.ceil(length / 16)) points.add(at);
  return [...points].sort((a, b) => a - b);
}

/** Asserts that two transcripts are equal. The message says which reading differed. */
export function assertSame(whole: Transcript, other: Transcript, what: string): void {
  if (!isSame(whole, other)) assert.deepEqual(other, whole, what);
}

/** Deep equality of parts of transcripts. Much faster than `assert.deepEqual`, which is called only when they differ. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one)) {
    if (!Array.isArray(other) || one.length !== other.length) return false;
    for (let index = 0; index < one.length; index++) if (one[index] !== other[index] && !isSame(one[index], other[index])) return false;
    return true;
  }
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => isSame(Reflect.get(one, key), Reflect.get(other, key)));
}

export interface RequestCase {
  readonly id: string;
  readonly class: string;
  readonly wire: string;
  readonly expect: "accept" | "normalize" | "reject-400" | "reject-any-4xx-or-close";
  readonly assert?: { readonly responses?: number; readonly lastReject?: boolean };
}

export interface ResponseCase {
  readonly id: string;
  readonly wire: string;
  readonly end: "fin" | "rst" | "keep";
  readonly method: string;
  readonly expect: "pass" | "502" | "abort" | "normalize" | "any";
  readonly body?: string;
}

export function requestCases(): readonly RequestCase[] {
  return JSON.parse(readFileSync(new URL("../../test/corpus/http1.json", import.meta.url), "utf8")) as readonly RequestCase[];
}

export function responseCases(): readonly ResponseCase[] {
  return JSON.parse(readFileSync(new URL("../../test/corpus/responses.json", import.meta.url), "utf8")) as readonly ResponseCase[];
}
