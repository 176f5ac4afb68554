/**
 * The states of a connection to an endpoint. It carries one exchange at a time.
 *
 * ```text
 *                   .--- taken by a next exchange ---- idle (in the pool, or the client connection's own) <--.
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
  /** No exchange uses it, and a next one may. */
  idle: 3,
  /** The endpoint has switched protocols: a Tunnel passes bytes in both directions, and ends the connection. */
  tunnel: 4,
  /** The socket is closed, or is about to be. */
  closed: 5,
} as const;
export type State = (typeof State)[keyof typeof State];

/** What may follow each state. */
export const FOLLOWING: Readonly<Record<State, readonly State[]>> = {
  [State.connecting]: [State.asking, State.closed],
  [State.asking]: [State.responding, State.tunnel, State.closed],
  [State.responding]: [State.idle, State.closed],
  [State.idle]: [State.asking, State.closed],
  [State.tunnel]: [State.closed],
  [State.closed]: [],
};

/** What becomes of a connection when its exchange is over. A fate is left for a later one of this list, never for an earlier one. */
export const Fate = {
  /** It goes to the pool, until it has reached its greatest age. */
  pooled: 0,
  /**
   * Its user was authenticated on it, or was asked to be: it carries requests of one client connection only, for as long as that lasts. At its
   * greatest age it goes on: a new connection would end a login half-way.
   */
  owned: 1,
  /** It is closed: one of both sides says so, or has said what makes it uncertain where a next response begins. */
  last: 2,
} as const;
export type Fate = (typeof Fate)[keyof typeof Fate];

/** What the deadline of a connection is for. There is one at a time, and none while only the client has to act. */
export const Deadline = {
  none: 0,
  /** The connection must stand. */
  connect: 1,
  /** The endpoint must take some of the request that waits for it. Only this one is set while a write is unfinished. */
  taking: 2,
  /** The final response's head must come. */
  head: 3,
  /** Something must pass, in either direction. */
  response: 4,
  /** The endpoint takes nothing more: what it said before must come. */
  lastWords: 5,
  /** The next exchange must begin. Then: closed. */
  idle: 6,
} as const;
export type Deadline = (typeof Deadline)[keyof typeof Deadline];
