/**
 * Our parse of one connection, in pieces, and what the proxy would send on of it. Throws where the reader breaks its own rules: that is
 * a failure of its own, whatever the other judge says.
 */
import type { Buffer } from "node:buffer";
import { connectionOptions } from "../src/http/connection-options.ts";
import type { FieldSection } from "../src/http/field-section.ts";
import { Framing } from "../src/http1/body-framing.ts";
import { latin1 } from "../src/base/latin1.ts";
import type { MessageLimits } from "../src/http1/limits.ts";
import { Event } from "../src/http1/message-reader.ts";
import type { MessageReader } from "../src/http1/message-reader.ts";
import { RequestReader } from "../src/http1/request-reader.ts";
import { ResponseReader } from "../src/http1/response-reader.ts";
import { checkRequestHead, checkResponseHead } from "./rebuilt.ts";
import type { Message, Reading } from "./reading.ts";

/** Told of everything that the proxy's drivers act upon. */
export interface Relay<Reader> {
  head(reader: Reader): void;
  data(text: string): void;
  end(trailers: FieldSection | null): void;
}

export interface Input {
  readonly wire: Buffer;
  /** Offsets in the wire where one piece ends and the next begins, ascending. */
  readonly cuts: readonly number[];
  readonly limits: MessageLimits;
}

export function readRequests(input: Input, relay: Relay<RequestReader>): Reading {
  const reader = new RequestReader(input.limits);
  return read(input, reader, relay, () => {
    const { head } = reader;
    checkRequestHead(head);
    const close = connectionOptions(head).close;
    const tunnel = head.method === "CONNECT";
    // RFC 9112 section 9.3: no connection to a client of HTTP/1.0 is kept.
    return { start: `${head.method} ${head.target} 1.${head.minor}`, last: close || head.minor === 0 || tunnel, tunnel };
  });
}

/** The answer to one request: interim responses, then the final one or the one that opens a tunnel. */
export function readResponses(input: Input, toHead: boolean, relay: Relay<ResponseReader>): Reading {
  const reader = new ResponseReader(input.limits);
  reader.toHead = toHead;
  return read(input, reader, relay, () => {
    const { status, minor } = reader.head;
    checkResponseHead(reader.head);
    const tunnel = reader.framing.kind === Framing.tunnel;
    return { start: `${status} 1.${minor}`, last: status >= 200 || tunnel, tunnel };
  });
}

interface Facts {
  readonly start: string;
  readonly last: boolean;
  /** No message and no body comes behind this head, but whatever the tunnel carries (RFC 9110 section 9.3.6). */
  readonly tunnel: boolean;
}

function read<Head extends FieldSection, Reader extends MessageReader<Head>>(
  { wire, cuts, limits }: Input,
  reader: Reader,
  relay: Relay<Reader>,
  facts: () => Facts,
): Reading {
  const reading: Reading = { messages: [], fault: null };
  let open: Message | null = null;
  let messageStart = 0;
  // Every event but the last of a piece consumes a byte or ends a part of a message.
  let eventsLeft = 3 * wire.length + 2 * cuts.length + 64;

  let from = 0;
  for (let piece = 0; piece <= cuts.length; piece++) {
    const to = cuts[piece] ?? wire.length;
    reader.feed(wire, from, to);
    from = to;
    for (let waiting = false; !waiting;) {
      if (eventsLeft-- === 0) throw new Error("the reader spins");
      switch (reader.next()) {
        case Event.head: {
          if (open !== null) throw new Error("a head inside a message");
          const { start, last, tunnel } = facts();
          open = { start, fields: linesOf(reader.head), body: "", trailers: [], complete: false, last, raw: "" };
          reading.messages.push(open);
          relay.head(reader);
          if (!tunnel) break;
          finish(open, null, wire, messageStart, wire.length);
          return reading;
        }
        case Event.data: {
          const text = latin1(reader.bytes, reader.dataStart, reader.dataEnd);
          if (open === null || text === "") throw new Error("data outside of a message");
          open.body += text;
          relay.data(text);
          break;
        }
        case Event.end: {
          if (open === null) throw new Error("an end without a head");
          const rest = reader.takeRest();
          finish(open, reader.trailers, wire, messageStart, to - rest.length);
          relay.end(reader.trailers);
          if (open.last) return reading;
          messageStart = to - rest.length;
          open = null;
          reader.restart(reader.head);
          reader.feed(rest, 0, rest.length);
          break;
        }
        case Event.fault:
          reading.fault = reader.fault.code;
          return unfinished(reading, wire, messageStart);
        default:
          if (reader.insideLine && reader.bytesOfHead >= limits.headBytesMax) throw new Error("more is kept than the limit allows");
          waiting = true;
      }
    }
  }
  const result = reader.endOfInput();
  if (result === Event.end && open !== null) {
    finish(open, reader.trailers, wire, messageStart, wire.length);
    relay.end(reader.trailers);
    return reading;
  }
  if (result === Event.fault) reading.fault = reader.fault.code;
  return unfinished(reading, wire, messageStart);
}

function finish(message: Message, trailers: FieldSection | null, wire: Buffer, start: number, end: number): void {
  message.complete = true;
  message.trailers = trailers === null ? [] : linesOf(trailers);
  message.raw = latin1(wire, start, end);
}

/** Where the last message is not complete, its bytes go up to the wire's end; where not even its head is, an entry for it is missing. */
function unfinished(reading: Reading, wire: Buffer, start: number): Reading {
  const last = reading.messages.at(-1);
  if (last !== undefined && !last.complete) last.raw = latin1(wire, start, wire.length);
  return reading;
}

function linesOf(section: FieldSection): string[] {
  const found: string[] = [];
  for (let index = 0; index < section.count; index++) found.push(`${section.name(index)}: ${section.value(index)}`);
  return found;
}
