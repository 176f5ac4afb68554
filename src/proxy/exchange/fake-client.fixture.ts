import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { latin1 } from "../../base/latin1.ts";
import type { BodyLength } from "../../http/body-length.ts";
import { connectionOptions } from "../../http/connection-options.ts";
import type { FieldEdits } from "../../http/field-edits.ts";
import type { ResponseEdits } from "../../http/head-edits.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import { DEFAULT_LIMITS } from "../../http1/limits.ts";
import { Event } from "../../http1/message-reader.ts";
import { RequestReader } from "../../http1/request-reader.ts";
import { answer } from "./answers.ts";
import { Exchange } from "./exchange.ts";
import type { Dialogue } from "./fake-ports.fixture.ts";
import { FakeUpstream, endLine, editsText, shown } from "./fake-upstream.fixture.ts";
import type { LocalAnswer } from "../local-answer.ts";
import { FOLLOWING } from "./phase.ts";
import type { Phase } from "./phase.ts";
import { useUp } from "../ports/use-up.fixture.ts";
import type { ClientFacts } from "../ports/client-facts.ts";
import type { ClientEnd, ClientStream } from "../ports/client-stream.ts";
import type { OwnedUpstream, UpstreamStream } from "../ports/upstream-stream.ts";
import type { OwnedConnections } from "../upstream/connector.ts";

/** Every response head and every answer counts as this many bytes written. */
export const HEAD_BYTES = 100;

/**
 * A fake client connection whose driver acts as one in net/ does: it holds body bytes until the exchange takes them, reads nothing while it
 * is paused, and tells the exchange nothing after the exchange has finished.
 */
export class FakeClient implements ClientStream {
  /** Facts of every request. Each has another value than the default, so that a lost one shows. */
  readonly facts: ClientFacts;
  readonly isBackground: boolean = false;
  bytesWritten: number = 0;
  owned: OwnedConnections | null = null;
  /** The client does not read: a flush stays unfinished. */
  full: boolean = false;
  /** A flush is unfinished: `takesMore` follows, or the end. */
  waits: boolean = false;
  paused: boolean = false;
  /** Body bytes of the request that the exchange got. */
  delivered: string = "";
  /** Body bytes of the response that the exchange sent. */
  received: string = "";
  /** How many response heads and answers were sent: at most one in the end. */
  heads: number = 0;
  ended: boolean = false;
  /** The exchange has cut the response, or switched protocols. */
  over: "" | "cut" | "tunnel" = "";
  finishes: number = 0;
  /** Body bytes that wait until the exchange takes them. */
  held: string = "";

  private readonly dialogue: Dialogue;
  private readonly reader: RequestReader = new RequestReader(DEFAULT_LIMITS);
  private current: Exchange | null = null;
  private processing: boolean = false;

  constructor(dialogue: Dialogue) {
    this.dialogue = dialogue;
    this.facts = {
      peer: "198.51.100.7",
      client: "192.0.2.1",
      trusted: true,
      secure: true,
      tls: null,
      certificateLines: "",
      ownAnswers: dialogue.ownAnswers,
      forwarded: { elements: [], ofClient: undefined },
      unsafeFieldNames: "refuse",
      forwardedPathFields: "drop",
      proxied: null,
    };
  }

  addresses(): null {
    return null;
  }

  get exchange(): Exchange {
    return this.current ?? assert.fail("nothing was asked");
  }

  /** Whether the driver may read the body now. */
  get isRead(): boolean {
    return this.finishes === 0 && !this.paused && !this.exchange.requestEnded;
  }

  // ---- what the client does -----------------------------------------------------------------------------------------

  /** Begins an exchange. `head`: "POST /" and lines of fields; `body`: bytes that came in the same read. */
  asks(head: string, body: string = ""): this {
    const { reader, dialogue } = this;
    const [line = "", ...fields] = head.split("\n");
    const startLine = line.includes(" HTTP/") ? line : `${line} HTTP/1.1`;
    const bytes = Buffer.from(`${[startLine, "Host: a.test", ...fields].join("\r\n")}\r\n\r\n${body}`, "latin1");
    reader.feed(bytes, 0, bytes.length);
    assert.equal(reader.next(), Event.head, reader.fault.code);
    const options = connectionOptions(reader.head);
    const exchange = new Exchange(
      dialogue,
      this,
      reader.head,
      reader.framing.bodyLength,
      options,
      this.facts,
      options.upgrade ? "websocket" : "",
      dialogue.now,
    );
    this.current = exchange;
    this.processing = true;
    watchPhases(exchange, dialogue);
    exchange.begin();
    this.deliver();
    this.processing = false;
    return this;
  }

  /** Sends bytes of the body, as they are on the wire. */
  sends(text: string): void {
    assert.ok(this.isRead, "nothing is read from the client");
    if (this.exchange.takesBody) this.feed(text);
    else this.held += text;
  }

  leaves(reason: ClientEnd = "client_gone"): void {
    assert.equal(this.finishes, 0, "a driver says nothing to an exchange that has finished");
    this.exchange.clientGone(reason);
  }

  /** The client reads on: the unfinished flush is finished. */
  takesMore(): void {
    assert.ok(this.waits && this.finishes === 0, "nothing waits for the client");
    this.full = false;
    this.waits = false;
    this.exchange.clientUnblocked();
  }

  /** The last flush, which was reported as finished, is unfinished after all. */
  blocks(): void {
    assert.ok(!this.waits && this.finishes === 0 && this.bytesWritten > 0, "nothing was written that could be blocked after all");
    this.full = true;
    this.waits = true;
    this.exchange.clientBlocked();
  }

  private feed(text: string): void {
    const bytes = Buffer.from(text, "latin1");
    this.reader.feed(bytes, 0, bytes.length);
    this.deliver();
    // The read buffer is used again. If a slice was kept by mistake, it reads as this.
    bytes.fill("#");
  }

  private deliver(): void {
    const { reader, exchange } = this;
    const before = this.processing;
    this.processing = true;
    let delivered = false;
    for (let goesOn = true; goesOn && this.finishes === 0 && !exchange.requestEnded && exchange.takesBody;) {
      switch (reader.next()) {
        case Event.data:
          delivered = true;
          this.delivered += latin1(reader.bytes, reader.dataStart, reader.dataEnd);
          exchange.requestData(reader.bytes, reader.dataStart, reader.dataEnd);
          break;
        case Event.end:
          delivered = true;
          exchange.requestEnd(reader.trailers);
          break;
        case Event.fault:
          exchange.requestMalformed(answer(reader.fault.status, reader.fault.code, reader.fault.detail));
          break;
        default:
          goesOn = false;
      }
    }
    if (reader.hasRest) this.held = reader.takeRest().toString("latin1") + this.held;
    this.processing = before;
    if (delivered && this.finishes === 0) exchange.requestFlush();
  }

  // ---- ClientStream ---------------------------------------------------------------------------------------------------

  interim(head: ResponseHead): void {
    this.heard(`interim ${head.status}`, this.heads === 0);
    this.bytesWritten += HEAD_BYTES;
  }

  respond(head: ResponseHead, length: BodyLength, edits: ResponseEdits): void {
    this.heard(
      `respond ${edits.newStatus ?? head.status} ${length < 0 ? "unknown" : length === 0 ? "none" : "length"}${editsText(edits)}`,
      this.heads === 0,
    );
    this.heads++;
    this.bytesWritten += HEAD_BYTES;
  }

  answer(answer: LocalAnswer, edits: FieldEdits): void {
    this.heard(`answer ${answer.status} ${answer.reason}${editsText(edits)}`, this.heads === 0);
    this.heads++;
    this.bytesWritten += HEAD_BYTES;
  }

  data(bytes: Buffer, start: number, end: number): void {
    const text = latin1(bytes, start, end);
    useUp(bytes, start, end);
    this.heard(`data ${shown(text)}`, this.heads === 1 && !this.ended);
    this.received += text;
    this.bytesWritten += text.length;
  }

  end(trailers: FieldSection | null): void {
    this.heard(endLine(trailers), this.heads === 1 && !this.ended);
    this.ended = true;
  }

  flush(): boolean {
    this.heard(this.full ? "flush full" : "flush", true);
    this.waits = this.full;
    return !this.full;
  }

  cut(): void {
    this.heard("cut", this.heads === 1 && !this.ended);
    this.over = "cut";
  }

  resumeRequest(): void {
    this.heard("resume", true);
    this.paused = false;
    if (this.processing || this.exchange.requestEnded) return;
    const { held } = this;
    this.held = "";
    if (held !== "") this.feed(held);
  }

  pauseRequest(): void {
    this.heard("pause", true);
    this.paused = true;
  }

  startTunnel(head: ResponseHead, upstream: UpstreamStream): void {
    this.heard(`tunnel ${head.status} ${upstream instanceof FakeUpstream ? upstream.name : ""}`, this.heads === 0);
    this.heads++;
    this.bytesWritten += HEAD_BYTES;
    this.over = "tunnel";
  }

  own(upstream: OwnedUpstream): void {
    this.heard(`own ${upstream instanceof FakeUpstream ? upstream.name : ""}`, true);
  }

  exchangeFinished(): void {
    this.finishes++;
    this.dialogue.note("client finished");
    if (this.dialogue.finished.length !== this.finishes) this.dialogue.breach("the client's driver was told before the thread");
  }

  private heard(call: string, allowed: boolean): void {
    this.dialogue.note(`client ${call}`);
    if (!allowed || this.finishes > 0 || this.over !== "") this.dialogue.breach(`client ${call}`);
  }
}

/** Notes a breach at a change of phase that is not in the table FOLLOWING. */
function watchPhases(exchange: Exchange, dialogue: Dialogue): void {
  let { phase } = exchange;
  const set = (next: Phase): void => {
    if (!FOLLOWING[phase].includes(next)) dialogue.breach(`phase ${phase} is followed by ${next}`);
    phase = next;
  };
  Object.defineProperty(exchange, "phase", { get: () => phase, set });
}
