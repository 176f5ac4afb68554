/** A client on a raw socket: sends bytes, and waits for conditions that a test names. A wait rejects at a deadline instead of hanging. */
import { once } from "node:events";
import net from "node:net";
import type { Socket } from "node:net";
import tls from "node:tls";
import type { ConnectionOptions } from "node:tls";
import { eventually } from "./eventually.ts";

/** The longest time that any wait may take: a busy machine moves tens of megabytes slowly. */
const PATIENCE_MS = 30_000;

/** So many session tickets OpenSSL sends after a full handshake of TLS 1.3. */
const TICKETS = 2;

export class RawClient {
  readonly socket: Socket;
  /** The connection below TLS; without TLS the same socket. */
  readonly below: Socket;
  ended: boolean = false;
  closed: boolean = false;
  error: string = "";
  private text: string = "";
  private readonly looks: Set<() => void> = new Set();
  /** The responses parsed so far; `rest` is what was received after them. */
  private parsed: { readonly toHead: boolean; readonly responses: RawResponse[]; rest: string } = {
    toHead: false,
    responses: [],
    rest: "",
  };

  private constructor(socket: Socket, below: Socket = socket) {
    this.socket = socket;
    this.below = below;
    socket.on("data", (chunk: Buffer) => {
      const text = chunk.toString("latin1");
      this.text += text;
      this.parsed.rest += text;
      this.wake();
    });
    socket.on("end", () => {
      this.ended = true;
      this.wake();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? error.message;
      this.wake();
    });
    socket.on("close", () => {
      this.closed = true;
      this.wake();
    });
  }

  /** Everything received as latin1, since the beginning or since a test has set it to "". */
  get received(): string {
    return this.text;
  }

  set received(text: string) {
    this.text = text;
    this.parsed = { toHead: false, responses: [], rest: text };
  }

  /** @param from the address to connect from; default: the system's choice */
  static async connect(port: number, host: string = "127.0.0.1", from?: string): Promise<RawClient> {
    const local = from === undefined ? {} : { localAddress: from };
    return RawClient.connected(net.connect({ port, host, noDelay: true, allowHalfOpen: true, ...local }));
  }

  /** @param tls trust and name of the listener */
  static async connectTls(port: number, options: ConnectionOptions): Promise<RawClient> {
    const below = net.connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true }).on("error", () => {});
    // Node's types do not know `allowHalfOpen` here, which it passes on to the socket.
    const half: ConnectionOptions & { readonly allowHalfOpen: true } = { ...options, socket: below, allowHalfOpen: true };
    const socket = tls.connect(half);
    const client = new RawClient(socket, below);
    // A reset that meets the listener's session tickets would be told to nobody: its writing of them consumes it.
    const settled = new Promise<void>((resolve) => {
      let tickets = 0;
      socket.on("session", () => {
        if (++tickets === TICKETS) resolve();
      });
      socket.once("close", () => resolve());
    });
    await once(socket, "secureConnect");
    await settled;
    return client;
  }

  static async connectPath(path: string): Promise<RawClient> {
    return RawClient.connected(net.connect({ path, allowHalfOpen: true }));
  }

  private static async connected(socket: Socket): Promise<RawClient> {
    const client = new RawClient(socket);
    if (socket.connecting) await once(socket, "connect");
    return client;
  }

  send(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** Resolves once `condition` holds; rejects at the deadline with what was received. */
  until(condition: (client: RawClient) => boolean, what: string): Promise<void> {
    const subscribe = (look: () => void): (() => void) => {
      this.looks.add(look);
      return () => void this.looks.delete(look);
    };
    const problem = (): string => `waited in vain for ${what}; received ${JSON.stringify(this.received.slice(-400))}`;
    return eventually(() => condition(this), subscribe, PATIENCE_MS, problem);
  }

  /** Waits for `count` complete responses and returns them. */
  async responses(count: number, { toHead = false }: { readonly toHead?: boolean } = {}): Promise<RawResponse[]> {
    await this.until(() => this.parse(toHead).length >= count, `${count} responses`);
    return [...this.parse(toHead)];
  }

  /** The responses so far. Complete ones are parsed only once, which matters for tests with thousands of them. */
  private parse(toHead: boolean): readonly RawResponse[] {
    if (this.parsed.toHead !== toHead) this.parsed = { toHead, responses: [], rest: this.received };
    const isOver = this.ended || this.closed;
    const { responses, rest } = this.parsed;
    const more = responsesIn(rest, isOver, toHead);
    if (isOver) return [...responses, ...more.responses];
    responses.push(...more.responses);
    this.parsed.rest = rest.slice(more.length);
    return responses;
  }

  async response(options: { readonly toHead?: boolean } = {}): Promise<RawResponse> {
    const [first] = await this.responses(1, options);
    if (first === undefined) throw new Error("no response");
    return first;
  }

  /** Waits until the other side has ended or reset the connection. */
  async end(): Promise<void> {
    await this.until((client) => client.ended || client.closed, "the connection's end");
  }

  destroy(): void {
    // Node 26 ends the process when a TLS socket is destroyed in the same turn as the connection below it.
    if (!this.below.destroyed) this.socket.destroy();
  }

  private wake(): void {
    for (const look of this.looks) look();
  }
}

export interface RawResponse {
  readonly status: number;
  readonly head: string;
  /** Lower-case names; values of repeated fields in order. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
  readonly trailers: string;
  /** Whether the body ended as its framing says. */
  readonly complete: boolean;
}

/** The final and interim responses in `text`. An unfinished last one is included only if the connection has `ended`. */
export function parseResponses(text: string, ended: boolean, toHead: boolean = false): RawResponse[] {
  return responsesIn(text, ended, toHead).responses;
}

/** The same responses, and how many characters of the text they take. */
function responsesIn(text: string, ended: boolean, toHead: boolean): { readonly responses: RawResponse[]; readonly length: number } {
  const found: RawResponse[] = [];
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf("\r\n\r\n", at);
    if (end < 0) break;
    const head = text.slice(at, end + 4);
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
    const fields = fieldsOf(head);
    const after = text.slice(end + 4);
    const body = bodyOf(status, fields, after, toHead, ended);
    if (body === null) break;
    found.push({ status, head, fields, body: body.text, trailers: body.trailers, complete: body.complete });
    at = end + 4 + body.length;
  }
  return { responses: found, length: at };
}

function bodyOf(
  status: number,
  fields: ReadonlyMap<string, readonly string[]>,
  after: string,
  toHead: boolean,
  ended: boolean,
): { text: string; trailers: string; complete: boolean; length: number } | null {
  if (status < 200 || status === 204 || status === 304 || toHead) return { text: "", trailers: "", complete: true, length: 0 };
  const cut = ended ? { text: after, trailers: "", complete: false, length: after.length } : null;
  if (fields.get("transfer-encoding")?.[0]?.toLowerCase() === "chunked") {
    let at = 0;
    let text = "";
    for (;;) {
      const line = after.indexOf("\r\n", at);
      if (line < 0) return cut;
      const size = Number.parseInt(after.slice(at, line), 16);
      if (size === 0) {
        const end = after.indexOf("\r\n\r\n", line);
        if (end < 0) return cut;
        return { text, trailers: after.slice(line + 2, end + 2), complete: true, length: end + 4 };
      }
      if (after.length < line + 4 + size) return cut;
      text += after.slice(line + 2, line + 2 + size);
      at = line + 4 + size;
    }
  }
  const length = fields.get("content-length")?.[0];
  if (length !== undefined) {
    const size = Number(length);
    return after.length < size ? cut : { text: after.slice(0, size), trailers: "", complete: true, length: size };
  }
  return ended ? { text: after, trailers: "", complete: true, length: after.length } : null;
}

function fieldsOf(head: string): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const line of head.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const values = fields.get(name) ?? [];
    values.push(line.slice(colon + 1).trim());
    fields.set(name, values);
  }
  return fields;
}

/** Sends one request on a new connection, and returns its final response. */
export async function ask(port: number, request: string, host?: string): Promise<RawResponse> {
  return askOn(await RawClient.connect(port, host), request);
}

/** Sends one request on a connection, returns its final response, and closes the connection. */
export async function askOn(client: RawClient, request: string): Promise<RawResponse> {
  try {
    client.send(request);
    const toHead = request.startsWith("HEAD ");
    await client.until(
      (each) => parseResponses(each.received, each.ended || each.closed, toHead).some(({ status }) => status >= 200),
      "a response",
    );
    const final = parseResponses(client.received, client.ended || client.closed, toHead).find(({ status }) => status >= 200);
    if (final === undefined) throw new Error("no final response");
    return final;
  } finally {
    client.destroy();
  }
}

/** The text of a GET request with this path and further field lines. */
export function get(path: string, fields: readonly string[] = [], host: string = "a.test"): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`;
}

/** The text of a GET request to the admin address, with an IP address in Host: the admin address refuses unknown names (DNS rebinding). */
export function getAdmin(path: string): string {
  return get(path, [], "127.0.0.1");
}
