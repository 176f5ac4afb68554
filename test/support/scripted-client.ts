/** A client that misbehaves on purpose: a RawClient that can be told how to leave, when to read and how slowly to send. */
import { existsSync, readFileSync } from "node:fs";
import { parseResponses } from "./raw-client.ts";
import type { RawClient, RawResponse } from "./raw-client.ts";
import { stalled } from "./scripted-origin.ts";
import type { Steps } from "./scripted-origin.ts";

/** A response larger than this is not parsed again with every packet. */
const QUICK_BYTES = 256 * 1024;

/** Linux's list of connections, one per line: number, local address, remote address, state. */
const CONNECTIONS = "/proc/net/tcp";
/** The states ESTABLISHED and FIN_WAIT1: the FIN is not sent yet, or not acknowledged. */
const SENDING: ReadonlySet<string> = new Set(["01", "04"]);

/** What a client has received as the answer to its request. */
export type Verdict =
  | { readonly kind: "answer"; readonly response: RawResponse; readonly interim: readonly number[] }
  /** A final head, and then the connection ended so that the message is visibly incomplete. */
  | { readonly kind: "cut"; readonly response: RawResponse }
  /** The connection ended without a final head. */
  | { readonly kind: "nothing" };

export class ScriptedClient {
  readonly raw: RawClient;
  private readonly step: Steps;
  /** Where in `raw.received` the answer to the latest request begins. */
  private from: number = 0;
  /** Size of a large response, head included; Infinity if chunks or the connection's end mark its end. */
  private wholeSize: number | null = null;
  /** The last few bytes received. */
  private tail: string = "";

  private constructor(raw: RawClient, step: Steps) {
    this.raw = raw;
    this.step = step;
    // This listener must run before the one that wakes waiting tests.
    raw.socket.prependListener("data", (chunk: Buffer) => {
      this.tail = (this.tail + chunk.subarray(-8).toString("latin1")).slice(-8);
    });
  }

  static on(raw: RawClient, step: Steps): ScriptedClient {
    return new ScriptedClient(raw, step);
  }

  get received(): string {
    return this.raw.received.slice(this.from);
  }

  /** Whether the connection has ended, in whatever way. */
  get over(): boolean {
    return this.raw.ended || this.raw.closed;
  }

  /** Sends the text. Resolves once it was handed to the kernel, or cannot be any more. */
  async send(text: string): Promise<void> {
    this.step("begun");
    await this.write(text);
    this.step("done");
  }

  /** Sends one byte after another, one every `everyMs`, until all are sent or the connection has ended. */
  async trickle(text: string, everyMs: number): Promise<void> {
    for (const byte of text) {
      if (this.over) return;
      await this.write(byte);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  /** Sends the text again and again, up to `bytesMax` bytes. Resolves once the connection has ended or a write is refused. */
  async flood(text: string, bytesMax: number = Infinity): Promise<void> {
    for (let sent = 0; sent < bytesMax && !this.over && this.raw.socket.writable; sent += text.length) {
      await this.write(text);
      // A write that the kernel takes at once leaves no room for other events.
      await new Promise(setImmediate);
    }
  }

  /** Sends the text again and again until the other side takes no more. Each text that is taken counts as a step. */
  async fill(text: string): Promise<void> {
    while (!this.over && this.raw.socket.writable) {
      const taken = await Promise.race([this.write(text).then(() => true), stalled()]);
      if (!taken) return;
      this.step("done");
      await new Promise(setImmediate);
    }
  }

  stopReading(): void {
    this.raw.socket.pause();
  }

  readOn(): void {
    this.raw.socket.resume();
  }

  halfClose(): void {
    this.step("begun");
    const { socket, below } = this.raw;
    // Node's TLS reads no more once it has ended within a read that has brought more than one record.
    if (socket === below) socket.end();
    else setImmediate(() => socket.end());
    this.step("done");
  }

  /**
   * Waits until the FIN of a half-close has arrived, on systems that tell (Linux). The other side then reads the FIN before everything that is sent
   * later. Without this wait, bytes on another connection may overtake the FIN on a busy machine.
   */
  async finArrived(): Promise<void> {
    const { localPort = 0, remotePort = 0 } = this.raw.below;
    while (!this.over && existsSync(CONNECTIONS) && SENDING.has(stateOf(localPort, remotePort))) await new Promise(setImmediate);
  }

  /** Closes: a FIN, and a reset for whatever arrives later. */
  leave(): void {
    this.step("begun");
    this.raw.destroy();
    this.step("done");
  }

  reset(): void {
    this.step("begun");
    const { socket, below } = this.raw;
    if (socket === below) below.resetAndDestroy();
    else {
      // `resetAndDestroy` sends a FIN first, and after that Node's TLS tells nobody of the reset.
      Reflect.set(below, "resetAndClosing", true);
      below.destroy();
    }
    this.step("done");
  }

  async until(condition: (client: ScriptedClient) => boolean, what: string): Promise<void> {
    await this.raw.until(() => condition(this), what);
  }

  /** Waits for the answer to the latest request, or for the connection's end. */
  async verdict(toHead: boolean = false): Promise<Verdict> {
    const final = (): RawResponse | undefined =>
      parseResponses(this.received, this.over, toHead).find(({ status }) => status >= 200 || status === 101);
    await this.until((each) => each.over || (each.mayBeWhole() && final() !== undefined), "an answer or the connection's end");
    // If the head has come and the body is cut, the verdict is known only after the connection's end.
    const response = final();
    if (response === undefined) return { kind: "nothing" };
    const interim = parseResponses(this.received, this.over, toHead)
      .map(({ status }) => status)
      .filter((status) => status < 200 && status !== 101);
    return this.isWhole(response, toHead) ? { kind: "answer", response, interim } : { kind: "cut", response };
  }

  /** Sends one more request on this connection and waits for its answer. */
  async again(request: string): Promise<Verdict> {
    this.begin();
    await this.write(request);
    return this.verdict();
  }

  /** Forgets what was received so far. */
  begin(): void {
    this.from = this.raw.received.length;
    this.wholeSize = null;
  }

  /** Whether the response may be complete: a quick check, so that megabytes are not parsed again with every packet. */
  private mayBeWhole(): boolean {
    const size = this.raw.received.length - this.from;
    if (size < QUICK_BYTES) return true;
    this.wholeSize ??= announcedSize(this.received);
    return this.wholeSize === Infinity ? this.tail.endsWith("0\r\n\r\n") : size >= this.wholeSize;
  }

  private isWhole(response: RawResponse, toHead: boolean): boolean {
    if (!response.complete) return false;
    const framed = response.fields.has("content-length") || response.fields.has("transfer-encoding");
    const bodyless = toHead || response.status === 204 || response.status === 304 || response.status === 101;
    // A body that ends with its connection is complete only after a FIN, not after a reset.
    return framed || bodyless || this.raw.error === "";
  }

  private write(text: string): Promise<void> {
    return new Promise((resolve) => {
      const { socket } = this.raw;
      if (socket.destroyed || !socket.writable) resolve();
      else socket.write(text, "latin1", () => resolve());
    });
  }
}

/** Size of the final response and the interim ones before it; Infinity if its head does not say. */
function announcedSize(received: string): number {
  for (let at = 0; ;) {
    const bodyAt = received.indexOf("\r\n\r\n", at) + 4;
    const head = received.slice(at, bodyAt);
    if (!head.startsWith("HTTP/1.1 1")) return bodyAt + Number(/\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1] ?? Infinity);
    at = bodyAt;
  }
}

/** The state of the connection between the two ports, as the system writes it. */
function stateOf(localPort: number, remotePort: number): string {
  const [local, remote] = [localPort, remotePort].map((port) => port.toString(16).toUpperCase().padStart(4, "0"));
  return new RegExp(`:${local} \\w+:${remote} (\\w\\w) `).exec(readFileSync(CONNECTIONS, "latin1"))?.[1] ?? "";
}
