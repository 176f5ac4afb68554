/**
 * Raw clients and origins for proxies of the test kit (src/testing), in memory; raw-client.ts and raw-origin.ts do the same over sockets. Messages
 * are parsed by the simple parsers of those files, which share no code with the proxy's own.
 */
import assert from "node:assert/strict";
import { checkStates } from "../../src/net/h1/check-states.fixture.ts";
import { script } from "../../src/testing/test-proxy.ts";
import type { ClientOptions, OriginScript, TestConnection, TestProxy } from "../../src/testing/test-proxy.ts";
import { parseResponses } from "./raw-client.ts";
import type { RawResponse } from "./raw-client.ts";
import { parseRequest } from "./raw-origin.ts";

checkStates();

export interface MemoryRequest {
  /** Head as received, with the empty line. */
  readonly head: string;
  readonly body: string;
  readonly connection: TestConnection;
  /** How many requests came on this connection before this one. */
  readonly earlier: number;
}

export interface MemoryOriginOptions {
  /** Called with each complete request. Default: answers 200 `ok`. */
  readonly onRequest?: (request: MemoryRequest) => void;
  /** Called with every head as soon as it has come. Return true to handle the connection's further bytes yourself. */
  readonly onHead?: (head: string, connection: TestConnection) => boolean;
}

/** An origin in memory that sends exactly what a test tells it to, and remembers every byte that it received. */
export class MemoryOrigin {
  /** For `upstreams` of {@link TestProxy}'s options. */
  readonly script: OriginScript = script.raw((connection) => this.accept(connection));
  /** The complete requests so far. */
  readonly requests: MemoryRequest[] = [];
  /** Every connection so far, the closed ones too. */
  readonly connections: TestConnection[] = [];
  /** All bytes of all connections, in order of arrival. */
  received: string = "";
  private readonly options: MemoryOriginOptions;

  constructor(options: MemoryOriginOptions = {}) {
    this.options = options;
  }

  private accept(connection: TestConnection): void {
    this.connections.push(connection);
    let buffer = "";
    let earlier = 0;
    let isHandled = false;
    let headSeen = false;
    connection.onEnded = () => connection.end();
    connection.onData = (bytes) => {
      const text = bytes.toString("latin1");
      this.received += text;
      buffer += text;
      while (!isHandled) {
        const parsed = parseRequest(buffer);
        if (parsed === null) return;
        if (!headSeen && this.options.onHead?.(parsed.head, connection) === true) isHandled = true;
        headSeen = parsed.body === null;
        if (isHandled || parsed.body === null) return;
        buffer = parsed.rest;
        const request = { head: parsed.head, body: parsed.body, connection, earlier: earlier++ };
        this.requests.push(request);
        (this.options.onRequest ?? answerOk)(request);
      }
    };
  }
}

/** Answers 200 with the body `ok`. */
export function answerOk({ head, connection }: MemoryRequest): void {
  connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${head.startsWith("HEAD ") ? "" : "ok"}`);
}

/** Whether the other side has ended the connection, by a FIN or a reset. */
export const isOver = (connection: TestConnection): boolean => connection.hasEnded || connection.isClosed;

/** Waits until the client has received `count` complete responses, interim ones included, and returns all of them. */
export async function responses(
  client: TestConnection,
  count: number,
  { toHead = false }: { readonly toHead?: boolean } = {},
): Promise<RawResponse[]> {
  const parsed = (): RawResponse[] => parseResponses(client.received, isOver(client), toHead);
  await client.until(() => parsed().length >= count);
  return parsed();
}

/** Sends one request on a new connection, and returns its final response. */
export async function ask(proxy: TestProxy, request: string, options: ClientOptions = {}): Promise<RawResponse> {
  const client = proxy.connect(options);
  const toHead = request.startsWith("HEAD ");
  const final = (): RawResponse | undefined => parseResponses(client.received, isOver(client), toHead).find(({ status }) => status >= 200);
  client.send(request);
  await client.until(() => final() !== undefined);
  client.close();
  return final() ?? assert.fail("no final response");
}
