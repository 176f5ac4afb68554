/** `fetch` over a connection in memory: writes the request as HTTP/1.1, and reads the response into a `Response` of the Fetch standard. */
import { Buffer } from "node:buffer";
import { addFields } from "../http/build-head.ts";
import { FieldSection } from "../http/field-section.ts";
import { RESPONSE_LIMITS } from "../http1/limits.ts";
import { Event } from "../http1/message-reader.ts";
import { ResponseReader } from "../http1/response-reader.ts";
import type { VirtualClock } from "../net/transport/memory/virtual-clock.ts";
import type { TestConnection } from "./connection.ts";
import { headersOf } from "./headers.ts";
import { MessageBody, chunkOf } from "./message-body.ts";
import { untilClockStandsStill } from "./patience.ts";

/** Statuses whose responses have no body in the Fetch standard. */
const NO_BODY = new Set([204, 205, 304]);

/**
 * Sends one request on the connection, which must serve no other purpose. Resolves with the response when its head has come; the body
 * streams. Rejects when the connection ends first, the response is malformed, or no response comes while the clock stands still. Redirects
 * are not followed.
 */
export async function fetchOver(connection: TestConnection, clock: VirtualClock, url: URL, init: RequestInit): Promise<Response> {
  const { signal } = init;
  signal?.throwIfAborted();
  const response = new IncomingResponse(connection, clock, (init.method ?? "GET").toUpperCase() === "HEAD");
  const abort = (): void => response.fail(signal?.reason);
  signal?.addEventListener("abort", abort);
  response.onOver = () => signal?.removeEventListener("abort", abort);
  void send(connection, url, init).catch((error: unknown) => response.fail(error));
  return response.promise;
}

async function send(connection: TestConnection, url: URL, init: RequestInit): Promise<void> {
  const { body } = init;
  const isStream = body instanceof ReadableStream;
  const request = new Request(url, { ...init, signal: null, redirect: "manual", ...(isStream ? { duplex: "half" } : {}) });
  const whole = isStream ? null : Buffer.from(await request.arrayBuffer());
  const { headers } = request;
  const fields: [name: string, value: string][] = [["Host", headers.get("host") ?? url.host]];
  for (const [name, value] of headers) if (name !== "host") fields.push([name, value]);
  const hasBody = body !== undefined && body !== null;
  if (isStream) fields.push(["Transfer-Encoding", "chunked"]);
  else if (hasBody && !headers.has("content-length")) fields.push(["Content-Length", String(whole?.length ?? 0)]);
  // Not `buildRequestHead`: tests must be able to send a malformed Host.
  const lines = new FieldSection();
  addFields(lines, fields);
  connection.send(`${request.method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.text}\r\n`);
  if (whole !== null && whole.length > 0) connection.send(whole);
  if (!isStream || request.body === null) return;
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    if (chunk.length > 0) connection.send(chunkOf(chunk));
    await connection.untilSent();
    if (connection.isClosed) return;
  }
  connection.send("0\r\n\r\n");
}

/** A response that is being read from a connection. The connection is closed after it. */
class IncomingResponse {
  readonly promise: Promise<Response>;
  /** Called when the response is complete or has failed. */
  onOver: (() => void) | null = null;
  private readonly connection: TestConnection;
  private readonly reader: ResponseReader = new ResponseReader(RESPONSE_LIMITS);
  private resolve: (response: Response) => void = () => {};
  private reject: (error: unknown) => void = () => {};
  private body: MessageBody | null = null;
  private isOver: boolean = false;
  private readonly stopWaiting: () => void;

  constructor(connection: TestConnection, clock: VirtualClock, toHead: boolean) {
    this.connection = connection;
    this.reader.toHead = toHead;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.stopWaiting = untilClockStandsStill(clock, () =>
      this.fail(new Error("no response came, and the proxy's time stands still (advance)")),
    );
    connection.onData = (bytes) => {
      this.reader.feed(bytes, 0, bytes.length);
      this.read();
    };
    connection.onEnded = () => {
      if (this.isOver) return;
      if (this.reader.endOfInput() === Event.end) return this.complete();
      const where = this.body === null ? "before a response" : "within the response's body";
      this.fail(new TypeError(`the connection ended ${where}${connection.error === null ? "" : ` (${connection.error})`}`));
    };
  }

  fail(error: unknown): void {
    if (this.isOver) return;
    this.over();
    this.body?.fail(error instanceof Error ? error : new Error(String(error)));
    this.reject(error);
    this.connection.reset();
  }

  private read(): void {
    const { reader } = this;
    for (;;) {
      switch (reader.next()) {
        case Event.head:
          if (reader.head.status >= 200) this.begin();
          else {
            reader.next();
            reader.restart(reader.head);
          }
          break;
        case Event.data:
          this.body?.add(reader.bytes, reader.dataStart, reader.dataEnd);
          break;
        case Event.end:
          return this.complete();
        case Event.fault:
          return this.fail(new TypeError(`the response is malformed: ${reader.fault.code}`));
        default:
          return;
      }
    }
  }

  private begin(): void {
    this.stopWaiting();
    const { head } = this.reader;
    const { connection } = this;
    const body = new MessageBody(connection, () => connection.reset());
    this.body = body;
    const { status, reason: statusText } = head;
    this.resolve(new Response(NO_BODY.has(status) ? null : body.stream, { status, statusText, headers: headersOf(head) }));
  }

  private complete(): void {
    if (this.isOver) return;
    this.over();
    this.body?.end();
    this.connection.close();
  }

  private over(): void {
    this.isOver = true;
    this.stopWaiting();
    this.onOver?.();
  }
}
