/** The origin server of a test: serves HTTP/1.1 on connections in memory, and answers with a function from `Request` to `Response`. */
import { Buffer } from "node:buffer";
import { buildResponseHead } from "../http/build-head.ts";
import { Framing } from "../http1/body-framing.ts";
import { DEFAULT_LIMITS } from "../http1/limits.ts";
import { Event } from "../http1/message-reader.ts";
import { RequestReader } from "../http1/request-reader.ts";
import type { TestConnection } from "./connection.ts";
import { headersOf } from "./headers.ts";
import { MessageBody, chunkOf } from "./message-body.ts";

/** The second argument of an {@link OriginFunction}. */
export interface OriginContext {
  /** The endpoint's URL, as configured. */
  readonly endpoint: string;
  /** Resolves when `ms` milliseconds of the proxy's time have passed. */
  sleep(ms: number): Promise<void>;
}

/** Answers a request that came to an endpoint. If it throws, the endpoint answers 500 with the error as text. */
export type OriginFunction = (request: Request, context: OriginContext) => Response | Promise<Response>;

/** A request as an endpoint received it. */
export interface ReceivedRequest {
  /** The endpoint's URL, as configured. */
  readonly endpoint: string;
  /** The method as received. */
  readonly method: string;
  /** The request target (path and query) as received. */
  readonly target: string;
  /** The fields, as the Fetch standard has them: several lines of one name are joined. */
  readonly headers: Headers;
  /** Request line and field lines as received, without the empty line. */
  readonly head: string;
  /** The body received so far, as latin1 text (one character per byte). At most about the first 1 MiB. */
  readonly body: string;
}

const RECORDED_BYTES_MAX = 1024 * 1024;

/** Answers the requests on a connection one after the other. `record` is called with each request when its head has come. */
export function serveRequests(
  connection: TestConnection,
  answer: OriginFunction,
  context: OriginContext,
  record: (request: ReceivedRequest) => void,
): void {
  const origin = new OriginConnection(connection, answer, context, record);
  connection.onData = (bytes) => origin.read(bytes);
  connection.onEnded = () => origin.ended();
}

class OriginConnection {
  private readonly connection: TestConnection;
  private readonly answer: OriginFunction;
  private readonly context: OriginContext;
  private readonly record: (request: ReceivedRequest) => void;
  private readonly reader: RequestReader = new RequestReader(DEFAULT_LIMITS);
  /** For the `signal` of the request being answered: aborted when the proxy no longer waits for the response. */
  private leave: AbortController = new AbortController();
  private body: MessageBody | null = null;
  /** The record of the current request, to which its body is added. */
  private recorded: { body: string } | null = null;
  private isAnswering: boolean = false;
  private requestIsWhole: boolean = false;

  constructor(connection: TestConnection, answer: OriginFunction, context: OriginContext, record: (request: ReceivedRequest) => void) {
    this.connection = connection;
    this.answer = answer;
    this.context = context;
    this.record = record;
  }

  read(bytes: Buffer): void {
    // Copied, because the next request may have to wait until the current one is answered.
    const kept = Buffer.from(bytes);
    this.reader.feed(kept, 0, kept.length);
    this.readOn();
  }

  /** The proxy has closed its side of the connection and waits for no response any more. */
  ended(): void {
    const reason = new TypeError("the proxy has given the connection up");
    this.body?.fail(reason);
    if (this.isAnswering) this.leave.abort(reason);
    this.connection.close();
  }

  private readOn(): void {
    const { reader } = this;
    for (;;) {
      switch (reader.next()) {
        case Event.head:
          this.begin();
          break;
        case Event.data:
          this.body?.add(reader.bytes, reader.dataStart, reader.dataEnd);
          if (this.recorded !== null && this.recorded.body.length < RECORDED_BYTES_MAX) {
            this.recorded.body += reader.bytes.toString("latin1", reader.dataStart, reader.dataEnd);
          }
          break;
        case Event.end:
          this.requestIsWhole = true;
          this.body?.end();
          if (!this.isAnswering) this.restart();
          return;
        case Event.fault:
          this.connection.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
          return this.connection.end();
        default:
          return;
      }
    }
  }

  private begin(): void {
    const { head, framing } = this.reader;
    this.isAnswering = true;
    this.leave = new AbortController();
    this.requestIsWhole = false;
    this.body = new MessageBody(this.connection, () => {});
    const headers = headersOf(head);
    const recorded = {
      endpoint: this.context.endpoint,
      method: head.method,
      target: head.target,
      headers,
      head: `${head.startLine}${head.text}`.trimEnd(),
      body: "",
    };
    this.recorded = recorded;
    this.record(recorded);
    const hasBody = framing.kind !== Framing.none;
    // `Request` refuses GET with a body, and TRACE. Both can be received, so the method is set afterwards.
    const request = new Request(`http://${head.authority || "unknown.invalid"}${head.forwardTarget}`, {
      method: hasBody ? "POST" : "GET",
      headers,
      signal: this.leave.signal,
      ...(hasBody ? { body: this.body.stream, duplex: "half" } : {}),
    });
    Object.defineProperty(request, "method", { value: head.method });
    void this.respond(request, head.method === "HEAD", this.leave.signal);
  }

  private async respond(request: Request, toHead: boolean, left: AbortSignal): Promise<void> {
    let response: Response;
    try {
      response = await this.answer(request, this.context);
      checkIsFresh(response);
    } catch (error) {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
      response = new Response(`the test's upstream threw: ${what}\n`, { status: 500 });
    }
    try {
      await writeResponse(this.connection, response, toHead, left);
    } catch {
      return this.connection.reset();
    }
    this.isAnswering = false;
    if (response.headers.get("connection")?.toLowerCase() === "close") return this.connection.end();
    if (this.requestIsWhole) this.restart();
  }

  private restart(): void {
    this.body = null;
    this.recorded = null;
    this.reader.restart(this.reader.head);
    this.readOn();
  }
}

function checkIsFresh(response: unknown): void {
  if (!(response instanceof Response)) throw new TypeError(`it must return a Response, not ${String(response)}`);
  if (response.bodyUsed || response.body?.locked === true) throw new TypeError("it returned a Response whose body was used before");
}

/** Writes the response. Rejects when the body's stream fails or `left` is aborted. */
async function writeResponse(connection: TestConnection, response: Response, toHead: boolean, left: AbortSignal): Promise<void> {
  const chunks = response.body?.getReader() ?? null;
  // Cancelling a stream that has failed rejects with the stream's error.
  const cancel = (): void => void chunks?.cancel(left.reason).catch(() => {});
  left.addEventListener("abort", cancel);
  try {
    await writeChunks(connection, response, chunks, toHead, left);
  } finally {
    left.removeEventListener("abort", cancel);
  }
}

async function writeChunks(
  connection: TestConnection,
  { status, statusText, headers }: Response,
  chunks: ReadableStreamDefaultReader<Uint8Array> | null,
  toHead: boolean,
  left: AbortSignal,
): Promise<void> {
  // A body that is there as a whole at once gets a Content-Length. Otherwise the head is sent at once and the body in chunks.
  const first = chunks?.read();
  const atOnce = await ifSoon(first);
  const following = atOnce?.done === false ? chunks?.read() : first;
  // If the stream fails now, the error is thrown below, after the first chunk has been sent.
  const next = await ifSoon(following).catch(() => null);
  const isWhole = atOnce !== null && next !== null && next?.done !== false;
  const hasLength = headers.has("content-length") || status === 204 || status === 304;
  const isChunked = !hasLength && !isWhole;
  const fields = [...headers];
  if (isChunked) fields.push(["transfer-encoding", "chunked"]);
  else if (!hasLength) fields.push(["content-length", String(atOnce?.value?.length ?? 0)]);
  const head = buildResponseHead({ status, ...(statusText === "" ? {} : { reason: statusText }) }, fields);
  connection.send(`HTTP/1.1 ${status} ${head.reason}\r\n${head.text}\r\n`);
  if (toHead) return chunks?.cancel();
  const send = async (chunk: Uint8Array): Promise<void> => {
    if (chunk.length === 0) return;
    connection.send(isChunked ? chunkOf(chunk) : chunk);
    await connection.untilSent();
    left.throwIfAborted();
  };
  if (atOnce?.value !== undefined) await send(atOnce.value);
  for (let piece = await following; piece !== undefined && !piece.done; piece = await chunks?.read()) await send(piece.value);
  if (isChunked) connection.send("0\r\n\r\n");
}

/** The result of the promise if it resolves within this turn of the event loop. Null: it does not. */
function ifSoon<T>(promise: Promise<T> | undefined): Promise<T | null | undefined> {
  return Promise.race([promise, new Promise<null>((later) => setImmediate(later, null))]);
}
