/** What can answer at an endpoint of a test's upstream. Apart from upstreams.ts, because these types are public. */
import type { TestConnection } from "./connection.ts";
import type { OriginFunction } from "./http-origin.ts";

/** An endpoint that misbehaves, or that works on raw bytes. Made by {@link script}. */
export type OriginScript =
  | { readonly kind: "refuse" }
  | { readonly kind: "unknownName" }
  | { readonly kind: "silent" }
  | { readonly kind: "raw"; readonly serve: (connection: TestConnection) => void | Promise<void> }
  | { readonly kind: "limited"; readonly answer: OriginFunction; readonly bytes: number; readonly ending: "reset" | "stall" }
  | { readonly kind: "slow"; readonly answer: OriginFunction; readonly bytesPerSecond: number };

/** What answers at an endpoint. */
export type TestOrigin = OriginFunction | OriginScript;

/** Makes endpoints that do not simply answer. */
export const script: {
  /** Refuses connections. */
  refuse(): OriginScript;
  /** Has a host name that cannot be resolved. */
  unknownName(): OriginScript;
  /** Never completes a connection, so that connecting times out. */
  silent(): OriginScript;
  /** Accepts connections and requests, and never answers. */
  stall(): OriginScript;
  /** Resets the connection after that many bytes of the response, including its head. */
  resetAfter(bytes: number, answer: OriginFunction): OriginScript;
  /** Stops after that many bytes of the response, including its head, and keeps the connection open. */
  stallAfter(bytes: number, answer: OriginFunction): OriginScript;
  /** Sends the response at that many bytes per second of the proxy's time. */
  slow(bytesPerSecond: number, answer: OriginFunction): OriginScript;
  /** Calls `serve` with each connection, which then sends and receives raw bytes. */
  raw(serve: (connection: TestConnection) => void | Promise<void>): OriginScript;
} = {
  refuse: () => ({ kind: "refuse" }),
  unknownName: () => ({ kind: "unknownName" }),
  silent: () => ({ kind: "silent" }),
  stall: () => ({ kind: "raw", serve: () => {} }),
  resetAfter: (bytes, answer) => ({ kind: "limited", answer, bytes, ending: "reset" }),
  stallAfter: (bytes, answer) => ({ kind: "limited", answer, bytes, ending: "stall" }),
  slow: (bytesPerSecond, answer) => ({ kind: "slow", answer, bytesPerSecond }),
  raw: (serve) => ({ kind: "raw", serve }),
};
