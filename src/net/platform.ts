/**
 * What a data-plane thread needs from its environment: clocks, timers, random numbers, and connections to endpoints. `machine.ts` implements it with
 * the machine's own; tests and the simulator use sockets in memory and a clock of their own (transport/memory/).
 */
import type { Endpoint } from "../proxy/upstream/endpoint.ts";
import type { NameTable } from "../shared/name-table.ts";
import type { Transport, TransportReader, TransportWriter } from "./transport/transport.ts";

export interface Platform {
  /** Monotonic milliseconds, the same base in all threads of the process. */
  now(): number;
  /** Milliseconds since 1970. */
  epochMs(): number;
  /** A random number, at least 0 and below 1. */
  random(): number;
  /** Fills the array with random bytes that nobody can guess. */
  fillRandom(bytes: Uint8Array): void;
  /** Calls `tick` about every `ms` milliseconds, until the returned function is called. */
  every(ms: number, tick: () => void): () => void;
  /** Calls `then` once, after the events that the current turn of the event loop has brought. */
  atTurnEnd(then: () => void): void;
  /**
   * Connects to the endpoint. Calls `onConnect` once the connection is established (for https: after the certificate was verified), with the
   * transport to use from then on, which may be another one than the returned. Failures come as `onClosed` of `reader`. No callback is called
   * before `dial` has returned.
   * @param preface bytes that go first on the connection, before TLS, as latin1 text; "": none
   */
  dial(
    target: Endpoint,
    names: NameTable,
    reader: TransportReader,
    writer: TransportWriter,
    onConnect: (transport: Transport) => void,
    preface: string,
  ): Transport;
}
