/**
 * What a data-plane thread needs from its environment: clocks, timers, random numbers, and connections to endpoints. `machine.ts` implements it with
 * the machine's own; tests and the simulator use sockets in memory and a clock of their own (transport/memory/).
 */
import type { Dialing } from "./transport/dialing.ts";
import type { Transport } from "./transport/transport.ts";

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
  /** Connects to an endpoint. No callback is called before `dial` has returned. */
  dial(dialing: Dialing): Transport;
}
