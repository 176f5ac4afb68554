/**
 * What the proxy would send on of the messages that it accepts, made by the very functions that its drivers call, as one connection:
 * pipelined to the origin, or one answer after the other to the client.
 */
import { elementOfClient } from "../src/http/client-address.ts";
import { compileCidrs } from "../src/base/cidr.ts";
import { connectionOptions } from "../src/http/connection-options.ts";
import { admittedProtocols, askedProtocols } from "../src/http/upgrade.ts";
import { RequestEdits, ResponseEdits } from "../src/http/head-edits.ts";
import type { FieldSection } from "../src/http/field-section.ts";
import { parseForwarded } from "../src/http/forwarded.ts";
import { Known } from "../src/http/known-fields.ts";
import type { RequestHead } from "../src/http/request-head.ts";
import { Framing } from "../src/http1/body-framing.ts";
import type { RequestReader } from "../src/http1/request-reader.ts";
import type { ResponseReader } from "../src/http1/response-reader.ts";
import { CHUNK_END, chunkStart, lastChunk } from "../src/http1/write-chunk.ts";
import { AddedFields, requestHeadText } from "../src/net/h1/request-writer.ts";
import type { ForwardedRequest } from "../src/net/h1/request-writer.ts";
import { BodyMode, interimHeadText, responseHeadText, switchingHeadText } from "../src/net/h1/response-writer.ts";
import type { BodyModeKind } from "../src/net/h1/response-writer.ts";
import { admitRequest } from "../src/proxy/exchange/forwarding.ts";
import type { Relay } from "./own-reading.ts";

/** The start line that a forwarded message must have, by its index among the messages received; null: it is not forwarded. */
type ExpectedStarts = (string | null)[];

/** Who sends: a client, or a trusted proxy that tells in one of two fields who does. */
export type Sender = "client" | "x_forwarded_for" | "forwarded";

export class RequestForwarder implements Relay<RequestReader> {
  text: string = "";
  readonly starts: ExpectedStarts = [];
  private readonly sender: Sender;
  private readonly unsafeFieldNames: "drop" | "forward";
  private readonly added: AddedFields = new AddedFields();
  private readonly edits: RequestEdits = new RequestEdits();
  private chunked: boolean = false;
  private sending: boolean = false;

  constructor(sender: Sender, unsafeFieldNames: "drop" | "forward") {
    this.sender = sender;
    this.unsafeFieldNames = unsafeFieldNames;
  }

  head({ head, framing }: RequestReader): void {
    const connection = connectionOptions(head);
    // The exchange answers these itself (docs/forwarding.md).
    const answered = admitRequest(head, connection, this.unsafeFieldNames) !== null;
    this.sending = !answered;
    this.starts.push(answered ? null : `${head.method} ${head.forwardTarget} 1.1`);
    if (answered) return;
    const upgrade = admittedProtocols(askedProtocols(head, connection), ["websocket", "foo"]);
    const request = { request: head, isBackground: false, connection, upgrade, facts: this.factsOf(head) };
    this.text += requestHeadText(request, this.edits, this.added, { authority: "origin.test:8080", via: true, xForwarded: true });
    this.chunked = framing.kind === Framing.chunked;
  }

  data(text: string): void {
    if (this.sending) this.text += this.chunked ? chunkStart(text.length) + text + CHUNK_END : text;
  }

  end(trailers: FieldSection | null): void {
    if (this.sending && this.chunked) this.text += lastChunk(trailers);
  }

  /** As the driver of a connection to a client makes it. */
  private factsOf(head: RequestHead): ForwardedRequest["facts"] {
    const { sender, unsafeFieldNames } = this;
    const said = {
      peer: PEER,
      client: PEER,
      trusted: sender !== "client",
      secure: false,
      tls: null,
      certificateLines: "",
      ownAnswers: null,
      unsafeFieldNames,
      forwardedPathFields: "drop" as const,
      proxied: null,
    };
    if (sender !== "forwarded") return { ...said, forwarded: null };
    const elements = parseForwarded(head.knownValues(Known.forwarded)) ?? [];
    return { ...said, forwarded: { elements, ofClient: elementOfClient(elements, TRUSTED) } };
  }
}

/** The other end of every connection, by its address. */
const PEER = "192.0.2.1";
const TRUSTED = compileCidrs(["192.0.2.0/24", "10.0.0.0/8"]);

/** To a client of HTTP/1.1, or of 1.0: that gets no interim responses and no chunks. */
export class ResponseForwarder implements Relay<ResponseReader> {
  text: string = "";
  readonly starts: ExpectedStarts = [];
  private readonly minor: 0 | 1;
  private readonly close: boolean;
  private readonly edits: ResponseEdits = new ResponseEdits();
  private mode: BodyModeKind = BodyMode.none;

  constructor(minor: 0 | 1, close: boolean) {
    this.minor = minor;
    this.close = close;
  }

  /** The body of a response for HTTP/1.0 ends with its connection: what is cut there is reset, which no reading of bytes shows. */
  get endsWithConnection(): boolean {
    return this.mode === BodyMode.untilClose;
  }

  head({ head, framing }: ResponseReader): void {
    const interim = head.status < 200;
    const sending = !interim || this.minor === 1;
    this.starts.push(sending ? `${head.status} 1.1` : null);
    if (!sending) return;
    if (head.status === 101) this.text += switchingHeadText(head);
    else if (interim) this.text += interimHeadText(head);
    else {
      this.mode = this.modeOf(framing.kind);
      const close = this.close || this.mode === BodyMode.untilClose;
      this.text += responseHeadText(head, this.edits, { mode: this.mode, close, epochMs: 0 });
    }
  }

  data(text: string): void {
    this.text += this.mode === BodyMode.chunked ? chunkStart(text.length) + text + CHUNK_END : text;
  }

  end(trailers: FieldSection | null): void {
    if (this.mode === BodyMode.chunked) this.text += lastChunk(trailers);
  }

  private modeOf(kind: number): BodyModeKind {
    if (kind === Framing.none) return BodyMode.none;
    if (kind === Framing.length) return BodyMode.length;
    return this.minor === 1 ? BodyMode.chunked : BodyMode.untilClose;
  }
}
