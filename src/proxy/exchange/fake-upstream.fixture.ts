import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { FieldEdits } from "../../http/field-edits.ts";
import type { RequestEdits } from "../../http/head-edits.ts";
import type { FieldSection } from "../../http/field-section.ts";
import { RESPONSE_LIMITS } from "../../http1/limits.ts";
import { latin1 } from "../../base/latin1.ts";
import { Event } from "../../http1/message-reader.ts";
import { ResponseReader } from "../../http1/response-reader.ts";
import type { FailureKind } from "./failure.ts";
import type { Dialogue } from "./fake-ports.fixture.ts";
import type { OutgoingRequest } from "../ports/outgoing-request.ts";
import { useUp } from "../ports/use-up.fixture.ts";
import type { ByteDuplex } from "../ports/tunnel.ts";
import type { OwnedUpstream, ResponseSink } from "../ports/upstream-stream.ts";
import type { Endpoint } from "../upstream/endpoint.ts";

/** Failures of an established connection. All other kinds prevent a connection from being established. */
const FAILS_LATER: ReadonlySet<FailureKind> = new Set(["response_timeout", "malformed_response", "write_timeout"]);

/**
 * A fake connection to an endpoint whose driver acts as one in net/ does: it passes a response on event by event, fails when the exchange
 * reports a fault, and tells the exchange nothing after its end, its failure or `abort`.
 */
export class FakeUpstream implements OwnedUpstream {
  readonly name: string;
  readonly target: Endpoint;
  readonly key: string;
  readonly announced: string = "";
  state: "idle" | "connecting" | "busy" | "tunnel" | "over";
  /** The endpoint does not read: a flush stays unfinished. */
  full: boolean = false;
  /** A flush is unfinished: `takesMore` follows, or the end. */
  waits: boolean = false;
  paused: boolean = false;
  /** A user was authenticated on the connection, so it goes to the client connection after the response. */
  bound: boolean = false;
  /** Body bytes that the endpoint got. */
  got: string = "";
  gotHead: boolean = false;
  gotEnd: boolean = false;
  /** The connection was idle before. */
  reused: boolean = false;
  /** A byte of the response was read. */
  answered: boolean = false;
  /** Body bytes of the response that the exchange got. */
  brought: string = "";
  /** The result of `responseEnd`: whether the whole response is written. */
  written: boolean | null = null;

  private readonly dialogue: Dialogue;
  private reader: ResponseReader = new ResponseReader(RESPONSE_LIMITS);
  private exchange: ResponseSink | null = null;

  get isAuthenticated(): boolean {
    return this.bound;
  }

  constructor(dialogue: Dialogue, target: Endpoint, name: string, state: "idle" | "connecting") {
    this.dialogue = dialogue;
    this.target = target;
    this.key = target.key;
    this.name = name;
    this.state = state;
  }

  get usable(): boolean {
    return this.state === "idle";
  }

  /** Whether the connection belongs to that exchange. */
  serves(exchange: ResponseSink): boolean {
    return this.exchange === exchange;
  }

  /** Whether the driver may read the response now. */
  get isRead(): boolean {
    return this.state === "busy" && !this.paused;
  }

  // ---- what the endpoint does ---------------------------------------------------------------------------------------

  connects(): void {
    assert.equal(this.state, "connecting");
    this.state = "busy";
    this.exchange?.upstreamReady(this);
  }

  /** Reads bytes of the response, as they are on the wire, in one read. */
  brings(text: string): void {
    assert.ok(this.isRead, `${this.name} is not read`);
    const bytes = Buffer.from(text, "latin1");
    this.answered = true;
    this.reader.feed(bytes, 0, bytes.length);
    while (this.state === "busy" && this.readOne());
    // The read buffer is used again. If a slice was kept by mistake, it reads as this.
    bytes.fill("#");
  }

  /** The endpoint sends a FIN: the end of a body without a length, else a failure. */
  closes(): void {
    assert.ok(this.isRead, `${this.name} is not read`);
    if (this.reader.endOfInput() === Event.end) this.complete();
    else this.fails("connection_terminated");
  }

  /** @param sent whether a byte of the request was handed to the system */
  fails(
    kind: FailureKind = "connection_terminated",
    { sent = this.gotHead, answered = this.answered || kind === "malformed_response" }: { sent?: boolean; answered?: boolean } = {},
  ): void {
    assert.ok(this.state === "busy" || this.state === "connecting", `${this.name} is ${this.state}`);
    assert.ok(
      kind === "connection_terminated" || (this.state === "busy") === FAILS_LATER.has(kind),
      `${this.name} is ${this.state}: ${kind}`,
    );
    const exchange = this.leave("over");
    exchange.upstreamFailed(this, { kind, reused: this.reused, answered, sent });
  }

  /** The endpoint reads on: the unfinished flush is finished. */
  takesMore(): void {
    assert.ok(this.waits && this.exchange !== null, `nothing waits for ${this.name}`);
    this.full = false;
    this.waits = false;
    this.exchange?.upstreamUnblocked(this);
  }

  /** The last flush, which was reported as finished, is unfinished after all. */
  blocks(): void {
    assert.ok(!this.waits && this.gotHead && this.exchange !== null, `nothing was written to ${this.name} that could be blocked after all`);
    this.full = true;
    this.waits = true;
    this.exchange?.upstreamBlocked(this);
  }

  /** Both ends of the tunnel are done. */
  tunnelEnds(): void {
    assert.equal(this.state, "tunnel");
    this.leave("over");
    this.dialogue.client.exchange.tunnelEnded();
  }

  dials(exchange: ResponseSink): void {
    this.exchange = exchange;
    this.dialogue.note(`${this.name} dial`);
  }

  private readOne(): boolean {
    const { reader, exchange } = this;
    if (exchange === null) return false;
    switch (reader.next()) {
      case Event.head:
        if (reader.head.status >= 200) exchange.responseHead(this, reader.head, reader.framing.bodyLength);
        else if (!exchange.interim(this, reader.head)) this.fails("malformed_response");
        else if (reader.head.status === 101) this.state = "tunnel";
        else {
          reader.next();
          reader.restart(reader.head);
        }
        return true;
      case Event.data:
        this.brought += latin1(reader.bytes, reader.dataStart, reader.dataEnd);
        exchange.responseData(this, reader.bytes, reader.dataStart, reader.dataEnd);
        return true;
      case Event.end:
        this.complete();
        return false;
      case Event.fault:
        this.fails("malformed_response");
        return false;
      default:
        exchange.responseFlush(this);
        return false;
    }
  }

  private complete(): void {
    const exchange = this.leave(this.bound ? "idle" : "over");
    if (this.bound) exchange.ownConnection(this);
    this.written = exchange.responseEnd(this, this.reader.trailers);
  }

  private leave(state: "over" | "idle"): ResponseSink {
    const { exchange } = this;
    this.exchange = null;
    this.state = state;
    return exchange ?? assert.fail(`${this.name} has no exchange`);
  }

  // ---- OwnedUpstream ------------------------------------------------------------------------------------------------

  send({ request }: OutgoingRequest, edits: RequestEdits): void {
    const { method, target, authority } = edits;
    const line = `${method ?? request.method} ${target ?? request.forwardTarget}${authority === null ? "" : ` at ${authority}`}`;
    this.asked(`send ${line}${editsText(edits)}`, !this.gotHead);
    this.gotHead = true;
    this.reader.toHead = request.method === "HEAD";
  }

  data(bytes: Buffer, start: number, end: number): void {
    const text = latin1(bytes, start, end);
    useUp(bytes, start, end);
    this.asked(`data ${shown(text)}`, this.gotHead && !this.gotEnd);
    this.got += text;
  }

  end(trailers: FieldSection | null): void {
    this.asked(endLine(trailers), this.gotHead && !this.gotEnd);
    this.gotEnd = true;
  }

  flush(): boolean {
    this.asked(this.full ? "flush full" : "flush", this.gotHead);
    this.waits = this.full;
    return !this.full;
  }

  pauseResponse(): void {
    this.asked("pause", true);
    this.paused = true;
  }

  resumeResponse(): void {
    this.asked("resume", true);
    this.paused = false;
  }

  abort(): void {
    this.asked("abort", true);
    this.exchange = null;
    this.state = "over";
  }

  enterTunnel(): ByteDuplex {
    return assert.fail("the client's fake makes no tunnel of its own");
  }

  take(exchange: ResponseSink): void {
    this.dialogue.note(`${this.name} take`);
    if (this.state !== "idle") this.dialogue.breach(`${this.name} take`);
    this.state = "busy";
    this.exchange = exchange;
    this.reused = true;
    this.answered = false;
    this.paused = false;
    this.got = "";
    this.gotHead = false;
    this.gotEnd = false;
    this.brought = "";
    this.reader = new ResponseReader(RESPONSE_LIMITS);
  }

  close(): void {
    this.dialogue.note(`${this.name} close`);
    this.state = "over";
  }

  private asked(call: string, allowed: boolean): void {
    this.dialogue.note(`${this.name} ${call}`);
    if (!allowed || this.exchange === null) this.dialogue.breach(`${this.name} ${call} (${this.state})`);
  }
}

/** The text in quotation marks; for a long text its length. */
export function shown(text: string): string {
  return text.length > 40 ? `${text.length} bytes` : JSON.stringify(text);
}

/** The note for the end of a body, with its trailers. */
export function endLine(trailers: FieldSection | null): string {
  return trailers === null ? "end" : `end with ${trailers.text.trim()}`;
}

/** The note for the edits of a head: "-name" removed, "+name: value" added, "=length" if the body is not the received one. */
export function editsText({ removed, added, bodyLength }: FieldEdits): string {
  const length = bodyLength === null ? [] : [`=${bodyLength < 0 ? "unknown" : bodyLength}`];
  const lines = [
    ...length,
    ...removed.map((name) => `-${name}`),
    ...added.split("\r\n").flatMap((line) => (line === "" ? [] : [`+${line}`])),
  ];
  return lines.map((line) => ` ${line}`).join("");
}
