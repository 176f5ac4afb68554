/**
 * The states of a connection to an endpoint. It carries one exchange at a time.
 *
 * ```text
 *                   .-- taken by another exchange ---- idle (in the pool, or the client connection's own) <--.
 *                   v                                                                                        |
 *   connecting --> asking --final head--> responding --both messages complete, and its fate is not `last`----'
 *                   `------101-----> tunnel
 *
 *   all --failure, abort, its last response, time is over--> closed
 * ```
 */
export const State = {
  /** The socket is being connected, for https with TLS. */
  connecting: 0,
  /** The request goes out, or has gone; interim responses may have come. */
  asking: 1,
  /** The final response has begun. The request may still be going out. */
  responding: 2,
  /** No exchange uses the connection, and another one may. */
  idle: 3,
  /** The endpoint has switched protocols: a Tunnel passes bytes in both directions, and ends the connection. */
  tunnel: 4,
  /** The socket is closed, or is about to be. */
  closed: 5,
} as const;
export type State = (typeof State)[keyof typeof State];

/** The states that each state may change to. Tests check every change against this table. */
export const FOLLOWING: Readonly<Record<State, readonly State[]>> = {
  [State.connecting]: [State.asking, State.closed],
  [State.asking]: [State.responding, State.tunnel, State.closed],
  [State.responding]: [State.idle, State.closed],
  [State.idle]: [State.asking, State.closed],
  [State.tunnel]: [State.closed],
  [State.closed]: [],
};

/** What becomes of a connection when its exchange is over. A fate may change to a later one of this list, never to an earlier one. */
export const Fate = {
  /** The connection goes to the pool, unless it has reached its greatest age. */
  pooled: 0,
  /** The endpoint was told of the client for whom the connection was opened. It carries requests of that client's connection only. */
  announced: 1,
  /**
   * A user was authenticated on the connection, or was asked to be. It carries requests of one client connection only, for as long as that lasts.
   * The greatest age does not count: a new connection would interrupt a login.
   */
  owned: 2,
  /** The connection is closed: one side said so, or sent something after which it is uncertain where another response would begin. */
  last: 3,
} as const;
export type Fate = (typeof Fate)[keyof typeof Fate];

/** What a connection's deadline is for. There is at most one at a time; none while only the client has to act. */
export const Deadline = {
  none: 0,
  /** The connection must be established, with TLS where the endpoint is https. */
  connect: 1,
  /** The endpoint must take some of the request bytes that wait for it. While a write is unfinished, no other deadline is set. */
  taking: 2,
  /** The final response's head must come. */
  head: 3,
  /** After the response's head: bytes must pass, in either direction. */
  response: 4,
  /** After a failed write: a response that the endpoint sent before must come. */
  lastWords: 5,
  /** The next exchange must begin. Else: close. */
  idle: 6,
} as const;
export type Deadline = (typeof Deadline)[keyof typeof Deadline];
