/**
 * What a data-plane thread stands on: a clock, timers, chance, and connections to endpoints. `machine.ts` is the machine; tests and the
 * simulator put memory and a clock of their own in its place (memory-network.ts).
 */
import type { Endpoint } from "../proxy/upstream/endpoint.ts";
import type { NameTable } from "../shared/name-table.ts";
import type { Transport, TransportReader, TransportWriter } from "./transport/transport.ts";

export interface Platform {
  /** Monotonic milliseconds, the same base in all threads of the process. */
  now(): number;
  /** Milliseconds since 1970. */
  epochMs(): number;
  /** At least 0 and below 1. */
  random(): number;
  /** Calls `tick` about every `ms` milliseconds, until the returned function is called. */
  every(ms: number, tick: () => void): () => void;
  /** Calls `then` once, after the events that the current turn of the event loop has brought. */
  atTurnEnd(then: () => void): void;
  /**
   * Connects to the endpoint. `onConnect` is called once the connection stands (for https: once the certificate was verified too), with
   * the transport to use from then on, which need not be the one that is returned. Failures come as `onClosed`. Nothing is called from
   * within this call.
   */
  dial(
    target: Endpoint,
    names: NameTable,
    reader: TransportReader,
    writer: TransportWriter,
    onConnect: (transport: Transport) => void,
  ): Transport;
}
