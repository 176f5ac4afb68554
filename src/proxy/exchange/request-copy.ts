/**
 * Makes the copy of a request that goes to another upstream as well (`mirror` of the route).
 *
 * Nothing that the other upstream does can reach the client. The copy has bytes of its own; it is sent when the whole request has come, at a tick
 * of the clock and not within an event of the exchange that is copied; and then another exchange sends it (mirror-stream.ts).
 */
import { Buffer } from "node:buffer";
import { Timed } from "../../base/deadlines.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { CounterId } from "../../shared/metric-table.ts";
import type { WaitingCopy } from "../copies.ts";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { Mirror } from "../mirror.ts";
import type { BodySink } from "../ports/body-sink.ts";
import type { Detours } from "./detours.ts";
import type { Exchange } from "./exchange.ts";
import { KeptBody } from "./kept-body.ts";
import { MirrorStream } from "./mirror-stream.ts";

/** Whether the request belongs to the share of requests that are copied. Chance decides. */
export function isToBeCopied({ thread, upgrade }: Exchange, { share }: Mirror): boolean {
  // An upgrade is not copied: the other upstream could switch protocols, and nobody would speak the new protocol with it.
  return upgrade === "" && thread.choice.random() < share;
}

/** Begins the copy of a request that is about to be sent to an endpoint, if the limits allow it. */
export function beginCopy(exchange: Exchange, detours: Detours): void {
  const { mirror } = detours;
  detours.mirror = null;
  const { thread, requestLength, replay } = exchange;
  if (mirror === null) return;
  if (requestLength > mirror.bodyBytesMax || isBusy(thread, mirror)) return thread.metrics.add(CounterId.mirrors_dropped, 1);
  const copy = new RequestCopy(exchange, mirror);
  detours.copy = copy;
  // The part of the body that has come so far.
  detours.collected?.sendTo(copy);
  if (replay !== null) copy.data(Buffer.from(replay, "latin1"), 0, replay.length);
  if (exchange.requestEnded) copy.end();
}

/** Whether the upstream has as many exchanges in flight as it may have, over all threads. */
function isBusy({ endpoints }: ExchangeThread, { upstream, inFlightMax }: Mirror): boolean {
  let inFlight = 0;
  for (const { slot } of upstream.set.endpoints) inFlight += endpoints.inFlight(slot);
  return inFlight >= inFlightMax;
}

/** Receives a copy of the request's body, and is let go when the copy is sent or dropped. */
export class RequestCopy extends Timed implements BodySink, WaitingCopy {
  private readonly original: Exchange;
  private readonly to: Mirror;
  private readonly request: RequestHead;
  private readonly body: KeptBody;
  private state: "collecting" | "waiting" | "over" = "collecting";

  constructor(original: Exchange, to: Mirror) {
    super();
    this.original = original;
    this.to = to;
    this.request = original.request.detach();
    this.body = new KeptBody(original.thread.copies);
    original.thread.copies.add(this);
  }

  /** Call this before another receiver gets the bytes, because a receiver may overwrite them (ports/body-sink.ts). */
  data(bytes: Buffer, start: number, end: number): void {
    if (this.state !== "collecting") return;
    const isTooLarge = this.body.size + end - start > this.to.bodyBytesMax;
    if (isTooLarge || !this.body.add(bytes, start, end)) this.giveUp();
  }

  /** The request is complete. */
  end(): void {
    if (this.state !== "collecting") return;
    this.state = "waiting";
    const { copies, deadlines, now } = this.original.thread;
    copies.waiting.add(this);
    deadlines.set(this, now);
  }

  flush(): boolean {
    return true;
  }

  /** The exchange that is copied has ended. Without a complete request there is nothing to send. */
  originalEnded(): void {
    if (this.state === "collecting") this.giveUp();
  }

  /** Deadlines of one tick come in no order. What a client does in its order must be done to the other upstream in that order too. */
  onDeadline(): void {
    for (const copy of this.original.thread.copies.waiting) copy.send();
  }

  send(): void {
    const { original, to } = this;
    const { thread } = original;
    if (isBusy(thread, to)) return this.giveUp();
    this.letGo();
    new MirrorStream(original, to, this.request, this.body).begin();
  }

  /** Drops the copy. */
  giveUp(): void {
    this.letGo();
    this.body.letGo();
    this.original.thread.metrics.add(CounterId.mirrors_dropped, 1);
  }

  private letGo(): void {
    this.state = "over";
    const { copies, deadlines } = this.original.thread;
    deadlines.remove(this);
    copies.waiting.delete(this);
    copies.delete(this);
  }
}
