/**
 * The states of a tunnel. Its sides are the client's connection (downstream) and the endpoint's (upstream).
 *
 * ```text
 *           .-- the client's FIN ----> downstreamEnded --the endpoint's FIN--.
 *   open ---|                                                                |--> bothEnded --> ending
 *           '-- the endpoint's FIN --> upstreamEnded ----the client's FIN----'
 *
 *   all --idle for too long, a connection has closed or failed--> ending
 * ```
 */
export const State = {
  /** Bytes pass in both directions. */
  open: 0,
  /** The client has sent its FIN, which was passed on. The endpoint still sends. */
  downstreamEnded: 1,
  /** The endpoint has sent its FIN, which was passed on. The client still sends. */
  upstreamEnded: 2,
  /** Both have sent their FIN. `ending` follows at once. */
  bothEnded: 3,
  /** The exchange is over. What was written before is still sent; bytes that still come are thrown away. */
  ending: 4,
} as const;
export type State = (typeof State)[keyof typeof State];

/** The states that each state may change to. Tests check every change against this table. */
export const FOLLOWING: Readonly<Record<State, readonly State[]>> = {
  [State.open]: [State.downstreamEnded, State.upstreamEnded, State.ending],
  [State.downstreamEnded]: [State.bothEnded, State.ending],
  [State.upstreamEnded]: [State.bothEnded, State.ending],
  [State.bothEnded]: [State.ending],
  [State.ending]: [],
};

/** What a tunnel's deadline is for, and what happens when it passes. There is exactly one until both connections are closed. */
export const Deadline = {
  /** Bytes must come from either side. Else: the tunnel ends with the outcome `tunnel_idle`. */
  idle: 0,
  /** The tunnel is ending: the last bytes must leave, and both sides must close. Else: close. */
  flush: 1,
} as const;
export type Deadline = (typeof Deadline)[keyof typeof Deadline];
