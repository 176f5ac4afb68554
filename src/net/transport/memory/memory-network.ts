/**
 * Connections between parties of one process, in a time of their own. What happens is a sequence of events, each delivered by
 * `step`: a read, a finished write, a connect, an end. Events that are there together form a turn, as in an event loop, and what is to
 * happen at a turn's end (`atTurnEnd`) happens after them. Without choices of its own the network delivers in the order in which
 * things were done, and everything that fits in one read; with a seed behind `choices` it is another order and other cuts each time.
 */
import type { Platform } from "../../platform.ts";
import type { OpenTransport, Transport, TransportReader, TransportWriter } from "../transport.ts";
import { MemoryTransport } from "./memory-transport.ts";
import type { EventQueue, EventSource } from "./memory-transport.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface NetworkChoices {
  /** Which of `count` sources delivers next: at least 0 and below `count`. */
  next(count: number): number;
  /** How many of `available` bytes the next read brings: at least 1 and at most `available`. */
  cut(available: number): number;
  /** At least 0 and below 1. */
  random(): number;
}

/** In order, whole, and always the same. */
const IN_ORDER: NetworkChoices = { next: () => 0, cut: (available) => available, random: () => 0.5 };

/** Takes a connection: makes its end by `open`, as a listener does. */
export type Accept = (open: OpenTransport, peer: string) => void;

/** What becomes of connects to an address where nobody listens, whose name is unknown, or that says nothing. */
export type Unreachable = "ECONNREFUSED" | "EHOSTUNREACH" | "ENOTFOUND" | "silent";

export interface NetworkOptions {
  readonly choices?: NetworkChoices;
  /** Bytes of each receive buffer. */
  readonly receiveBytes?: number;
  /** Milliseconds since 1970 when the clock stands at 0. */
  readonly epochMs?: number;
}

/** What many systems give a socket to begin with. */
const RECEIVE_BYTES = 128 * 1024;
const PEER = "192.0.2.1";

export class MemoryNetwork implements EventQueue {
  readonly clock: VirtualClock = new VirtualClock();
  /** Called when the first event has come after there was none. */
  onReady: (() => void) | null = null;
  private readonly choices: NetworkChoices;
  private readonly receiveBytes: number;
  private readonly epochMs: number;
  private readonly ready: EventSource[] = [];
  private readonly listeners: Map<string, Accept | Unreachable> = new Map();
  private turnEnd: (() => void)[] = [];
  /** Events until the turn ends. */
  private leftOfTurn: number = 0;

  constructor({ choices = IN_ORDER, receiveBytes = RECEIVE_BYTES, epochMs = 0 }: NetworkOptions = {}) {
    this.choices = choices;
    this.receiveBytes = receiveBytes;
    this.epochMs = epochMs;
  }

  /** From now on connects to that address (`host:port`) are taken, or fail, or nothing comes of them; null: as if nobody had listened. */
  listen(address: string, accept: Accept | Unreachable | null): void {
    if (accept === null) this.listeners.delete(address);
    else this.listeners.set(address, accept);
  }

  /** Connects to an address. As {@link Platform.dial}. */
  connect(
    address: string,
    reader: TransportReader,
    writer: TransportWriter,
    onConnect: (transport: MemoryTransport) => void,
    peer: string = PEER,
  ): MemoryTransport {
    const transport = new MemoryTransport(this, this.receiveBytes, reader, writer);
    this.post(() => {
      if (transport.destroyed) return;
      const accept = this.listeners.get(address) ?? "ECONNREFUSED";
      if (accept === "silent") return;
      if (typeof accept === "string") return transport.destroy(accept);
      accept((otherReader, otherWriter) => {
        const other = new MemoryTransport(this, this.receiveBytes, otherReader, otherWriter);
        transport.connect(other, () => {
          transport.start();
          onConnect(transport);
        });
        return other;
      }, peer);
    });
    return transport;
  }

  /** What a data-plane thread stands on here. */
  get platform(): Platform {
    const { clock, choices } = this;
    return {
      now: () => clock.nowMs,
      epochMs: () => this.epochMs + clock.nowMs,
      random: () => choices.random(),
      every: (ms, tick) => clock.every(ms, tick),
      atTurnEnd: (then) => this.atTurnEnd(then),
      dial: ({ host, port }, _, reader, writer, onConnect): Transport => this.connect(`${host}:${port}`, reader, writer, onConnect),
    };
  }

  /** Has `then` called as an event of its own. */
  post(then: () => void): void {
    let isDone = false;
    const deliver = (): boolean => {
      if (isDone) return false;
      isDone = true;
      then();
      return true;
    };
    this.add({ isQueued: false, deliver });
  }

  add(source: EventSource): void {
    if (source.isQueued) return;
    source.isQueued = true;
    this.ready.push(source);
    if (this.ready.length === 1) this.onReady?.();
  }

  cut(available: number): number {
    return this.choices.cut(available);
  }

  /** Something may happen before time passes. */
  get hasEvents(): boolean {
    return this.ready.length > 0 || this.turnEnd.length > 0;
  }

  /** Delivers one event, or ends the turn; false: nothing is there to happen before time passes. */
  step(): boolean {
    const { ready } = this;
    while (ready.length > 0) {
      if (this.leftOfTurn === 0) {
        if (this.turnEnd.length > 0) break;
        this.leftOfTurn = ready.length;
      }
      this.leftOfTurn--;
      const source = takeOut(ready, this.choices.next(ready.length));
      if (source === undefined) break;
      source.isQueued = false;
      if (!source.deliver()) continue;
      // It may have more to deliver.
      this.add(source);
      return true;
    }
    if (this.turnEnd.length === 0) return false;
    this.leftOfTurn = 0;
    for (const then of this.turnEnd.splice(0)) then();
    return true;
  }

  /** Delivers until nothing is left to happen before time passes. */
  settle(): void {
    while (this.step());
  }

  private atTurnEnd(then: () => void): void {
    this.turnEnd.push(then);
    if (this.turnEnd.length === 1) this.onReady?.();
  }
}

/** The same as `splice`, without the array that it returns. */
function takeOut(list: EventSource[], at: number): EventSource | undefined {
  if (at === 0) return list.shift();
  const source = list[at];
  list.copyWithin(at, at + 1);
  list.pop();
  return source;
}
