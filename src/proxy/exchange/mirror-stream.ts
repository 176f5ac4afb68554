import type { Buffer } from "node:buffer";
import { connectionOptions } from "../../http/connection-options.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { CounterId } from "../../shared/metric-table.ts";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { Mirror } from "../mirror.ts";
import { BackgroundClient } from "./background-client.ts";
import { Exchange } from "./exchange.ts";
import type { KeptBody } from "./kept-body.ts";

/** Time for a whole copy, from the moment when it is sent. */
const TIME_MS = 60_000;

/** The most bytes of a response that are read, so that its connection can be used again. A longer response is given up. */
const ANSWER_BYTES_MAX = 1024 * 1024;

/**
 * Sends the copy of a request (request-copy.ts) as an exchange of its own, delivers its body, and throws the answer away.
 */
export class MirrorStream extends BackgroundClient {
  private readonly thread: ExchangeThread;
  private readonly to: Mirror;
  protected readonly exchange: Exchange;
  private readonly body: KeptBody;
  private isAnswered: boolean = false;
  private answerBytes: number = 0;

  constructor(original: Exchange, to: Mirror, head: RequestHead, body: KeptBody) {
    super(original.downstream);
    const { thread, facts } = original;
    this.thread = thread;
    this.to = to;
    this.body = body;
    this.exchange = new Exchange(thread, this, head, body.size, connectionOptions(head), facts, "", thread.now);
    this.exchange.detour.original = original;
    if (original.givenId !== "") this.exchange.identify(original.givenId);
    if (original.identity !== null) this.exchange.authenticate(original.identity);
  }

  begin(): void {
    const { upstream, route } = this.to;
    this.thread.copies.add(this);
    this.thread.deadlines.set(this, this.thread.now + TIME_MS);
    // There is no further attempt: when the upstream is in trouble, copies must not make it worse.
    this.exchange.beginAt({ ...upstream.set, retries: 0 }, route);
  }

  // ---- ClientStream ---------------------------------------------------------------------------------------------------

  protected override requestBody(): Buffer {
    return this.body.bytes;
  }

  override respond(): void {
    this.isAnswered = true;
  }

  override data(_bytes: Buffer, start: number, end: number): void {
    this.answerBytes += end - start;
    if (this.answerBytes > ANSWER_BYTES_MAX) this.giveUp();
  }

  override exchangeFinished(): void {
    this.thread.deadlines.remove(this);
    this.thread.copies.delete(this);
    this.body.letGo();
    this.thread.metrics.add(this.isAnswered ? CounterId.requests_mirrored : CounterId.mirrors_dropped, 1);
  }
}
