/**
 * A network in memory with a clock of its own, for tests and the simulator. Everything that happens is a sequence of events: a read, a
 * finished write, a connect, an end. Each call of `step` delivers one. Events that are ready together form a turn, as in an event loop;
 * functions given to `atTurnEnd` run after them. By default the network delivers events in the order in which they were caused, and as many
 * bytes in a read as fit. With `choices` that draw from a seed it delivers in another order and in other pieces.
 */
import type { Platform } from "../../platform.ts";
import type { OpenTransport, Transport, TransportReader, TransportWriter } from "../transport.ts";
import { MemoryTransport } from "./memory-transport.ts";
import type { EventQueue, EventSource } from "./memory-transport.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** What the network leaves open. */
export interface NetworkChoices {
  /** Index of the source that delivers next: at least 0 and below `count`. */
  next(count: number): number;
  /** How many of `available` bytes the next read brings: at least 1 and at most `available`. */
  cut(available: number): number;
  /** A random number for the platform: at least 0 and below 1. */
  random(): number;
}

/** The default: in order, as many bytes as fit, and always the same. */
const IN_ORDER: NetworkChoices = { next: () => 0, cut: (available) => available, random: () => 0.5 };

/** Accepts a connection as a listener does: `open` makes this end of it. */
export type Accept = (open: OpenTransport, peer: string) => void;

/** How a connect to an address fails; "silent": it never gets a result. */
export type Unreachable = "ECONNREFUSED" | "EACCES" | "ENOENT" | "EHOSTUNREACH" | "ENOTFOUND" | "silent";

export interface NetworkOptions {
  readonly choices?: NetworkChoices;
  /** Size of each receive buffer in bytes. */
  readonly receiveBytes?: number;
  /** The time at which the clock is 0, in milliseconds since 1970. */
  readonly epochMs?: number;
}

/** The initial size on many systems. */
const RECEIVE_BYTES = 128 * 1024;
const PEER = "192.0.2.1";
/** What clients connect to, as their connections tell it. */
const OWN = { destination: "198.51.100.1", destinationPort: 80 } as const;
/** The port of the first client; each further one has the next. */
const FIRST_PORT = 49_152;

export class MemoryNetwork implements EventQueue {
  readonly clock: VirtualClock = new VirtualClock();
  /** Called when there is an event to deliver after there was none. */
  onReady: (() => void) | null = null;
  private readonly choices: NetworkChoices;
  private readonly receiveBytes: number;
  private readonly epochMs: number;
  private readonly ready: EventSource[] = [];
  private readonly listeners: Map<string, Accept | Unreachable> = new Map();
  private turnEnd: (() => void)[] = [];
  private nextPort: number = FIRST_PORT;
  /** How many events are left until the turn ends. */
  private leftOfTurn: number = 0;

  constructor({ choices = IN_ORDER, receiveBytes = RECEIVE_BYTES, epochMs = 0 }: NetworkOptions = {}) {
    this.choices = choices;
    this.receiveBytes = receiveBytes;
    this.epochMs = epochMs;
  }

  /** Sets how connects to an address (`host:port`, or the path of a Unix socket) end from now on: accepted or failed. Null: refused, as at the beginning. */
  listen(address: string, accept: Accept | Unreachable | null): void {
    if (accept === null) this.listeners.delete(address);
    else this.listeners.set(address, accept);
  }

  /** Connects to an address, like {@link Platform.dial}. */
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
        other.ends = { ...OWN, source: peer, sourcePort: this.nextPort++ };
        transport.connect(other, () => {
          transport.start();
          onConnect(transport);
        });
        return other;
      }, peer);
    });
    return transport;
  }

  /** The platform for a data-plane thread that runs on this network. */
  get platform(): Platform {
    const { clock, choices } = this;
    return {
      now: () => clock.nowMs,
      epochMs: () => this.epochMs + clock.nowMs,
      random: () => choices.random(),
      fillRandom: (bytes) => {
        for (let index = 0; index < bytes.length; index++) bytes[index] = choices.random() * 256;
      },
      every: (ms, tick) => clock.every(ms, tick),
      atTurnEnd: (then) => this.atTurnEnd(then),
      dial: ({ endpoint: { host, port, path }, reader, writer, onConnect, preface }): Transport =>
        this.connect(path ?? `${host}:${port}`, reader, writer, (transport) => {
          if (preface !== "") transport.write(preface);
          onConnect(transport);
        }),
    };
  }

  /** Calls `then` as an event. */
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

  /** Whether `step` would deliver something. */
  get hasEvents(): boolean {
    return this.ready.length > 0 || this.turnEnd.length > 0;
  }

  /** Delivers one event, or ends the turn. Returns false if nothing is left to happen before time passes. */
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
      // The source may have more events.
      this.add(source);
      return true;
    }
    if (this.turnEnd.length === 0) return false;
    this.leftOfTurn = 0;
    for (const then of this.turnEnd.splice(0)) then();
    return true;
  }

  /** Delivers events until nothing is left to happen before time passes. */
  settle(): void {
    while (this.step());
  }

  private atTurnEnd(then: () => void): void {
    this.turnEnd.push(then);
    if (this.turnEnd.length === 1) this.onReady?.();
  }
}

/** Removes and returns an element, like `splice` but without allocating an array. */
function takeOut(list: EventSource[], at: number): EventSource | undefined {
  if (at === 0) return list.shift();
  const source = list[at];
  const last = list.length - 1;
  // A loop, because copyWithin of an array is much slower.
  for (let index = at; index < last; index++) list[index] = list[index + 1] as EventSource;
  list.pop();
  return source;
}
