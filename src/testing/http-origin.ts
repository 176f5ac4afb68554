/** An upstream's endpoint as a function from `Request` to `Response`, behind a connection in memory. */
import { Buffer } from "node:buffer";
import { buildResponseHead } from "../http/build-head.ts";
import { Framing } from "../http1/body-framing.ts";
import { DEFAULT_LIMITS } from "../http1/limits.ts";
import { Event } from "../http1/message-reader.ts";
import { RequestReader } from "../http1/request-reader.ts";
import type { TestConnection } from "./connection.ts";
import { headersOf } from "./headers.ts";
import { MessageBody, chunkOf } from "./message-body.ts";

/** What an upstream function is given besides the request. */
export interface OriginContext {
  /** The endpoint's URL, as configured. */
  readonly endpoint: string;
  /** Resolves when so many milliseconds of the proxy's time have passed. */
  sleep(ms: number): Promise<void>;
}

export type OriginFunction = (request: Request, context: OriginContext) => Response | Promise<Response>;

/** A request as it came to an endpoint. */
export interface ReceivedRequest {
  readonly endpoint: string;
  readonly method: string;
  /** Path and query as they came. */
  readonly target: string;
  readonly headers: Headers;
  /** Request line and field lines as they came, without the empty line. */
  readonly head: string;
  /** The body so far, as text of a character (up to U+00FF) a byte; of large ones the first mebibyte. */
  readonly body: string;
}

const RECORDED_BYTES_MAX = 1024 * 1024;

/** Answers the requests of a connection, one after the other. */
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
  /** Of the request that is being answered: aborted when nobody waits for the answer any more. */
  private leave: AbortController = new AbortController();
  private body: MessageBody | null = null;
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
    // Kept after this call: a request may wait for the answer to the one before it.
    const kept = Buffer.from(bytes);
    this.reader.feed(kept, 0, kept.length);
    this.readOn();
  }

  /** The proxy has given the connection up: nobody waits for the rest. */
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
    // The Fetch standard has no GET with a body and no TRACE; what comes over the wire may be both.
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

/** Rejects when the body's stream fails, or nobody waits for the rest. */
async function writeResponse(connection: TestConnection, response: Response, toHead: boolean, left: AbortSignal): Promise<void> {
  const chunks = response.body?.getReader() ?? null;
  // A stream that has failed refuses to be cancelled, with its own failure.
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
  // A body that is complete as soon as it is asked for tells its length. Of one that comes later the head is sent at once, then chunks.
  const first = chunks?.read();
  const atOnce = await ifSoon(first);
  const following = atOnce?.done === false ? chunks?.read() : first;
  // One that fails now fails after what came before.
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
    await connection.drained();
    left.throwIfAborted();
  };
  if (atOnce?.value !== undefined) await send(atOnce.value);
  for (let piece = await following; piece !== undefined && !piece.done; piece = await chunks?.read()) await send(piece.value);
  if (isChunked) connection.send("0\r\n\r\n");
}

/** What the promise resolves with in this turn of the event loop; null: it comes later. */
function ifSoon<T>(promise: Promise<T> | undefined): Promise<T | null | undefined> {
  return Promise.race([promise, new Promise<null>((later) => setImmediate(later, null))]);
}
